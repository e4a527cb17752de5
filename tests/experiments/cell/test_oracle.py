import math
from dataclasses import replace
from itertools import pairwise

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.envs.toy_text.frozen_lake import FrozenLakeEnv

from algos.policies import Categorical, Policy
from algos.types import Batch
from experiments.cell.oracle import Oracle, finite_mdp, table_of
from experiments.cell.run import Run
from experiments.cell.spaces import make_environment
from experiments.cell.train import train
from experiments.records import UpdateRow

SMALL = {"is_slippery": True, "map_name": "4x4"}


TABLES = {"FrozenLake-v1": (16, 4), "CliffWalking-v1": (48, 4), "Taxi-v4": (500, 6)}


@pytest.mark.parametrize("env", TABLES)
def test_the_tables_of_toy_text_are_problems(env):
    mdp = finite_mdp(env, {}, 0.9)
    assert mdp.rewards.shape == TABLES[env] and float(mdp.start.sum()) == pytest.approx(1)


def paid_twice(**kwargs):
    return gym.wrappers.TransformReward(FrozenLakeEnv(**kwargs), lambda reward: 2 * reward)


def seen_backwards(**kwargs):
    return gym.wrappers.TransformObservation(FrozenLakeEnv(**kwargs), lambda obs: 15 - obs, gym.spaces.Discrete(16))


class Slower(FrozenLakeEnv):
    def step(self, action):
        state, reward, *rest = super().step(action)
        return state, reward - 0.01, *rest


def on_the_instance(**kwargs):
    env = FrozenLakeEnv(**kwargs)
    env.step = lambda action: (0, 1.0, False, False, {})
    return env


@pytest.mark.parametrize("factory", [paid_twice, seen_backwards, Slower, on_the_instance])
def test_a_lake_that_was_altered_has_no_truth_from_the_stock_table(monkeypatch, factory):
    monkeypatch.setattr("gymnasium.envs.registration.registry", dict(gym.registry))
    gym.register("Lake-v0", entry_point=factory, max_episode_steps=100)
    gym.register("Plain-v0", entry_point=FrozenLakeEnv, max_episode_steps=100)
    assert finite_mdp("Lake-v0", {}, 0.9) is None
    assert finite_mdp("Plain-v0", {}, 0.9) is not None


def test_a_table_is_the_truth_only_where_every_copy_has_it_and_it_knows_all():
    slippery, dry = (make_environment("FrozenLake-v1", {"is_slippery": wet}) for wet in (True, False))
    assert table_of([slippery, slippery], 0.9) is not None and table_of([slippery, dry], 0.9) is None
    assert finite_mdp("Taxi-v4", {"is_rainy": True}, 0.9) is not None
    assert finite_mdp("Taxi-v4", {"fickle_passenger": True}, 0.9) is None


def test_a_table_that_was_edited_is_what_is_played_and_so_the_truth():
    made = make_environment("FrozenLake-v1", {"is_slippery": False})
    made.unwrapped.P[0][0] = [(1.0, 0, 5.0, True)]
    made.reset(seed=0)
    assert made.step(0)[1:3] == (5.0, True) and float(table_of([made], 0.9).rewards[0, 0]) == 5.0


def test_environments_without_a_table_have_no_oracle(make_spec):
    assert finite_mdp("CartPole-v1", {}, 0.9) is None and Run(make_spec()).oracle is None


def test_the_exact_return_is_what_playing_pays():
    mdp = finite_mdp("FrozenLake-v1", SMALL, 0.95)
    pi = torch.randn(16, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64).softmax(-1)
    env, g = make_environment("FrozenLake-v1", SMALL | {"max_episode_steps": 1000}), np.random.default_rng(0)
    returns = []
    for episode in range(1500):
        obs, _ = env.reset(seed=episode)
        total, discount, done = 0.0, 1.0, False
        while not done:
            obs, reward, terminated, truncated, _ = env.step(int(g.choice(4, p=pi[int(obs.argmax())].numpy())))
            total, discount, done = total + discount * reward, discount * 0.95, terminated or truncated
        returns.append(total)
    assert abs(np.mean(returns) - float(mdp.eta(pi))) < 4 * np.std(returns) / len(returns) ** 0.5


def test_a_run_on_such_a_problem_carries_the_truth(make_spec):
    spec = make_spec("FrozenLake-v1", env_kwargs={"is_slippery": False}, batch_size=1024, budget=20_480, evaluations=1)
    rows = [row for row in train(spec) if isinstance(row, UpdateRow)]
    for before, after in pairwise(rows):
        # the normaliser's moments move between updates, and the policy with them, a little
        assert after.true_return_before == pytest.approx(before.true_return_after, abs=0.1)
    assert rows[-1].true_return_after > rows[0].true_return_before + 0.1, "trpo learns, and the truth shows it"
    assert np.mean([row.true_cosine for row in rows]) > 0.2
    held = [row.bound_held for row in rows if not math.isnan(row.bound_held)]
    assert set(held) <= {0.0, 1.0} and all(row.claimed_gain <= 0 or row.implied_beta > 0 for row in rows)


def test_with_exact_discounted_advantages_the_estimate_points_along_the_true_gradient(make_spec):
    run = Run(make_spec("FrozenLake-v1", env_kwargs=SMALL, batch_size=20_000, budget=40_000, normalize_obs=False))
    batch, _, _ = run.estimate(run.collector.collect(run.state.theta))
    mdp = finite_mdp("FrozenLake-v1", SMALL, batch.gamma)
    exact = mdp.advantage(run.policy.outputs(run.state.theta, torch.eye(16)).double().softmax(-1))
    advantages = exact[batch.obs.argmax(-1), batch.actions] * batch.gamma**batch.times
    truth = run.oracle.judge(
        run.state.theta, run.state.theta, torch.eye(16), replace(batch, advantages=advantages.float()), 0.0
    )
    assert truth.true_cosine > 0.9


def test_a_batch_knows_the_mass_of_the_visitation_that_it_comes_from(make_spec):
    run = Run(make_spec("FrozenLake-v1", env_kwargs=SMALL, batch_size=20_000, budget=40_000, normalize_obs=False))
    batch, _, _ = run.estimate(run.collector.collect(run.state.theta))
    pi = run.policy.outputs(run.state.theta, torch.eye(16)).double().softmax(-1)
    exact = float(finite_mdp("FrozenLake-v1", SMALL, batch.gamma).visitation(pi).sum())
    assert batch.visitation_mass == pytest.approx(exact, rel=0.03) and exact < 8


def test_nothing_moved_nothing_gained(make_spec):
    run = Run(make_spec("FrozenLake-v1", env_kwargs=SMALL))
    theta = run.state.theta
    batch, _, _ = run.estimate(run.collector.collect(theta))
    truth = run.oracle.judge(theta, theta, torch.eye(16), batch, 0.0)
    assert truth.true_return_before == truth.true_return_after and truth.bound_held == 1.0


def test_the_claimed_gain_is_in_units_of_the_return():
    mdp, policy = finite_mdp("FrozenLake-v1", SMALL, 0.9), Policy.mlp(16, (4,), Categorical(4))
    theta = policy.init(torch.Generator().manual_seed(0), 0.0)
    obs = torch.eye(16)
    actions = torch.zeros(16, dtype=torch.long)
    batch = Batch(
        obs, actions, torch.ones(16), policy.log_prob(theta, obs, actions), actions, actions, 0.9, advantage_scale=3.0,
        reward_scale=2.0,
    )  # fmt: skip
    truth = Oracle(mdp, policy).judge(theta, theta, obs, batch, 0.5)
    mass = float(mdp.visitation(policy.outputs(theta, obs).double().softmax(-1)).sum())
    assert truth.claimed_gain == pytest.approx(0.5 * 3 * 2 * mass) and mass < 0.6 / (1 - 0.9)


@pytest.mark.parametrize("map_name", ["4x4", "8x8"])
def test_a_claim_of_the_exact_surrogate_is_its_gain_of_the_return(map_name):
    """What is claimed for the exact mean advantage under the discounted visitation is what the surrogate gains."""
    mdp = finite_mdp("FrozenLake-v1", {"map_name": map_name}, 0.99)
    policy = Policy.mlp(mdp.n_states, (), Categorical(4))
    obs, g = torch.eye(mdp.n_states), torch.Generator().manual_seed(0)
    old = torch.randn(policy.network.size, generator=g)
    new = old + 0.3 * torch.randn(policy.network.size, generator=g)
    old_pi, new_pi = (policy.outputs(theta.double(), obs.double()).softmax(-1) for theta in (old, new))
    visitation = mdp.visitation(old_pi)
    mean_gain = float(visitation @ (new_pi * mdp.advantage(old_pi)).sum(-1) / visitation.sum())
    actions = torch.zeros(mdp.n_states, dtype=torch.long)
    batch = Batch(obs, actions, torch.ones(len(obs)), policy.log_prob(old, obs, actions), actions, actions, 0.99)
    truth = Oracle(mdp, policy).judge(old, new, obs, batch, mean_gain)
    assert truth.claimed_gain == pytest.approx(float(mdp.surrogate(old_pi, new_pi) - mdp.eta(old_pi)), rel=1e-9)
    assert float(visitation.sum()) < 40, "episodes end: fewer than 100 discounted steps"
