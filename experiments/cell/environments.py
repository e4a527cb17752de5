"""Environments as the pipeline sees them: flat float observations, N of them stepped together."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import gymnasium as gym
import mujoco
import numpy as np
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
    """N environments: stepped lean where the task is known (`mujoco_tasks.py`), through gymnasium otherwise."""
    made = [make_environment(env, kwargs) for _ in range(n)]
    task = TASKS.get(type(made[0].unwrapped))
    wrappers = _wrapper_names(made[0])
    if task is not None and wrappers <= {"TimeLimit", "OrderEnforcing"} and "render_mode" not in kwargs:
        return LeanMujoco(made, task)
    return GymEnvironments(made)


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
        self.action_space = made[0].action_space

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


class LeanMujoco(GymEnvironments):
    """gymnasium's own models, data, resets and generators; only the step goes straight to `mj_step`.

    Observations, rewards and terminations of all N are computed at once by the task's formulas, and equal gymnasium's
    bit for bit (tests/experiments/cell/test_environments.py).
    """

    def __init__(self, made: list[gym.Env[Any, Any]], task: type[Task]) -> None:
        super().__init__(made)
        bare: list[Any] = [env.unwrapped for env in made]
        self._task = task(bare[0])
        self._frame_skip: int = bare[0].frame_skip
        self._model = bare[0].model  # one for all, since they are equal and one stays in the processor's cache
        self._worlds = [(env.data, env.data.ctrl, env.data.qpos, env.data.qvel) for env in bare]
        self._elapsed = np.zeros(self.n, dtype=np.int64)
        self._limit = made[0].spec.max_episode_steps or np.iinfo(np.int64).max  # type: ignore[union-attr]

    def reset(self, which: int, seed: int | None = None) -> NDArray[np.float64]:
        self._elapsed[which] = 0
        return super().reset(which, seed)

    def step(self, actions: NDArray[Any], which: Sequence[int]) -> Step:
        first, m, extras = self._worlds[0], len(which), self._task.extra_size
        qpos, qvel = np.empty((m, len(first[2]))), np.empty((m, len(first[3])))
        before, extra = np.empty(m), np.empty((m, extras))
        controls, worlds = actions.astype(np.float64), self._worlds
        model, skip, mj_step = self._model, self._frame_skip, mujoco.mj_step
        for row, lane in enumerate(which):
            data, ctrl, lane_qpos, lane_qvel = worlds[lane]
            before[row] = lane_qpos[0]
            ctrl[:] = controls[row]
            mj_step(model, data, skip)
            qpos[row], qvel[row] = lane_qpos, lane_qvel
            if extras:
                self._task.extra(data, extra[row])
        obs, rewards, terminated = self._task.outcome(before, qpos, qvel, extra, actions)
        lanes = np.asarray(which)
        self._elapsed[lanes] += 1
        return obs, rewards, terminated, self._elapsed[lanes] >= self._limit


def _wrapper_names(env: gym.Env[Any, Any]) -> set[str]:
    names = set()
    while isinstance(env, gym.Wrapper):
        names.add(type(env).__name__)
        env = env.env
    return names
