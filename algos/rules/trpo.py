"""Trust region policy optimisation: the natural direction, a KL radius, and a search that checks both models."""

from dataclasses import replace
from typing import Annotated

from algos.ascent import (
    AscentRule,
    Backtracking,
    ByAgreement,
    ByDivergence,
    EuclideanRadius,
    Gradient,
    Harmonic,
    KLRadius,
    KLWithin,
    Natural,
    SurrogateImproves,
)
from algos.policies import Policy
from algos.search_space import Damping, LogUniform, MaxKL


def trpo(
    policy: Policy,
    *,
    max_kl: MaxKL = 0.02,
    damping: Damping = 0.1,
    cg_iterations: int = 10,
    shrink: float = 0.8,
    max_trials: int = 10,
) -> AscentRule:
    """Maximise the surrogate subject to mean KL(old || new) <= max_kl (Schulman et al. 2015, equation 14, appendix C).

    max_kl: 0.02, twice the paper's 0.01; no worse than 0.04 and faster than 0.01 on seeds of their own (`run_matrix.py
    tuning`); damping and cg_iterations: see `Natural`; shrink and max_trials: see `Backtracking`.
    """
    return AscentRule(
        policy,
        Natural(cg_iterations, damping),
        KLRadius(max_kl),
        Backtracking((SurrogateImproves(), KLWithin()), shrink, max_trials),
    )


def trpo_adaptive(
    policy: Policy,
    *,
    max_kl: MaxKL = 0.02,
    damping: Damping = 0.1,
    cg_iterations: int = 10,
    shrink: float = 0.8,
    max_trials: int = 10,
    radius_shrink: float = 1 / 16,
    radius_grow: float = 4.0,
    largest: Annotated[float, LogUniform(1.0, 64.0, "no growth, to eight times the length")] = 4.0,
) -> AscentRule:
    """TRPO whose radius follows the agreement of actual with predicted surrogate gain (Nocedal and Wright 2006, 4.1).

    Both on rows that the direction has not seen, as `ByAgreement` counts them, for about twice the update's time. The
    search accepts up to 1.5 times the radius, as Baselines' does: a Gaussian's divergence is always a little above its
    quadratic model, and a radius only grows after a step that was taken in full.

    radius_shrink, radius_grow: the squares of their 1/4 and 2, since KL goes as the square of the length; largest:
    their overall bound, 4 times max_kl, twice the length; max_kl, damping, cg_iterations, shrink and max_trials as in
    `trpo`.
    """
    return AscentRule(
        policy,
        Natural(cg_iterations, damping),
        KLRadius(max_kl),
        Backtracking((SurrogateImproves(), KLWithin(factor=1.5)), shrink, max_trials),
        ByAgreement(radius_shrink, radius_grow, largest=largest),
    )


def trpo_divergence(
    policy: Policy,
    *,
    max_kl: MaxKL = 0.02,
    damping: Damping = 0.1,
    cg_iterations: int = 10,
    shrink: float = 0.8,
    max_trials: int = 10,
) -> AscentRule:
    """TRPO whose radius follows the divergence that full steps really have (Schulman et al. 2017, section 4).

    Their KL(old || new) on rows that they have not seen is steered to max_kl by halving and doubling the radius; the
    search checks the surrogate only. All else as in `trpo`: max_kl, damping, cg_iterations, shrink, max_trials.
    """
    return AscentRule(
        policy,
        Natural(cg_iterations, damping),
        KLRadius(max_kl),
        Backtracking((SurrogateImproves(),), shrink, max_trials),
        ByDivergence(),
    )


def trpo_annealed(
    policy: Policy,
    *,
    max_kl: MaxKL = 0.02,
    damping: Damping = 0.1,
    cg_iterations: int = 10,
    shrink: float = 0.8,
    max_trials: int = 10,
    half: Annotated[float, LogUniform(10.0, 500.0, "a fifth to ten times of 50 updates")] = 50.0,
) -> AscentRule:
    """TRPO whose radius after k updates is max_kl / (1 + k / half), so that it settles (Robbins and Monro 1951).

    half: 50 updates, by hand; what it did is in the README. max_kl, damping, cg_iterations, shrink and max_trials as in
    `trpo`.
    """
    whole = trpo(
        policy, max_kl=max_kl, damping=damping, cg_iterations=cg_iterations, shrink=shrink, max_trials=max_trials
    )
    return replace(whole, radius=Harmonic(half))


def trpo_euclidean(
    policy: Policy,
    *,
    radius: Annotated[float, LogUniform(0.03, 3.0, "a decade on either side of 0.3")] = 0.3,
    max_kl: MaxKL = 0.02,
    shrink: float = 0.8,
    max_trials: int = 10,
) -> AscentRule:
    """The gradient to a ball in parameter space, accepted within max_kl: what the wrong ruler costs (cf. Kakade 2001).

    radius: about the length of `trpo`'s steps on a 64x64 policy; max_kl, shrink and max_trials as in `trpo`.
    """
    return AscentRule(
        policy,
        Gradient(),
        EuclideanRadius(radius, max_kl),
        Backtracking((SurrogateImproves(), KLWithin()), shrink, max_trials),
    )
