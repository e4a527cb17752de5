import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

pytest.importorskip("minatar", reason="the extra minatar")

from experiments.cell.spaces import Observations, interface_of, make_environment
from experiments.minatar_games import GAMES, MinAtar

BREAKOUT = "experiments.minatar_games:MinAtar/Breakout-v1"


def played(env, seed, actions):
    """What is seen and paid in one episode, or in as many steps as there are actions."""
    seen = [env.reset(seed=seed)[0]]
    rewards = []
    for action in actions:
        obs, reward, ended, _, _ = env.step(action)
        seen.append(obs)
        rewards.append(reward)
        if ended:
            break
    return np.array(seen), rewards


@pytest.mark.filterwarnings("ignore:.*:UserWarning")  # of gymnasium's checker: no spec of a bare environment
@pytest.mark.parametrize("game", GAMES)
def test_a_game_is_a_sound_environment(game):
    env = MinAtar(game, render_mode="rgb_array")
    check_env(env, skip_render_check=True)
    env.reset(seed=0)
    picture = env.render()
    assert picture.shape == (160, 160, 3) and picture.dtype == np.uint8 and len(np.unique(picture)) > 1


def test_what_is_seen_is_an_image_of_zeros_and_ones():
    assert interface_of(make_environment(BREAKOUT, {}, flat=False)).observations == Observations((10, 10, 4), 1)


def test_an_episode_depends_on_its_seed_alone_and_not_on_what_was_played_before():
    actions = np.random.default_rng(0).integers(0, 3, 200)
    for game in GAMES:
        fresh, used = MinAtar(game, sticky=0.5), MinAtar(game, sticky=0.5)
        for seed in range(5):
            used.reset(seed=seed + 100)
            used.step(2)  # the action that would stick to the first of the next episode
            (a, paid), (b, other) = played(fresh, seed, actions), played(used, seed, actions)
            np.testing.assert_array_equal(a, b)
            assert paid == other
            fresh = MinAtar(game, sticky=0.5)
        assert not np.array_equal(played(fresh, 0, actions)[0], played(fresh, 1, actions)[0]) or game == "freeway"


def test_games_are_registered_by_name():
    env = gym.make("MinAtar/SpaceInvaders-v1", sticky=0.0)
    assert env.unwrapped._game.sticky_action_prob == 0.0 and env.action_space.n == 4
