"""Networks as pure functions of one flat parameter vector theta [P]."""

from dataclasses import dataclass, field
from functools import cached_property
from math import sqrt

import torch
from torch import Tensor

from algos.policies.linearization import Layers, Linearization, SingleOutputLinearization, Workspace
from algos.policies.passes import TORCH, Passes


@dataclass(frozen=True)
class MLP:
    """tanh layers and a linear one; the last `free_size` outputs are parameters of their own, equal for every x.

    theta = [W1, b1, ..., WL, bL, free], W stored row-major [out, in]. `passes` is how its linearisation works.
    """

    input_size: int
    hidden: tuple[int, ...]
    output_size: int
    free_size: int = 0
    passes: Passes = field(default=TORCH, repr=False)

    @cached_property
    def _shapes(self) -> list[tuple[int, int]]:
        sizes = [self.input_size, *self.hidden, self.output_size - self.free_size]
        return list(zip(sizes[1:], sizes[:-1], strict=True))

    @cached_property
    def _sizes(self) -> list[int]:
        """Of the parts of theta, in their order."""
        sizes = [size for rows, columns in self._shapes for size in (rows * columns, rows)]
        return [*sizes[:-1], self.output_size]

    @cached_property
    def size(self) -> int:
        """P, the number of parameters."""
        return sum(self._sizes)

    def init(
        self, generator: torch.Generator, last_gain: float, free_value: float = 0.0, dtype: torch.dtype = torch.float32
    ) -> Tensor:
        """theta [P]: orthogonal weights with gain sqrt(2), `last_gain` in the last layer, zero biases.

        Orthogonal with a small last layer: Andrychowicz et al. 2021, "What matters in on-policy RL", section 3.2.
        """
        parts = []
        for depth, (rows, columns) in enumerate(self._shapes):
            last = depth == len(self.hidden)
            normal = torch.randn(max(rows, columns), min(rows, columns), generator=generator, dtype=torch.float64)
            q, r = torch.linalg.qr(normal)
            q = q * r.diagonal().sign()
            weight = (q if rows >= columns else q.T) * (last_gain if last else sqrt(2))
            parts += [weight.reshape(-1), torch.zeros(rows, dtype=torch.float64)]
        parts.append(torch.full((self.free_size,), free_value, dtype=torch.float64))
        return torch.cat(parts).to(dtype)

    def layers(self, theta: Tensor) -> Layers:
        """Views of theta: (W [out, in], b [out]) of every layer. The last b is longer than W by the free outputs."""
        if theta.shape != (self.size,):
            raise ValueError(f"theta has shape {tuple(theta.shape)}, expected ({self.size},)")
        parts = theta.split_with_sizes(self._sizes)
        weights = [part.view(shape) for part, shape in zip(parts[::2], self._shapes, strict=True)]
        return list(zip(weights, parts[1::2], strict=True))

    def __call__(self, theta: Tensor, x: Tensor) -> Tensor:
        """Outputs [B, D] at x [B, O]; differentiable by autograd."""
        return self.linearize(theta, x).outputs

    def linearize(self, theta: Tensor, x: Tensor) -> Linearization:
        """The first-order model of theta -> f(theta, x) around theta, for x [B, O]."""
        *layers, (last_weight, last_bias) = self.layers(theta)
        activations = [x.contiguous()]
        for weight, bias in layers:
            activations.append(torch.addmm(bias, activations[-1], weight.T).tanh_())
        bias, free = last_bias.unsqueeze(1).split_with_sizes([len(last_weight), self.free_size])
        outputs = torch.addmm(bias, last_weight, activations[-1].T)
        if self.free_size:
            outputs = torch.cat([outputs, free.expand(-1, len(x))])
        weights = [*(weight for weight, _ in layers), last_weight]
        body = SingleOutputLinearization if len(last_weight) == 1 else Linearization
        return body(self, weights, activations, outputs.T, Workspace(self, theta))
