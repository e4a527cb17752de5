"""TRPO with one part replaced: each function is one `dataclasses.replace`, and keeps TRPO's hyper-parameters.

TRPO without its search is `tnpg`.
"""

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from algos.ascent import (
    AscentRule,
    Backtracking,
    DampedKLRadius,
    KeepRejected,
    KLWithin,
    MaxKLWithin,
    ReverseKLWithin,
    SurrogateImproves,
    WarmStarted,
)
from algos.curvature import EmpiricalFisher, Identity, Kronecker, Metric, OneScore, SubsampledFisher
from algos.rules.trpo import trpo

Factory = TypeVar("Factory", bound=Callable[..., AscentRule])


def _with_trpos_parameters(ablate: Callable[[AscentRule], AscentRule]) -> Callable[..., AscentRule]:
    @functools.wraps(trpo)
    def factory(*policy: Any, **hyper: Any) -> AscentRule:
        return ablate(trpo(*policy, **hyper))

    factory.__name__, factory.__qualname__, factory.__module__ = ablate.__name__, ablate.__qualname__, __name__
    factory.__doc__ = f"{ablate.__doc__}\n\n    All else is `trpo`:\n\n    {trpo.__doc__}"
    return factory


def _searching(rule: AscentRule, *conditions: Any) -> AscentRule:
    search: Any = rule.acceptance
    return replace(rule, acceptance=Backtracking(conditions, search.shrink, search.max_trials))


def _measuring(rule: AscentRule, metric: Metric) -> AscentRule:
    natural: Any = rule.direction
    return replace(rule, direction=replace(natural, metric=metric))


@_with_trpos_parameters
def trpo_surrogate_check(rule: AscentRule) -> AscentRule:
    """Its search checks the surrogate only, as modular_rl's does."""
    return _searching(rule, SurrogateImproves())


@_with_trpos_parameters
def trpo_kl_check(rule: AscentRule) -> AscentRule:
    """Its search checks the divergence only, as mjrl's does."""
    return _searching(rule, KLWithin())


@_with_trpos_parameters
def trpo_loose(rule: AscentRule) -> AscentRule:
    """Its search accepts up to 1.5 times the radius, as Baselines' does."""
    return _searching(rule, SurrogateImproves(), KLWithin(factor=1.5))


@_with_trpos_parameters
def trpo_max_kl(rule: AscentRule) -> AscentRule:
    """Its search bounds the largest divergence of the batch, not the mean."""
    return _searching(rule, SurrogateImproves(), MaxKLWithin())


@_with_trpos_parameters
def trpo_reverse_kl(rule: AscentRule) -> AscentRule:
    """Its search bounds KL(new || old), as sb3-contrib's and Spinning Up's do."""
    return _searching(rule, SurrogateImproves(), ReverseKLWithin())


@_with_trpos_parameters
def trpo_keep_rejected(rule: AscentRule) -> AscentRule:
    """A search that fails keeps its last candidate instead of staying."""
    search: Any = rule.acceptance
    return replace(rule, acceptance=KeepRejected(search))


@_with_trpos_parameters
def trpo_identity(rule: AscentRule) -> AscentRule:
    """The identity in place of the Fisher matrix: the gradient's direction, to the same KL radius."""
    return _measuring(rule, Identity())


@_with_trpos_parameters
def trpo_subsampled_fisher(rule: AscentRule) -> AscentRule:
    """The Fisher matrix of every tenth observation."""
    return _measuring(rule, SubsampledFisher())


@_with_trpos_parameters
def trpo_empirical_fisher(rule: AscentRule) -> AscentRule:
    """The outer product of the taken actions' scores in place of the Fisher matrix."""
    return _measuring(rule, EmpiricalFisher())


@_with_trpos_parameters
def trpo_one_score(rule: AscentRule) -> AscentRule:
    """The outer product of one action's score in place of the Fisher matrix: a rank-1 inverse (Huo et al. 2026)."""
    return _measuring(rule, OneScore())


@_with_trpos_parameters
def trpo_damped_radius(rule: AscentRule) -> AscentRule:
    """Its step length comes from the damped form s'(F + damping I)s, as in modular_rl and most code since."""
    length: Any = rule.step_size
    return replace(rule, step_size=DampedKLRadius(length.delta))


@_with_trpos_parameters
def trpo_kronecker(rule: AscentRule) -> AscentRule:
    """Its conjugate gradient is preconditioned by Kronecker factors (Martens and Grosse 2015)."""
    natural: Any = rule.direction
    return replace(rule, direction=replace(natural, preconditioner=Kronecker()))


@_with_trpos_parameters
def trpo_warm_start(rule: AscentRule) -> AscentRule:
    """Its conjugate gradient starts from the last update's direction (Martens 2010, "Hessian-free", section 4.5)."""
    natural: Any = rule.direction
    return replace(rule, direction=WarmStarted(natural))
