"""What float32 decides, against the same in float64, on policies and batches of the size that runs have."""

from dataclasses import replace

import pytest
from algos_cases import make_large

from algos.ascent import LocalModel, Natural
from algos.estimators import measure_change
from algos.policies import Categorical, DiagonalGaussian
from algos.rules import RULES

CASES = {"as CartPole": (Categorical(2), 4), "as HalfCheetah": (DiagonalGaussian(6), 17)}


@pytest.fixture(params=CASES)
def case(request):
    large = make_large(*CASES[request.param])
    return large.policy, large.theta, large.batch


def in_double(batch):
    """The same batch in float64, log_probs and all: the oracle."""
    wide = {name: getattr(batch, name).double() for name in ("obs", "advantages", "log_probs")}
    actions = batch.actions.double() if batch.actions.is_floating_point() else batch.actions
    return replace(batch, **wide, actions=actions)


def test_the_penalty_of_theory_accepts_what_float64_accepts(case):
    policy, theta, batch = case
    rule = RULES["mm_theory"](policy)
    (_, single), (_, double) = (
        rule.update(rule.init(t), b) for t, b in ((theta, batch), (theta.double(), in_double(batch)))
    )
    assert double.accepted and double.beta > 1000, double
    assert single.accepted and len(single.trials) == len(double.trials), (single.trials, double.trials)
    assert single.step_size == pytest.approx(double.step_size, rel=1e-3)


@pytest.mark.parametrize("length", [1e-5, 1e-3, 0.1])
def test_gains_and_divergences_of_short_steps_are_those_of_float64(case, length):
    policy, theta, batch = case
    direction = Natural().solve(LocalModel(policy, theta, batch)).vector
    new = theta + length * direction
    told = measure_change(policy, theta, new, batch)
    known = measure_change(policy, theta.double(), new.double(), in_double(batch))
    for name in ("surrogate_gain", "linear_gain", "kl", "reverse_kl", "max_kl", "quadratic_kl"):
        assert getattr(told, name) == pytest.approx(getattr(known, name), rel=0.02, abs=0), name
    candidate = LocalModel(policy, theta, batch).candidate(new)
    for name in ("surrogate_gain", "kl", "reverse_kl", "max_kl"):
        assert getattr(candidate, name) == getattr(told, name), name
