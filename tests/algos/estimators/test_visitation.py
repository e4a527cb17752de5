import pytest
import torch
from exact_cases import every_episode

from algos.estimators.visitation import visitation_mass
from algos.exact import random_mdp


@pytest.mark.parametrize("gamma", [0.5, 0.9, 0.99])
def test_with_every_episode_in_the_batch_it_is_the_mass_of_the_discounted_visitation(gamma):
    mdp, policy, theta, batch = every_episode(gamma)
    last = torch.zeros(256, dtype=torch.long).scatter_reduce(0, batch.episodes, batch.times, "amax")
    terminated = batch.times == last[batch.episodes]
    exact = mdp.visitation(policy.outputs(theta, torch.eye(4).double()).softmax(-1)).sum()
    assert visitation_mass(batch.times, terminated, gamma) == pytest.approx(float(exact))


def test_where_nothing_terminates_it_is_that_of_an_endless_episode():
    assert visitation_mass(torch.arange(7), torch.zeros(7).bool(), 0.9) == pytest.approx(10.0)
    late = visitation_mass(torch.arange(500, 507), torch.zeros(7).bool(), 0.9)
    assert late == pytest.approx(10.0), "also for rows from the middle of an episode"


def test_where_all_episodes_end_at_once_one_step_is_all():
    assert visitation_mass(torch.zeros(9, dtype=torch.long), torch.ones(9).bool(), 0.99) == 1.0


@pytest.mark.parametrize("steps", [16, 400])
def test_rows_cut_from_going_episodes_tell_the_same_mass(steps):
    """Lanes that are cut after `steps` steps, wherever their episode is, over several batches."""
    g, lanes = torch.Generator().manual_seed(0), 64
    mdp = random_mdp(5, 2, 0.95, g, termination=0.08)
    pi = torch.full((5, 2), 0.5).double()
    state, time = torch.multinomial(mdp.start, lanes, True, generator=g), torch.zeros(lanes, dtype=torch.long)
    found = []
    for _ in range(4800 // steps):
        times, ended = [], []
        for _ in range(steps):
            action = torch.multinomial(pi[state], 1, generator=g)[:, 0]
            moves = mdp.transitions[state, action]
            ends = torch.rand(lanes, generator=g) >= moves.sum(-1)
            times.append(time)
            ended.append(ends)
            fresh = torch.multinomial(mdp.start, lanes, True, generator=g)
            state = torch.where(ends, fresh, torch.multinomial(moves, 1, generator=g)[:, 0])
            time = torch.where(ends, 0, time + 1)
        found.append(visitation_mass(torch.cat(times), torch.cat(ended), 0.95))
    exact = float(mdp.visitation(pi).sum())
    assert sum(found[2:]) / len(found[2:]) == pytest.approx(exact, rel=0.03) and exact < 0.5 / (1 - 0.95)
