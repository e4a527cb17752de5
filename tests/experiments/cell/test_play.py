"""The compiled loop makes the numbers of the plain one, bit for bit, and fails as it does."""

import numpy as np
import pytest
import torch

from algos.networks import MLP
from algos.policies import Policy
from experiments.cell.actor import draw_noise
from experiments.cell.environments import make_environments
from experiments.cell.failures import Diverged, EnvironmentFailed
from experiments.cell.normalization import ObservationNormalizer
from experiments.cell.play import CompiledPlayer, NoiseStream, Player, part_of, player_of

N = 5
KNOWN = [
    "Acrobot-v1", "Ant-v5", "CartPole-v1", "HalfCheetah-v5", "Hopper-v5", "Humanoid-v5", "MountainCarContinuous-v0",
    "Pendulum-v1", "Reacher-v5",
]  # fmt: skip


def ready(env, hidden=(64, 64), normalize=True):
    """(environments, policy, theta, normaliser), away from where they begin."""
    environments = make_environments(env, {"max_episode_steps": 70}, N)
    policy = Policy.mlp(environments.observations.size, hidden, environments.family)
    generator = torch.Generator().manual_seed(1)
    theta = policy.init(generator, -0.5) + 0.2 * torch.randn(policy.network.size, generator=generator)
    normalizer = ObservationNormalizer(environments.observations.size, normalize)
    normalizer.update(np.random.default_rng(2).normal(0.1, 0.5, (50, environments.observations.size)))
    return environments, policy, theta, normalizer


def played(kind, env, lanes, sampled, **given):
    """Every array of 200 steps, and the observations after them; episodes that end are reset."""
    environments, policy, theta, normalizer = ready(env, **given)
    player = kind(environments, policy, theta, normalizer)
    obs = np.stack([environments.reset(lane, seed=lane) for lane in range(N)])[lanes]
    lanes = np.array(lanes)
    noise = draw_noise(policy, np.random.default_rng(3), 200, len(lanes)) if sampled else None
    record, t = player.record(200, obs), 0
    while t < 200:
        t += player.advance(lanes, obs, noise if noise is None else noise[t:], part_of(record, t, 200))
        for row in np.flatnonzero(record.done[t - 1]):
            obs[row] = environments.reset(int(lanes[row]))
    return [*record, obs]


@pytest.mark.parametrize("env", KNOWN)
def test_compiled_equals_plain_bit_for_bit(env):
    both = [played(kind, env, [0, 1, 2, 3, 4], sampled=True) for kind in (Player, CompiledPlayer)]
    for plain, compiled in zip(*both, strict=True):
        assert plain.dtype == compiled.dtype
        np.testing.assert_array_equal(plain, compiled)
    assert both[0][-2].any(), "no episode ended"


@pytest.mark.parametrize("env", ["CartPole-v1", "HalfCheetah-v5"])
@pytest.mark.parametrize(
    "given",
    [
        {"lanes": [3, 1], "sampled": True},
        {"lanes": [0, 1, 2, 3, 4], "sampled": False},
        {"lanes": [2], "sampled": True, "normalize": False},
        {"lanes": [0, 4], "sampled": True, "hidden": (7,)},
        {"lanes": [0, 4], "sampled": True, "hidden": ()},
    ],
)
def test_so_it_does_for_some_environments_mean_actions_and_other_networks(env, given):
    for plain, compiled in zip(*(played(kind, env, **given) for kind in (Player, CompiledPlayer)), strict=True):
        np.testing.assert_array_equal(plain, compiled)


def test_only_what_is_known_is_compiled():
    assert type(player_of(*ready("CartPole-v1"))) is CompiledPlayer
    assert type(player_of(*ready("FrozenLake-v1"))) is Player
    environments, policy, theta, normalizer = ready("CartPole-v1")
    assert type(player_of(environments, policy, theta.double(), normalizer)) is Player

    class Mine(MLP):
        pass

    network = Mine(policy.network.input_size, (64, 64), policy.network.output_size)
    assert type(player_of(environments, Policy(network, policy.family), theta, normalizer)) is Player


@pytest.mark.parametrize("kind", [Player, CompiledPlayer])
def test_outputs_that_are_no_numbers_are_the_policys_fault(kind):
    environments, policy, theta, normalizer = ready("Pendulum-v1")
    obs = np.stack([environments.reset(lane, seed=lane) for lane in range(N)])
    player = kind(environments, policy, torch.full_like(theta, torch.nan), normalizer)
    with pytest.raises(Diverged, match="policy_outputs"):
        record = CompiledPlayer(environments, policy, theta, normalizer).record(10, obs)
        player.advance(np.arange(N), obs, None, record)


@pytest.mark.parametrize("kind", [Player, CompiledPlayer])
def test_observations_that_are_no_numbers_are_the_environments_fault(kind):
    environments, policy, theta, normalizer = ready("Pendulum-v1")
    obs = np.stack([environments.reset(lane, seed=lane) for lane in range(N)])
    player = kind(environments, policy, theta, normalizer)
    record = player.record(10, obs)
    environments._states[1] = np.inf
    with pytest.raises(EnvironmentFailed, match="the environment's observation is nan"):
        player.advance(np.arange(N), obs, None, record)


def test_what_is_prepared_need_not_be_compiled_again():
    from experiments.cell.lean.environments import kernel_of

    environments, policy, theta, normalizer = ready("CartPole-v1", (5, 5, 5))
    CompiledPlayer.prepare(environments, policy)
    ready_kernels = kernel_of.cache_info().currsize
    obs = np.stack([environments.reset(lane, seed=lane) for lane in range(N)])
    player = player_of(environments, policy, theta, normalizer)
    player.advance(np.arange(N), obs, NoiseStream(policy, np.random.default_rng(0)).next(9, N), player.record(9, obs))
    assert kernel_of.cache_info().currsize == ready_kernels


def test_noise_looked_at_ahead_is_that_of_single_draws():
    _, policy, *_ = ready("HalfCheetah-v5")
    stream, generator = NoiseStream(policy, np.random.default_rng(4)), np.random.default_rng(4)
    for steps, rows, used in ((32, 4, 7), (32, 4, 32), (5, 3, 1), (40, 2, 40)):
        ahead = stream.next(steps, rows)
        for t in range(used):
            np.testing.assert_array_equal(ahead[t], draw_noise(policy, generator, rows))
        stream.use(used * rows)
