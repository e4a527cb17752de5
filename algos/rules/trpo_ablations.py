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
    KeepRejected,
    KLWithin,
    MaxKLWithin,
    Natural,
    ReverseKLWithin,
    SurrogateImproves,
)
from algos.curvature import EmpiricalFisher, Identity, Metric, SubsampledFisher
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
    return replace(rule, direction=Natural(natural.cg_iterations, natural.damping, metric))


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
