from dataclasses import replace

import pytest
import torch

from algos.ascent import HoldOut, NoSplit


@pytest.mark.parametrize(("n_envs", "every", "sizes"), [(4, 4, [45, 15]), (4, 2, [30, 30]), (3, 4, [40, 20])])
def test_every_nth_environment_judges(problem, n_envs, every, sizes):
    batch = replace(problem.batch, n_envs=n_envs, episodes=torch.arange(60) % n_envs)
    making, judging = HoldOut(every).parts(batch)
    assert [len(part.obs) for part in (making, judging)] == sizes
    assert making.n_envs + judging.n_envs == n_envs
    assert not set(making.episodes.tolist()) & set(judging.episodes.tolist())


def test_of_one_environment_every_nth_episode_judges(problem):
    making, judging = HoldOut(4).parts(problem.batch)  # eight episodes
    assert sorted(judging.episodes.unique().tolist()) == [3, 7] and len(making.obs) + len(judging.obs) == 60


def test_a_batch_that_cannot_be_split_judges_itself(problem):
    batch = replace(problem.batch, episodes=torch.zeros(60, dtype=torch.long))
    for split in (HoldOut(4), NoSplit()):
        making, judging = split.parts(batch)
        assert making is judging is batch


def test_rows_must_be_left_to_make_the_step():
    with pytest.raises(ValueError, match="every must be at least 2"):
        HoldOut(1)
