"""The networks of a run: what the settings name, of the shape that observations and actions ask for."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch import nn

from algos.estimators import Regression, ValueBaseline
from algos.networks import MLP, TORCH, Network, Passes, Pixels
from algos.networks.modules import CNN, NATURE, SMALL, LayeredMLP, ModuleNetwork, UnusableModule, require_usable
from algos.optim import TORCH_STEPS, Steps
from algos.policies import Family, Policy
from experiments.cell.spaces import Observations
from experiments.installed import load_installed
from experiments.outside import OutsideError, is_outside, load, name_of
from experiments.spec import Settings

DESIGNS = {"cnn": SMALL, "nature_cnn": NATURE}
_require_usable = cache(require_usable)


@dataclass(frozen=True)
class OwnDesign:
    """What a function of a user's file, or of an installed package, makes of (obs_shape, outputs).

    With the parameters that it starts with.
    """

    name: str
    obs_shape: tuple[int, ...]
    outputs: int

    def module(self, generator: torch.Generator, last_gain: float = 1.0) -> nn.Module:
        """Made while torch's own generator has a seed that `generator` draws. Raises UnusableModule.

        The function scales its last layer itself.
        """
        seed = int(torch.randint(2**62, (1,), generator=generator, device="cpu"))
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            try:
                made: nn.Module = self._function()(self.obs_shape, self.outputs)
            except OutsideError as error:
                raise UnusableModule(str(error)) from error
            except Exception as error:  # whatever a user's function raises
                called = f"{name_of(self.name)}({self.obs_shape}, {self.outputs})"
                raise UnusableModule(f"{called} raised {type(error).__name__}: {error}") from error
        return made

    def _function(self) -> Callable[..., nn.Module]:
        return load(self.name) if is_outside(self.name) else load_installed("networks", self.name)


def network_of(
    settings: Settings, observations: Observations, outputs: int, free_size: int = 0, passes: Passes = TORCH
) -> Network:
    """From observations to `outputs`, the last `free_size` of which are equal for all of them.

    Raises ValueError for observations that the network cannot take, naming their shape.
    """
    bound = outputs - free_size
    if settings.network == "mlp":
        if settings.activation == "tanh" and not settings.layer_norm:
            return MLP(observations.size, settings.hidden, outputs, free_size, passes)
        layers = LayeredMLP((observations.size,), settings.hidden, bound, settings.activation, settings.layer_norm)
        return ModuleNetwork(layers, free_size)
    if settings.network in DESIGNS:
        network = ModuleNetwork(CNN(observations.shape, bound, DESIGNS[settings.network]), free_size)
    else:
        network = ModuleNetwork(OwnDesign(settings.network, observations.shape, bound), free_size)
        _require_usable(network)
    return network if observations.brightest is None else Pixels(network, observations.brightest)


def policy_of(
    settings: Settings,
    observations: Observations,
    family: Family,
    passes: Passes = TORCH,
    steps: Steps = TORCH_STEPS,
) -> Policy:
    """The policy. Raises ValueError as `network_of`."""
    return Policy(network_of(settings, observations, family.output_size, family.free_size, passes), family, steps)


def critic_of(
    settings: Settings, observations: Observations, regression: Regression, passes: Passes = TORCH
) -> ValueBaseline:
    """The critic: a network of the same kind with one output. Raises ValueError as `network_of`."""
    return ValueBaseline(network_of(settings, observations, 1, passes=passes), regression)
