from dataclasses import replace

import pytest
import torch

from algos.ascent import CrossFit, Gradient, KLRadius, LocalModel
from algos.ascent.crossfit import halves


def full_step(model):
    heading, _ = Gradient().head(model, None)
    return model.theta + heading.vector * KLRadius(0.02).length(model, heading, 1.0).alpha


def test_no_episode_is_in_both_halves_and_no_row_is_lost(problem):
    batch = replace(problem.batch, n_envs=4)
    first, second = halves(batch)
    assert not set(first.episodes.tolist()) & set(second.episodes.tolist())
    assert len(first.obs) + len(second.obs) == 60 and (first.n_envs, second.n_envs) == (2, 2)
    assert torch.cat([first.obs, second.obs]).sort(0).values.equal(batch.obs.sort(0).values)
    # a row of two lanes is still one time step
    assert first.times[0::2].equal(first.times[1::2]) and first.episodes[0] != first.episodes[1]


@pytest.mark.parametrize(("n_envs", "sizes"), [(3, [40, 20]), (1, [30, 30])])
def test_an_odd_number_of_environments_and_a_single_one_have_halves_too(problem, n_envs, sizes):
    group = torch.arange(60) % n_envs if n_envs > 1 else torch.arange(60) // 15
    batch = replace(problem.batch, n_envs=n_envs, episodes=group)
    parts = halves(batch)
    assert [len(part.obs) for part in parts] == sizes
    assert not set(parts[0].episodes.tolist()) & set(parts[1].episodes.tolist())


def test_one_episode_has_no_halves_and_shows_nothing(problem):
    batch = replace(problem.batch, episodes=torch.zeros(60, dtype=torch.long))
    assert halves(batch) == [] and CrossFit(LocalModel(problem.policy, problem.theta, batch), full_step).unseen is None


def test_each_half_judges_the_step_of_the_other(problem):
    batch = replace(problem.batch, n_envs=4)
    first, second = (LocalModel(problem.policy, problem.theta, half) for half in halves(batch))
    gained = predicted = kl = 0.0
    for maker, judge in ((first, second), (second, first)):
        new = full_step(maker)
        candidate = judge.candidate(new)
        gained, kl = gained + candidate.surrogate_gain / 2, kl + candidate.kl / 2
        predicted += float(judge.gradient @ (new - problem.theta)) / 2
    crossfit = CrossFit(LocalModel(problem.policy, problem.theta, batch), full_step)
    assert crossfit.models == (), "nothing is computed before it is asked for"
    found = crossfit.unseen
    assert (found.gained, found.predicted, found.kl) == pytest.approx((gained, predicted, kl))
    assert [model.gradient_evaluations for model in crossfit.models] == [1, 1]


def test_the_batch_that_made_a_step_is_a_kinder_judge_than_rows_it_has_not_seen(problem):
    """Advantages are noise here: what is gained on the rows of the direction is fitted to them."""
    g, seen, unseen = torch.Generator().manual_seed(0), 0.0, 0.0
    for _ in range(40):
        noise = torch.randn(60, generator=g, dtype=torch.float64)
        whole = LocalModel(problem.policy, problem.theta, replace(problem.batch, n_envs=4, advantages=noise))
        seen += whole.candidate(full_step(whole)).surrogate_gain
        unseen += CrossFit(whole, full_step).unseen.gained
    assert seen > 4 * abs(unseen), (seen, unseen)


def test_a_half_with_nowhere_to_go_shows_nothing(problem):
    lane = torch.arange(60) % 2
    batch = replace(problem.batch, n_envs=2, advantages=problem.batch.advantages * lane)
    assert CrossFit(LocalModel(problem.policy, problem.theta, batch), full_step).unseen is None
