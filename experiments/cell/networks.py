"""The networks of a run: what the settings name, of the shape that observations and actions ask for."""

from algos.estimators import Regression, ValueBaseline
from algos.networks import MLP, TORCH, Network, Passes, Pixels
from algos.networks.modules import CNN, NATURE, SMALL, ModuleNetwork
from algos.optim import TORCH_STEPS, Steps
from algos.policies import Family, Policy
from experiments.cell.spaces import Observations
from experiments.spec import Settings

DESIGNS = {"cnn": SMALL, "nature_cnn": NATURE}


def network_of(
    settings: Settings, observations: Observations, outputs: int, free_size: int = 0, passes: Passes = TORCH
) -> Network:
    """From observations to `outputs`, the last `free_size` of which are equal for all of them.

    Raises ValueError for observations that the network cannot take, naming their shape.
    """
    if settings.network == "mlp":
        return MLP(observations.size, settings.hidden, outputs, free_size, passes)
    network = ModuleNetwork(CNN(observations.shape, outputs - free_size, DESIGNS[settings.network]), free_size)
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
