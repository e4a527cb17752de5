"""The algebra itself, not only its named points."""

import re
from dataclasses import dataclass, replace

import pytest
import torch
from algos_cases import make_large

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
    QuadraticBound,
    SurrogateImproves,
)
from algos.curvature import Identity
from algos.estimators import Discounted, measure_change
from algos.policies import Categorical, DiagonalGaussian
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


@pytest.mark.parametrize(
    ("name", "condition"),
    [("trpo", "kl"), ("trpo_max_kl", "max_kl"), ("trpo_loose", "kl"), ("trpo_kl_check", "kl")],
)
def test_the_search_holds_candidates_to_the_radius_of_the_step_size_in_force(problem, name, condition):
    """Also where the step size alone was replaced: the radius stands in one place."""
    factor = 1.5 if name == "trpo_loose" else 1.0
    rule = replace(RULES[name](problem.policy), step_size=KLRadius(0.5))
    _, info = rule.update(rule.init(problem.theta), problem.batch)
    assert info.radius == 0.5 and info.accepted
    for trial in info.trials:
        within = getattr(trial, condition) <= 0.5 * factor
        assert trial.accepted == (within and not trial.surrogate_gain <= 0), trial
    assert getattr(info.trials[-1], condition) > 0.1, "far beyond the radius that the rule was made with"


def test_the_lower_bound_is_judged_with_the_beta_of_the_step_size_in_force(problem):
    rule = replace(RULES["mm_quadratic"](problem.policy), step_size=QuadraticBound(50.0))
    _, info = rule.update(rule.init(problem.theta), problem.batch)
    raised = [trial.surrogate_gain > 50.0 * trial.kl for trial in info.trials]
    assert info.beta == 50.0 and raised == [trial.accepted for trial in info.trials]


def test_the_ball_in_parameters_is_reported_beside_the_kl_radius(problem):
    rule = RULES["trpo_euclidean"](problem.policy, radius=0.1, max_kl=0.3)
    state, info = rule.update(rule.init(problem.theta), problem.batch)
    assert (info.euclidean_radius, info.radius) == (0.1, 0.3) and info.trials[-1].kl <= 0.3
    assert float((state.theta - problem.theta).norm()) == pytest.approx(0.1)


def test_costs_are_counted(problem):
    rule = AscentRule(problem.policy, Natural(cg_iterations=4), KLRadius(0.01), Backtracking((KLWithin(),)))
    _, info = rule.update(rule.init(problem.theta), problem.batch)
    assert info.cg_iterations == info.fisher_products == 4
    assert info.candidate_evaluations == len(info.trials) >= 1


@dataclass(frozen=True)
class Halving:
    """A radius that halves after every update."""

    def next_scale(self, scale, memory, evidence):
        return scale / 2, None


def test_the_schedules_scale_reaches_the_next_length_and_the_next_acceptance(problem):
    search = Backtracking((KLWithin(factor=0.04),), shrink=0.9, max_trials=50)
    rule = AscentRule(problem.policy, Natural(), KLRadius(0.5), search, Halving())
    first, info = rule.update(rule.init(problem.theta), problem.batch)
    assert first.scale == 0.5 and info.radius == 0.5 and 0.01 < info.trials[-1].kl <= 0.02
    second, info = rule.update(first, problem.batch)
    assert second.scale == 0.25 and info.radius == 0.25 and info.accepted and info.trials[-1].kl <= 0.01


def test_a_rejected_step_promises_nothing(problem):
    rule = AscentRule(problem.policy, Gradient(), KLRadius(0.5), Backtracking((KLWithin(1e-15),), max_trials=1))
    _, info = rule.update(rule.init(problem.theta), problem.batch)
    assert not info.accepted and info.predicted_gain == info.step_size == 0.0


def test_a_condition_without_the_radius_that_it_reads_is_an_error(problem):
    rule = AscentRule(problem.policy, Gradient(), Fixed(0.5), Backtracking((KLWithin(),)))
    with pytest.raises(ValueError, match=re.escape("KLWithin(factor=1.0) needs a step size with a radius")):
        rule.update(rule.init(problem.theta), problem.batch)


def test_the_identity_costs_no_fisher_product(problem):
    rule = AscentRule(problem.policy, Natural(metric=Identity()), KLRadius(0.01), Always())
    _, info = rule.update(rule.init(problem.theta), problem.batch)
    assert info.cg_iterations >= 1 and info.fisher_products == 0


@pytest.mark.parametrize("direction", [Gradient(), Natural()], ids=repr)
def test_a_zero_gradient_tries_nothing(problem, direction):
    rule = AscentRule(problem.policy, direction, Fixed(0.5), Backtracking((SurrogateImproves(),)))
    _, info = rule.update(rule.init(problem.theta), problem.with_advantages(torch.zeros(60).double()))
    assert (info.accepted, info.trials, info.candidate_evaluations, info.fisher_products) == (False, (), 0, 0)


@pytest.mark.parametrize(("max_kl", "direction"), [(20.0, -1), (1e-4, 1)])
def test_a_radius_goes_to_where_the_model_of_unseen_rows_holds(max_kl, direction):
    large = make_large(Categorical(2), 4)
    scale = scales_of(RULES["trpo_adaptive"](large.policy, max_kl=max_kl), large, updates=6)[-1]
    assert (scale - 1) * direction > 0, scale


@pytest.mark.parametrize("family", [Categorical(2), DiagonalGaussian(6)], ids=repr)
def test_a_radius_by_divergence_comes_back_to_where_full_steps_go_as_far_as_they_should(family):
    large = make_large(family, 4)
    rule = RULES["trpo_divergence"](large.policy)
    assert scales_of(rule, large, start=4.0, updates=4) == [2.0, 1.0, 1.0, 1.0]
    assert scales_of(rule, large, start=0.25, updates=4) == [0.5, 1.0, 1.0, 1.0]


def test_without_a_bound_the_radius_settles_where_the_slope_of_unseen_rows_ends():
    large = make_large(Categorical(2), 4)
    path = scales_of(RULES["trpo_adaptive"](large.policy, largest=1e6), large, updates=30)
    assert path[-1] == path[9] and 1 < path[-1] < 100, path


@pytest.mark.parametrize("name", ["trpo_adaptive", "mm_adaptive"])
def test_advantages_that_are_noise_do_not_drive_a_schedule(name):
    """On the batch that made it, every step keeps all it promised, noise or not."""
    large, g = make_large(DiagonalGaussian(6), 17), torch.Generator().manual_seed(3)
    rule = RULES[name](large.policy, largest=256.0)
    state = rule.init(large.theta)
    for _ in range(15):
        noise = replace(large.batch, advantages=torch.randn(2048, generator=g))
        state, _ = rule.update(replace(state, theta=large.theta), noise)
    assert state.scale == 1.0


@pytest.mark.parametrize(("family", "obs_size"), [(Categorical(2), 4), (DiagonalGaussian(6), 17)], ids=repr)
@pytest.mark.parametrize("name", ["trpo_adaptive", "mm_adaptive", "trpo_divergence"])
def test_steps_that_theta_cannot_hold_teach_nothing(name, family, obs_size):
    """Advantages of rounding's size: the quadratic bound's maximum lies closer than the next number."""
    large, g = make_large(family, obs_size), torch.Generator().manual_seed(3)
    rule = RULES[name](large.policy)
    state = rule.init(large.theta)
    for _ in range(9):
        tiny = replace(large.batch, advantages=torch.randn(2048, generator=g) * 1e-12)
        state, _ = rule.update(replace(state, theta=large.theta), tiny)
    assert state.scale == 1.0


def scales_of(rule, large, start=1.0, updates=1):
    """The scales after updates that all begin at the same theta."""
    state, path = replace(rule.init(large.theta), scale=start), []
    for _ in range(updates):
        state, _ = rule.update(replace(state, theta=large.theta), large.batch)
        path.append(state.scale)
    return path


def test_an_adaptive_penalty_falls_where_its_bound_is_loose_and_rises_where_it_is_violated():
    large = make_large(Categorical(2), 4)
    for beta, scale in ((100.0, 2.0), (0.01, 0.5)):
        rule = RULES["mm_adaptive"](large.policy, beta=beta)
        assert scales_of(rule, large, updates=5)[-1] == scale
        _, info = rule.update(rule.init(large.theta), large.batch)
        assert info.beta == beta
