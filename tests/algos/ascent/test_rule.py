"""The algebra itself, not only its named points."""

from dataclasses import dataclass, replace

import pytest
import torch

from algos.ascent import (
    Adam,
    Always,
    AscentRule,
    Backtracking,
    Fixed,
    Gradient,
    KLRadius,
    KLWithin,
    LocalModel,
    Natural,
)
from algos.estimators import Discounted, measure_change
from algos.rules import RULES


def test_one_update_is_heading_times_length(problem):
    rule = AscentRule(problem.policy, Gradient(), Fixed(0.5), Always())
    state, info = rule.update(rule.init(problem.theta), problem.batch)
    step = state.theta - problem.theta
    assert float(step.norm()) == pytest.approx(info.step_size * (info.predicted_gain / 0.5) ** 0.5)
    assert info.gradient_evaluations == 1 and info.fisher_products == 0 and info.candidate_evaluations == 0


def test_the_state_carries_what_the_direction_remembers(problem):
    rule = AscentRule(problem.policy, Adam(), Fixed(0.01), Always())
    state = rule.init(problem.theta)
    for _ in range(3):
        state, _ = rule.update(state, problem.batch)
    assert state.direction.steps == 3


def test_an_ablation_is_one_replaced_part(problem):
    whole = RULES["trpo"](problem.policy, max_kl=0.5)
    without = replace(whole, acceptance=Always())
    assert "Always()" in repr(without) and repr(without) != repr(whole)
    kl = {}
    for rule in (whole, without):
        state, info = rule.update(rule.init(problem.theta), problem.batch)
        change = measure_change(problem.policy, problem.theta, state.theta, problem.batch, info)
        kl[rule] = change.kl, change.quadratic_kl
    assert kl[whole][0] <= 0.5 and kl[without][1] == pytest.approx(0.5)


def test_the_surrogate_is_a_part_too(problem):
    batch = replace(problem.batch, gamma=0.7)
    rule = replace(RULES["vanilla_pg"](problem.policy, lr=0.5), surrogate=Discounted())
    state, info = rule.update(rule.init(problem.theta), batch)
    expected = 0.5 * LocalModel(problem.policy, problem.theta, batch, Discounted()).gradient
    torch.testing.assert_close(state.theta - problem.theta, expected)
    assert info.discounted and not RULES["vanilla_pg"](problem.policy).update(state, batch)[1].discounted


def test_costs_are_counted(problem):
    rule = AscentRule(problem.policy, Natural(cg_iterations=4), KLRadius(0.01), Backtracking((KLWithin(0.01),)))
    _, info = rule.update(rule.init(problem.theta), problem.batch)
    assert info.cg_iterations == info.fisher_products == 4
    assert info.candidate_evaluations == len(info.trials) >= 1


@dataclass(frozen=True)
class Halving:
    """A radius that halves after every update."""

    def next_scale(self, scale, evidence):
        return scale / 2


def test_the_schedules_scale_reaches_the_next_length_and_the_next_acceptance(problem):
    search = Backtracking((KLWithin(0.02),), shrink=0.9, max_trials=50)
    rule = AscentRule(problem.policy, Natural(), KLRadius(0.5), search, Halving())
    first, info = rule.update(rule.init(problem.theta), problem.batch)
    assert first.scale == 0.5 and info.radius == 0.5 and 0.01 < info.trials[-1].kl <= 0.02
    second, info = rule.update(first, problem.batch)
    assert second.scale == 0.25 and info.radius == 0.25 and info.accepted and info.trials[-1].kl <= 0.01


def test_a_rejected_step_promises_nothing(problem):
    rule = AscentRule(problem.policy, Gradient(), Fixed(0.5), Backtracking((KLWithin(1e-15),), max_trials=1))
    _, info = rule.update(rule.init(problem.theta), problem.batch)
    assert not info.accepted and info.predicted_gain == info.step_size == 0.0
