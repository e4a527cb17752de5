"""gymnasium's own environments, of which all N take a step at once.

Equal to gymnasium's bit for bit (tests/experiments/cell/test_lean.py), and only taken where they are provably what
gymnasium ships (stock.py).
"""

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import mujoco
import numpy as np
from gymnasium.envs.classic_control.cartpole import CartPoleEnv
from numpy.typing import NDArray

from experiments.cell.failures import EnvironmentFailed, blamed_on
from experiments.cell.gym_environments import ActionDistribution, GymEnvironments, Step, require_numbers
from experiments.cell.mujoco_tasks import TASKS, Task
from experiments.cell.stock import alike, have_stock_models, stock_type

# MuJoCo prints its warnings and writes MUJOCO_LOG.TXT into the current folder; what matters of them shows in the rows.
mujoco.set_mju_user_warning(lambda message: None)


def lean_environments(
    made: list[gym.Env[Any, Any]], distribution: ActionDistribution = "gaussian"
) -> "LeanEnvironments | None":
    """These stepped lean, if every one of them is known and as gymnasium ships it; else None."""
    known = stock_type(made)
    if known is None or not alike(made):
        return None
    bare: Any = made[0].unwrapped
    if bare.render_mode is not None:
        return None
    if known is CartPoleEnv:
        return LeanCartPole(made, distribution) if bare.kinematics_integrator == "euler" else None
    known_task = known in TASKS and have_stock_models(made)
    return LeanMujoco(made, TASKS[known], distribution) if known_task else None


class LeanEnvironments(GymEnvironments):
    """Resets and generators are the environments' own; the step and the count for the time limit are not."""

    def __init__(self, made: list[gym.Env[Any, Any]], distribution: ActionDistribution = "gaussian") -> None:
        super().__init__(made, distribution)
        self._elapsed = np.zeros(self.n, dtype=np.int64)
        self._limit = self.time_limit or np.iinfo(np.int64).max

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

    def __init__(self, made: list[gym.Env[Any, Any]], distribution: ActionDistribution = "gaussian") -> None:
        super().__init__(made, distribution)
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

    def __init__(
        self, made: list[gym.Env[Any, Any]], task: type[Task], distribution: ActionDistribution = "gaussian"
    ) -> None:
        super().__init__(made, distribution)
        bare: list[Any] = [env.unwrapped for env in made]
        self._task, self._has_extra = task(bare[0]), task.extra is not Task.extra
        self._frame_skip: int = bare[0].frame_skip
        self._model = bare[0].model  # one for all, since they are equal and one stays in the processor's cache
        self._worlds = [(env.data, env.data.ctrl, env.data.qpos, env.data.qvel) for env in bare]

    @blamed_on(EnvironmentFailed)  # of what MuJoCo raises
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
        require_numbers(actions, observation=obs, reward=rewards)
        return obs, rewards, terminated, self._truncated(self._lanes(which))
