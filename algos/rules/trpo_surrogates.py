"""TRPO on another surrogate: under the visitation that theory has, or with a bonus for entropy."""

from dataclasses import replace
from typing import Annotated

from algos.ascent import AscentRule
from algos.estimators import Discounted
from algos.estimators.regularised import EntropyBonus
from algos.policies import Policy
from algos.rules.trpo import trpo
from algos.search_space import Damping, LogUniform, MaxKL


def trpo_discounted(
    policy: Policy,
    *,
    max_kl: MaxKL = 0.02,
    damping: Damping = 0.1,
    cg_iterations: int = 10,
    shrink: float = 0.8,
    max_trials: int = 10,
) -> AscentRule:
    """TRPO under the discounted visitation: gradient, surrogate, Fisher matrix and KL are of rows weighted by gamma^t.

    What theorem 1 of Schulman et al. 2015 has and practice drops (Thomas 2014). t is the row's time in its episode, so
    that the trust region is one of the states that the discounted return counts, and hardly one of late states. The
    pipeline's columns are undiscounted for every rule. All else as in `trpo`: max_kl, damping, cg_iterations, shrink,
    max_trials.
    """
    whole = trpo(
        policy, max_kl=max_kl, damping=damping, cg_iterations=cg_iterations, shrink=shrink, max_trials=max_trials
    )
    return replace(whole, surrogate=Discounted())


def trpo_entropy(
    policy: Policy,
    *,
    max_kl: MaxKL = 0.02,
    damping: Damping = 0.1,
    cg_iterations: int = 10,
    shrink: float = 0.8,
    max_trials: int = 10,
    entropy: Annotated[float, LogUniform(1e-3, 0.1, "a decade on either side of 0.01")] = 0.01,
) -> AscentRule:
    """TRPO on the surrogate plus `entropy` times the policy's entropy (Williams and Peng 1991; `EntropyBonus`).

    entropy: 0.01 standard deviations of the advantages per nat, as Mnih et al. 2016 have it for returns. All else as in
    `trpo`: max_kl, damping, cg_iterations, shrink, max_trials.
    """
    whole = trpo(
        policy, max_kl=max_kl, damping=damping, cg_iterations=cg_iterations, shrink=shrink, max_trials=max_trials
    )
    return replace(whole, surrogate=EntropyBonus(entropy))
