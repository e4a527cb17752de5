"""Any `torch.nn.Module` as a network over one flat theta, linearised by automatic differentiation."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor, nn

from algos.networks.autodiff import AutodiffLinearization, gradients_of_rows
from algos.networks.modules.layers import candidates, recorded, rows_of
from algos.networks.protocol import RowGradients
from algos.networks.rows import OtherRows


class Architecture(Protocol):
    """How a module is made: a value, equal for equal modules."""

    @property
    def obs_shape(self) -> tuple[int, ...]:
        """Of one observation."""
        ...

    @property
    def outputs(self) -> int: ...

    def module(self, generator: torch.Generator, last_gain: float = 1.0) -> nn.Module:
        """A new one on the CPU, from observations [B, *obs_shape] to [B, outputs], with parameters to start from.

        Its numbers come from the generator alone. `last_gain` scales the last layer where the architecture knows it.
        """
        ...


@dataclass(frozen=True)
class ModuleNetwork:
    """The module of an architecture; the last `free_size` outputs are parameters of their own, equal for every x.

    theta = [trained parameters in the order of `named_parameters`, free]. Buffers and frozen parameters are the same
    for every theta. `require_usable` tells whether the module is a function of theta and of one row at a time.
    """

    architecture: Architecture
    free_size: int = 0

    @property
    def output_size(self) -> int:
        """D."""
        return self.architecture.outputs + self.free_size

    @cached_property
    def size(self) -> int:
        """P, the number of parameters."""
        return sum(parameter.numel() for parameter in self._trained.values()) + self.free_size

    @cached_property
    def template(self) -> nn.Module:
        """The module whose parameters theta replaces."""
        return self._made(torch.Generator("cpu").manual_seed(0))

    def init(
        self,
        generator: torch.Generator,
        last_gain: float = 1.0,
        free_value: float = 0.0,
        dtype: torch.dtype = torch.float32,
    ) -> Tensor:
        """theta [P] of a module that the architecture has just made."""
        made = dict(self._made(generator, last_gain).named_parameters())
        parts = [made[name].detach().flatten().to(dtype) for name in self._trained]
        return torch.cat([*parts, torch.full((self.free_size,), free_value, dtype=dtype, device="cpu")])

    def __call__(self, theta: Tensor, x: Tensor) -> Tensor:
        """Outputs [B, D] at x [B, *obs_shape]; differentiable by autograd."""
        return self._with_free(theta, self._call(self._values(theta), x))

    def linearize(self, theta: Tensor, x: Tensor) -> "ModuleLinearization":
        """The first-order model around theta."""
        return ModuleLinearization(self, theta.detach(), x)

    def at(self, theta: Tensor) -> Callable[[Tensor], Tensor]:
        """x [B, *obs_shape] -> outputs [B, D] at a copy of this theta: the shortest way for a few rows at a time."""
        fixed, module = theta.detach().clone(), copy.deepcopy(self.template).requires_grad_(False)
        module.to(fixed).load_state_dict(self._values(fixed), strict=False)
        return lambda x: self._with_free(fixed, module(x))

    def row_gradients(self, theta: Tensor, x: Tensor, u: Tensor) -> list[RowGradients]:
        """As `Linearized` has them; of linear layers and convolutions by their inputs and signals."""
        bound, size = self.architecture.outputs, self.size
        free = OtherRows(slice(size - self.free_size, size), u[:, bound:])
        return [free, *self._of_layers(theta, x, u[:, :bound]), *self._of_others(theta, x, u[:, :bound])]

    def _made(self, generator: torch.Generator, last_gain: float = 1.0) -> nn.Module:
        with torch.device("cpu"):
            return self.architecture.module(generator, last_gain)

    @cached_property
    def _trained(self) -> dict[str, Tensor]:
        """The parameters that theta holds, each once, in its order."""
        return {name: p.detach() for name, p in self.template.named_parameters() if p.requires_grad}

    @cached_property
    def _fixed(self) -> dict[str, Tensor]:
        """Buffers and frozen parameters."""
        everything = dict(self.template.named_buffers()) | dict(self.template.named_parameters())
        return {name: value.detach() for name, value in everything.items() if name not in self._trained}

    @cached_property
    def _places(self) -> dict[str, slice]:
        """Where each parameter lies in theta."""
        places, end = {}, 0
        for name, parameter in self._trained.items():
            places[name] = slice(end, end + parameter.numel())
            end += parameter.numel()
        return places

    def _values(self, theta: Tensor) -> dict[str, Tensor]:
        """What the module computes with, by name."""
        if theta.shape != (self.size,):
            raise ValueError(f"theta has shape {tuple(theta.shape)}, expected ({self.size},)")
        values = {name: theta[self._places[name]].view(p.shape) for name, p in self._trained.items()}
        fixed = {name: v.to(theta) if v.is_floating_point() else v.to(theta.device) for name, v in self._fixed.items()}
        return values | fixed

    def _call(self, values: dict[str, Tensor], x: Tensor) -> Tensor:
        return torch.func.functional_call(self.template, values, (x,))

    def _with_free(self, theta: Tensor, outputs: Tensor) -> Tensor:
        if not self.free_size:
            return outputs
        return torch.cat([outputs, theta[self.size - self.free_size :].expand(len(outputs), -1)], 1)

    @cached_property
    def _layers(self) -> dict[str, nn.Module]:
        """Those whose inputs and signals give their rows' gradients: proved on four rows, in double."""
        g, shape = torch.Generator("cpu").manual_seed(0), self.architecture.obs_shape
        theta = self.init(g, dtype=torch.float64)
        x = torch.randn(4, *shape, generator=g, dtype=torch.float64, device="cpu")
        u = torch.randn(4, self.architecture.outputs, generator=g, dtype=torch.float64, device="cpu")
        known = candidates(self.template, self._places)
        with recorded(known) as calls, torch.enable_grad():
            found = rows_of(known, calls, self._call(self._values(theta.requires_grad_()), x), u, self._places)
        expected = self._gradients(theta.detach(), x, u, [name for layer in known for name in _names(known, layer)])
        proved = {}
        for layer, rows in found.items():
            gradients = torch.cat([expected[name].flatten(1) for name in _names(known, layer)], 1)
            if rows is not None and torch.allclose(rows.products(), gradients @ gradients.T, rtol=1e-9, atol=1e-12):
                proved[layer] = known[layer]
        return proved

    def _of_layers(self, theta: Tensor, x: Tensor, u: Tensor) -> list[RowGradients]:
        with recorded(self._layers) as calls, torch.enable_grad():
            outputs = self._call(self._values(theta.detach().requires_grad_()), x)
            found = rows_of(self._layers, calls, outputs, u, self._places)
        return [rows for rows in found.values() if rows is not None]

    def _of_others(self, theta: Tensor, x: Tensor, u: Tensor) -> list[RowGradients]:
        of_layers = {name for layer in self._layers for name in _names(self._layers, layer)}
        gradients = self._gradients(theta, x, u, [name for name in self._trained if name not in of_layers])
        return [OtherRows(self._places[name], gradient.flatten(1)) for name, gradient in gradients.items()]

    def _gradients(self, theta: Tensor, x: Tensor, u: Tensor, names: list[str]) -> dict[str, Tensor]:
        """Of every row by these parameters, [B, ...]."""
        values = self._values(theta)
        by = {name: values[name] for name in names}
        return gradients_of_rows(lambda by, x: self._call(values | by, x), by, x, u) if by else {}


def _names(layers: dict[str, nn.Module], layer: str) -> list[str]:
    """Of a layer's parameters, in the order of theta."""
    return [f"{layer}.{name}" if layer else name for name, _ in layers[layer].named_parameters(recurse=False)]


@dataclass(frozen=True)
class ModuleLinearization(AutodiffLinearization):
    """Its rows' gradients come layer by layer."""

    function: ModuleNetwork

    def rows(self, index: Tensor | slice) -> "ModuleLinearization":
        return self.function.linearize(self.theta, self.x[index])

    def row_gradients(self, u: Tensor) -> list[RowGradients]:
        return self.function.row_gradients(self.theta, self.x, u)
