import math
import re
from dataclasses import replace

import pytest
import torch
from algos_cases import on_perceptrons

from algos.ascent import Adam, LocalModel
from algos.estimators import WEIGHTINGS, Discounted, Used, diagnosed, measure_change
from algos.rules import RULES


def step(rule, problem):
    state, info = rule.update(rule.init(problem.theta), problem.batch)
    return state.theta - problem.theta, diagnosed(info)


def test_one_update_of_reuse_is_vanilla(problem):
    reused, _ = step(RULES["reuse_pg"](problem.policy, lr=0.3, updates=1), problem)
    vanilla, _ = step(RULES["vanilla_pg"](problem.policy, lr=0.3), problem)
    assert reused.equal(vanilla)


def test_more_updates_of_reuse_follow_the_weighted_surrogate(problem):
    theta = problem.theta
    for _ in range(3):
        theta = theta + 0.3 * LocalModel(problem.policy, theta, problem.batch).gradient
    moved, info = step(RULES["reuse_pg"](problem.policy, lr=0.3, updates=3), problem)
    torch.testing.assert_close(problem.theta + moved, theta)
    assert 0 < info.ess < 1 and info.gradient_evaluations == 3


def test_reuse_stops_when_the_effective_sample_size_falls_below_its_floor(problem):
    _, free = step(RULES["reuse_pg"](problem.policy, lr=2.0, updates=6), problem)
    _, held = step(RULES["reuse_pg"](problem.policy, lr=2.0, updates=6, ess_floor=0.9), problem)
    assert free.gradient_evaluations == 6 and 1 <= held.gradient_evaluations < 6
    assert held.reuses[0].ess == pytest.approx(1.0) and held.reuses[-1].ess < 0.9


@on_perceptrons
def test_the_floor_is_for_the_weights_of_the_estimate_itself(problem):
    """Weights of whole trajectories are worn out long before the ratios of single rows are."""
    hyper = {"lr": 0.12, "updates": 8, "ess_floor": 0.5}
    ratios, trajectories, none = (
        step(RULES["reuse_pg"](problem.policy, weights=weights, **hyper), problem)[1]
        for weights in ("ordinary", "trajectory", "none")
    )
    assert trajectories.gradient_evaluations < ratios.gradient_evaluations <= none.gradient_evaluations == 8
    assert trajectories.reuses[-1].ess < 0.5 and trajectories.reuses[-2].ess >= 0.5
    assert all(reuse.ess == pytest.approx(1.0) for reuse in none.reuses)


FAMILY = {"reuse_pg": "vanilla_pg", "reuse_pg_adam": "vanilla_pg_adam", "history_pg": "vanilla_pg"}
FAMILY |= {"history_pg_adam": "vanilla_pg_adam", "vanilla_pg_discounted": "vanilla_pg"}


@pytest.mark.parametrize(("name", "plain"), FAMILY.items())
def test_the_defaults_of_a_family_go_equally_far(problem, name, plain):
    """On advantages so small that the gradient stays what it was, and that Adam divides by little but epsilon."""
    small = replace(problem, batch=replace(problem.batch, advantages=problem.batch.advantages * 1e-9, gamma=1 - 1e-9))
    moved, once = (step(RULES[rule](problem.policy), small)[0] for rule in (name, plain))
    torch.testing.assert_close(moved, once, rtol=1e-3, atol=1e-3 * float(once.abs().max()))


def test_adam_remembers_the_steps_on_a_batch_and_takes_them_to_the_next(problem):
    rule, adam = RULES["reuse_pg_adam"](problem.policy, updates=3), Adam()
    state, theta, memory = rule.init(problem.theta), problem.theta, adam.init(problem.theta)
    for _ in range(2):
        state, info = rule.update(state, problem.batch)
        for _ in range(3):
            with torch.no_grad():
                heading, memory = adam.head(LocalModel(problem.policy, theta, problem.batch), memory)
                theta = theta + 7.5e-4 * heading.vector
    torch.testing.assert_close(state.theta, theta)
    assert state.direction.steps == 6 and info.gradient_evaluations == 3


@pytest.mark.parametrize("weights", WEIGHTINGS)
def test_what_is_predicted_is_what_the_whole_step_gains_or_nothing(problem, weights):
    centred = replace(
        problem, batch=problem.with_advantages(problem.batch.advantages - problem.batch.advantages.mean())
    )
    moved, info = step(RULES["reuse_pg"](problem.policy, lr=1e-3, updates=6, weights=weights), centred)
    change = measure_change(problem.policy, problem.theta, problem.theta + moved, centred.batch, info)
    if weights in ("per_decision", "trajectory"):
        assert math.isnan(info.predicted_gain) and math.isnan(change.agreement)
    else:
        assert change.agreement == pytest.approx(1, rel=0.03)


def test_re_use_on_the_discounted_visitation_says_so_and_keeps_its_promise(problem):
    short = replace(problem, batch=replace(problem.batch, gamma=0.7))
    rule = replace(RULES["reuse_pg"](problem.policy, lr=1e-3), surrogate=Discounted())
    moved, info = step(rule, short)
    change = measure_change(problem.policy, problem.theta, problem.theta + moved, short.batch, info)
    assert info.discounted and change.agreement == pytest.approx(1, rel=0.03)
    assert change.agreement == change.discounted_gain / info.predicted_gain
    assert info.reuses[0].ess == pytest.approx(1.0), "what the discount gives away is not laid to re-use"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"updates": 0}, "updates must be at least 1 and ess_floor lie in [0, 1), got 0, 0.0"),
        ({"ess_floor": 1.0}, "updates must be at least 1 and ess_floor lie in [0, 1), got 4, 1.0"),
        ({"weights": "heavy"}, "weights must be one of ordinary, truncated"),
        ({"level": 0.0}, "the truncation level must be positive, got 0.0"),
    ],
)
def test_hyper_parameters_out_of_range_are_refused(problem, wrong, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        RULES["reuse_pg"](problem.policy, **wrong)


def test_an_update_pays_for_no_diagnosis(problem, monkeypatch):
    """Only where a floor is to be kept, and then for the sample size alone."""

    def paid(self):
        raise AssertionError("within the update's clock")

    monkeypatch.setattr(Used, "diagnose", paid)
    rule = RULES["reuse_pg"](problem.policy, ess_floor=0.5)
    rule.update(rule.init(problem.theta), problem.batch)
    monkeypatch.setattr(Used, "ess", paid)
    rule = RULES["reuse_pg"](problem.policy)
    assert len(rule.update(rule.init(problem.theta), problem.batch)[1].uses) == 4
