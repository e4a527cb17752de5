"""The gradients of single rows, by the parameters of one layer each: never built where a layer makes them a product."""

from dataclasses import dataclass
from math import sqrt

import torch
from torch import Tensor

from algos.networks.protocol import Solve


@dataclass(frozen=True)
class LayerRows:
    """Of a layer W a + b that meets every row once: row b's gradient is signals[b] (outer) [inputs[b], 1].

    signals [B, out]: the derivative by the layer's output; inputs [B, in]. `parameters` hold W row-major, and then b if
    the layer has one.
    """

    parameters: slice
    signals: Tensor
    inputs: Tensor
    has_bias: bool = True

    def products(self) -> Tensor:
        """[B, B], an inner product of signals times one of inputs."""
        products = self.inputs @ self.inputs.T
        if self.has_bias:
            products = products.add_(1)
        return products.mul_(self.signals @ self.signals.T)

    def inverse(self, damping: float) -> Solve:
        """K-FAC: (mean signal signal') x (mean input input'), as if the two were independent.

        Martens and Grosse 2015, section 3, with the factored damping of section 6.3.
        """
        inputs = _with_one(self.inputs) if self.has_bias else self.inputs
        rows = len(inputs)
        return _kronecker_inverse(
            self.signals.T @ self.signals / rows, inputs.T @ inputs / rows, damping, self.has_bias
        )


@dataclass(frozen=True)
class SharedRows:
    """Of a layer that meets every row at L places, as a convolution does: a row's gradient is the sum over places.

    signals [B, L, out], inputs [B, L, in]: as `LayerRows` has them, place by place.
    """

    parameters: slice
    signals: Tensor
    inputs: Tensor
    has_bias: bool = True

    def products(self) -> Tensor:
        """[B, B]; a row's gradient of a convolution is small enough to be built."""
        gradients = torch.einsum("blo,bli->boi", self.signals, self.inputs).flatten(1)
        products = gradients @ gradients.T
        if self.has_bias:
            by_bias = self.signals.sum(1)
            products.addmm_(by_bias, by_bias.T)
        return products

    def inverse(self, damping: float) -> Solve:
        """K-FAC for convolutions (Grosse and Martens 2016, section 3): inputs summed over places, signals averaged."""
        rows, places, _ = self.signals.shape
        inputs = _with_one(self.inputs) if self.has_bias else self.inputs
        inputs, signals = inputs.flatten(0, 1), self.signals.flatten(0, 1)
        left, right = signals.T @ signals / (rows * places), inputs.T @ inputs / rows
        return _kronecker_inverse(left, right, damping, self.has_bias)


@dataclass(frozen=True)
class OtherRows:
    """Of any other parameters: the gradients themselves, [B, p]."""

    parameters: slice
    gradients: Tensor

    def products(self) -> Tensor:
        """[B, B]."""
        return self.gradients @ self.gradients.T

    def inverse(self, damping: float) -> Solve:
        """Of the diagonal alone."""
        diagonal = self.gradients.square().mean(0) + damping
        return lambda v: v / diagonal


def _with_one(a: Tensor) -> Tensor:
    return torch.cat([a, a.new_ones(*a.shape[:-1], 1)], -1)


def _kronecker_inverse(left: Tensor, right: Tensor, damping: float, has_bias: bool) -> Solve:
    """v -> about (left x right + damping I)^-1 v for v = [W, b], left [out, out] and right [in + 1, in + 1]."""
    out, inputs = len(left), len(right) - has_bias
    left, right = _damped_inverses(left, right, damping)

    def solve(v: Tensor) -> Tensor:
        weight = v[: out * inputs].view(out, inputs)
        if not has_bias:
            return (left @ weight @ right).flatten()
        solved = left @ torch.cat([weight, v[out * inputs :].unsqueeze(1)], 1) @ right
        return torch.cat([solved[:, :-1].flatten(), solved[:, -1]])

    return solve


def _damped_inverses(left: Tensor, right: Tensor, damping: float) -> tuple[Tensor, Tensor]:
    """(left + sqrt(damping)/pi I)^-1 and (right + pi sqrt(damping) I)^-1 with pi^2 the ratio of their mean traces."""
    pi = sqrt(float(right.trace()) / len(right) / max(float(left.trace()) / len(left), 1e-12))
    root = sqrt(max(damping, 1e-8))
    return _damped_inverse(left, root / max(pi, 1e-6)), _damped_inverse(right, root * pi)


def _damped_inverse(matrix: Tensor, damping: float) -> Tensor:
    damped = matrix + damping * torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device)
    return torch.cholesky_inverse(torch.linalg.cholesky(damped))
