import math
from dataclasses import replace

import pytest
import torch

from algos.ascent import LocalModel
from algos.estimators import measure_change
from algos.rules import RULES
from algos.rules.mm_penalty import PenalisedModel
from algos.rules.pois import WeightVariance


def penalty(problem, theta):
    old = LocalModel(problem.policy, problem.theta, problem.batch)
    return old, float(WeightVariance().of(old, problem.policy.outputs(theta, problem.batch.obs)))


def test_the_penalty_by_hand(problem):
    theta, batch = problem.nearby(0.3), problem.batch
    w = (problem.policy.log_prob(theta, batch.obs, batch.actions) - batch.log_probs).exp()
    d2 = 1 + sum((float(value) - 1) ** 2 for value in w) / 60
    expected = float(batch.advantages.abs().max()) * (math.sqrt(d2 / 8) - math.sqrt(1 / 8))  # of eight episodes
    assert penalty(problem, theta)[1] == pytest.approx(expected) and expected > 0


def test_the_penalty_and_its_gradient_are_zero_at_the_old_policy(problem):
    old, here = penalty(problem, problem.theta)
    assert here == pytest.approx(0, abs=1e-12)
    torch.testing.assert_close(PenalisedModel(old, problem.theta, 9.0, WeightVariance()).gradient, old.gradient)


def test_its_estimate_of_the_divergence_is_unbiased(problem):
    """1 + mean((w - 1)^2) against E_old[w^2], which a categorical policy's table holds."""
    if problem.policy.family.noise != "gumbel":
        pytest.skip("exact sums over actions are for discrete ones")
    theta, obs = problem.nearby(0.3), problem.batch.obs[:1]
    p, q = (problem.policy.outputs(t, obs).softmax(-1)[0] for t in (problem.theta, theta))
    exact = float((q * q / p).sum())
    assert float(1 + (p * (q / p - 1) ** 2).sum()) == pytest.approx(exact) and exact > 1.001


def test_the_surer_the_bound_the_shorter_the_step(problem):
    """And the more episodes there are, the longer."""

    def moved(delta, batch=problem.batch):
        rule = RULES["pois"](problem.policy, delta=delta)
        state, info = rule.update(rule.init(problem.theta), batch)
        assert info.beta == pytest.approx(math.sqrt((1 - delta) / delta))
        return measure_change(problem.policy, problem.theta, state.theta, batch, info).kl

    assert moved(0.9) > moved(0.1) > moved(0.01) > 0
    assert moved(0.01, replace(problem.batch, episodes=torch.arange(60))) > moved(0.01)


def test_a_confidence_out_of_range_is_refused(problem):
    for delta in (0.0, 1.0):
        with pytest.raises(ValueError, match="delta must lie in"):
            RULES["pois"](problem.policy, delta=delta)
