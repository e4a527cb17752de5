"""Networks as pure functions of one flat parameter vector theta [P], with a hand-written linearisation.

theta -> f(theta, x) is linearised once per update; the gradient, every conjugate-gradient iteration and the critic's
Gauss-Newton fit then share its cached activations: J v costs about two forward passes, J' u about one backward pass.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import sqrt

import torch
from torch import Tensor

BLOCK = 2048  # rows whose products are quicker apart than together on a CPU (measured: README, Speed)


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
    def _sizes(self) -> list[int]:
        """Of the parts of theta, in their order."""
        return [size for rows, columns in self._shapes for size in (rows * columns, rows)] + [self.free_size]

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

    def layers(self, theta: Tensor) -> tuple[list[tuple[Tensor, Tensor]], Tensor]:
        """Views of theta: [(W [out, in], b [out]), ...] and the free outputs."""
        if theta.shape != (self.size,):
            raise ValueError(f"theta has shape {tuple(theta.shape)}, expected ({self.size},)")
        *parts, free = theta.split_with_sizes(self._sizes)
        weights = [part.view(shape) for part, shape in zip(parts[::2], self._shapes, strict=True)]
        return list(zip(weights, parts[1::2], strict=True)), free

    def __call__(self, theta: Tensor, x: Tensor) -> Tensor:
        """Outputs [B, D] at x [B, O]; differentiable by autograd."""
        return self.linearize(theta, x).outputs

    def linearize(self, theta: Tensor, x: Tensor) -> "Linearization":
        """The first-order model of theta -> f(theta, x) around theta, for x [B, O]."""
        layers, free = self.layers(theta)
        activations = [x]
        for weight, bias in layers[:-1]:
            activations.append(torch.addmm(bias, activations[-1], weight.T).tanh_())
        weight, bias = layers[-1]
        outputs = self._with_free(torch.mm(activations[-1], weight.T).add_(bias), free)
        body = SingleOutputLinearization if len(bias) == 1 else Linearization
        return body(self, [weight for weight, _ in layers], activations, outputs)

    def _with_free(self, outputs: Tensor, free: Tensor) -> Tensor:
        return outputs if self.free_size == 0 else torch.cat([outputs, free.expand(len(outputs), -1)], 1)


class Workspace:
    """Where products put what they carry from layer to layer; on large batches, allocating it costs more than the sums.

    A linearisation shares it with its parts: what it holds is overwritten by the next product of any of them.
    """

    def __init__(self) -> None:
        self._held: dict[int, Tensor] = {}

    def like(self, activation: Tensor, depth: int) -> Tensor:
        """Room for as much as the activation [B, out] after layer `depth`."""
        held, rows = self._held.get(depth), activation.shape[0]
        if held is None or held.shape[0] < rows:
            held = self._held[depth] = torch.empty_like(activation)
        return held if held.shape[0] == rows else held[:rows]


def _times_slope(carried: Tensor, activation: Tensor) -> Tensor:
    """Carry a tangent forward, or a signal back, through tanh: times 1 - tanh^2, in place."""
    torch.ops.aten.tanh_backward.grad_input(carried, activation, grad_input=carried)
    return carried


@dataclass(frozen=True)
class Linearization:
    """`outputs` [B, D] at theta, and products with the Jacobian J [B*D, P] that is never built."""

    network: MLP
    weights: list[Tensor]
    activations: list[Tensor]  # x and every tanh layer's output
    outputs: Tensor
    workspace: Workspace = field(default_factory=Workspace, repr=False, compare=False)

    def rows(self, rows: slice) -> "Linearization":
        """The linearisation at some rows of x only."""
        activations = [a[rows].contiguous() for a in self.activations]
        return replace(self, activations=activations, outputs=self.outputs[rows].contiguous())

    def blocks(self) -> "list[Linearization]":
        """The same in parts, whose products are quicker one after the other where what they carry stays in a cache."""
        starts = range(0, len(self.outputs), BLOCK)
        if len(starts) == 1 or self.outputs.device.type != "cpu":
            return [self]
        return [self.rows(slice(start, start + BLOCK)) for start in starts]

    def jvp(self, v: Tensor) -> Tensor:
        """J v [B, D] for v [P]: how the outputs move when theta moves along v."""
        (*layers, (last_weight, last_bias)), free = self.network.layers(v)
        tangent: Tensor | None = None
        for depth, (d_weight, d_bias) in enumerate(layers):
            after = self.activations[depth + 1]
            # d(W a + b) = dW a + W da + db, then through tanh
            moved = torch.mm(self.activations[depth], d_weight.T, out=self.workspace.like(after, depth))
            if tangent is not None:
                moved.addmm_(tangent, self.weights[depth].T)
            tangent = _times_slope(moved.add_(d_bias), after)
        moved = torch.mm(self.activations[-1], last_weight.T).add_(last_bias)
        if tangent is not None:
            moved.addmm_(tangent, self.weights[-1].T)
        return self.network._with_free(moved, free)

    def signals(self, u: Tensor) -> Iterator[Tensor]:
        """u [B, D] carried back to before the tanh of every layer, [B, out] each, last layer first.

        They are overwritten by the next product.
        """
        signal = u[:, : self.network.output_size - self.network.free_size]
        yield signal
        for depth in reversed(range(len(self.weights) - 1)):
            after = self.activations[depth + 1]
            signal = _times_slope(
                torch.mm(signal, self.weights[depth + 1], out=self.workspace.like(after, depth)), after
            )
            yield signal

    def vjp(self, u: Tensor) -> Tensor:
        """J' u [P] for u [B, D]: the gradient of sum(u * outputs) with respect to theta."""
        network = self.network
        result = u.new_empty(network.size)
        layers, free = network.layers(result)
        torch.sum(u[:, network.output_size - network.free_size :], 0, out=free)
        for (weight, bias), signal, a in zip(layers[::-1], self.signals(u), self.activations[::-1], strict=True):
            if a.shape[1] < signal.shape[1]:  # the product of two tall matrices is quicker with the narrow one first
                weight.copy_(torch.mm(a.T, signal).T)
            else:
                torch.mm(signal.T, a, out=weight)
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
        """Of every layer, the first one first."""
        return [signal.clone() for signal in super().signals(torch.ones_like(self.outputs))][::-1]

    def rows(self, rows: slice) -> Linearization:
        part = super().rows(rows)
        vars(part)["_unit_signals"] = [unit[rows].contiguous() for unit in self._unit_signals]
        return part

    def signals(self, u: Tensor) -> Iterator[Tensor]:
        for depth, unit in reversed(list(enumerate(self._unit_signals))):
            yield torch.mul(unit, u[:, :1], out=self.workspace.like(unit, depth))

    def jvp(self, v: Tensor) -> Tensor:
        units = self._unit_signals  # made before the workspace is needed
        (*layers, (last_weight, last_bias)), free = self.network.layers(v)
        moved = torch.mv(self.activations[-1], last_weight.view(-1)).add_(last_bias)
        for depth, (d_weight, d_bias) in enumerate(layers):
            room = self.workspace.like(units[depth], depth)
            through = torch.mm(self.activations[depth], d_weight.T, out=room).add_(d_bias).mul_(units[depth])
            moved.addmv_(through, torch.ones_like(d_bias))  # summed over units; no other sum is as fast
        return self.network._with_free(moved.unsqueeze(-1), free)
