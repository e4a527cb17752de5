"""Networks as pure functions of one flat parameter vector theta [P], with a hand-written linearisation.

theta -> f(theta, x) is linearised once per update; the gradient, every conjugate-gradient iteration and the critic's
Gauss-Newton fit then share its cached activations: J v costs about two forward passes, J' u about one backward pass.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from math import sqrt

import torch
from torch import Tensor


@dataclass(frozen=True)
class MLP:
    """tanh layers and a linear one; the last `free_size` outputs are parameters of their own, equal for every x.

    theta = [W1, b1, ..., WL, bL, free], W stored row-major [out, in].
    """

    input_size: int
    hidden: tuple[int, ...]
    output_size: int
    free_size: int = 0

    @cached_property
    def _shapes(self) -> list[tuple[int, int]]:
        sizes = [self.input_size, *self.hidden, self.output_size - self.free_size]
        return list(zip(sizes[1:], sizes[:-1], strict=True))

    @cached_property
    def size(self) -> int:
        """P, the number of parameters."""
        return sum(rows * columns + rows for rows, columns in self._shapes) + self.free_size

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

    def layers(self, theta: Tensor) -> tuple[list[tuple[Tensor, Tensor]], Tensor]:
        """Views of theta: [(W [out, in], b [out]), ...] and the free outputs."""
        if theta.shape != (self.size,):
            raise ValueError(f"theta has shape {tuple(theta.shape)}, expected ({self.size},)")
        layers, start = [], 0
        for rows, columns in self._shapes:
            middle, stop = start + rows * columns, start + rows * columns + rows
            layers.append((theta[start:middle].view(rows, columns), theta[middle:stop]))
            start = stop
        return layers, theta[start:]

    def __call__(self, theta: Tensor, x: Tensor) -> Tensor:
        """Outputs [B, D] at x [B, O]; differentiable by autograd."""
        layers, free = self.layers(theta)
        for weight, bias in layers[:-1]:
            x = torch.addmm(bias, x, weight.T).tanh()
        weight, bias = layers[-1]
        return self._with_free(torch.addmm(bias, x, weight.T), free)

    def linearize(self, theta: Tensor, x: Tensor) -> "Linearization":
        """The first-order model of theta -> f(theta, x) around theta, for x [B, O]."""
        layers, free = self.layers(theta)
        activations, slopes = [x], []
        for weight, bias in layers[:-1]:
            a = torch.addmm(bias, activations[-1], weight.T).tanh()
            activations.append(a)
            slopes.append(1 - a * a)
        weight, bias = layers[-1]
        outputs = self._with_free(torch.addmm(bias, activations[-1], weight.T), free)
        body = SingleOutputLinearization if self.output_size - self.free_size == 1 else Linearization
        return body(self, [weight for weight, _ in layers], activations, slopes, outputs)

    def _with_free(self, outputs: Tensor, free: Tensor) -> Tensor:
        return outputs if self.free_size == 0 else torch.cat([outputs, free.expand(len(outputs), -1)], 1)


@dataclass(frozen=True)
class Linearization:
    """`outputs` [B, D] at theta, and products with the Jacobian J [B*D, P] that is never built."""

    network: MLP
    weights: list[Tensor]
    activations: list[Tensor]  # x and every tanh layer's output
    slopes: list[Tensor]  # tanh' at every tanh layer
    outputs: Tensor

    def every(self, stride: int) -> "Linearization":
        """The linearisation at every `stride`-th row of x only."""
        activations = [a[::stride].contiguous() for a in self.activations]
        slopes = [slope[::stride].contiguous() for slope in self.slopes]
        return replace(self, activations=activations, slopes=slopes, outputs=self.outputs[::stride].contiguous())

    def jvp(self, v: Tensor) -> Tensor:
        """J v [B, D] for v [P]: how the outputs move when theta moves along v."""
        layers, free = self.network.layers(v)
        tangent: Tensor | None = None
        for depth, (d_weight, d_bias) in enumerate(layers):
            # d(W a + b) = dW a + db + W da, then through tanh
            moved = torch.addmm(d_bias, self.activations[depth], d_weight.T)
            if tangent is not None:
                moved = moved.addmm_(tangent, self.weights[depth].T)
            tangent = moved.mul_(self.slopes[depth]) if depth < len(self.slopes) else moved
        assert tangent is not None
        return self.network._with_free(tangent, free)

    def signals(self, u: Tensor) -> list[Tensor]:
        """u [B, D] carried back to before the tanh of every layer, [B, out] each, first layer first."""
        back = [u[:, : self.network.output_size - self.network.free_size]]
        for weight, slope in zip(reversed(self.weights), reversed(self.slopes), strict=False):
            back.append(torch.mm(back[-1], weight).mul_(slope))
        return back[::-1]

    def vjp(self, u: Tensor) -> Tensor:
        """J' u [P] for u [B, D]: the gradient of sum(u * outputs) with respect to theta."""
        network = self.network
        result = u.new_empty(network.size)
        layers, free = network.layers(result)
        torch.sum(u[:, network.output_size - network.free_size :], 0, out=free)
        for (weight, bias), signal, activation in zip(layers, self.signals(u), self.activations, strict=True):
            torch.mm(signal.T, activation, out=weight)
            torch.sum(signal, 0, out=bias)
        return result


@dataclass(frozen=True)
class SingleOutputLinearization(Linearization):
    """The same for a network with one output besides the free ones, such as a critic.

    A row of J is then, layer by layer, the outer product of a signal and an activation. With the signals kept, J v has
    no chain through the layers and J' u no way back: two matrix products a layer instead of four.
    """

    @cached_property
    def _unit_signals(self) -> list[Tensor]:
        return super().signals(torch.ones_like(self.outputs))

    def signals(self, u: Tensor) -> list[Tensor]:
        return [unit * u[:, :1] for unit in self._unit_signals]

    def jvp(self, v: Tensor) -> Tensor:
        layers, free = self.network.layers(v)
        last_weight, last_bias = layers[-1]
        moved = torch.addmv(last_bias, self.activations[-1], last_weight.view(-1))
        for (d_weight, d_bias), signal, a in zip(layers, self._unit_signals, self.activations[:-1], strict=False):
            moved += torch.linalg.vecdot(torch.addmm(d_bias, a, d_weight.T), signal)
        return self.network._with_free(moved.unsqueeze(-1), free)
