import torch

from algos.estimators import gae


def column(*values):
    return torch.tensor(values, dtype=torch.float64)[:, None]


def flags(*values):
    return torch.tensor(values)[:, None]


def test_by_hand_without_an_end():
    no = flags(False, False)
    advantages, returns = gae(column(1, 2), column(10, 20), column(20, 30), no, no, 0.5, 0.5)
    # deltas: 1 + 10 - 10 = 1, 2 + 15 - 20 = -3; advantage 0: 1 + .25 * -3
    torch.testing.assert_close(advantages, column(0.25, -3.0))
    torch.testing.assert_close(returns, column(10.25, 17.0))


def test_termination_stops_the_bootstrap_and_the_sum():
    advantages, _ = gae(column(1, 2), column(10, 20), column(99, 30), flags(True, False), flags(True, False), 0.5, 0.5)
    torch.testing.assert_close(advantages, column(1 - 10, -3.0))


def test_truncation_bootstraps_from_the_last_observation_and_stops_the_sum_only():
    advantages, _ = gae(column(1, 2), column(10, 20), column(99, 30), flags(False, False), flags(True, False), 0.5, 0.5)
    torch.testing.assert_close(advantages, column(1 + 49.5 - 10, -3.0))


def test_with_lambda_one_it_is_the_discounted_sum_less_the_value():
    g = torch.Generator().manual_seed(0)
    rewards, values = torch.randn(2, 6, 3, generator=g).double()
    final = torch.randn(1, 3, generator=g).double()
    next_values = torch.cat([values[1:], final])
    no = torch.zeros(6, 3, dtype=torch.bool)
    advantages, returns = gae(rewards, values, next_values, no, no, 0.9, 1.0)
    powers = 0.9 ** torch.arange(7).double()
    expected = (powers[:6, None] * rewards).sum(0) + powers[6] * final[0]
    torch.testing.assert_close(returns[0], expected)
    torch.testing.assert_close(advantages[0], expected - values[0])


def test_with_lambda_zero_it_is_the_temporal_difference():
    no = flags(False, False)
    advantages, _ = gae(column(1, 2), column(10, 20), column(20, 30), no, no, 0.5, 0.0)
    torch.testing.assert_close(advantages, column(1.0, -3.0))
