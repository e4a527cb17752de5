"""Environments as the pipeline sees them: flat float observations, N of them stepped together."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import gymnasium as gym
import mujoco
import numpy as np
from gymnasium.envs.classic_control.cartpole import CartPoleEnv
from gymnasium.spaces import Box, Discrete, MultiDiscrete
from numpy.typing import NDArray

from algos.policies import Categorical, DiagonalGaussian, Family
from experiments.cell.mujoco_tasks import TASKS, Task

# MuJoCo prints its warnings and writes MUJOCO_LOG.TXT into the current folder; what matters of them shows in the rows.
mujoco.set_mju_user_warning(lambda message: None)

Step = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]


class Environments(Protocol):
    """N environments that never reset themselves: what `step` returns is the true next observation, always.

    Whoever steps them resets those that ended before the next step, which is gymnasium's SAME_STEP autoreset without
    its detour of the last observation through `info`.
    """

    n: int
    obs_size: int
    family: Family
    action_space: gym.Space[Any]

    def inside(self, actions: NDArray[Any]) -> NDArray[Any]:
        """The nearest actions [..., A] that the action space holds."""
        ...

    def reset(self, which: int, seed: int | None = None) -> NDArray[np.float64]:
        """First observation [O] of a new episode; without a seed the environment's own generator goes on."""
        ...

    def step(self, actions: NDArray[Any], which: Sequence[int]) -> Step:
        """Observations [m, O], rewards [m], terminated [m], truncated [m] of the m environments in `which`."""
        ...

    def close(self) -> None: ...


def make_environment(env: str, kwargs: Mapping[str, Any]) -> gym.Env[Any, Any]:
    """One environment with a flat observation (discrete observations become one-hot)."""
    made = gym.make(env, disable_env_checker=True, **kwargs)
    space = made.observation_space
    if isinstance(space, (Discrete, MultiDiscrete)) or (isinstance(space, Box) and len(space.shape) != 1):
        made = gym.wrappers.FlattenObservation(made)
    return made


def make_environments(env: str, kwargs: Mapping[str, Any], n: int) -> Environments:
    """N environments: stepped lean where the task is known, through gymnasium otherwise."""
    made = [make_environment(env, kwargs) for _ in range(n)]
    if not _wrapper_names(made[0]) <= {"TimeLimit", "OrderEnforcing"} or "render_mode" in kwargs:
        return GymEnvironments(made)
    known = type(made[0].unwrapped)
    if known is CartPoleEnv:
        return LeanCartPole(made)
    return LeanMujoco(made, TASKS[known]) if known in TASKS else GymEnvironments(made)


def spaces_of(env: gym.Env[Any, Any]) -> tuple[int, Family]:
    """(O, the family of distributions that fits the action space).

    Raises ValueError for spaces that no rule here takes.
    """
    obs, action = env.observation_space, env.action_space
    if not isinstance(obs, Box) or len(obs.shape) != 1:
        raise ValueError(f"observation space {obs} is not a flat vector, nor discrete")
    if isinstance(action, Discrete):
        return obs.shape[0], Categorical(int(action.n))
    if isinstance(action, Box) and len(action.shape) == 1:
        return obs.shape[0], DiagonalGaussian(action.shape[0])
    raise ValueError(f"action space {action} is neither discrete nor a flat box")


class GymEnvironments:
    """Any gymnasium environments, stepped in turn."""

    def __init__(self, made: list[gym.Env[Any, Any]]) -> None:
        self._made, self.n = made, len(made)
        self.obs_size, self.family = spaces_of(made[0])
        self.action_space = space = made[0].action_space
        self._bounds = (space.low, space.high) if isinstance(space, Box) else None

    def inside(self, actions: NDArray[Any]) -> NDArray[Any]:
        if self._bounds is None:
            return actions
        low, high = self._bounds
        return np.minimum(np.maximum(actions, low), high)  # in half the time of np.clip

    def reset(self, which: int, seed: int | None = None) -> NDArray[np.float64]:
        return np.asarray(self._made[which].reset(seed=seed)[0], dtype=np.float64)

    def step(self, actions: NDArray[Any], which: Sequence[int]) -> Step:
        m = len(which)
        obs, rewards = np.empty((m, self.obs_size)), np.empty(m)
        terminated, truncated = np.empty((2, m), dtype=bool)
        for row, lane in enumerate(which):
            obs[row], rewards[row], terminated[row], truncated[row], _ = self._made[lane].step(actions[row])
        return obs, rewards, terminated, truncated

    def close(self) -> None:
        for env in self._made:
            env.close()


class LeanEnvironments(GymEnvironments):
    """gymnasium's own environments, resets and generators; only the step is not theirs, but of all N at once.

    Equal to gymnasium's bit for bit (tests/experiments/cell/test_environments.py). Counts steps for the time limit.
    """

    def __init__(self, made: list[gym.Env[Any, Any]]) -> None:
        super().__init__(made)
        self._elapsed = np.zeros(self.n, dtype=np.int64)
        self._limit = made[0].spec.max_episode_steps or np.iinfo(np.int64).max  # type: ignore[union-attr]

    def reset(self, which: int, seed: int | None = None) -> NDArray[np.float64]:
        self._elapsed[which] = 0
        return super().reset(which, seed)

    def _lanes(self, which: Sequence[int]) -> slice | list[int]:
        """An index of the rows of these environments, the quickest there is."""
        return slice(None) if which == range(self.n) else list(which)

    def _truncated(self, lanes: slice | list[int]) -> NDArray[np.bool_]:
        """Which of these [m] reach their time limit with the step just made."""
        self._elapsed[lanes] += 1
        return np.asarray(self._elapsed[lanes] >= self._limit)


class LeanCartPole(LeanEnvironments):
    """The equations of gymnasium's CartPole, in its order of operations, on arrays."""

    def __init__(self, made: list[gym.Env[Any, Any]]) -> None:
        super().__init__(made)
        self._bare: list[Any] = [env.unwrapped for env in made]
        self._states = np.zeros((4, self.n))

    def reset(self, which: int, seed: int | None = None) -> NDArray[np.float64]:
        first = super().reset(which, seed)
        self._states[:, which] = self._bare[which].state
        return first

    def step(self, actions: NDArray[Any], which: Sequence[int]) -> Step:
        task, lanes = self._bare[0], self._lanes(which)
        x, x_dot, theta, theta_dot = self._states[:, lanes]
        force = np.where(actions == 1, task.force_mag, -task.force_mag)
        cos, sin = np.cos(theta), np.sin(theta)
        pushed = (force + task.polemass_length * np.square(theta_dot) * sin) / task.total_mass
        theta_acc = (task.gravity * sin - cos * pushed) / (
            task.length * (4.0 / 3.0 - task.masspole * np.square(cos) / task.total_mass)
        )
        x_acc = pushed - task.polemass_length * theta_acc * cos / task.total_mass
        x, theta = x + task.tau * x_dot, theta + task.tau * theta_dot
        states = np.array([x, x_dot + task.tau * x_acc, theta, theta_dot + task.tau * theta_acc])
        self._states[:, lanes] = states
        fallen = (np.abs(x) > task.x_threshold) | (np.abs(theta) > task.theta_threshold_radians)
        rewards = np.where(fallen, -1.0, 0.0) if task._sutton_barto_reward else np.ones(len(which))
        obs = states.T.astype(np.float32, order="C").astype(np.float64)
        return obs, rewards, fallen, self._truncated(lanes)


class LeanMujoco(LeanEnvironments):
    """The step goes straight to `mj_step`; the rest is computed by the task's formulas (`mujoco_tasks.py`)."""

    def __init__(self, made: list[gym.Env[Any, Any]], task: type[Task]) -> None:
        super().__init__(made)
        bare: list[Any] = [env.unwrapped for env in made]
        self._task, self._has_extra = task(bare[0]), task.extra is not Task.extra
        self._frame_skip: int = bare[0].frame_skip
        self._model = bare[0].model  # one for all, since they are equal and one stays in the processor's cache
        self._worlds = [(env.data, env.data.ctrl, env.data.qpos, env.data.qvel) for env in bare]

    def step(self, actions: NDArray[Any], which: Sequence[int]) -> Step:
        task, worlds = self._task, [self._worlds[lane] for lane in which]
        before = np.array([qpos[0] for _, _, qpos, _ in worlds])
        model, skip, mj_step = self._model, self._frame_skip, mujoco.mj_step
        for (data, ctrl, _, _), control in zip(worlds, actions.astype(np.float64), strict=True):
            ctrl[:] = control
            mj_step(model, data, skip)
        qpos, qvel = np.array([qpos for _, _, qpos, _ in worlds]), np.array([qvel for *_, qvel in worlds])
        extra = np.array([task.extra(data) for data, *_ in worlds]) if self._has_extra else np.empty((len(worlds), 0))
        obs, rewards, terminated = task.outcome(before, qpos, qvel, extra, actions)
        return obs, rewards, terminated, self._truncated(self._lanes(which))


def _wrapper_names(env: gym.Env[Any, Any]) -> set[str]:
    names = set()
    while isinstance(env, gym.Wrapper):
        names.add(type(env).__name__)
        env = env.env
    return names
