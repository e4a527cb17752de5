"""A run of many small gradient steps, each on some rows of a batch, at the theta that the last one reached.

Rows come in orders: each order [B] is cut into steps of `Plan.size` rows, the last of them with what is left over.
Shuffled minibatches are an order per epoch; one step per time step is the batch in its own order, cut into its times.
"""

from dataclasses import dataclass
from math import inf, isfinite
from typing import Any, Protocol, Self

import torch
from torch import Tensor

from algos.finite import require_finite
from algos.networks import Network
from algos.optim.optimizers import Optimizer


class Objective(Protocol):
    """What is ascended on: a mean over rows, as a function of the network's outputs at their observations."""

    @property
    def obs(self) -> Tensor:
        """[B, ...]."""
        ...

    def rows(self, index: Tensor | slice) -> Self:
        """The mean over these rows only."""
        ...

    def slope(self, outputs: Tensor) -> Tensor:
        """d objective / d outputs [B, D]. May raise NonFinite."""
        ...


@dataclass(frozen=True)
class Plan:
    """How a run steps: theta + lr s with the optimizer's s, of gradients no longer than max_norm."""

    optimizer: Optimizer
    lr: float
    size: int  # rows of a step
    max_norm: float = inf

    def __post_init__(self) -> None:
        if self.size < 1 or not self.lr > 0 or not self.max_norm > 0:
            raise ValueError(
                f"size must be at least 1, lr and max_norm positive, got {self.size}, {self.lr}, {self.max_norm}"
            )

    def steps(self, orders: Tensor) -> int:
        """How many there are in orders [E, B]."""
        epochs, rows = orders.shape
        return epochs * -(-rows // self.size)


@dataclass(frozen=True)
class Reached:
    """theta [P], and what the optimizer remembers there."""

    theta: Tensor
    memory: Any


class Steps(Protocol):
    """How a run is computed."""

    def take(self, network: Network, objective: Objective, start: Reached, orders: Tensor, plan: Plan) -> Reached:
        """Where the steps over orders [E, B] lead, one after the other. Raises NonFinite."""
        ...


@dataclass(frozen=True)
class TorchSteps:
    """By torch's operators, for any network, dtype and device."""

    @torch.no_grad()
    def take(self, network: Network, objective: Objective, start: Reached, orders: Tensor, plan: Plan) -> Reached:
        theta, memory = start.theta, start.memory
        for order in orders.to(theta.device):
            shuffled = objective.rows(order)
            for first in range(0, len(order), plan.size):
                rows = shuffled.rows(slice(first, first + plan.size))
                linear = network.linearize(theta, rows.obs)
                gradient = linear.vjp(rows.slope(linear.outputs))
                require_finite(gradient=gradient)
                if isfinite(plan.max_norm):
                    gradient = gradient * min(1.0, plan.max_norm / (float(gradient.norm()) + 1e-6))
                step, memory = plan.optimizer.advance(gradient, memory)
                theta = theta + plan.lr * step
        require_finite(theta=theta)
        return Reached(theta, memory)


TORCH_STEPS = TorchSteps()


def shuffles(rows: int, epochs: int, seed: int) -> Tensor:
    """Orders [epochs, rows], equal on every device."""
    generator = torch.Generator("cpu").manual_seed(seed)
    return torch.stack([torch.randperm(rows, generator=generator, device="cpu") for _ in range(epochs)])
