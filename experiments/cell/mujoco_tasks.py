"""What gymnasium's MuJoCo tasks compute from the simulator's state, for many environments at once.

The formulas are those of gymnasium's v5 environments, in the same order of operations and types, so that results are
equal to the last bit. The constants are read from an environment that gymnasium made, and so respect its keyword
arguments.
"""

from typing import Any

import numpy as np
from gymnasium.envs.mujoco.half_cheetah_v5 import HalfCheetahEnv
from gymnasium.envs.mujoco.hopper_v5 import HopperEnv
from gymnasium.envs.mujoco.inverted_double_pendulum_v5 import InvertedDoublePendulumEnv
from gymnasium.envs.mujoco.inverted_pendulum_v5 import InvertedPendulumEnv
from gymnasium.envs.mujoco.walker2d_v5 import Walker2dEnv
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Outcome = tuple[Floats, Floats, NDArray[np.bool_]]  # observations [m, O], rewards [m], terminated [m]


class Task:
    """One task."""

    def __init__(self, env: Any) -> None:
        self.env = env

    def extra(self, data: Any) -> tuple[float, ...]:
        """What positions and velocities alone do not tell."""
        return ()

    def outcome(self, before: Floats, qpos: Floats, qvel: Floats, extra: Floats, actions: NDArray[Any]) -> Outcome:
        """`before` [m] is qpos[0] at the step's start; qpos, qvel and extra [m, ...] are at its end."""
        raise NotImplementedError


class HalfCheetah(Task):
    """Forward velocity less control cost; never terminates."""

    def outcome(self, before: Floats, qpos: Floats, qvel: Floats, extra: Floats, actions: NDArray[Any]) -> Outcome:
        reward = self.forward(before, qpos) - self.control_cost(actions)
        return self.observation(qpos, qvel), reward, np.zeros(len(qpos), dtype=bool)

    def forward(self, before: Floats, qpos: Floats) -> Floats:
        return np.asarray(self.env._forward_reward_weight * ((qpos[:, 0] - before) / self.env.dt))

    def control_cost(self, actions: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(self.env._ctrl_cost_weight * np.square(actions).sum(1))

    def observation(self, qpos: Floats, qvel: Floats) -> Floats:
        position = qpos[:, 1:] if self.env._exclude_current_positions_from_observation else qpos
        return np.concatenate([position, qvel], 1)


class Walker2d(HalfCheetah):
    """Also paid for being healthy, and over when it is not."""

    def outcome(self, before: Floats, qpos: Floats, qvel: Floats, extra: Floats, actions: NDArray[Any]) -> Outcome:
        healthy = self.healthy(qpos, qvel)
        reward = self.forward(before, qpos) + healthy * self.env._healthy_reward - self.control_cost(actions)
        return self.observation(qpos, np.clip(qvel, -10, 10)), reward, ~healthy & self.env._terminate_when_unhealthy

    def healthy(self, qpos: Floats, qvel: Floats) -> NDArray[np.bool_]:
        (low_z, high_z), (low, high) = self.env._healthy_z_range, self.env._healthy_angle_range
        z, angle = qpos[:, 1], qpos[:, 2]
        return np.asarray((low_z < z) & (z < high_z) & (low < angle) & (angle < high))


class Hopper(Walker2d):
    """Its health also bounds every other coordinate."""

    def healthy(self, qpos: Floats, qvel: Floats) -> NDArray[np.bool_]:
        low, high = self.env._healthy_state_range
        state = np.concatenate([qpos, qvel], 1)[:, 2:]
        return np.asarray(super().healthy(qpos, qvel) & ((low < state) & (state < high)).all(1))


class InvertedPendulum(Task):
    """One for every step before the pole leans by more than 0.2 rad."""

    def outcome(self, before: Floats, qpos: Floats, qvel: Floats, extra: Floats, actions: NDArray[Any]) -> Outcome:
        obs = np.concatenate([qpos, qvel], 1)
        terminated = ~np.isfinite(obs).all(1) | (np.abs(obs[:, 1]) > 0.2)
        return obs, (~terminated).astype(np.float64), terminated


class InvertedDoublePendulum(Task):
    """Alive bonus less penalties of the tip's distance and the joints' velocities."""

    def extra(self, data: Any) -> tuple[float, ...]:
        """The penalties of distance and velocity, the tip's height, the constraint force on the cart."""
        # scalar powers, as gymnasium's: numpy squares arrays by another route, and the last bit differs
        x, _, y = data.site_xpos[0]
        v1, v2 = data.qvel[1:3]
        return 0.01 * x**2 + (y - 2) ** 2, 1e-3 * v1**2 + 5e-3 * v2**2, y, data.qfrc_constraint[0]

    def outcome(self, before: Floats, qpos: Floats, qvel: Floats, extra: Floats, actions: NDArray[Any]) -> Outcome:
        distance, velocity, height, force = extra.T
        terminated = height <= 1
        reward = self.env._healthy_reward * ~terminated - distance - velocity
        angles, clipped = qpos[:, 1:], np.clip(qvel, -10, 10)
        parts = [qpos[:, :1], np.sin(angles), np.cos(angles), clipped, np.clip(force, -10, 10)[:, None]]
        return np.concatenate(parts, 1), reward, terminated


TASKS: dict[type, type[Task]] = {
    HalfCheetahEnv: HalfCheetah,
    HopperEnv: Hopper,
    Walker2dEnv: Walker2d,
    InvertedPendulumEnv: InvertedPendulum,
    InvertedDoublePendulumEnv: InvertedDoublePendulum,
}
