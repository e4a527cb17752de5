"""gymnasium's MuJoCo tasks: one function each, from an action to observation, reward and whether the episode is over.

The formulas are gymnasium's, in the same order of operations and types, so that results are equal to the last bit.
Their constants are read from an environment that gymnasium made, and so respect its keyword arguments. v4 differs from
v5 as gymnasium's documentation says; where it does not, one function serves both.
"""

import math
from typing import Any, NamedTuple, get_type_hints

import numpy as np
from numpy.typing import NDArray

from experiments.cell.lean.native import cos, inline, norm, pow_of, sin, sum_of_squares, total_of
from experiments.cell.lean.simulator import World, compute_forces, simulate

F = np.float32
UNBOUNDED = (-math.inf, math.inf)


class Constants(NamedTuple):
    """Attributes of gymnasium's environments under their own names, and what follows from them."""

    is_v4: bool
    dt: float
    timestep: float
    mass: NDArray[np.float64]  # [nbody]
    total_mass: float
    bodies: tuple[int, int, int]  # those whose positions count
    hidden: int  # coordinates that are not observed
    first_body: int  # of those whose forces are observed
    velocity_clip: float
    # where an environment has none of its own, that of a formula which holds it as a number
    forward_reward_weight: float = 1.0
    ctrl_cost_weight: float = 0.1  # HumanoidStandup-v4
    healthy_reward: float = 10.0  # InvertedDoublePendulum-v4
    terminate_when_unhealthy: bool = True
    healthy_z_range: tuple[float, float] = UNBOUNDED
    healthy_angle_range: tuple[float, float] = UNBOUNDED
    healthy_state_range: tuple[float, float] = UNBOUNDED
    contact_cost_weight: float = 0.0
    contact_force_range: tuple[float, float] = UNBOUNDED
    contact_cost_range: tuple[float, float] = UNBOUNDED
    include_cinert_in_observation: bool = True
    include_cvel_in_observation: bool = True
    include_qfrc_actuator_in_observation: bool = True
    include_cfrc_ext_in_observation: bool = True
    reward_near_weight: float = 0.0
    reward_dist_weight: float = 1.0
    reward_control_weight: float = 1.0


BODIES = {"Ant": ("torso",), "Reacher": ("fingertip", "target"), "Pusher": ("tips_arm", "object", "goal")}
UNSEEN = {"HalfCheetah": 1, "Hopper": 1, "Walker2d": 1, "Swimmer": 2, "Ant": 2, "Humanoid": 2, "HumanoidStandup": 2}


def constants_of(env: Any) -> Constants:
    """Of a bare environment."""
    task, mass = type(env).__name__.removesuffix("Env"), np.array(env.model.body_mass)
    is_v4 = type(env).__module__.endswith("_v4")
    own = {name: getattr(env, f"_{name}") for name in Constants._fields if hasattr(env, f"_{name}")}
    if task == "Ant" and is_v4:
        own["include_cfrc_ext_in_observation"] = env._use_contact_forces
        own["contact_cost_weight"] *= env._use_contact_forces
    if task == "HumanoidStandup":  # its impacts are the others' contacts
        own["contact_cost_weight"] = getattr(env, "_impact_cost_weight", 0.5e-6)
        own["contact_cost_range"] = getattr(env, "_impact_cost_range", (-math.inf, 10.0))
    names = BODIES.get(task, ())
    if task == "Ant":
        names = (getattr(env, "_main_body", "torso"),)
    found = [env.model.body(name).id for name in names]
    hints = get_type_hints(Constants)
    return Constants(
        is_v4=is_v4,
        dt=float(env.dt),
        timestep=float(env.model.opt.timestep),
        mass=mass,
        total_mass=float(np.sum(mass[:, None])),
        bodies=(*found, *[0] * (3 - len(found))),
        hidden=UNSEEN.get(task, 0) * getattr(env, "_exclude_current_positions_from_observation", True),
        first_body=0 if is_v4 else 1,
        velocity_clip=10.0 if task in ("Hopper", "Walker2d") else math.inf,
        **{name: _plain(value, hints[name]) for name, value in own.items()},
    )


def _plain(value: Any, hint: Any) -> Any:
    """As the kernel's types have it."""
    return tuple(float(end) for end in value) if hint == tuple[float, float] else hint(value)


@inline
def planar(c: Constants, world: World, action: Any, obs: Any) -> tuple[float, bool]:
    """HalfCheetah and Swimmer: forward velocity less control cost; never over."""
    before = world.qpos[0]
    simulate(world, action)
    put(clipped(world.qvel, c.velocity_clip), put(world.qpos[c.hidden :], obs))
    return forward(c, before, world.qpos[0]) - control_cost(c, action), False


@inline
def walker(c: Constants, world: World, action: Any, obs: Any) -> tuple[float, bool]:
    """Walker2d and Hopper: also paid for being healthy, and over when they are not."""
    before = world.qpos[0]
    simulate(world, action)
    put(clipped(world.qvel, c.velocity_clip), put(world.qpos[c.hidden :], obs))
    healthy = in_range(world.qpos[1], c.healthy_z_range) and in_range(world.qpos[2], c.healthy_angle_range)
    for coordinate in world.qpos[2:]:
        healthy = healthy and in_range(coordinate, c.healthy_state_range)
    for velocity in world.qvel:
        healthy = healthy and in_range(velocity, c.healthy_state_range)
    reward = forward(c, before, world.qpos[0]) + alive(c, healthy) - control_cost(c, action)
    return reward, not healthy and c.terminate_when_unhealthy


@inline
def ant(c: Constants, world: World, action: Any, obs: Any) -> tuple[float, bool]:
    """Forward velocity and health less costs of control and of contacts; v4 without contacts unless asked for."""
    torso, (low, high) = c.bodies[0], c.contact_force_range
    before = world.xpos[torso, 0]
    simulate(world, action)
    compute_forces(world)
    forces = np.minimum(np.maximum(world.cfrc_ext, low), high)
    rest = put(world.qvel, put(world.qpos[c.hidden :], obs))
    if c.include_cfrc_ext_in_observation:
        put(forces[c.first_body :], rest)
    z, (lowest, highest) = world.qpos[2], c.healthy_z_range
    healthy = all_finite(world.qpos) and all_finite(world.qvel) and lowest <= z <= highest
    cost = control_cost(c, action) + c.contact_cost_weight * total_of(forces * forces)
    reward = forward(c, before, world.xpos[torso, 0]) + alive(c, healthy) - cost
    return reward, not healthy and c.terminate_when_unhealthy


@inline
def humanoid(c: Constants, world: World, action: Any, obs: Any) -> tuple[float, bool]:
    """As Ant, with velocity that of the centre of mass."""
    before = center_of_mass(c, world)
    simulate(world, action)
    compute_forces(world)
    observe_body(c, world, obs)
    healthy = in_range(world.qpos[2], c.healthy_z_range)
    cost = c.ctrl_cost_weight * total_of(world.ctrl * world.ctrl) + contact_cost(c, world)
    reward = forward(c, before, center_of_mass(c, world)) + alive(c, healthy) - cost
    return reward, not healthy and c.terminate_when_unhealthy


@inline
def humanoid_standup(c: Constants, world: World, action: Any, obs: Any) -> tuple[float, bool]:
    """Height less costs of control and of impacts; never over."""
    simulate(world, action)
    compute_forces(world)
    observe_body(c, world, obs)
    control = c.ctrl_cost_weight * total_of(world.ctrl * world.ctrl)
    return world.qpos[2] / c.timestep - control - contact_cost(c, world) + 1.0, False


@inline
def reacher(c: Constants, world: World, action: Any, obs: Any) -> tuple[float, bool]:
    """Nearness of the fingertip to the target, in v4 that before the step."""
    finger, target = c.bodies[0], c.bodies[1]
    before = norm(world.xpos[finger] - world.xpos[target])
    simulate(world, action)
    between, angles = world.xpos[finger] - world.xpos[target], world.qpos[:2]
    cos(angles, obs[:2])
    sin(angles, obs[2:4])
    rest = put(world.qvel[:2], put(world.qpos[2:], obs[4:]))
    put(between[: len(rest)], rest)  # v5 leaves out the third
    distance = before if c.is_v4 else norm(between)
    return -distance * c.reward_dist_weight - sum_of_squares(action) * F(c.reward_control_weight), False


@inline
def pusher(c: Constants, world: World, action: Any, obs: Any) -> tuple[float, bool]:
    """Nearness of arm and object, and of object and goal."""
    simulate(world, action)
    tips, thing, goal = world.xpos[c.bodies[0]], world.xpos[c.bodies[1]], world.xpos[c.bodies[2]]
    put(goal, put(thing, put(tips, put(world.qvel[:7], put(world.qpos[:7], obs)))))
    far = -norm(thing - goal) * c.reward_dist_weight - sum_of_squares(action) * F(c.reward_control_weight)
    return far - norm(thing - tips) * c.reward_near_weight, False


@inline
def inverted_pendulum(c: Constants, world: World, action: Any, obs: Any) -> tuple[float, bool]:
    """One for every step before the pole leans by more than 0.2 rad; v4 pays for the last too."""
    simulate(world, action)
    put(world.qvel, put(world.qpos, obs))
    over = not all_finite(obs) or abs(obs[1]) > 0.2
    return 0.0 if over and not c.is_v4 else 1.0, over


@inline
def inverted_double_pendulum(c: Constants, world: World, action: Any, obs: Any) -> tuple[float, bool]:
    """Alive bonus less penalties of the tip's distance and the joints' velocities."""
    simulate(world, action)
    angles, n = world.qpos[1:], len(world.qpos) - 1
    sin(angles, obs[1 : 1 + n])
    cos(angles, obs[1 + n : 1 + 2 * n])
    rest = put(clipped(world.qvel, 10.0), obs[1 + 2 * n :])
    obs[0] = world.qpos[0]
    put(clipped(world.qfrc_constraint[: len(rest)], 10.0), rest)  # v5 leaves out all but the cart's
    x, y, v1, v2 = world.site_xpos[0, 0], world.site_xpos[0, 2], world.qvel[1], world.qvel[2]
    distance = 0.01 * pow_of(x, 2.0) + pow_of(y - 2.0, 2.0)
    velocity = 1e-3 * pow_of(v1, 2.0) + 5e-3 * pow_of(v2, 2.0)
    return alive(c, y > 1.0) - distance - velocity, y <= 1.0


@inline
def put(values: Any, obs: Any) -> Any:
    """Write values into the first places of obs; the places that are left."""
    flat = values.ravel()
    for i in range(len(flat)):
        obs[i] = flat[i]
    return obs[len(flat) :]


@inline
def clipped(values: Any, limit: float) -> Any:
    return np.minimum(np.maximum(values, -limit), limit)


@inline
def in_range(value: float, ends: tuple[float, float]) -> bool:
    return ends[0] < value and value < ends[1]


@inline
def all_finite(values: Any) -> bool:
    return bool(np.isfinite(values).all())


@inline
def forward(c: Constants, before: float, after: float) -> float:
    return c.forward_reward_weight * ((after - before) / c.dt)


@inline
def alive(c: Constants, healthy: bool) -> float:
    """v4 pays for the last step as well, where an unhealthy one is the last."""
    return c.healthy_reward if healthy or (c.is_v4 and c.terminate_when_unhealthy) else 0.0


@inline
def control_cost(c: Constants, action: Any) -> Any:
    return F(c.ctrl_cost_weight) * sum_of_squares(action)  # in float32, as numpy does it


@inline
def contact_cost(c: Constants, world: World) -> float:
    cost = c.contact_cost_weight * total_of(world.cfrc_ext * world.cfrc_ext)
    return min(max(cost, c.contact_cost_range[0]), c.contact_cost_range[1])


@inline
def center_of_mass(c: Constants, world: World) -> float:
    """Its x."""
    weighted = 0.0
    for body in range(len(c.mass)):
        weighted += c.mass[body] * world.xipos[body, 0]
    return weighted / c.total_mass


@inline
def observe_body(c: Constants, world: World, obs: Any) -> None:
    """What the humanoids see; v5 leaves out the world's own body, and the root's six joints."""
    rest = put(world.qvel, put(world.qpos[c.hidden :], obs))
    if c.include_cinert_in_observation:
        rest = put(world.cinert[c.first_body :], rest)
    if c.include_cvel_in_observation:
        rest = put(world.cvel[c.first_body :], rest)
    if c.include_qfrc_actuator_in_observation:
        rest = put(world.qfrc_actuator[6 * c.first_body :], rest)
    if c.include_cfrc_ext_in_observation:
        put(world.cfrc_ext[c.first_body :], rest)


TASKS = {
    "ant": ant,
    "half_cheetah": planar,
    "hopper": walker,
    "humanoid": humanoid,
    "humanoidstandup": humanoid_standup,
    "inverted_double_pendulum": inverted_double_pendulum,
    "inverted_pendulum": inverted_pendulum,
    "pusher": pusher,
    "reacher": reacher,
    "swimmer": planar,
    "walker2d": walker,
}  # by gymnasium's module, without its version


def task_of(known: type) -> Any:
    """The function of one of gymnasium's classes; None if there is none."""
    package, _, module = known.__module__.rpartition(".")
    name, _, version = module.rpartition("_")
    return TASKS.get(name) if package == "gymnasium.envs.mujoco" and version in ("v4", "v5") else None
