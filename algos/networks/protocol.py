"""What the mathematics needs of a network, and of its first-order model. Nothing else may be assumed of either."""

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor

Solve = Callable[[Tensor], Tensor]


class RowGradients(Protocol):
    """G [B, p]: of every row b, the gradient of sum(u[b] * outputs[b]) by some p of the parameters, in some form.

    `parameters` says which of theta they are.
    """

    @property
    def parameters(self) -> slice: ...

    def products(self) -> Tensor:
        """G G' [B, B]: the rows' inner products."""
        ...

    def inverse(self, damping: float) -> Solve:
        """v [p] -> about (G'G/B + damping I)^-1 v, cheap, symmetric and positive definite."""
        ...


class Linearized(Protocol):
    """theta -> f(theta, x) to first order, with the Jacobian J [B*D, P], which is never built, and `outputs` [B, D]."""

    @property
    def outputs(self) -> Tensor: ...

    def jvp(self, v: Tensor) -> Tensor:
        """J v [B, D] for v [P]: how the outputs move when theta moves along v."""
        ...

    def vjp(self, u: Tensor) -> Tensor:
        """J' u [P] for u [B, D]: the gradient of sum(u * outputs) by theta."""
        ...

    def gram(self, v: Tensor, metric: Callable[[Tensor], Tensor], scale: Tensor | float = 1.0) -> Tensor:
        """scale J' M J v [P] for v [P], where metric makes M d of d [B, D]; what it is given it must not keep."""
        ...

    def rows(self, index: Tensor | slice) -> "Linearized":
        """The same at some rows of x only."""
        ...

    def blocks(self) -> "Sequence[Linearized]":
        """The same in parts, row after row, if products are quicker so."""
        ...

    def row_gradients(self, u: Tensor) -> Sequence[RowGradients]:
        """Every row's own gradient, u [B, D], in parts that make up theta [P]: J' u is their sum over rows."""
        ...


class Network(Protocol):
    """(theta [P], x [B, ...]) -> outputs [B, D]. Rows are independent of each other; equal arguments, equal outputs.

    x has the shape of a batch of observations and the dtype of theta. The last `free_size` outputs do not depend on x.
    """

    @property
    def size(self) -> int:
        """P, the number of parameters."""
        ...

    @property
    def output_size(self) -> int:
        """D."""
        ...

    @property
    def free_size(self) -> int: ...

    def init(
        self,
        generator: torch.Generator,
        last_gain: float = 1.0,
        free_value: float = 0.0,
        dtype: torch.dtype = torch.float32,
    ) -> Tensor:
        """theta [P] to start from, on the CPU; `last_gain` is for the last layer, `free_value` for free outputs."""
        ...

    def __call__(self, theta: Tensor, x: Tensor) -> Tensor:
        """Outputs [B, D], differentiable by autograd."""
        ...

    def linearize(self, theta: Tensor, x: Tensor) -> Linearized:
        """The first-order model around theta."""
        ...
