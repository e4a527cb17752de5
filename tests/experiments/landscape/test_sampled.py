from contextlib import closing

import numpy as np
import pytest
import torch

import experiments.landscape.sampled as sampled_module
from algos.policies import Categorical, Policy
from algos.types import Batch
from experiments.cell.normalization import ObservationNormalizer
from experiments.cell.oracle import finite_mdp
from experiments.cell.run import Run
from experiments.landscape.exact import ExactGround
from experiments.landscape.sampled import Player, SampledGround, thin
from experiments.records import array_of


def batch_of(times, gamma=0.5):
    rows = len(times)
    return Batch(
        torch.arange(rows).unsqueeze(-1).float(), torch.zeros(rows, dtype=torch.long), torch.ones(rows),
        torch.zeros(rows), torch.zeros(rows, dtype=torch.long), torch.tensor(times), gamma,
    )  # fmt: skip


def test_rows_are_kept_as_often_as_the_discount_counts_them():
    times = [0, 1, 2, 3] * 4000
    kept = thin(batch_of(times), np.random.default_rng(0))
    shares = [float((kept.times == t).sum()) / 4000 for t in range(4)]
    assert shares == pytest.approx([1.0, 0.5, 0.25, 0.125], abs=0.03)
    assert kept.obs.dtype == torch.float64 and kept.actions.dtype == torch.long


def player(spec, sizes=(4, 8), episodes=5):
    policy = Policy.mlp(sizes[0], (sizes[1],), Categorical(2))
    return policy, Player(spec, policy, ObservationNormalizer(sizes[0], False), episodes)


def test_returns_and_steps_are_discounted(make_spec, fakes):
    policy, made = player(make_spec(fakes + "Counting-v0", env_kwargs={"length": 9}, gamma=0.9), (2, 8))
    for found in made.play(policy.init(torch.Generator().manual_seed(0), 0.0)):  # a reward of 1 for every step
        np.testing.assert_allclose(found, np.full(5, (1 - 0.9**9) / (1 - 0.9)))


def test_the_episodes_are_the_same_for_every_policy(make_spec):
    policy, made = player(make_spec())
    returns = []
    for seed in (0, 1):
        theta = torch.randn(policy.network.size, generator=torch.Generator().manual_seed(seed))
        theta[-18:] = 0  # the last layer: whatever the others are, both actions are as likely
        returns.append(made.play(theta)[0])
    np.testing.assert_array_equal(*returns)
    theta[-1] = 3.0
    assert not np.array_equal(made.play(theta)[0], returns[0])


def test_an_episode_does_not_depend_on_when_others_end(make_spec, monkeypatch):
    policy, made = player(make_spec())
    theta = policy.init(torch.Generator().manual_seed(0), 0.0)
    before, envs, reset = made.play(theta)[0], made._envs, made._envs.reset

    def tilted(lane, seed):
        first = reset(lane, seed)
        if lane:
            envs._states[lane] = [0.0, 0.0, 0.2, 3.0]  # about to fall
        return first

    monkeypatch.setattr(envs, "reset", tilted)
    after = made.play(theta)[0]
    assert after[0] == before[0] and after[1:].max() < before.min()


def test_samples_tell_what_is_exact(make_spec, monkeypatch):
    """The same policy on both grounds: gradient, divergences, returns and surrogate agree within the noise, though the
    critic knows nothing."""
    monkeypatch.setattr(sampled_module, "CRITIC_FITS", 0)
    spec = make_spec("FrozenLake-v1", env_kwargs={"is_slippery": False}, gamma=0.9, n_envs=16, batch_size=64)
    policy = Policy.mlp(16, spec.settings.hidden, Categorical(4))
    theta = policy.init(torch.Generator().manual_seed(0), 0.0)
    theta += 0.5 * torch.randn(len(theta), generator=torch.Generator().manual_seed(5))
    theta[-4:] += torch.tensor([-0.5, 0.5, 0.5, -0.5])  # down and right, where the goal is
    normalizer = ObservationNormalizer(16, True)
    normalizer.restore({"count": 1, "mean": np.full(16, 0.1), "squares": np.full(16, 0.25)})
    exact = ExactGround(
        finite_mdp(spec.env, spec.env_kwargs, 0.9), policy, theta, torch.from_numpy(normalizer(np.eye(16)))
    )
    sampled = SampledGround(spec, theta, normalizer, 40_000, 400)
    sampled.close()
    g, estimate = exact.gradient, sampled.gradient
    assert float(g @ estimate / g.norm() / estimate.norm()) > 0.97
    assert float(estimate.norm() / g.norm()) == pytest.approx(1, abs=0.15)
    step = g * (0.04 / float(g @ exact.fisher(g))) ** 0.5
    assert float(step @ sampled.fisher(step)) == pytest.approx(0.04, rel=0.1)
    here, truly = sampled.read(sampled.theta), exact.read(exact.theta)
    assert here.return_se == 0 and here.surrogate == here.return_mean
    for t in (-1.0, 1.0):
        told, known = sampled.read(sampled.theta + t * step), exact.read(exact.theta + t * step)
        assert told.kl == pytest.approx(known.kl, rel=0.1)
        assert told.surrogate - here.surrogate == pytest.approx(known.surrogate - truly.surrogate, rel=0.2)
        gain, true_gain = told.return_mean - here.return_mean, known.return_mean - truly.return_mean
        assert told.return_se < abs(true_gain) and abs(gain - true_gain) < 4 * told.return_se
        assert np.isnan(told.bound) and np.isnan(told.average_bound)
    assert normalizer.moments.mean[0] == 0.1, "the policy's moments stand still"


def test_images_are_seen_from_a_policy_as_in_training(make_spec, fakes):
    spec = make_spec("space_environments:Photographs-v0", network="cnn")
    with closing(Run(spec)) as run:
        list(run.step())
        row = run.policy_row()
    mean, std = array_of(row.obs_mean), array_of(row.obs_std)
    normalizer = ObservationNormalizer.of(mean, std, spec.settings.normalize_obs)
    with closing(SampledGround(spec, torch.from_numpy(array_of(row.theta)).float(), normalizer, 200, 4)) as ground:
        assert ground.theta.dtype == ground.gradient.dtype == torch.float64 and float(ground.gradient.norm()) > 0
        step = ground.gradient * (0.02 / float(ground.gradient @ ground.fisher(ground.gradient))) ** 0.5
        here, there = ground.read(ground.theta), ground.read(ground.theta + step)
    assert here.kl == 0 and 0 < there.kl < 0.1 and there.surrogate > here.surrogate
