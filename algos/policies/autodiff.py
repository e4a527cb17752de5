"""Linearise any network: what `MLP.linearize` does by hand, by automatic differentiation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

Function = Callable[[Tensor, Tensor], Tensor]  # (theta [P], x [B, O]) -> outputs [B, D]


class Linearized(Protocol):
    """`outputs` [B, D] at theta, J v [B, D] for v [P], J' u [P] for u [B, D], and scale J' M J v."""

    @property
    def outputs(self) -> Tensor: ...

    def jvp(self, v: Tensor) -> Tensor: ...

    def vjp(self, u: Tensor) -> Tensor: ...

    def gram(self, v: Tensor, metric: Callable[[Tensor], Tensor], scale: Tensor | float = 1.0) -> Tensor: ...

    def blocks(self) -> "Sequence[Linearized]":
        """The same in parts, row after row, if that is quicker."""
        ...


@dataclass(frozen=True)
class AutodiffLinearization:
    """`Linearized` of any function that autograd can follow. J'u is linear in u, and J v is its own derivative by u."""

    outputs: Tensor
    _theta: Tensor
    _graph: Tensor  # the outputs with their graph
    _u: Tensor
    _pulled: Tensor  # J'u with its graph

    def jvp(self, v: Tensor) -> Tensor:
        return torch.autograd.grad(self._pulled, self._u, v, retain_graph=True)[0]

    def vjp(self, u: Tensor) -> Tensor:
        return torch.autograd.grad(self._graph, self._theta, u, retain_graph=True)[0]

    def gram(self, v: Tensor, metric: Callable[[Tensor], Tensor], scale: Tensor | float = 1.0) -> Tensor:
        return self.vjp(metric(self.jvp(v))) * scale

    def blocks(self) -> list[Linearized]:
        return [self]


def linearize(function: Function, theta: Tensor, x: Tensor) -> AutodiffLinearization:
    """The first-order model of theta -> function(theta, x) around theta; the graph is built once and kept."""
    with torch.enable_grad():
        leaf = theta.detach().requires_grad_()
        outputs = function(leaf, x)
        u = torch.zeros_like(outputs, requires_grad=True)
        (pulled,) = torch.autograd.grad(outputs, leaf, u, create_graph=True)
    return AutodiffLinearization(outputs.detach(), leaf, outputs, u, pulled)
