"""gymnasium's classic control tasks, of its own equations in its own order of operations and types.

A state is float64 [S], whatever type gymnasium keeps it in; see `mujoco_tasks.py` for the rest.
"""

import math
from typing import Any, NamedTuple, get_type_hints

import numpy as np
from gymnasium.envs.classic_control.acrobot import AcrobotEnv
from gymnasium.envs.classic_control.cartpole import CartPoleEnv
from gymnasium.envs.classic_control.continuous_mountain_car import Continuous_MountainCarEnv
from gymnasium.envs.classic_control.mountain_car import MountainCarEnv
from gymnasium.envs.classic_control.pendulum import PendulumEnv

from experiments.cell.lean.native import cos, fmod_of, inline, pow_of, powf_of, sin

F = np.float32


class CartPole(NamedTuple):
    gravity: float
    total_mass: float
    length: float
    masspole: float
    polemass_length: float
    force_mag: float
    tau: float
    x_threshold: float
    theta_threshold_radians: float
    sutton_barto_reward: bool


@inline
def cart_pole(c: CartPole, state: Any, action: int, obs: Any) -> tuple[float, bool]:
    x, x_dot, theta, theta_dot = state
    sines, cosines = np.empty(1), np.empty(1)
    sin(state[2:3], sines)
    cos(state[2:3], cosines)
    s, k = sines[0], cosines[0]
    force = c.force_mag if action == 1 else -c.force_mag
    pushed = (force + c.polemass_length * (theta_dot * theta_dot) * s) / c.total_mass
    theta_acc = (c.gravity * s - k * pushed) / (c.length * (4.0 / 3.0 - c.masspole * (k * k) / c.total_mass))
    x_acc = pushed - c.polemass_length * theta_acc * k / c.total_mass
    state[0], state[1] = x + c.tau * x_dot, x_dot + c.tau * x_acc
    state[2], state[3] = theta + c.tau * theta_dot, theta_dot + c.tau * theta_acc
    see(state, obs)
    fallen = abs(state[0]) > c.x_threshold or abs(state[2]) > c.theta_threshold_radians
    if c.sutton_barto_reward:
        return -1.0 if fallen else 0.0, fallen
    return 1.0, fallen


class Pendulum(NamedTuple):
    dt: float
    max_speed: float
    max_torque: float
    g: float
    m: float
    l: float  # noqa: E741


@inline
def pendulum(c: Pendulum, state: Any, action: Any, obs: Any) -> tuple[float, bool]:
    theta, speed = state
    u = min(max(action[0], F(-c.max_torque)), F(c.max_torque))
    sines = np.empty(1)
    sin(state[:1], sines)
    turn = 2 * math.pi
    angle = fmod_of(theta + math.pi, turn)
    angle = (angle + turn if angle < 0 else angle) - math.pi
    cost = pow_of(angle, 2.0) + 0.1 * pow_of(speed, 2.0) + F(0.001) * powf_of(u, F(2))
    pull = F(3.0 / (c.m * (c.l * c.l))) * u
    speed = speed + (3 * c.g / (2 * c.l) * sines[0] + pull) * c.dt
    state[1] = min(max(speed, -c.max_speed), c.max_speed)
    state[0] = theta + state[1] * c.dt
    sin(state[:1], obs[1:2])
    cos(state[:1], obs[:1])
    obs[2] = state[1]
    see(obs, obs)
    return -cost, False


class Acrobot(NamedTuple):
    dt: float
    LINK_LENGTH_1: float
    LINK_MASS_1: float
    LINK_MASS_2: float
    LINK_COM_POS_1: float
    LINK_COM_POS_2: float
    LINK_MOI: float
    MAX_VEL_1: float
    MAX_VEL_2: float
    AVAIL_TORQUE: tuple[float, float, float]


@inline
def acrobot(c: Acrobot, state: Any, action: int, obs: Any) -> tuple[float, bool]:
    torque, h = c.AVAIL_TORQUE[action], c.dt
    k1 = slope(c, state, torque)
    k2 = slope(c, state + h / 2.0 * k1, torque)
    k3 = slope(c, state + h / 2.0 * k2, torque)
    k4 = slope(c, state + h * k3, torque)
    state[:] = state + h / 6.0 * (k1 + 2 * k2 + 2 * k3 + k4)
    for i in range(2):
        while state[i] > math.pi:
            state[i] = state[i] - 2 * math.pi
        while state[i] < -math.pi:
            state[i] = state[i] + 2 * math.pi
    state[2] = min(max(state[2], -c.MAX_VEL_1), c.MAX_VEL_1)
    state[3] = min(max(state[3], -c.MAX_VEL_2), c.MAX_VEL_2)
    angles, cosines, sines = np.array([state[0], state[1], state[1] + state[0]]), np.empty(3), np.empty(3)
    cos(angles, cosines)
    sin(angles, sines)
    obs[0], obs[1], obs[2], obs[3], obs[4], obs[5] = cosines[0], sines[0], cosines[1], sines[1], state[2], state[3]
    see(obs, obs)
    over = -cosines[0] - cosines[2] > 1.0
    return 0.0 if over else -1.0, over


@inline
def slope(c: Acrobot, state: Any, torque: float) -> Any:
    """Its time derivative [4]."""
    theta1, theta2, dtheta1, dtheta2 = state
    m1, m2, l1, lc1, lc2, moi, g = (
        c.LINK_MASS_1, c.LINK_MASS_2, c.LINK_LENGTH_1, c.LINK_COM_POS_1, c.LINK_COM_POS_2, c.LINK_MOI, 9.8
    )  # fmt: skip
    angles = np.array([theta2, theta1 + theta2 - math.pi / 2.0, theta1 - math.pi / 2])
    cosines, sines = np.empty(3), np.empty(1)
    cos(angles, cosines)
    sin(angles[:1], sines)
    d1 = m1 * (lc1 * lc1) + m2 * (l1 * l1 + lc2 * lc2 + 2 * l1 * lc2 * cosines[0]) + moi + moi
    d2 = m2 * (lc2 * lc2 + l1 * lc2 * cosines[0]) + moi
    phi2 = m2 * lc2 * g * cosines[1]
    phi1 = (
        -m2 * l1 * lc2 * pow_of(dtheta2, 2.0) * sines[0]
        - 2 * m2 * l1 * lc2 * dtheta2 * dtheta1 * sines[0]
        + (m1 * lc1 + m2 * l1) * g * cosines[2]
        + phi2
    )
    push = torque + d2 / d1 * phi1 - m2 * l1 * lc2 * pow_of(dtheta1, 2.0) * sines[0] - phi2
    ddtheta2 = push / (m2 * (lc2 * lc2) + moi - pow_of(d2, 2.0) / d1)
    return np.array([dtheta1, dtheta2, -(d2 * ddtheta2 + phi1) / d1, ddtheta2])


class MountainCar(NamedTuple):
    min_position: float
    max_position: float
    max_speed: float
    goal_position: float
    goal_velocity: float
    force: float
    gravity: float


@inline
def mountain_car(c: MountainCar, state: Any, action: int, obs: Any) -> tuple[float, bool]:
    position, velocity = state
    velocity += (action - 1) * c.force + math.cos(3 * position) * (-c.gravity)
    velocity = min(max(velocity, -c.max_speed), c.max_speed)
    position = min(max(position + velocity, c.min_position), c.max_position)
    if position == c.min_position and velocity < 0:
        velocity = 0.0
    state[0], state[1] = position, velocity
    see(state, obs)
    return -1.0, position >= c.goal_position and velocity >= c.goal_velocity


class ContinuousMountainCar(NamedTuple):
    min_action: float
    max_action: float
    min_position: float
    max_position: float
    max_speed: float
    goal_position: float
    goal_velocity: float
    power: float


@inline
def continuous_mountain_car(c: ContinuousMountainCar, state: Any, action: Any, obs: Any) -> tuple[float, bool]:
    """gymnasium computes in float64 where an episode begins, in float32 after it."""
    force = min(max(action[0], F(c.min_action)), F(c.max_action)) * F(c.power)
    if state[2] == 0.0:  # steps of the episode, as far as they matter
        push = force - F(0.0025 * math.cos(3 * state[0]))
        moved = _moved_car(c, state[0], state[1], push, np.float64)
    else:
        push = force - F(0.0025 * math.cos(np.float64(F(3) * F(state[0]))))
        moved = _moved_car(c, F(state[0]), F(state[1]), push, np.float32)
    state[0], state[1], over = moved
    state[2] = 1.0
    see(state, obs)
    see(obs, state)
    return (100.0 if over else 0.0) - pow_of(np.float64(action[0]), 2.0) * 0.1, over


@inline
def _moved_car(c: Any, position: Any, velocity: Any, push: Any, of: Any) -> tuple[float, float, bool]:
    """Position and velocity, computed in type `of`, and whether the goal is reached."""
    velocity = of(velocity + push)
    velocity = min(max(velocity, of(-c.max_speed)), of(c.max_speed))
    position = of(position + velocity)
    position = min(max(position, of(c.min_position)), of(c.max_position))
    if position == of(c.min_position) and velocity < 0:
        velocity = of(0)
    over = position >= of(c.goal_position) and velocity >= of(c.goal_velocity)
    return np.float64(position), np.float64(velocity), over


@inline
def see(values: Any, obs: Any) -> None:
    """As many as obs holds, as float32, which is what gymnasium returns."""
    for i in range(min(len(obs), len(values))):
        obs[i] = F(values[i])


class Classic(NamedTuple):
    """A task, and the size of its state."""

    task: Any
    constants: type[tuple[Any, ...]]
    size: int


TASKS: dict[type, Classic] = {
    CartPoleEnv: Classic(cart_pole, CartPole, 4),
    PendulumEnv: Classic(pendulum, Pendulum, 2),
    AcrobotEnv: Classic(acrobot, Acrobot, 4),
    MountainCarEnv: Classic(mountain_car, MountainCar, 2),
    Continuous_MountainCarEnv: Classic(continuous_mountain_car, ContinuousMountainCar, 3),
}


def has_known_dynamics(env: Any) -> bool:
    """Whether its equations are those of its task here: no other integrator, textbook or random torque."""
    usual = {"kinematics_integrator": "euler", "book_or_nips": "book", "torque_noise_max": 0}
    return all(getattr(env, name, value) == value for name, value in usual.items())


def constants_of(env: Any, kind: type[Any]) -> Any:
    """A bare environment's own, as numbers of the types that `kind` has."""
    found = {}
    for name, hint in get_type_hints(kind).items():
        value = getattr(env, name if hasattr(env, name) else f"_{name}")
        found[name] = tuple(map(float, value)) if isinstance(value, list) else hint(value)
    return kind(**found)


@inline
def state_of(states: Any, which: int) -> Any:
    return states[which]
