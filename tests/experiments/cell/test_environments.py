import subprocess
import sys

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from algos.policies import Categorical, DiagonalGaussian
from experiments.cell.environments import (
    GymEnvironments,
    LeanEnvironments,
    make_environment,
    make_environments,
    spaces_of,
)

LEAN = ["HalfCheetah-v5", "Hopper-v5", "Walker2d-v5", "InvertedPendulum-v5", "InvertedDoublePendulum-v5"]
N = 3


@pytest.mark.parametrize(
    ("env", "kwargs"),
    [
        *((env, {"max_episode_steps": 90}) for env in LEAN),
        ("HalfCheetah-v5", {"ctrl_cost_weight": 0.3, "exclude_current_positions_from_observation": False}),
        ("CartPole-v1", {"max_episode_steps": 30}),
        ("CartPole-v1", {"sutton_barto_reward": True}),
        ("Hopper-v5", {"terminate_when_unhealthy": False, "max_episode_steps": 40, "healthy_reward": 2.0}),
    ],
)
def test_lean_stepping_equals_gymnasiums_vector_environment_bit_for_bit(env, kwargs):
    lean = make_environments(env, kwargs, N)
    assert isinstance(lean, LeanEnvironments)
    oracle = SyncVectorEnv(
        [lambda: gym.make(env, disable_env_checker=True, **kwargs)] * N, autoreset_mode=AutoresetMode.SAME_STEP
    )
    expected, _ = oracle.reset(seed=[7, 8, 9])
    found = np.stack([lean.reset(n, seed) for n, seed in enumerate([7, 8, 9])])
    np.testing.assert_array_equal(found, expected)
    generator, ends = np.random.default_rng(0), 0
    space = oracle.single_action_space
    for _ in range(1000):
        if isinstance(space, gym.spaces.Discrete):
            action = generator.integers(space.n, size=N)
        else:
            action = generator.uniform(space.low, space.high, (N, *space.shape)).astype(np.float32)
        expected, rewards, terminated, truncated, info = oracle.step(action)
        found, lean_rewards, lean_terminated, lean_truncated = lean.step(action, range(N))
        np.testing.assert_array_equal(lean_rewards, rewards)
        np.testing.assert_array_equal(lean_terminated, terminated)
        np.testing.assert_array_equal(lean_truncated, truncated)
        for lane in np.flatnonzero(terminated | truncated):
            np.testing.assert_array_equal(found[lane], info["final_obs"][lane])
            found[lane] = lean.reset(int(lane))
            ends += 1
        np.testing.assert_array_equal(found, expected)
    assert ends >= 3 or env == "HalfCheetah-v5"


def test_a_subset_can_be_stepped_while_others_wait():
    ours, alone = make_environments("Hopper-v5", {}, 3), make_environments("Hopper-v5", {}, 1)
    for n in range(3):
        ours.reset(n, seed=n)
    alone.reset(0, seed=2)
    action = np.full((1, 3), 0.3, dtype=np.float32)
    for _ in range(10):
        np.testing.assert_array_equal(ours.step(action, [2])[0], alone.step(action, [0])[0])


def test_environments_that_are_not_known_go_through_gymnasium():
    assert type(make_environments("Acrobot-v1", {}, 1)) is GymEnvironments
    assert type(make_environments("Swimmer-v5", {}, 1)) is GymEnvironments


def test_spaces_decide_the_family():
    assert spaces_of(make_environment("CartPole-v1", {})) == (4, Categorical(2))
    assert spaces_of(make_environment("Pendulum-v1", {})) == (3, DiagonalGaussian(1))
    assert spaces_of(make_environment("FrozenLake-v1", {})) == (16, Categorical(4))


def test_action_spaces_that_no_rule_takes_are_refused():
    class Odd(gym.Env):
        observation_space = gym.spaces.Box(-1, 1, (2,))
        action_space = gym.spaces.MultiBinary(3)

    with pytest.raises(ValueError, match="neither discrete nor a flat box"):
        spaces_of(Odd())


def test_making_and_stepping_says_nothing_and_writes_nothing(tmp_path):
    code = (
        "from experiments.cell.environments import make_environments\n"
        "import numpy as np\n"
        "made = make_environments('HalfCheetah-v5', {}, 1)\n"
        "made.reset(0, 0)\n"
        "made.step(np.full((1, 6), np.nan, dtype=np.float32), [0])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert not done.stdout and not done.stderr and not list(tmp_path.iterdir())
