from dataclasses import replace

import pytest
import torch

from algos.estimators.segments import running_sums, segment_sums


def by_hand(values, batch):
    """Row by row."""
    return torch.stack(
        [
            values[(batch.episodes == e) & (batch.times <= t)].sum()
            for e, t in zip(batch.episodes, batch.times, strict=True)
        ]
    )


def test_the_sums_of_an_episode(problem):
    values, batch = torch.linspace(-1, 2, 60).double(), problem.batch
    torch.testing.assert_close(running_sums(values, batch), by_hand(values, batch))
    sums, place = segment_sums(values, batch.episodes)
    last = torch.stack([values[batch.episodes == e].sum() for e in batch.episodes])
    torch.testing.assert_close(sums[place], last)


@pytest.mark.parametrize("length", [1, 2, 7, 60])
def test_episodes_of_any_length(problem, length):
    batch = replace(problem.batch, episodes=torch.arange(60) // length, times=torch.arange(60) % length)
    values = torch.linspace(-1, 2, 60).double()
    torch.testing.assert_close(running_sums(values, batch), by_hand(values, batch))


def test_what_one_episode_holds_costs_the_others_no_digit(problem):
    episode = problem.batch.episodes
    values = torch.where(episode == 0, 1e8, torch.linspace(-1e-3, 1e-3, 60))
    found = running_sums(values, problem.batch)[episode != 0]
    expected = by_hand(values.double(), problem.batch)[episode != 0]
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_what_is_not_finite_stays_in_its_episode(problem, value):
    episode = problem.batch.episodes
    values = torch.where(episode == 0, value, torch.ones(60)).requires_grad_()
    found = running_sums(values, problem.batch)
    assert found[episode != 0].isfinite().all() and not found[episode == 0].isfinite().any()
    found[episode != 0].sum().backward()
    assert values.grad.isfinite().all()
