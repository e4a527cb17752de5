"""TRPO whose steps are judged by environments that they have not seen."""

from dataclasses import replace
from typing import Annotated

from algos.ascent import (
    AscentRule,
    Backtracking,
    ByEveryAgreement,
    ConfidentlyImproves,
    HoldOut,
    InSample,
    KLRadius,
    KLWithin,
    Natural,
    SurrogateImproves,
)
from algos.policies import Policy
from algos.search_space import Damping, Integer, LogUniform, MaxKL


def trpo_held_out(
    policy: Policy,
    *,
    max_kl: MaxKL = 0.02,
    damping: Damping = 0.1,
    cg_iterations: int = 10,
    shrink: float = 0.8,
    max_trials: int = 10,
    every: Annotated[int, Integer(2, 8, "a half, to an eighth of the rows")] = 4,
    radius_shrink: float = 1 / 4,
    radius_grow: float = 2.0,
    largest: Annotated[float, LogUniform(1.0, 64.0, "as in `trpo_adaptive`")] = 4.0,
) -> AscentRule:
    """A trust region as Nocedal and Wright 2006, algorithm 4.1, have it, all of it judged by held-out rows.

    The direction is made of three environments of four. The others judge: the search accepts where their surrogate
    gains and their KL(old || new) is within 1.5 times the radius, and the radius moves by their agreement, at every
    batch, above 3/4 and below 1/4. `trpo_adaptive` differs in both: its search is judged by the rows that made the
    step, and its radius waits, over batches and by cross-fitting, until the evidence is clear.

    every: 4, so that a quarter of the rows judges, by hand. radius_shrink and radius_grow: 1/4 and 2, the square roots
    of theirs in length, 1/16 and 4 in KL: one batch is a poor judge, and a radius that moves so by it settles where
    one judgement in three is bad. max_kl, damping, cg_iterations, shrink, max_trials: as in `trpo`; largest: as in
    `trpo_adaptive`.
    """
    return AscentRule(
        policy,
        Natural(cg_iterations, damping),
        KLRadius(max_kl),
        Backtracking((SurrogateImproves(), KLWithin(factor=1.5)), shrink, max_trials),
        ByEveryAgreement(radius_shrink, radius_grow, largest=largest),
        split=HoldOut(every),
    )


def trpo_in_sample(
    policy: Policy,
    *,
    max_kl: MaxKL = 0.02,
    damping: Damping = 0.1,
    cg_iterations: int = 10,
    shrink: float = 0.8,
    max_trials: int = 10,
    radius_shrink: float = 1 / 4,
    radius_grow: float = 2.0,
    largest: Annotated[float, LogUniform(1.0, 64.0, "as in `trpo_adaptive`")] = 4.0,
) -> AscentRule:
    """`trpo_held_out` whose judges are the rows that made the step: an ablation, as textbooks have the algorithm
    (Nocedal and Wright 2006, algorithm 4.1), where the function is known and not a batch's estimate.

    max_kl, damping, cg_iterations, shrink, max_trials, radius_shrink, radius_grow, largest: as in `trpo_held_out`.
    """
    held_out = trpo_held_out(
        policy, max_kl=max_kl, damping=damping, cg_iterations=cg_iterations, shrink=shrink, max_trials=max_trials,
        radius_shrink=radius_shrink, radius_grow=radius_grow, largest=largest,
    )  # fmt: skip
    return replace(held_out, split=InSample())


def trpo_confident(
    policy: Policy,
    *,
    max_kl: MaxKL = 0.02,
    damping: Damping = 0.1,
    cg_iterations: int = 10,
    shrink: float = 0.8,
    max_trials: int = 10,
    every: Annotated[int, Integer(2, 8, "a half, to an eighth of the rows")] = 4,
    errors: Annotated[float, LogUniform(0.1, 2.0, "hardly a test, to one at 97.7 %")] = 0.5,
) -> AscentRule:
    """TRPO that accepts a step where a lower confidence bound of its gain on held-out rows is positive.

    gain > errors * standard error, the error by the jackknife over episodes (`ConfidentlyImproves`), after the safety
    test of Thomas et al. 2015, "High confidence policy improvement", on importance-sampled advantages in place of
    returns. It stays where it is not sure, so that a batch may be spent on nothing. errors: 0.5, by hand, where theirs
    is 1.6 (95 %): at that hardly a step of a batch of 2,048 would pass. every: as in `trpo_held_out`; the rest as in
    `trpo`: max_kl, damping, cg_iterations, shrink, max_trials, but for a divergence of up to 1.5 times the radius.
    """
    return AscentRule(
        policy,
        Natural(cg_iterations, damping),
        KLRadius(max_kl),
        Backtracking((ConfidentlyImproves(errors), KLWithin(factor=1.5)), shrink, max_trials),
        split=HoldOut(every),
    )
