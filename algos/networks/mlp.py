"""The multilayer perceptron that most runs use, written by hand: the fast member of `Network`."""

from dataclasses import dataclass, field
from functools import cached_property
from math import sqrt

import torch
from torch import Tensor

from algos.networks.initialization import orthogonal
from algos.networks.layout import Layers, Layout
from algos.networks.linearization import Linearization, SingleOutputLinearization, Workspace
from algos.networks.passes import TORCH, Passes


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
    def layout(self) -> Layout:
        """Where its layers lie in theta."""
        return Layout(self.input_size, self.hidden, self.output_size, self.free_size)

    @property
    def size(self) -> int:
        """P, the number of parameters."""
        return self.layout.size

    def init(
        self,
        generator: torch.Generator,
        last_gain: float = 1.0,
        free_value: float = 0.0,
        dtype: torch.dtype = torch.float32,
    ) -> Tensor:
        """theta [P]: orthogonal weights with gain sqrt(2), `last_gain` in the last layer, zero biases.

        Orthogonal with a small last layer: Andrychowicz et al. 2021, "What matters in on-policy RL", section 3.2.
        """
        parts = []
        for depth, shape in enumerate(self.layout.shapes):
            gain = last_gain if depth == len(self.hidden) else sqrt(2)
            parts += [orthogonal(*shape, gain, generator).reshape(-1), torch.zeros(shape[0], dtype=torch.float64)]
        parts.append(torch.full((self.free_size,), free_value, dtype=torch.float64))
        return torch.cat(parts).to(dtype)

    def layers(self, theta: Tensor) -> Layers:
        """Views of theta: (W [out, in], b [out]) of every layer. The last b is longer than W by the free outputs."""
        return self.layout.split(theta)

    def __call__(self, theta: Tensor, x: Tensor) -> Tensor:
        """Outputs [B, D] at x [B, ...], whose rows are flattened; differentiable by autograd."""
        return self.linearize(theta, x).outputs

    def linearize(self, theta: Tensor, x: Tensor) -> Linearization:
        """The first-order model of theta -> f(theta, x) around theta, for x [B, ...]."""
        *layers, (last_weight, last_bias) = self.layout.split(theta)
        activations = [x.flatten(1).contiguous()]
        for weight, bias in layers:
            activations.append(torch.addmm(bias, activations[-1], weight.T).tanh_())
        bias, free = last_bias.unsqueeze(1).split_with_sizes([len(last_weight), self.free_size])
        outputs = torch.addmm(bias, last_weight, activations[-1].T)
        if self.free_size:
            outputs = torch.cat([outputs, free.expand(-1, len(x))])
        weights = [*(weight for weight, _ in layers), last_weight]
        body = SingleOutputLinearization if len(last_weight) == 1 else Linearization
        return body(self.layout, self.passes, weights, activations, outputs.T, Workspace(self.layout, theta))
