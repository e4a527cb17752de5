"""The first-order model of any network by automatic differentiation: what `MLP.linearize` does by hand."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from algos.networks.protocol import Linearized, RowGradients
from algos.networks.rows import OtherRows

Function = Callable[[Tensor, Tensor], Tensor]  # (theta [P], x [B, ...]) -> outputs [B, D]
CHUNK = 64  # rows whose gradients are made at once


@dataclass(frozen=True)
class AutodiffLinearization:
    """`Linearized` of any function that autograd can follow twice. Each graph is built once, when it is first needed.

    J'u is linear in u, and J v is its own derivative by u.
    """

    function: Function
    theta: Tensor
    x: Tensor

    @property
    def outputs(self) -> Tensor:
        return self._graph[1].detach()

    @cached_property
    def _graph(self) -> tuple[Tensor, Tensor]:
        """theta as a leaf, and the outputs with their graph."""
        with torch.enable_grad():
            leaf = self.theta.detach().requires_grad_()
            return leaf, self.function(leaf, self.x)

    @cached_property
    def _transposed(self) -> tuple[Tensor, Tensor]:
        """A u as a leaf, and J'u with its graph."""
        leaf, outputs = self._graph
        with torch.enable_grad():
            u = torch.zeros_like(outputs, requires_grad=True)
            return u, torch.autograd.grad(outputs, leaf, u, create_graph=True)[0]

    def jvp(self, v: Tensor) -> Tensor:
        u, pulled = self._transposed
        return torch.autograd.grad(pulled, u, v, retain_graph=True)[0]

    def vjp(self, u: Tensor) -> Tensor:
        leaf, outputs = self._graph
        return torch.autograd.grad(outputs, leaf, u, retain_graph=True)[0]

    def gram(self, v: Tensor, metric: Callable[[Tensor], Tensor], scale: Tensor | float = 1.0) -> Tensor:
        return self.vjp(metric(self.jvp(v))) * scale

    def rows(self, index: Tensor | slice) -> Linearized:
        return linearize(self.function, self.theta, self.x[index])

    def blocks(self) -> Sequence[Linearized]:
        return [self]

    def row_gradients(self, u: Tensor) -> Sequence[RowGradients]:
        return [OtherRows(slice(0, len(self.theta)), gradients_of_rows(self.function, self.theta, self.x, u))]


def linearize(function: Function, theta: Tensor, x: Tensor) -> AutodiffLinearization:
    """The first-order model of theta -> function(theta, x) around theta."""
    return AutodiffLinearization(function, theta.detach(), x)


def gradients_of_rows(function: Callable[[Any, Tensor], Tensor], theta: Any, x: Tensor, u: Tensor) -> Any:
    """The gradient of sum(u[b] * function(theta, x)[b]) by theta, for each row b of x [B, ...] and u [B, D].

    theta: a tensor, or several in a dictionary; each comes back with B in front of its shape.
    """

    def of_one(theta: Any, row: Tensor, u: Tensor) -> Tensor:
        return (function(theta, row.unsqueeze(0)) * u).sum()

    gradient = torch.func.grad(of_one)
    try:
        return torch.func.vmap(gradient, in_dims=(None, 0, 0), chunk_size=CHUNK)(theta, x, u)
    except RuntimeError:  # an operation that no batching rule is known for, or one that looks into values
        rows = [gradient(theta, row, of_row) for row, of_row in zip(x, u, strict=True)]
        return tree_map(lambda *parts: torch.stack(parts), *rows)
