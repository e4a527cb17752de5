import math
from dataclasses import replace

import pytest
import torch
from algos_cases import on_perceptrons

from algos.ascent import ConfidentlyImproves, HoldOut, LocalModel
from algos.estimators import Discounted, ImportanceSampled
from algos.estimators.surrogates import SelfNormalised
from algos.rules import RULES

NAMES = ["trpo_held_out", "trpo_confident"]


def updated(problem, name, batch=None, **hyper):
    rule = RULES[name](problem.policy, **hyper)
    return rule.update(rule.init(problem.theta), batch or problem.batch)


@pytest.mark.parametrize("name", NAMES)
def test_the_step_is_trpos_on_the_other_rows_and_its_trials_are_the_judges(problem, name):
    making, judging = HoldOut(4).parts(problem.batch)
    state, info = updated(problem, name, max_trials=1)
    judge = LocalModel(problem.policy, problem.theta, judging)
    whole = RULES["trpo_surrogate_check"](problem.policy, max_trials=1)
    free, told = whole.update(whole.init(problem.theta), making)
    assert told.accepted and info.trials[0].step_size == told.trials[0].step_size
    candidate = judge.candidate(free.theta)
    assert info.trials[0].surrogate_gain == candidate.surrogate_gain
    assert not info.accepted or state.theta.equal(free.theta)
    assert math.isnan(info.predicted_gain)


def test_in_sample_the_judges_are_the_rows_that_made_the_step(problem):
    state, info = updated(problem, "trpo_in_sample", max_trials=1)
    free, told = updated(problem, "trpo_loose", max_trials=1)
    assert info.trials == told.trials and state.theta.equal(free.theta)
    model = LocalModel(problem.policy, problem.theta, problem.batch)
    agreement = info.trials[0].surrogate_gain / (info.trials[0].step_size * model_slope(model))
    assert state.scale == (2.0 if agreement > 0.75 else 0.25 if agreement < 0.25 else 1.0)


def model_slope(model):
    heading, _ = RULES["trpo"](model.policy).direction.head(model, None)
    return heading.slope


@on_perceptrons
def test_its_radius_follows_the_judges_agreement_at_every_batch(problem):
    """A batch whose judges say the same as its makers, and one whose judges say the contrary."""
    making, _ = HoldOut(4).parts(replace(problem.batch, n_envs=4))
    model = LocalModel(problem.policy, problem.theta, making)
    first, _ = RULES["trpo"](problem.policy, max_kl=1e-6).direction.head(model, None)
    moved = LocalModel(problem.policy, problem.theta, replace(problem.batch, n_envs=4))
    by_row = moved.policy.family.score(moved.outputs, moved.batch.actions)
    along = (by_row * moved._linear.jvp(first.vector)).sum(-1)
    lanes = torch.arange(60) % 4
    for sign, scale in ((1.0, 2.0), (-1.0, 0.25)):
        advantages = torch.where(lanes == 3, sign * along, moved.batch.advantages)
        batch = replace(moved.batch, advantages=advantages)
        state, info = updated(problem, "trpo_held_out", batch, max_kl=1e-6)
        assert (state.scale, info.accepted) == (scale, sign > 0)


@pytest.mark.parametrize("surrogate", [ImportanceSampled(), SelfNormalised(), Discounted()], ids=repr)
def test_the_error_of_a_gain_by_leaving_out_each_episode(problem, surrogate):
    batch = problem.batch
    theta = problem.nearby()

    def gain(rows):
        model = LocalModel(problem.policy, problem.theta, batch.rows(rows), surrogate)
        return model.candidate(theta).surrogate_gain

    left = torch.tensor([gain(batch.episodes != episode) for episode in range(8)], dtype=torch.float64)
    expected = math.sqrt(7 / 8 * float((left - left.mean()).square().sum()))
    found = LocalModel(problem.policy, problem.theta, batch, surrogate).candidate(theta).gain_error
    assert found == pytest.approx(expected, rel=1e-9) and expected > 0


def test_of_one_episode_rows_are_left_out(problem):
    batch = replace(problem.batch, episodes=torch.zeros(60))
    candidate = LocalModel(problem.policy, problem.theta, batch).candidate(problem.nearby())
    w = candidate._log_ratio.exp()
    spread = ((w - 1) * batch.advantages).std() / math.sqrt(60)
    assert candidate.gain_error == pytest.approx(float(spread))


def test_noise_is_accepted_the_more_seldom_the_surer_one_must_be(problem):
    g, accepted = torch.Generator().manual_seed(0), {0.1: 0, 1.0: 0, 3.0: 0}
    for _ in range(40):
        batch = problem.with_advantages(torch.randn(60, generator=g, dtype=torch.float64))
        for errors in accepted:
            accepted[errors] += updated(problem, "trpo_confident", batch, errors=errors)[1].accepted
    assert accepted[0.1] > accepted[1.0] > accepted[3.0], accepted


def test_numbers_out_of_range_are_refused():
    with pytest.raises(ValueError, match="errors must be positive"):
        ConfidentlyImproves(0.0)
