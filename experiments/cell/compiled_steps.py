"""Runs of many small gradient steps, compiled as one: a step of 64 rows is too short for torch's operators.

A run's loops and what lies between its matrix products are compiled; the products are those of BLAS. For tanh networks
in float32 on a CPU, on the objectives and optimizers that rules use; whatever else is left to torch, which makes the
same numbers but for rounding.
"""

from dataclasses import dataclass
from functools import cache
from math import inf, log1p
from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor

from algos.estimators import Clipped, ImportanceSampled
from algos.estimators.objectives import SquaredError, SurrogateObjective
from algos.estimators.regularised import KLPenalised, RatioPenalised
from algos.estimators.surrogates import Unweighted
from algos.finite import NonFinite
from algos.networks import MLP, Network
from algos.optim import Adam, AdamState, Objective, Plain, Plan, Reached, TorchSteps
from algos.policies import Categorical, DiagonalGaussian, SquashedGaussian
from algos.policies.squashed import log_slope
from experiments.cell import steps_kernel as kernel
from experiments.cell.compiled import compiled
from experiments.cell.steps_kernel import Buffers, Data, Layers, Moments, Rates, Target
from experiments.spec import Settings


@dataclass(frozen=True)
class CompiledSteps(TorchSteps):
    """Runs of steps in one compiled call where possible, else by torch."""

    @classmethod
    def of(cls, settings: Settings) -> "CompiledSteps":
        """Compiled for the settings' network; anything but a perceptron falls back on torch."""
        return cls.prepared(len(settings.hidden)) if settings.network == "mlp" else cls()

    @classmethod
    def prepared(cls, layers: int) -> "CompiledSteps":
        """Compile for networks of this many hidden layers, outside of every timed phase."""
        network, rows = MLP(1, (1,) * layers, 1), torch.zeros(1, 1)
        start, orders = Reached(torch.zeros(network.size), None), torch.zeros(1, 1, dtype=torch.long)
        steps = cls()
        steps.take(network, SquaredError(rows, rows[:, 0]), start, orders, Plan(Plain(), 1.0, 1))
        return steps

    def take(self, network: Network, objective: Objective, start: Reached, orders: Tensor, plan: Plan) -> Reached:
        rates, fits = _rates(plan), _fits(start.theta, objective.obs, orders)
        asked = _target(network, objective) if fits and rates is not None else None
        if asked is None or rates is None:
            return super().take(network, objective, start, orders, plan)
        return _take(*asked, rates, start, orders, plan)


def _fits(theta: Tensor, obs: Tensor, orders: Tensor) -> bool:
    """Whether the kernel takes these tensors, and all row indices are in range: it checks none itself."""
    plain = all(tensor.device.type == "cpu" and tensor.dtype == torch.float32 for tensor in (theta, obs))
    return plain and orders.dtype == torch.long and _within(orders, len(obs))


def _within(numbers: Tensor, end: int) -> bool:
    return bool(numbers.numel() and numbers.min() >= 0 and numbers.max() < end)


def _target(network: Network, objective: Objective) -> tuple[MLP, Data, Target] | None:
    """The objective as the kernel's `Target`; None where it has none or shapes do not fit (torch raises then)."""
    if type(network) is not MLP or objective.obs.shape[1:] != (network.input_size,):
        return None
    if isinstance(objective, SquaredError):
        return _of_error(network, objective)
    return _of_surrogate(network, objective) if isinstance(objective, SurrogateObjective) else None


def _of_error(network: MLP, objective: SquaredError) -> tuple[MLP, Data, Target] | None:
    obs, targets, nothing = objective.obs, objective.targets, torch.empty(0, 1, device="cpu")
    if (network.output_size, network.free_size) != (1, 0) or targets.shape != obs.shape[:1]:
        return None
    return network, _data(obs, nothing, targets, nothing[:, 0]), Target(kernel.ERROR, 0, inf, -inf, 0.0, 0.0)


def _of_surrogate(network: MLP, objective: SurrogateObjective) -> tuple[MLP, Data, Target] | None:
    family, batch, form = objective.family, objective.batch, _form(objective.surrogate)
    log_probs = batch.log_probs
    if type(family) is SquashedGaussian:  # ratios of densities are those before squashing
        family, log_probs = family.inner, log_probs + log_slope(batch.actions).sum(-1)
    discrete = type(family) is Categorical
    actions = batch.actions.reshape(len(batch.obs), -1)
    if discrete:
        known = actions.shape[1] == 1 and _within(actions, family.output_size)
    else:
        known = type(family) is DiagonalGaussian and actions.shape[1] == family.noise_size
    sizes = (network.output_size, network.free_size) == (family.output_size, family.free_size)
    if not known or not sizes or form is None:
        return None
    target = Target(kernel.CATEGORICAL if discrete else kernel.GAUSSIAN, *form)
    return network, _data(batch.obs, actions, batch.advantages, log_probs), target


def _form(surrogate: Any) -> tuple[int, float, float, float, float] | None:
    """The fields of a `Target` apart from its kind; None if the kernel has no such surrogate."""
    if type(surrogate) is Clipped:
        return 1, log1p(surrogate.epsilon), log1p(-surrogate.epsilon), 0.0, 0.0
    if type(surrogate) is KLPenalised:
        return 1, inf, -inf, surrogate.beta, 0.0
    if type(surrogate) is RatioPenalised:
        return 1, inf, -inf, 0.0, 1 / surrogate.epsilon
    weighted = {ImportanceSampled: 1, Unweighted: 0}.get(type(surrogate))
    return None if weighted is None else (weighted, inf, -inf, 0.0, 0.0)


def _rates(plan: Plan) -> Rates | None:
    """The optimizer's constants; None if the kernel has no such optimizer."""
    optimizer: Any = plan.optimizer
    if type(optimizer).advance is Plain.advance:
        return Rates(0, np.float32(plan.lr), plan.max_norm, 0.0, 0.0, np.float32(0))
    if type(optimizer).advance is Adam.advance:
        rest = optimizer.beta1, optimizer.beta2, np.float32(optimizer.epsilon)
        return Rates(1, np.float32(plan.lr), plan.max_norm, *rest)
    return None


def _data(obs: Tensor, actions: Tensor, values: Tensor, log_probs: Tensor) -> Data:
    columns = obs, actions.float(), values.float(), log_probs.double()
    return Data(*(column.detach().contiguous().numpy() for column in columns))


def _take(
    network: MLP, data: Data, target: Target, rates: Rates, start: Reached, orders: Tensor, plan: Plan
) -> Reached:
    theta, gradient = start.theta.detach().clone(), torch.empty_like(start.theta)
    before = start.memory if rates.adam else AdamState(theta[:0], theta[:0], 0)
    moments = Moments(before.mean.clone().numpy(), before.square.clone().numpy(), before.steps)
    layers, slopes = _layers(network, theta), _layers(network, gradient)
    buffers = _buffers(network, min(plan.size, orders.shape[1]))
    rows = orders.contiguous().numpy()
    arguments = (theta.numpy(), layers, gradient.numpy(), slopes, moments, buffers, data, target, rows, rates)
    found = _kernel(tuple(numba.typeof(argument) for argument in arguments))(*arguments)
    if found != kernel.FINE:
        raise NonFinite(f"{kernel.FAULTS[found]} holds nan or infinity")
    mean, square = torch.from_numpy(moments.mean), torch.from_numpy(moments.square)
    return Reached(theta, AdamState(mean, square, before.steps + plan.steps(orders)) if rates.adam else None)


def _layers(network: MLP, theta: Tensor) -> Layers:
    """Views of theta [P]."""
    layers = network.layers(theta)
    return Layers(tuple(weight.numpy() for weight, _ in layers), tuple(bias.numpy() for _, bias in layers))


def _buffers(network: MLP, rows: int) -> Buffers:
    """Buffers for the activations and gradients of this many rows."""
    bound = network.output_size - network.free_size
    widths = [network.input_size, *network.hidden, bound]
    arrays = [np.empty((rows, width), np.float32) for width in widths]
    return Buffers(tuple(arrays[:-1]), tuple(np.empty_like(array) for array in arrays[1:]))


@cache
def _kernel(signature: tuple[Any, ...]) -> Any:
    """The kernel for these types, which differ by the number of layers alone."""
    return compiled(kernel.take, signature, **kernel.OPTIONS, nogil=True)
