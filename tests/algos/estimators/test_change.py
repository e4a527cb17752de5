import math

import pytest

from algos.estimators import measure_change


def test_nothing_moved_nothing_measured(problem):
    change = measure_change(problem.policy, problem.theta, problem.theta.clone(), problem.batch, 0.0)
    divergences = (change.kl, change.reverse_kl, change.max_kl, change.quadratic_kl)
    assert divergences == pytest.approx((0, 0, 0, 0), abs=1e-15) and change.step_norm == 0
    assert change.surrogate_gain == 0 and math.isnan(change.agreement)


def test_divergences_are_named_old_first(problem):
    policy, theta, new, batch = problem.policy, problem.theta, problem.nearby(0.3), problem.batch
    old_d, new_d = policy.outputs(theta, batch.obs), policy.outputs(new, batch.obs)
    change = measure_change(policy, theta, new, batch, 2.0)
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
    change = measure_change(problem.policy, problem.theta, problem.nearby(1e-4), problem.batch, 1.0)
    assert change.quadratic_kl == pytest.approx(change.kl, rel=1e-2) and change.kl > 0


def test_the_gain_counts_from_old_even_where_old_did_not_collect_the_batch(problem):
    policy, behaviour, old, new = problem.policy, problem.theta, problem.nearby(0.1), problem.nearby(0.3)
    part = measure_change(policy, old, new, problem.batch, 1.0).surrogate_gain
    before, whole = (measure_change(policy, behaviour, t, problem.batch, 1.0).surrogate_gain for t in (old, new))
    assert part == pytest.approx(whole - before)
