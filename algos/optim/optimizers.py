"""What becomes of a gradient g [P] before a learning rate is applied: a step s [P], and what is remembered."""

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor


class Optimizer(Protocol):
    def init(self, theta: Tensor) -> Any:
        """What it remembers before the first gradient; None if nothing."""
        ...

    def advance(self, gradient: Tensor, state: Any) -> tuple[Tensor, Any]:
        """s [P], and what is remembered then."""
        ...


@dataclass(frozen=True)
class Plain:
    """s = g."""

    def init(self, theta: Tensor) -> None:
        return None

    def advance(self, gradient: Tensor, state: None) -> tuple[Tensor, None]:
        return gradient, None


@dataclass(frozen=True)
class AdamState:
    mean: Tensor
    square: Tensor
    steps: int


@dataclass(frozen=True)
class Adam:
    """s = m / (sqrt(v) + epsilon) with bias correction; Kingma and Ba 2015, algorithm 1 and its defaults."""

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def init(self, theta: Tensor) -> AdamState:
        return AdamState(torch.zeros_like(theta), torch.zeros_like(theta), 0)

    def advance(self, gradient: Tensor, state: AdamState) -> tuple[Tensor, AdamState]:
        mean = state.mean.lerp(gradient, 1 - self.beta1)
        square = (state.square * self.beta2).addcmul_(gradient, gradient, value=1 - self.beta2)
        steps = state.steps + 1
        root = (square / (1 - self.beta2**steps)).sqrt_().add_(self.epsilon)
        return (mean / (1 - self.beta1**steps)).div_(root), AdamState(mean, square, steps)
