import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Discrete

from algos.policies import Categorical, DiagonalGaussian
from experiments.cell.environments import make_environments
from experiments.cell.failures import Diverged, EnvironmentFailed
from experiments.cell.gym_environments import GymEnvironments, spaces_of
from experiments.cell.spaces import Observations, make_environment

NAN, INF = float("nan"), float("inf")


class Returns(gym.Env):
    """Returns what it is told to."""

    observation_space = Box(-np.inf, np.inf, (2,))
    action_space = Discrete(2)

    def __init__(self, reset=None, action_space=None, close=None, **outcome):
        self._reset, self._close = (np.zeros(2), {}) if reset is None else reset, close
        self._outcome = {"obs": np.zeros(2), "reward": 1.0, "terminated": False, "truncated": False} | outcome
        self.action_space = action_space or self.action_space

    def reset(self, *, seed=None, options=None):
        return self._reset

    def step(self, action):
        if isinstance(self._outcome["obs"], BaseException):
            raise self._outcome["obs"]
        return self._outcome.get("whole", (*self._outcome.values(), {}))

    def close(self):
        if self._close is not None:
            raise self._close


def stepped(**outcome):
    environments = GymEnvironments([Returns(**outcome)])
    environments.reset(0)
    return environments.step(np.array([1]), [0])


def test_spaces_decide_the_family():
    assert spaces_of(make_environment("CartPole-v1", {})) == (Observations((4,)), Categorical(2))
    assert spaces_of(make_environment("Pendulum-v1", {})) == (Observations((3,)), DiagonalGaussian(1))
    assert spaces_of(make_environment("FrozenLake-v1", {})) == (Observations((16,)), Categorical(4))


@pytest.mark.parametrize("reward", [2, True, 2.0, np.float32(2), np.array(2.0), torch.tensor(2.0), np.int8(2)])
def test_any_real_number_is_a_reward(reward):
    obs, rewards, terminated, truncated = stepped(reward=reward, terminated=np.bool_(True), truncated=0)
    assert rewards[0] == float(reward) and terminated[0] and not truncated[0] and obs.shape == (1, 2)


@pytest.mark.parametrize(
    ("outcome", "message"),
    [
        ({"reward": None}, "a reward of NoneType None; expected one real number"),
        ({"reward": np.ones(1)}, r"a reward of ndarray array\(\[1.\]\); expected one real number"),
        ({"reward": np.ones(3)}, "a reward of ndarray"),
        ({"reward": "1"}, "a reward of str '1'"),
        ({"reward": 1j}, "a reward of complex 1j"),
        ({"reward": NAN}, "the environment's reward is nan"),
        ({"reward": -INF}, "the environment's reward is -inf"),
        ({"obs": np.array([0.0, NAN])}, "the environment's observation is nan"),
        ({"obs": np.array([INF, 0.0])}, "the environment's observation is inf"),
        ({"obs": 3.0}, r"an observation of shape \(\); its space says \(2,\)"),
        ({"obs": np.zeros(1)}, r"an observation of shape \(1,\); its space says \(2,\)"),
        ({"obs": np.zeros((1, 2))}, r"an observation of shape \(1, 2\)"),
        ({"obs": None}, r"an observation of shape \(\)"),
        ({"obs": {"a": 1}}, r"an observation of shape \(\)"),
        ({"obs": [{"a": 1}, 2]}, "TypeError: "),
        (
            {"obs": np.array([1j, 2.0])},
            r"an observation of ndarray array\(\[0.\+1.j, 2.\+0.j\]\); expected real numbers",
        ),
        ({"obs": ["1", "2"]}, r"an observation of list \['1', '2'\]; expected real numbers"),
        ({"terminated": None}, "terminated is NoneType None; expected a bool"),
        ({"truncated": np.zeros(2)}, "truncated is ndarray"),
        ({"terminated": 0.5}, "terminated is float 0.5"),
        ({"whole": (np.zeros(2), 1.0, False, {})}, r"step returned tuple .*; expected \(observation, reward, term"),
        ({"whole": None}, "step returned NoneType None; expected"),
        ({"reset": np.zeros(2)}, r"reset returned ndarray .*; expected \(observation, info\)"),
        ({"reset": (np.zeros(3), {})}, r"an observation of shape \(3,\)"),
        ({"reset": (np.array([NAN, 0.0]), {})}, "the environment's observation is nan"),
        ({"obs": RuntimeError("the simulator is on fire")}, "RuntimeError: the simulator is on fire"),
        ({"obs": StopIteration("no more")}, "StopIteration: no more"),
        ({"obs": SystemExit(3)}, "SystemExit: 3"),
    ],
)
def test_what_no_environment_may_return_or_raise_is_its_own_fault(outcome, message):
    with pytest.raises(EnvironmentFailed, match=message):
        stepped(**outcome)


def test_what_it_makes_of_absurd_actions_is_the_policys_fault():
    environments = GymEnvironments([Returns(reward=INF, action_space=Box(-np.inf, np.inf, (1,)))])
    environments.reset(0)
    with pytest.raises(Diverged, match=r"actions beyond 1e\+06: 2e\+07, whereupon the environment's reward is inf"):
        environments.step(np.array([[-2e7]]), [0])
    with pytest.raises(EnvironmentFailed):
        environments.step(np.array([[0.5]]), [0])


def test_no_memory_is_nobodys_fault():
    with pytest.raises(MemoryError):
        stepped(obs=MemoryError())


def test_one_that_cannot_be_closed_keeps_no_other_open(capfd):
    closed = []
    second = Returns()
    second.close = lambda: closed.append(True)
    GymEnvironments([Returns(close=RuntimeError("stuck")), Returns(close=SystemExit(1)), second]).close()
    assert closed and "could not be closed: RuntimeError: stuck" in capfd.readouterr().err


def test_copies_that_differ_are_refused():
    with pytest.raises(ValueError, match="copies of one environment differ"):
        GymEnvironments([Returns(), Returns(action_space=Discrete(3))])


def test_whatever_making_one_raises_is_the_environments_fault(monkeypatch):
    monkeypatch.setattr("gymnasium.envs.registration.registry", dict(gym.registry))
    gym.register("Unmade-v0", entry_point=raising)
    for error in (RuntimeError("no licence"), SystemExit(1), ImportError("no module")):
        with pytest.raises(EnvironmentFailed, match=f"{type(error).__name__}: {error}"):
            make_environments("Unmade-v0", {"error": error}, 2)
    with pytest.raises(MemoryError):
        make_environments("Unmade-v0", {"error": MemoryError()}, 2)


def raising(error):
    raise error


@pytest.mark.parametrize(
    ("low", "high", "scale"), [(-2.0, 3.0, 3.0), (-np.inf, np.inf, 1.0), (-np.inf, 1e7, 1e7), (0.0, 0.0, 1.0)]
)
def test_the_scale_of_actions_is_their_largest_finite_bound(low, high, scale):
    assert GymEnvironments([Returns(action_space=Box(low, high, (2,)))]).action_scale == pytest.approx(scale)
