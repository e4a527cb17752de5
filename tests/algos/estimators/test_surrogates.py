import math
from dataclasses import replace

import pytest
import torch

from algos.estimators import ImportanceSampled, effective_sample_size
from algos.estimators.surrogates import (
    WEIGHTINGS,
    Clipped,
    Truncated,
    jackknife_variance,
    predicted_variance,
)
from algos.types import Batch


def test_at_the_old_policy_the_weights_are_one(problem):
    value = ImportanceSampled().value(torch.zeros(60).double(), problem.batch)
    torch.testing.assert_close(value, problem.batch.advantages.mean())


def test_the_gradient_with_respect_to_the_log_ratio_is_weight_times_advantage(problem):
    log_ratio = torch.linspace(-1, 1, 60).double()
    expected = log_ratio.exp() * problem.batch.advantages / 60
    torch.testing.assert_close(ImportanceSampled().gradient(log_ratio, problem.batch), expected)


@pytest.mark.parametrize("surrogate", [*WEIGHTINGS.values(), Clipped(0.2)], ids=repr)
def test_every_gradient_is_autograds(surrogate, problem):
    leaf = torch.linspace(-1, 1, 60).double().requires_grad_()
    (expected,) = torch.autograd.grad(surrogate.value(leaf, problem.batch), leaf)
    torch.testing.assert_close(surrogate.gradient(leaf.detach(), problem.batch), expected)


@pytest.mark.parametrize("surrogate", [*WEIGHTINGS.values(), Clipped(0.2)], ids=repr)
def test_every_tensor_is_made_on_the_device_of_the_batch(surrogate, problem):
    log_ratio = torch.linspace(-1, 1, 60).double()
    expected = surrogate.gradient(log_ratio, problem.batch)
    variance = jackknife_variance(log_ratio, problem.batch.episodes)
    with torch.device("meta"):  # where a tensor made without a device would land
        assert surrogate.gradient(log_ratio, problem.batch).equal(expected)
        assert jackknife_variance(log_ratio, problem.batch.episodes) == variance


def test_the_effective_sample_size_by_hand():
    ess, largest = effective_sample_size(torch.tensor([3.0, 1.0]).log())
    assert ess == pytest.approx(16 / (2 * 10)) and largest == pytest.approx(0.75)
    assert effective_sample_size(torch.zeros(7)) == (pytest.approx(1.0), pytest.approx(1 / 7))


def test_the_effective_sample_size_does_not_overflow():
    ess, largest = effective_sample_size(torch.tensor([500.0, 0.0]))
    assert ess == pytest.approx(0.5) and largest == pytest.approx(1.0)


EPISODES = Batch(
    obs=torch.zeros(5, 1),
    actions=torch.zeros(5),
    advantages=torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0]).double(),
    log_probs=torch.zeros(5),
    episodes=torch.tensor([7, 3, 7, 3, 7]),
    times=torch.tensor([0, 4, 1, 5, 2]),
    gamma=0.9,
)
RATIOS = torch.tensor([2.0, 0.5, 3.0, 4.0, 0.1]).double()
WEIGHTS = {
    "ordinary": [2.0, 0.5, 3.0, 4.0, 0.1],
    "truncated": [2.0, 0.5, 2.0, 2.0, 0.1],
    "self_normalised": [2.0 / 1.92, 0.5 / 1.92, 3.0 / 1.92, 4.0 / 1.92, 0.1 / 1.92],
    "per_decision": [2.0, 0.5, 6.0, 2.0, 0.6],
    "trajectory": [0.6, 2.0, 0.6, 2.0, 0.6],
    "none": [1.0, 1.0, 1.0, 1.0, 1.0],
}


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_the_weights_by_hand(name):
    weights = WEIGHTINGS[name].weights(RATIOS.log(), EPISODES)
    torch.testing.assert_close(weights, torch.tensor(WEIGHTS[name]).double())
    if name != "none":
        expected = (torch.tensor(WEIGHTS[name]).double() * EPISODES.advantages).mean()
        torch.testing.assert_close(WEIGHTINGS[name].value(RATIOS.log(), EPISODES), expected)


@pytest.mark.parametrize("name", sorted(set(WEIGHTINGS) - {"per_decision", "trajectory", "self_normalised"}))
def test_at_the_old_policy_every_rows_gradient_is_its_advantage(name, problem):
    found = WEIGHTINGS[name].gradient(torch.zeros(60).double(), problem.batch)
    torch.testing.assert_close(found, problem.batch.advantages / 60)


def test_only_truncation_and_clipping_cut_weights():
    assert Truncated(2.0).truncated_share(RATIOS.log()) == pytest.approx(2 / 5)
    assert Clipped(0.2).truncated_share(RATIOS.log()) == 1.0
    assert ImportanceSampled().truncated_share(RATIOS.log()) == 0.0


def test_the_clipped_surrogate_never_promises_more_than_the_ratio_at_its_edge():
    batch = replace(EPISODES, advantages=torch.tensor([1.0, 1.0, -1.0, -1.0, 1.0]).double())
    # min(w A, clip(w) A): 1.2, .5, -3, -4, .1
    torch.testing.assert_close(
        Clipped(0.2).value(RATIOS.log(), batch), torch.tensor((1.2 + 0.5 - 3 - 4 + 0.1) / 5).double()
    )


def test_the_predicted_variance_is_that_of_independent_draws():
    g = torch.Generator().manual_seed(0)
    n, trials = 50, 20_000
    values = torch.tensor([1.0, -2.0, 3.0]).double()
    p, q = torch.tensor([0.5, 0.3, 0.2]).double(), torch.tensor([0.3, 0.3, 0.4]).double()
    draws = torch.multinomial(q, n * trials, True, generator=g).view(trials, n)
    estimates = ((p / q)[draws] * values[draws]).mean(1)
    truth = float(((p / q * values**2) @ p - (p @ values) ** 2) / n)
    assert float(estimates.var()) == pytest.approx(truth, rel=0.05)
    many = draws.flatten()
    assert predicted_variance((p / q).log()[many], values[many]) * len(many) / n == pytest.approx(truth, rel=0.05)


def test_the_jackknife_takes_episodes_for_independent_and_rows_not():
    g = torch.Generator().manual_seed(0)
    offsets = torch.randn(400, generator=g).double().repeat_interleave(10)
    episodes = torch.arange(400).repeat_interleave(10)
    assert jackknife_variance(offsets, episodes) == pytest.approx(1 / 400, rel=0.2)
    assert jackknife_variance(offsets, torch.arange(4000)) == pytest.approx(1 / 4000, rel=0.2)
    assert math.isnan(jackknife_variance(offsets, torch.zeros(4000)))
