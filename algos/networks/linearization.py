"""A hand-written linearisation of tanh networks, for products with the Jacobian.

theta -> f(theta, x) is linearised once per update; the gradient, every conjugate-gradient iteration and the critic's
Gauss-Newton fit then share its cached activations: J v costs about two forward passes, J' u about one backward pass.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import torch
from torch import Tensor

from algos.networks.layout import Layers, Layout
from algos.networks.passes import Operation, Passes, times_slope
from algos.networks.protocol import RowGradients
from algos.networks.rows import LayerRows, OtherRows

BLOCK = 2048  # rows whose products are quicker apart than together on a CPU (measured: README, Speed)
Plan = tuple[Tensor, list[Operation], Tensor]  # where what is given belongs, what is done, where the result is then


class Workspace:
    """What products read their vector from, and write into: always the same memory, since new memory costs more.

    A linearisation shares it with its parts: what it holds is overwritten by the next product of any of them.
    """

    def __init__(self, layout: Layout, theta: Tensor) -> None:
        self._layout, self._theta = layout, theta.detach()
        self._buffers: dict[tuple[str, tuple[int, ...]], Tensor] = {}

    def buffer(self, name: str, *shape: int) -> Tensor:
        """A tensor of this name and shape."""
        if (name, shape) not in self._buffers:
            self._buffers[name, shape] = self._theta.new_empty(shape)
        return self._buffers[name, shape]

    @cached_property
    def direction(self) -> tuple[Tensor, Layers]:
        """The v [P] of J v, and its layers."""
        return self._vector()

    @cached_property
    def gradient(self) -> tuple[Tensor, Layers]:
        """J' u [P], and its layers."""
        return self._vector()

    def _vector(self) -> tuple[Tensor, Layers]:
        vector = torch.empty_like(self._theta)
        return vector, self._layout.split(vector)


@dataclass(frozen=True)
class Linearization:
    """`outputs` [B, D] at theta, and products with the Jacobian J [B*D, P] that is never built.

    Conjugate gradient repeats a product many times. So each is a list of operations on tensors that stay where they
    are, made for the first one: to look for them anew would cost a tenth of it. What has a column for every output lies
    in memory as [D, B]: what is done to a handful of outputs then runs along the batch.
    """

    layout: Layout
    passes: Passes
    weights: list[Tensor]
    activations: list[Tensor]  # x and every tanh layer's output
    outputs: Tensor
    workspace: Workspace = field(repr=False, compare=False)

    def rows(self, index: Tensor | slice) -> "Linearization":
        """The linearisation at some rows of x only."""
        activations = [a[index].contiguous() for a in self.activations]
        return replace(self, activations=activations, outputs=self.outputs[index])

    def blocks(self) -> "list[Linearization]":
        """The same in parts, whose products are quicker one after the other where what they carry stays in a cache."""
        starts = range(0, len(self.outputs), BLOCK)
        if len(starts) == 1 or self.outputs.device.type != "cpu":
            return [self]
        return [self.rows(slice(start, start + BLOCK)) for start in starts]

    def jvp(self, v: Tensor) -> Tensor:
        """J v [B, D] for v [P]: how the outputs move when theta moves along v."""
        return _follow(self._forward, v).clone()

    def vjp(self, u: Tensor) -> Tensor:
        """J' u [P] for u [B, D]: the gradient of sum(u * outputs) with respect to theta."""
        gradient = u.new_empty(self.layout.size)
        layers = self.layout.split(gradient)[::-1]
        for (weight, bias), signal, a in zip(layers, self.signals(u), self.activations[::-1], strict=True):
            torch.sum(signal if len(bias) == len(weight) else u, 0, out=bias)
            for operation in _outer(signal, a, weight):
                operation()
        return gradient

    def gram(self, v: Tensor, metric: Callable[[Tensor], Tensor], scale: Tensor | float = 1.0) -> Tensor:
        """scale J' M J v [P] for v [P], where metric makes M d of d [B, D]; what it is given it must not keep."""
        return _follow(self._backward, metric(_follow(self._forward, v))) * scale

    def signals(self, u: Tensor) -> Iterator[Tensor]:
        """u [B, D] carried back to before the tanh of every layer, [B, out] each, last layer first."""
        if u.shape != self.outputs.shape:
            raise ValueError(f"u has shape {tuple(u.shape)}, expected {tuple(self.outputs.shape)}")
        signal = u[:, : len(self.weights[-1])]
        yield signal
        for weight, after in zip(self.weights[:0:-1], self.activations[:0:-1], strict=True):
            signal = times_slope(torch.mm(signal, weight), after)
            yield signal

    def row_gradients(self, u: Tensor) -> list[RowGradients]:
        """Every row's own gradient for u [B, D]: the free outputs first, then layer by layer, the last one first."""
        bound, size = len(self.weights[-1]), self.layout.size
        free = OtherRows(slice(size - self.layout.free_size, size), u[:, bound:])
        places, inputs = self.layout.slices[::-1], self.activations[::-1]
        return [free, *map(LayerRows, places, self.signals(u), inputs)]

    @cached_property
    def _carried(self) -> list[Tensor]:
        """Of every tanh layer [B, out]: on the way forward how its output moves, on the way back its signal."""
        return [self.workspace.buffer(f"carried {depth}", *a.shape) for depth, a in enumerate(self.activations[1:])]

    @cached_property
    def _forward(self) -> Plan:
        """From v to J v."""
        direction, (*layers, (last_weight, last_bias)) = self.workspace.direction
        moved = self.workspace.buffer("by output", *self.outputs.T.shape)
        operations: list[Operation] = []
        for depth, ((weight, bias), tangent) in enumerate(zip(layers, self._carried, strict=True)):
            # d(W a + b) = dW a + W da + db, then through tanh
            operations.append(partial(torch.mm, self.activations[depth], weight.T, out=tangent))
            if depth > 0:
                operations.append(partial(tangent.addmm_, self._carried[depth - 1], self.weights[depth].T))
            operations += self.passes.through_tanh(tangent, bias, self.activations[depth + 1])
        bound = moved[: len(last_weight)]
        operations.append(partial(moved.copy_, last_bias.unsqueeze(1)))
        operations.append(partial(bound.addmm_, last_weight, self.activations[-1].T))
        if layers:
            operations.append(partial(bound.addmm_, self.weights[-1], self._carried[-1].T))
        return direction, operations, moved.T

    @cached_property
    def _backward(self) -> Plan:
        """From u to J' u."""
        gradient, (*layers, (last_weight, last_bias)) = self.workspace.gradient
        u = self.workspace.buffer("by output", *self.outputs.T.shape)
        signal = u[: len(last_weight)].T
        operations: list[Operation] = [partial(torch.sum, u, 1, out=last_bias)]
        operations += _outer(signal, self.activations[-1], last_weight)
        for depth, (weight, bias) in reversed(list(enumerate(layers))):
            before = self._carried[depth]
            operations.append(partial(torch.mm, signal, self.weights[depth + 1], out=before))
            operations += self.passes.back_through_tanh(before, self.activations[depth + 1], bias)
            operations += _outer(before, self.activations[depth], weight)
            signal = before
        return u.T, operations, gradient


@dataclass(frozen=True)
class SingleOutputLinearization(Linearization):
    """The same for a network with one output besides the free ones, such as a critic.

    A row of J is then, layer by layer, the outer product of a signal and an activation. With the signals kept, J' M J v
    goes neither forward nor back through the layers: two matrix products a layer instead of four.
    """

    @cached_property
    def _unit_signals(self) -> list[Tensor]:
        """For u = 1, [B, out] of every tanh layer, the first one first."""
        return list(self.signals(torch.ones_like(self.outputs)))[:0:-1]

    def rows(self, index: Tensor | slice) -> Linearization:
        part = super().rows(index)
        vars(part)["_unit_signals"] = [unit[index].contiguous() for unit in self._unit_signals]
        return part

    def gram(self, v: Tensor, metric: Callable[[Tensor], Tensor], scale: Tensor | float = 1.0) -> Tensor:
        return _follow(self._backward_by_units, metric(_follow(self._forward_by_units, v))) * scale

    @cached_property
    def _forward_by_units(self) -> Plan:
        direction, (*layers, (last_weight, last_bias)) = self.workspace.direction
        moved = self.workspace.buffer("by output", *self.outputs.T.shape)
        operations: list[Operation] = [
            partial(moved.copy_, last_bias.unsqueeze(1)),
            partial(moved[0].addmv_, self.activations[-1], last_weight[0]),
        ]
        for depth, (weight, bias) in enumerate(layers):
            a, room, unit = self.activations[depth], self._carried[depth], self._unit_signals[depth]
            operations.append(partial(torch.mm, a, weight.T, out=room))
            operations += self.passes.add_products(moved[0], room, bias, unit)
        return direction, operations, moved.T

    @cached_property
    def _backward_by_units(self) -> Plan:
        gradient, (*layers, (last_weight, last_bias)) = self.workspace.gradient
        u = self.workspace.buffer("by output", *self.outputs.T.shape)
        operations: list[Operation] = [
            partial(torch.sum, u, 1, out=last_bias),
            partial(torch.mm, u[:1], self.activations[-1], out=last_weight),
        ]
        for depth, (weight, bias) in enumerate(layers):
            a, unit = self.activations[depth], self._unit_signals[depth]
            scaled = self.workspace.buffer("scaled", *a.shape)
            operations += self.passes.scale_rows(a, u[0], scaled)
            operations += _outer(unit, scaled, weight)
            operations.append(partial(torch.mv, unit.T, u[0], out=bias))
        return u.T, operations, gradient


def _outer(signal: Tensor, a: Tensor, weight: Tensor) -> list[Operation]:
    """weight [out, in] = signal' a of signal [B, out] and a [B, in]."""
    if a.shape[1] >= signal.shape[1]:
        return [partial(torch.mm, signal.T, a, out=weight)]
    turned = weight.new_empty(weight.T.shape)  # the product of two tall matrices is quicker with the narrow one first
    return [partial(torch.mm, a.T, signal, out=turned), partial(weight.copy_, turned.T)]


def _follow(plan: Plan, given: Tensor) -> Tensor:
    """The result, until the next product."""
    place, operations, result = plan
    if given.shape != place.shape:
        raise ValueError(f"a product with a tensor of shape {tuple(given.shape)}, expected {tuple(place.shape)}")
    place.copy_(given)
    for operation in operations:
        operation()
    return result
