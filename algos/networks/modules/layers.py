"""The layers of a module whose rows' gradients are products of what goes in and of the derivative by what comes out."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from algos.networks.rows import LayerRows, SharedRows

Calls = dict[str, list[tuple[Tensor, Tensor]]]  # of every layer: input and output of each call


def candidates(module: nn.Module, places: Mapping[str, slice]) -> dict[str, nn.Module]:
    """Linear layers and convolutions whose parameters lie side by side in theta; used otherwise too, they are none."""
    found = {}
    for name, layer in module.named_modules():
        own = [f"{name}.{parameter}" if name else parameter for parameter, _ in layer.named_parameters(recurse=False)]
        trained = [places[each] for each in own if each in places]
        side_by_side = all(first.stop == second.start for first, second in pairwise(trained))
        if _is_known(layer) and trained and len(trained) == len(own) and side_by_side:
            found[name] = layer
    return found


def _is_known(layer: nn.Module) -> bool:
    if type(layer) is nn.Conv2d:
        return layer.groups == 1 and layer.padding_mode == "zeros" and not isinstance(layer.padding, str)
    return type(layer) is nn.Linear


@contextmanager
def recorded(layers: Mapping[str, nn.Module]) -> Iterator[Calls]:
    """What these layers are given and give while this lasts."""
    calls: Calls = {name: [] for name in layers}

    def listener(name: str) -> Any:
        def record(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
            calls[name].append((inputs[0].detach(), output))
            return output.clone()  # what follows may work in place

        return record

    handles = [layer.register_forward_hook(listener(name)) for name, layer in layers.items()]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


def rows_of(
    layers: Mapping[str, nn.Module], calls: Calls, outputs: Tensor, u: Tensor, places: Mapping[str, slice]
) -> dict[str, LayerRows | SharedRows | None]:
    """The rows' gradients of sum(u * outputs) by each layer, None where they are not known; outputs have a graph."""
    tensors = [output for name in layers for _, output in calls[name]]
    signals = iter(torch.autograd.grad(outputs, tensors, u, allow_unused=True) if tensors else ())
    found: dict[str, LayerRows | SharedRows | None] = {}
    for name, layer in layers.items():
        uses = [(given, next(signals)) for given, _ in calls[name]]
        known = uses and all(given.shape[0] == len(u) and signal is not None for given, signal in uses)
        prefix = f"{name}." if name else ""
        own = [places[f"{prefix}{parameter}"] for parameter, _ in layer.named_parameters(recurse=False)]
        parameters = slice(own[0].start, own[-1].stop)
        found[name] = _rows(layer, uses, parameters) if known else None
    return found


def _rows(layer: nn.Module, uses: list[tuple[Tensor, Tensor]], parameters: slice) -> LayerRows | SharedRows:
    has_bias = layer.bias is not None
    if len(uses) == 1 and uses[0][0].ndim == 2:
        return LayerRows(parameters, uses[0][1], uses[0][0], has_bias)
    parts = [_by_place(layer, given, signal) for given, signal in uses]
    signals, inputs = (torch.cat(part, 1) for part in zip(*parts, strict=True))
    return SharedRows(parameters, signals, inputs, has_bias)


def _by_place(layer: nn.Module, given: Tensor, signal: Tensor) -> tuple[Tensor, Tensor]:
    """Signals [B, L, out] and inputs [B, L, in] of one call."""
    if isinstance(layer, nn.Conv2d):
        patches = nn.functional.unfold(given, layer.kernel_size, layer.dilation, layer.padding, layer.stride)  # type: ignore[arg-type]  # fmt: skip
        return signal.flatten(2).mT, patches.mT
    rows = len(given)
    return signal.reshape(rows, -1, signal.shape[-1]), given.reshape(rows, -1, given.shape[-1])
