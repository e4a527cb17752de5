import pytest
import torch

from algos.estimators import ImportanceSampled, effective_sample_size
from algos.estimators.surrogates import per_sample_gradient


def test_at_the_old_policy_the_weights_are_one(problem):
    value = ImportanceSampled().value(torch.zeros(60).double(), problem.batch)
    torch.testing.assert_close(value, problem.batch.advantages.mean())


def test_the_gradient_with_respect_to_the_log_ratio_is_weight_times_advantage(problem):
    log_ratio = torch.linspace(-1, 1, 60).double()
    expected = log_ratio.exp() * problem.batch.advantages / 60
    torch.testing.assert_close(per_sample_gradient(ImportanceSampled(), log_ratio, problem.batch), expected)


def test_the_effective_sample_size_by_hand():
    ess, largest = effective_sample_size(torch.tensor([3.0, 1.0]).log())
    assert ess == pytest.approx(16 / (2 * 10)) and largest == pytest.approx(0.75)
    assert effective_sample_size(torch.zeros(7)) == (pytest.approx(1.0), pytest.approx(1 / 7))


def test_the_effective_sample_size_does_not_overflow():
    ess, largest = effective_sample_size(torch.tensor([500.0, 0.0]))
    assert ess == pytest.approx(0.5) and largest == pytest.approx(1.0)
