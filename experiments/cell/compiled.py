"""The passes between two matrix products, compiled: on a CPU, each of torch's operators reads its operands anew."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numba
import torch
from torch import Tensor

from algos.networks.passes import Operation, TorchPasses


@dataclass(frozen=True)
class CompiledPasses(TorchPasses):
    """In one go over float32 on a CPU; whatever else, as torch does it."""

    def through_tanh(self, moved: Tensor, bias: Tensor, after: Tensor) -> list[Operation]:
        if not _fits(moved):
            return super().through_tanh(moved, bias, after)
        return [partial(_through_tanh, moved.numpy(), bias.numpy(), after.numpy())]

    def back_through_tanh(self, signal: Tensor, after: Tensor, total: Tensor) -> list[Operation]:
        if not _fits(signal):
            return super().back_through_tanh(signal, after, total)
        return [partial(_back_through_tanh, signal.numpy(), after.numpy(), total.numpy())]

    def add_products(self, moved: Tensor, products: Tensor, bias: Tensor, signals: Tensor) -> list[Operation]:
        if not _fits(moved):
            return super().add_products(moved, products, bias, signals)
        return [partial(_add_products, moved.numpy(), products.numpy(), bias.numpy(), signals.numpy())]

    def scale_rows(self, rows: Tensor, by: Tensor, scaled: Tensor) -> list[Operation]:
        if not _fits(rows):
            return super().scale_rows(rows, by, scaled)
        return [partial(_scale_rows, rows.numpy(), by.numpy(), scaled.numpy())]


def _fits(tensor: Tensor) -> bool:
    return tensor.device.type == "cpu" and tensor.dtype == torch.float32


def compiled(function: Callable[..., Any], signature: Any, **options: Any) -> Callable[..., Any]:
    """Compile for this signature, once per installation where there is room to keep the code."""
    try:
        return numba.njit(signature, cache=True, **options)(function)
    except Exception:  # a full or read-only disk, a file that is damaged
        return numba.njit(signature, **options)(function)


def _compiled(*shapes: str, **options: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Compile for float32 arrays of these shapes."""
    signature = f"void({', '.join(f'float32{shape}' for shape in shapes)})"
    return partial(compiled, signature=signature, **options)


MATRIX, VECTOR = "[:, ::1]", "[::1]"


@_compiled(MATRIX, VECTOR, MATRIX)
def _through_tanh(moved: Any, bias: Any, after: Any) -> None:
    one = moved.dtype.type(1)
    for row in range(moved.shape[0]):
        for unit in range(moved.shape[1]):
            moved[row, unit] = (moved[row, unit] + bias[unit]) * (one - after[row, unit] * after[row, unit])


@_compiled(MATRIX, MATRIX, VECTOR)
def _back_through_tanh(signal: Any, after: Any, total: Any) -> None:
    one = signal.dtype.type(1)
    total[:] = 0
    for row in range(signal.shape[0]):
        for unit in range(signal.shape[1]):
            carried = signal[row, unit] * (one - after[row, unit] * after[row, unit])
            signal[row, unit] = carried
            total[unit] += carried


@_compiled(VECTOR, MATRIX, VECTOR, MATRIX, fastmath={"reassoc", "nsz"})
def _add_products(moved: Any, products: Any, bias: Any, signals: Any) -> None:
    for row in range(products.shape[0]):
        total = moved.dtype.type(0)
        for unit in range(products.shape[1]):
            total += (products[row, unit] + bias[unit]) * signals[row, unit]
        moved[row] += total


@_compiled(MATRIX, VECTOR, MATRIX)
def _scale_rows(rows: Any, by: Any, scaled: Any) -> None:
    for row in range(rows.shape[0]):
        for column in range(rows.shape[1]):
            scaled[row, column] = rows[row, column] * by[row]
