"""Where the layers of a multilayer perceptron lie in theta."""

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

Layers = list[tuple[Tensor, Tensor]]  # (W, b), the first layer first; the last b is longer by the free outputs


@dataclass(frozen=True)
class Layout:
    """theta = [W1, b1, ..., WL, bL, free], W stored row-major [out, in]; free are the last `free_size` outputs."""

    input_size: int
    hidden: tuple[int, ...]
    output_size: int
    free_size: int = 0

    @cached_property
    def shapes(self) -> list[tuple[int, int]]:
        """(out, in) of every layer."""
        sizes = [self.input_size, *self.hidden, self.output_size - self.free_size]
        return list(zip(sizes[1:], sizes[:-1], strict=True))

    @cached_property
    def _sizes(self) -> list[int]:
        """Of the parts of theta, in their order."""
        sizes = [size for rows, columns in self.shapes for size in (rows * columns, rows)]
        return [*sizes[:-1], self.output_size]

    @cached_property
    def size(self) -> int:
        """P, the number of parameters."""
        return sum(self._sizes)

    @cached_property
    def slices(self) -> list[slice]:
        """The parameters of every layer, weights and then biases, without the free outputs."""
        ends, end = [], 0
        for rows, columns in self.shapes:
            end += rows * (columns + 1)
            ends.append(end)
        return [slice(start, stop) for start, stop in zip([0, *ends[:-1]], ends, strict=True)]

    def split(self, theta: Tensor) -> Layers:
        """Views of theta: (W [out, in], b [out]) of every layer. The last b is longer than W by the free outputs."""
        if theta.shape != (self.size,):
            raise ValueError(f"theta has shape {tuple(theta.shape)}, expected ({self.size},)")
        parts = theta.split_with_sizes(self._sizes)
        weights = [part.view(shape) for part, shape in zip(parts[::2], self.shapes, strict=True)]
        return list(zip(weights, parts[1::2], strict=True))
