import math
from dataclasses import replace

import pytest

from algos.ascent import LocalModel
from algos.estimators import Discounted, measure_change
from algos.types import Info


def test_nothing_moved_nothing_measured(problem):
    change = measure_change(
        problem.policy, problem.theta, problem.theta.clone(), problem.batch, Info(predicted_gain=0.0)
    )
    divergences = (change.kl, change.reverse_kl, change.max_kl, change.quadratic_kl)
    assert divergences == pytest.approx((0, 0, 0, 0), abs=1e-15) and change.step_norm == 0
    assert change.surrogate_gain == 0 and math.isnan(change.agreement)


def test_divergences_are_named_old_first(problem):
    policy, theta, new, batch = problem.policy, problem.theta, problem.nearby(0.3), problem.batch
    old_d, new_d = policy.outputs(theta, batch.obs), policy.outputs(new, batch.obs)
    change = measure_change(policy, theta, new, batch, Info(predicted_gain=2.0))
    assert change.kl == pytest.approx(float(policy.family.kl(old_d, new_d).mean()))
    assert change.reverse_kl == pytest.approx(float(policy.family.kl(new_d, old_d).mean()))
    assert change.max_kl == pytest.approx(float(policy.family.kl(old_d, new_d).max()))
    assert abs(change.kl - change.reverse_kl) > 1e-4
    weights = (policy.log_prob(new, batch.obs, batch.actions) - batch.log_probs).exp()
    gain = float((weights * batch.advantages).mean() - batch.advantages.mean())
    assert change.surrogate_gain == pytest.approx(gain) and change.agreement == pytest.approx(gain / 2.0)
    assert change.step_norm == pytest.approx(float((new - theta).norm()))
    assert change.entropy == pytest.approx(float(policy.family.entropy(new_d).mean()))


def test_the_quadratic_kl_is_the_kl_of_small_steps(problem):
    change = measure_change(problem.policy, problem.theta, problem.nearby(1e-4), problem.batch)
    assert change.quadratic_kl == pytest.approx(change.kl, rel=1e-2) and change.kl > 0


def test_the_gain_counts_from_old_even_where_old_did_not_collect_the_batch(problem):
    policy, behaviour, old, new = problem.policy, problem.theta, problem.nearby(0.1), problem.nearby(0.3)
    part = measure_change(policy, old, new, problem.batch).surrogate_gain
    before, whole = (measure_change(policy, behaviour, t, problem.batch).surrogate_gain for t in (old, new))
    assert part == pytest.approx(whole - before)


@pytest.mark.parametrize("beta", [math.nan, 7.0], ids=["implied", "the rule's own"])
def test_bounds_are_those_of_the_rules_beta_or_of_the_one_that_the_step_implies(problem, beta):
    new = problem.nearby(0.1)
    change = measure_change(problem.policy, problem.theta, new, problem.batch, Info(beta=beta))
    model, d = LocalModel(problem.policy, problem.theta, problem.batch), new - problem.theta
    slope, curvature = float(model.gradient @ d), float(d @ model.fisher(d))
    assert change.linear_gain == pytest.approx(slope) and change.implied_beta == pytest.approx(slope / curvature)
    used = change.implied_beta if math.isnan(beta) else beta
    assert change.predicted_bound == pytest.approx(slope - used / 2 * curvature)
    assert change.achieved_bound == pytest.approx(change.surrogate_gain - used * change.kl)


def test_what_is_compared_with_the_rule_is_under_its_own_visitation(problem):
    new, batch = problem.nearby(0.1), replace(problem.batch, gamma=0.6)
    plain, discounted = (
        measure_change(problem.policy, problem.theta, new, batch, Info(beta=7.0, predicted_gain=0.5, discounted=own))
        for own in (False, True)
    )
    d, model = new - problem.theta, LocalModel(problem.policy, problem.theta, batch, Discounted())
    candidate = model.candidate(new)
    for change in (plain, discounted):
        assert change.discounted_gain == pytest.approx(candidate.surrogate_gain)
        assert change.surrogate_gain == plain.surrogate_gain != pytest.approx(change.discounted_gain, rel=0.1)
    assert plain.agreement == plain.surrogate_gain / 0.5 and discounted.agreement == discounted.discounted_gain / 0.5
    assert discounted.linear_gain == pytest.approx(float(model.gradient @ d))
    assert discounted.achieved_bound == pytest.approx(discounted.discounted_gain - 7.0 * discounted.kl)


def test_the_implied_beta_is_that_of_a_step_to_the_maximum_of_its_quadratic_bound(problem):
    model = LocalModel(problem.policy, problem.theta, problem.batch)
    alpha = float(model.gradient @ model.gradient) / (5.0 * model.curvature(model.gradient))
    change = measure_change(problem.policy, problem.theta, problem.theta + alpha * model.gradient, problem.batch)
    assert change.implied_beta == pytest.approx(5.0)


def test_where_nothing_moved_there_is_no_bound(problem):
    change = measure_change(problem.policy, problem.theta, problem.theta.clone(), problem.batch, Info(beta=2.0))
    assert all(math.isnan(value) for value in (change.implied_beta, change.predicted_bound, change.achieved_bound))
