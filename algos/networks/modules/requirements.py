"""Whether a module is what the mathematics takes it for: a smooth function of its parameters and of each row alone."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter

from algos.networks.modules.network import ModuleNetwork

ROWS = 5
RANDOM = (nn.modules.dropout._DropoutNd, nn.RReLU)
OF_BATCHES = (nn.modules.batchnorm._NormBase,)


class UnusableModule(ValueError):
    """A module that cannot be a network here; the message says why, and what to do."""


def require_usable(network: ModuleNetwork) -> None:
    """Raise UnusableModule if the module is random, keeps a state, mixes rows, or cannot be differentiated twice."""
    _require_parameters(network)
    shape, g = network.architecture.obs_shape, torch.Generator("cpu").manual_seed(1)
    for dtype in (torch.float32, torch.float64):
        theta = network.init(torch.Generator("cpu").manual_seed(0), dtype=dtype)
        x = torch.randn(ROWS, *shape, generator=g, dtype=dtype)
        _require_outputs(network, theta, x)
        _require_function(network, theta, x)
    _require_rows_apart(network, theta, x)
    _require_products(network, theta, x)


def _require_parameters(network: ModuleNetwork) -> None:
    module: Any = network.template
    if not isinstance(module, nn.Module):
        raise UnusableModule(f"it returned {module!r:.80}; expected a torch.nn.Module")
    if any(isinstance(parameter, UninitializedParameter) for parameter in module.parameters()):
        raise UnusableModule("it has layers whose sizes are not known yet (Lazy...); give their sizes")
    if not network.size - network.free_size:
        raise UnusableModule("it has no parameter that requires a gradient; there is nothing to train")
    once, again = (network.init(torch.Generator("cpu").manual_seed(3)) for _ in range(2))
    if not once.equal(again):
        raise UnusableModule("its parameters differ when it is made again; draw them by torch, without a seed")


def _require_outputs(network: ModuleNetwork, theta: Tensor, x: Tensor) -> None:
    """A tensor of the expected shape, for many rows and for one."""
    precision = "double" if theta.dtype == torch.float64 else "single"
    for rows in (x, x[:1]):
        given = f"observations of shape {list(rows.shape)} in {precision} precision"
        try:
            outputs: Any = network(theta, rows)
        except Exception as error:  # whatever a user's module raises
            hint = _culprits(network.template, OF_BATCHES, "; use LayerNorm or GroupNorm")
            raise UnusableModule(f"it fails on {given}: {type(error).__name__}: {error}{hint}") from error
        expected, is_tensor = [len(rows), network.output_size], isinstance(outputs, Tensor)
        if not is_tensor or list(outputs.shape) != expected or outputs.dtype != theta.dtype:
            came = f"{outputs.dtype} of shape {list(outputs.shape)}" if is_tensor else f"{outputs!r:.80}"
            raise UnusableModule(f"for {given} it gave {came}; expected {theta.dtype} of shape {expected}")


def _require_function(network: ModuleNetwork, theta: Tensor, x: Tensor) -> None:
    """Equal arguments, equal outputs."""
    before = {name: buffer.clone() for name, buffer in network.template.named_buffers()}
    generator = torch.get_rng_state()
    first, second = network(theta, x), network(theta, x)
    if not torch.get_rng_state().equal(generator):
        which = _culprits(network.template, RANDOM)
        raise UnusableModule(f"it draws random numbers{which}; outputs must depend on nothing but observations")
    changed = [name for name, buffer in network.template.named_buffers() if not buffer.equal(before[name])]
    if changed:
        names = ", ".join(changed)
        hint = "it must keep no state: use LayerNorm or GroupNorm in place of BatchNorm"
        raise UnusableModule(f"a forward pass changes its buffers {names}; {hint}")
    if not first.equal(second):
        raise UnusableModule("it gives other outputs when it is called again; it must keep no state")


def _require_rows_apart(network: ModuleNetwork, theta: Tensor, x: Tensor) -> None:
    """No row depends on another."""
    if not torch.allclose(network(theta, x)[:1], network(theta, x[:1]), rtol=1e-6, atol=1e-9):
        which = _culprits(network.template, OF_BATCHES)
        raise UnusableModule(f"a row's outputs depend on the other rows{which}; use LayerNorm or GroupNorm")


def _require_products(network: ModuleNetwork, theta: Tensor, x: Tensor) -> None:
    """J v and J' u exist, and belong to the same J."""
    linear, u, v = network.linearize(theta, x), torch.ones(ROWS, network.output_size).to(theta), torch.ones_like(theta)
    try:
        forward, back = float((u * linear.jvp(v)).sum()), float(v @ linear.vjp(u))
    except RuntimeError as error:
        raise UnusableModule(f"it cannot be differentiated twice by its parameters: {error}") from error
    if abs(forward - back) > 1e-6 * max(1.0, abs(back)):
        raise UnusableModule(f"its derivatives contradict each other: u'Jv is {forward}, v'J'u is {back}")


def _culprits(module: nn.Module, kinds: tuple[type, ...], note: str = "") -> str:
    """' (NAME: KIND, ...)' and the note, if any of these kinds are in it."""
    parts = [(name or "it", part) for name, part in module.named_modules() if isinstance(part, kinds)]
    found = ", ".join(f"{name}: {type(part).__name__}" for name, part in parts)
    return f" ({found}){note}" if found else ""
