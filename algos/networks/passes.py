"""What happens to a layer's signals between two matrix products.

A pass is a list of operations, bound to its tensors once and called as often as a product is made.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

Operation = Callable[[], object]


def times_slope(carried: Tensor, after: Tensor) -> Tensor:
    """carried [B, H] * (1 - after^2), in place."""
    torch.ops.aten.tanh_backward.grad_input(carried, after, grad_input=carried)
    return carried


class Passes(Protocol):
    """How they are made. Sizes: B rows, H units of a layer, of which `after` [B, H] is the tanh."""

    def through_tanh(self, moved: Tensor, bias: Tensor, after: Tensor) -> list[Operation]:
        """moved [B, H] = (moved + bias [H]) * (1 - after^2): a tangent carried forward."""
        ...

    def back_through_tanh(self, signal: Tensor, after: Tensor, total: Tensor) -> list[Operation]:
        """signal [B, H] *= 1 - after^2: a derivative carried back; total [H] is its sum over the batch."""
        ...

    def add_products(self, moved: Tensor, products: Tensor, bias: Tensor, signals: Tensor) -> list[Operation]:
        """moved [B] += sum over H of (products [B, H] + bias [H]) * signals [B, H]; products may be overwritten."""
        ...

    def scale_rows(self, rows: Tensor, by: Tensor, scaled: Tensor) -> list[Operation]:
        """scaled [B, H] = rows [B, H] * by [B]."""
        ...


@dataclass(frozen=True)
class TorchPasses:
    """By torch's operators, on any device."""

    def through_tanh(self, moved: Tensor, bias: Tensor, after: Tensor) -> list[Operation]:
        return [partial(moved.add_, bias), partial(times_slope, moved, after)]

    def back_through_tanh(self, signal: Tensor, after: Tensor, total: Tensor) -> list[Operation]:
        return [partial(times_slope, signal, after), partial(torch.sum, signal, 0, out=total)]

    def add_products(self, moved: Tensor, products: Tensor, bias: Tensor, signals: Tensor) -> list[Operation]:
        sum_up = partial(moved.addmv_, products, torch.ones_like(bias))  # no other sum over units is as fast
        return [partial(products.add_, bias), partial(products.mul_, signals), sum_up]

    def scale_rows(self, rows: Tensor, by: Tensor, scaled: Tensor) -> list[Operation]:
        return [partial(torch.mul, rows, by.unsqueeze(1), out=scaled)]


TORCH = TorchPasses()
