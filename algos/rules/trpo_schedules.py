"""TRPO whose radius follows what gradients are worth: their share of signal, or whether a step and the next agree."""

from dataclasses import replace
from typing import Annotated

from algos.ascent import AscentRule, ByHypergradient, BySignal
from algos.policies import Policy
from algos.rules.trpo import trpo
from algos.search_space import Damping, LogUniform, MaxKL, Uniform


def trpo_signal(
    policy: Policy,
    *,
    max_kl: MaxKL = 0.02,
    damping: Damping = 0.1,
    cg_iterations: int = 10,
    shrink: float = 0.8,
    max_trials: int = 10,
    decay: Annotated[float, Uniform(0.8, 0.99, "means over 5 to 100 batches")] = 0.95,
    floor: Annotated[float, LogUniform(1e-4, 0.1, "a decade on one side of 1e-3, two on the other")] = 1e-3,
) -> AscentRule:
    """TRPO with radius max_kl * rho, rho = E[a'F^-1 b] / E[g'F^-1 g] the share of the gradient that is signal.

    a and b are the gradients of two halves of a batch's environments, g their mean (`BySignal`). The idea that a trust
    region should shrink as the gradient's uncertainty grows is that of Queeney et al. 2021 ("Uncertainty-aware policy
    optimization"), who bound the error's covariance; this is the first-order form: where a share rho of the gradient is
    signal, steps of any length go so far in vain. decay: 0.95, about 20 batches, and floor: 1e-3, by hand. About twice
    the update's time. The rest as in `trpo`: max_kl, damping, cg_iterations, shrink, max_trials.
    """
    whole = trpo(
        policy, max_kl=max_kl, damping=damping, cg_iterations=cg_iterations, shrink=shrink, max_trials=max_trials
    )
    return replace(whole, radius=BySignal(decay, floor))


def trpo_hypergradient(
    policy: Policy,
    *,
    max_kl: MaxKL = 0.02,
    damping: Damping = 0.1,
    cg_iterations: int = 10,
    shrink: float = 0.8,
    max_trials: int = 10,
    rate: Annotated[float, LogUniform(0.01, 1.0, "a decade on either side of 0.1")] = 0.1,
    largest: Annotated[float, LogUniform(1.0, 64.0, "as in `trpo_adaptive`")] = 4.0,
) -> AscentRule:
    """TRPO whose radius grows by exp(rate c) with c the cosine between a step and the next natural gradient.

    The hypergradient of Baydin et al. 2018, section 3, on a radius (`ByHypergradient`): a step that the next
    batch finds too long shortens those to come. rate: 0.1, by hand: on batches whose gradients are nine parts noise it
    takes tens of updates to double a radius; largest: 4 times max_kl, as in `trpo_adaptive`, since a batch's surrogate
    does not show the shift of its states. The rest as in `trpo`: max_kl, damping, cg_iterations, shrink, max_trials.
    """
    whole = trpo(
        policy, max_kl=max_kl, damping=damping, cg_iterations=cg_iterations, shrink=shrink, max_trials=max_trials
    )
    return replace(whole, radius=ByHypergradient(rate, largest=largest))
