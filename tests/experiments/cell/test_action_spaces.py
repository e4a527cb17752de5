import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete

from experiments.cell.action_spaces import Actions, FlatBox, actions_of, to_be_scaled, with_plain_actions
from experiments.cell.gym_environments import GymEnvironments, family_of
from experiments.cell.train import train
from experiments.records import EvaluationRow

INF = np.inf


class Remembers(gym.Env):
    """Remembers the last action."""

    observation_space = Box(0, 1, (1,))

    def __init__(self, action_space):
        self.action_space, self.action = action_space, None

    def reset(self, *, seed=None, options=None):
        return np.zeros(1), {}

    def step(self, action):
        self.action = action
        return np.zeros(1), 0.0, False, False, {}


def plain(space):
    return with_plain_actions(Remembers(space))


@pytest.mark.parametrize("of", [1.0, 2.0, 3.0, 0.4, 0.25, 4.0])
def test_what_a_policy_covers_stays_as_it_is(of):
    env = plain(Box(-of, of, (3,)))
    assert not isinstance(env, gym.Wrapper) and not to_be_scaled(env.action_space).any()


def test_no_continuous_task_of_gymnasiums_own_is_scaled():
    names = [name for name, spec in gym.registry.items() if str(spec.entry_point).startswith("gymnasium.envs.mujoco")]
    names = [name for name in names if name.endswith("-v5")] + ["Pendulum-v1", "MountainCarContinuous-v0"]
    assert len(names) == 13
    for name in names:
        env = gym.make(name)
        assert with_plain_actions(env) is env, name
        env.close()


@pytest.mark.parametrize(
    ("low", "high"), [(50, 100), (-200, 200), (-0.01, 0.01), (0, 1), (-1, 9), (-1e5, 1e5), (-1.0, 0.2)]
)
def test_what_it_would_not_cover_reaches_from_bound_to_bound(low, high):
    env = plain(Box(low, high, (2,)))
    np.testing.assert_array_equal(env.action_space.low, -1)
    np.testing.assert_array_equal(env.action_space.high, 1)
    own = env.unwrapped.action_space
    for given, expected in ((-1.0, low), (0.0, (low + high) / 2), (1.0, high)):
        env.step(np.full(2, given, np.float32))
        np.testing.assert_allclose(env.unwrapped.action, expected, rtol=1e-6)
        assert own.contains(env.unwrapped.action), "rounding leaves the space"


def test_it_is_gymnasiums_own_rescaling():
    space = Box(np.array([-3, 0, 50], np.float32), np.array([-1, 1e4, 60], np.float32))
    ours, theirs = (
        FlatBox(Remembers(space)),
        gym.wrappers.RescaleAction(Remembers(space), np.float32(-1), np.float32(1)),
    )
    for action in np.random.default_rng(0).uniform(-1, 1, (20, 3)).astype(np.float32):
        ours.step(action)
        theirs.step(action)
        np.testing.assert_allclose(ours.unwrapped.action, theirs.unwrapped.action, rtol=1e-6, atol=1e-6)


def test_each_component_is_scaled_or_not_by_itself():
    low, high = np.array([-1, -200, -INF, 0, 2, -1e30], np.float32), np.array([1, 200, INF, INF, 2, 1e30], np.float32)
    env = plain(Box(low, high))
    assert to_be_scaled(env.unwrapped.action_space).tolist() == [False, True, False, False, False, False]
    env.step(np.array([0.1, 0.5, 1e3, 1e3, 2, 3], np.float32))
    np.testing.assert_array_equal(env.unwrapped.action, np.array([0.1, 100, 1e3, 1e3, 2, 3], np.float32))


@pytest.mark.parametrize("shape", [(), (2, 3)])
def test_a_box_of_any_shape_is_acted_in_side_by_side(shape):
    env = plain(Box(-1, 1, shape))
    size = int(np.prod(shape))
    assert actions_of(env) == Actions("continuous", (size,), True)
    env.step(np.linspace(-1, 1, size, dtype=np.float32))
    assert env.unwrapped.action.shape == shape and env.unwrapped.action_space.contains(env.unwrapped.action)


@pytest.mark.parametrize(
    ("space", "sizes", "given", "taken"),
    [
        (MultiDiscrete([3, 2]), (3, 2), [2, 1], [2, 1]),
        (MultiDiscrete([[3, 2], [4, 5]], start=[[1, 0], [-1, 7]]), (3, 2, 4, 5), [2, 1, 0, 4], [[3, 1], [-1, 11]]),
        (MultiBinary(3), (2, 2, 2), [0, 1, 1], [0, 1, 1]),
        (MultiBinary((2, 2)), (2, 2, 2, 2), [0, 1, 1, 0], [[0, 1], [1, 0]]),
        (MultiDiscrete([4]), (4,), [3], [3]),
    ],
    ids=str,
)
def test_choices_side_by_side(space, sizes, given, taken):
    env = plain(space)
    assert actions_of(env) == Actions("multi_discrete", sizes, False)
    env.step(np.array(given, np.int64))
    np.testing.assert_array_equal(env.unwrapped.action, taken)
    assert space.contains(env.unwrapped.action) and env.unwrapped.action.dtype == space.dtype


@pytest.mark.parametrize(("low", "high"), [(-2, 2), (50, 100), (-0.5, 2)])
def test_a_squashed_gaussian_needs_no_clipping(low, high):
    environments = GymEnvironments([plain(Box(low, high, (2,)))], "squashed_gaussian")
    actions = np.array([[-30.0, 0.0], [0.5, 30.0]], np.float32)
    inside = environments.inside(actions)
    space = environments.action_space
    assert all(space.contains(row.astype(np.float32)) for row in inside) and environments.clipped(actions) == 0.0
    middle, half = (space.high + space.low) / 2, (space.high - space.low) / 2
    np.testing.assert_allclose(inside, middle + half * np.tanh(actions), rtol=1e-6, atol=1e-6)
    gaussian = GymEnvironments([plain(Box(low, high, (2,)))])
    assert gaussian.clipped(actions) == 0.5


def test_a_squashed_gaussian_needs_bounds():
    for low, high in ((-INF, INF), (0.0, INF)):
        with pytest.raises(ValueError, match='expected "gaussian"'):
            GymEnvironments([plain(Box(low, high, (2,)))], "squashed_gaussian")
    assert family_of(actions_of(plain(Discrete(3))), "squashed_gaussian").output_size == 3  # it is of real numbers


def learnt(make_spec, env, batches=20, env_kwargs=None, **settings):
    """The mean of the last evaluation with mean actions, of as many batches of 256 steps."""
    spec = make_spec(env, "trpo", budget=256 * batches, batch_size=256, env_kwargs=env_kwargs, **settings)
    rows = [row for row in train(spec) if isinstance(row, EvaluationRow)]
    return rows[-1].return_mean


@pytest.mark.parametrize("bounds", [(50.0, 100.0), (-200.0, 200.0), (-0.01, 0.01), (-1.0, 1.0)])
@pytest.mark.parametrize("distribution", ["gaussian", "squashed_gaussian"])
def test_the_bounds_of_a_box_make_no_difference_to_what_is_learnt(make_spec, fakes, bounds, distribution):
    kwargs = dict(zip(("low", "high"), bounds, strict=True))
    found = learnt(make_spec, "space_environments:Reach-v0", env_kwargs=kwargs, action_distribution=distribution)
    assert found > -1.5, "at the middle it is -5"


def test_several_choices_are_learnt(make_spec, fakes):
    assert learnt(make_spec, "space_environments:Choices-v0") > 17, "at random it is 5.8, at best 20"
