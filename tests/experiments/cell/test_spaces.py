import json
from dataclasses import asdict

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Sequence, Tuple

from experiments.cell.action_spaces import Actions
from experiments.cell.spaces import (
    Interface,
    Observations,
    can_be_flattened,
    flat,
    interface_of,
    make_environment,
    time_limit,
)


class Echo(gym.Env):
    """Observes `obs` at every step, and remembers the action."""

    def __init__(self, observation_space, action_space=None, obs=0):
        self.observation_space, self.action_space = observation_space, action_space or Discrete(2)
        self.obs, self.action = obs, None

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.obs, {}

    def step(self, action):
        self.action = action
        return self.obs, 0.0, False, False, {}


@pytest.fixture
def make(monkeypatch):
    monkeypatch.setattr("gymnasium.envs.registration.registry", dict(gym.registry))
    gym.register("Echo-v0", entry_point=Echo)
    return lambda *spaces, obs=0: make_environment(
        "Echo-v0", dict(zip(("observation_space", "action_space"), spaces, strict=False)) | {"obs": obs}
    )


def test_sizes_and_limits():
    assert interface_of(make_environment("CartPole-v1", {})) == Interface(
        Observations((4,)), Actions("discrete", (2,), False), 500
    )
    assert interface_of(make_environment("Pendulum-v1", {})) == Interface(
        Observations((3,)), Actions("continuous", (1,), True), 200
    )
    assert interface_of(make_environment("CliffWalking-v1", {})) == Interface(
        Observations((48,)), Actions("discrete", (4,), False), None
    )
    assert time_limit(make_environment("CartPole-v1", {"max_episode_steps": 7})) == 7


@pytest.mark.parametrize(
    ("space", "obs", "flat"),
    [
        (Discrete(3, start=5), 6, [0, 1, 0]),
        (Discrete(3, start=-1), -1, [1, 0, 0]),
        (MultiDiscrete([2, 3], start=[1, 0]), np.array([2, 1]), [0, 1, 0, 1, 0]),
        (Box(0, 255, (2, 2), np.uint8), np.array([[1, 2], [3, 4]], np.uint8), [1, 2, 3, 4]),
        (Box(0, 255, (2, 2), np.uint8), np.array([[0.5, 300], [-1, 4]]), [0.5, 300, -1, 4]),  # not as bytes
        (Box(0, 1, ()), np.float32(0.5), [0.5]),
    ],
)
def test_an_observation_becomes_a_flat_vector(make, space, obs, flat):
    env = make(space, obs=obs)
    assert interface_of(env).observations.size == len(flat)
    np.testing.assert_array_equal(env.reset()[0], flat)
    np.testing.assert_array_equal(env.step(0)[0], flat)


@pytest.mark.parametrize(
    ("space", "obs"),
    [
        (Discrete(3), -1),  # would be the last one, counted from the end
        (Discrete(3), 3),
        (Discrete(3, start=5), 0),
        (Discrete(3), 1.0),
        (MultiDiscrete([2, 3]), np.array([2, 0])),
        (Box(0, 1, (2, 2)), np.zeros(4)),
        (Box(0, 1, (2, 2)), 0.5),
        (Box(0, 1, ()), np.zeros(1)),
    ],
)
def test_an_observation_from_outside_its_space_is_refused_by_name(make, space, obs):
    with pytest.raises(ValueError, match="was declared"):
        make(space, obs=obs).reset()


NESTED = Dict(
    {
        "where": Discrete(3, start=2),
        "also": Tuple([MultiBinary(2), Box(-1, 1, (2, 2)), Dict({"b": MultiDiscrete([2, 2]), "a": Discrete(2)})]),
        "camera": Box(0, 255, (2, 2, 3), np.uint8),
    }
)


@pytest.mark.parametrize("space", [NESTED, Tuple([Discrete(2), Box(0, 1, ())]), MultiBinary((2, 3))], ids=str)
def test_nested_observations_are_flattened_as_gymnasium_does(make, space):
    space.seed(0)
    for _ in range(5):
        obs = space.sample()
        env = make(space, obs=obs)
        np.testing.assert_array_equal(env.reset()[0], gym.spaces.flatten(space, obs))
        assert interface_of(env).observations.size == gym.spaces.flatdim(space)


def test_numbers_are_not_cast_to_the_type_that_a_nested_box_declares(make):
    space = Dict({"speed": Box(0, 255, (1,), np.uint8), "mode": Discrete(2)})
    np.testing.assert_array_equal(make(space, obs={"speed": [0.5], "mode": 1}).reset()[0], [0, 1, 0.5])


@pytest.mark.parametrize(
    ("obs", "message"),
    [
        ({"speed": np.zeros(1)}, r"the observation has \['speed'\], where Dict"),
        ({"speed": np.zeros(1), "mode": 0, "more": 1}, "the observation has .*more"),
        ({"speed": np.zeros(2), "mode": 0}, r"an observation of shape \(2,\)"),
        ({"speed": np.zeros(1), "mode": 7}, "the observation 7, where"),
        (np.zeros(3), "the observation has array"),
    ],
)
def test_nested_observations_from_outside_are_refused_by_name(make, obs, message):
    with pytest.raises(ValueError, match=message):
        make(Dict({"speed": Box(0, 1, (1,)), "mode": Discrete(2)}), obs=obs).reset()
    with pytest.raises(ValueError, match="was declared"):
        flat(Tuple([Discrete(2), Discrete(2)]), (1,))


def test_only_spaces_of_one_length_can_be_flattened():
    assert can_be_flattened(NESTED)
    assert not can_be_flattened(Dict({"a": Discrete(2), "b": Sequence(Discrete(2))}))


@pytest.mark.parametrize("start", [-2, 0, 7])
def test_discrete_actions_count_from_zero_for_us_and_from_their_start_for_the_environment(make, start):
    env = make(Box(0, 1, (1,)), Discrete(3, start=start), obs=np.zeros(1))
    assert interface_of(env).actions == Actions("discrete", (3,), False)
    env.reset()
    env.step(np.int64(2))
    assert env.unwrapped.action == start + 2 and env.unwrapped.action_space.contains(env.unwrapped.action)


@pytest.mark.parametrize(
    ("spaces", "message"),
    [
        ((Box(-1, 1, (2,)), Dict({"a": Discrete(2)})), r"action space Dict\(.*\) is neither Discrete, MultiDiscrete"),
        ((Box(-1, 1, (2,)), Box(-1, 1, (0,))), "at least one number"),
        ((Box(-1, 1, (2,)), Box(0, 5, (2,), np.int64)), r"Box\(0, 5, \(2,\), int64\) is a box of integers"),
        ((Box(-1, 1, (0,)),), "holds nothing"),
        ((gym.spaces.Text(3),), r"observation space Text\(.*\) cannot be flattened; expected Box, Discrete"),
    ],
)
def test_spaces_that_no_rule_takes_are_refused_by_name(make, spaces, message):
    with pytest.raises(ValueError, match=message):
        interface_of(make(*spaces))


@pytest.mark.parametrize(
    ("space", "brightest"),
    [
        (Box(0, 255, (4, 3, 1), np.uint8), 255),
        (Box(0, 1, (10, 10, 4), np.uint8), 1),
        (Box(0, 255, (2, 4, 4, 3), np.uint8), 255),
        (Box(-1, 1, (2, 3)), None),
        (Box(0, 255, (5,), np.uint8), None),  # a memory of bytes is no picture
    ],
)
def test_pictures_may_keep_their_shape(make, space, brightest):
    obs = np.zeros(space.shape, space.dtype)
    env = make(space, obs=obs)
    assert interface_of(env).observations == Observations((obs.size,))
    shaped = interface_of(make_environment("Echo-v0", {"observation_space": space, "obs": obs}, flat=False))
    assert shaped.observations == Observations(space.shape, brightest) and shaped.observations.size == obs.size


def test_images_among_other_things_are_flattened_and_known_of(make):
    picture, space = Box(0, 255, (4, 3, 3), np.uint8), Box(-1, 1, (2,))
    nested = Dict({"a": space, "b": Tuple([picture, Dict({"c": Box(0, 1, (2, 2), np.bool_), "d": space})])})
    for whole in (True, False):
        env = make_environment("Echo-v0", {"observation_space": nested, "obs": nested.sample()}, flat=whole)
        found = interface_of(env)
        assert found.flattened_images == ((4, 3, 3), (2, 2)) and found.observations == Observations((36 + 4 + 4,))
        assert Interface.from_plain(json.loads(json.dumps(asdict(found)))) == found
    assert interface_of(make(picture, obs=picture.sample())).flattened_images == ()
