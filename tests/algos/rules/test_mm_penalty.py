"""Inner ascent on a sampled bound, which is a bound only where the weights can be trusted."""

import math
from dataclasses import replace

import pytest
import torch
from algos_cases import make_large

from algos.ascent import LocalModel
from algos.estimators import measure_change
from algos.estimators.diagnostics import effective_sample_size
from algos.policies import Categorical, DiagonalGaussian
from algos.rules import RULES
from algos.rules.mm_penalty import PenalisedModel

CASES = {"as HalfCheetah": (DiagonalGaussian(6), 17), "as CartPole": (Categorical(2), 4)}


@pytest.fixture(params=CASES)
def large(request):
    return make_large(*CASES[request.param])


def climbed(problem, **hyper):
    rule = RULES["mm_penalty"](problem.policy, **hyper)
    state, info = rule.update(rule.init(problem.theta), problem.batch)
    return state.theta, info, measure_change(problem.policy, problem.theta, state.theta, problem.batch, info)


def ess_at(problem, theta):
    return effective_sample_size(LocalModel(problem.policy, theta, problem.batch).log_ratio)[0]


def test_many_steps_cannot_run_away_on_a_sampled_batch():
    large = make_large(DiagonalGaussian(6), 17)
    floor = 0.5
    theta, info, change = climbed(large, steps=200, ess_floor=floor)
    assert info.accepted and info.ess == pytest.approx(ess_at(large, theta)) and info.ess >= floor
    assert change.surrogate_gain < 1.1 * math.sqrt(1 / floor - 1) and change.kl < 0.5
    _, _, reckless = climbed(large, steps=200, ess_floor=1e-9)
    assert reckless.surrogate_gain > 10 * change.surrogate_gain, "the trap is in this batch"


def test_what_it_reports_is_what_it_gained_where_it_ended(large):
    theta, info, change = climbed(large)
    assert math.isnan(info.predicted_gain) and info.beta == 2.0
    model = LocalModel(large.policy, large.theta, large.batch)
    there = PenalisedModel(model, theta, 2.0)
    assert change.achieved_bound == pytest.approx(there.objective) and there.objective > 0
    assert info.max_weight < 0.1


def test_no_theta_that_it_visited_before_is_better(large):
    """The same ascent, cut off earlier, cannot end higher."""
    gains = [climbed(large, steps=n)[2].achieved_bound for n in (1, 3, 8, 20)]
    assert gains == sorted(gains)


def test_the_penalised_gradient_is_that_of_the_penalised_objective(problem):
    old = LocalModel(problem.policy, problem.theta, problem.batch)
    theta = problem.nearby(0.2)
    leaf = theta.clone().requires_grad_()
    outputs = problem.policy.outputs(leaf, problem.batch.obs)
    ratio = (problem.policy.family.log_prob(outputs, problem.batch.actions) - problem.batch.log_probs).exp()
    value = (ratio * problem.batch.advantages).mean() - 3.0 * problem.policy.family.kl(old.outputs, outputs).mean()
    model = PenalisedModel(old, theta, 3.0)
    torch.testing.assert_close(model.gradient, torch.autograd.grad(value, leaf)[0])
    assert model.objective == pytest.approx(float(value.detach()) - old.value)


def test_the_schedule_steers_the_kl_of_unseen_rows(large):
    rule = RULES["mm_penalty_adaptive"](large.policy, beta=0.05, max_kl=0.001)
    state, _ = rule.update(rule.init(large.theta), large.batch)
    assert state.scale == 0.5, "far beyond its radius: beta doubles"
    rule = RULES["mm_penalty_adaptive"](large.policy, steps=2, max_kl=1.0)
    state, info = rule.update(rule.init(large.theta), large.batch)
    assert info.accepted and state.scale == 1.0, "the number of steps ended the ascent: a smaller beta changes nothing"
    rule = RULES["mm_penalty_adaptive"](large.policy, beta=300.0, steps=40, lr=5e-4, max_kl=1.0)
    state, info = rule.update(rule.init(large.theta), large.batch)
    assert info.accepted and state.scale == 2.0, "the penalty did, far within the radius: beta halves"
    one = replace(large.batch, n_envs=1, episodes=torch.zeros(2048, dtype=torch.long))
    assert rule.update(rule.init(large.theta), one)[0].scale == 1.0, "one episode shows nothing"


@pytest.mark.parametrize("floor", [0.0, 1.0, -1.0])
def test_a_floor_that_bounds_nothing_is_refused(problem, floor):
    with pytest.raises(ValueError, match=f"ess_floor must lie in .*{floor}"):
        RULES["mm_penalty"](problem.policy, ess_floor=floor)
