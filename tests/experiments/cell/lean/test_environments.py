"""Stepping all copies at once equals gymnasium's own loop bit for bit, and whatever is not stock goes through it."""

import copy
import subprocess
import sys
from types import MethodType

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.classic_control.acrobot import AcrobotEnv
from gymnasium.envs.classic_control.cartpole import CartPoleEnv
from gymnasium.envs.mujoco import MujocoEnv
from gymnasium.envs.mujoco.half_cheetah_v5 import HalfCheetahEnv
from gymnasium.envs.mujoco.hopper_v5 import HopperEnv
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import TimeLimit

from experiments.cell.environments import make_environments
from experiments.cell.failures import EnvironmentFailed
from experiments.cell.gym_environments import GymEnvironments
from experiments.cell.lean.environments import LeanClassic, LeanEnvironments
from experiments.cell.lean.mujoco_tasks import constants_of

MUJOCO = [
    f"{task}-{version}"
    for version in ("v4", "v5")
    for task in (
        "Ant", "HalfCheetah", "Hopper", "Humanoid", "HumanoidStandup", "InvertedDoublePendulum", "InvertedPendulum",
        "Pusher", "Reacher", "Swimmer", "Walker2d",
    )
    if (task, version) != ("Pusher", "v4")  # which refuses to be made with MuJoCo 3 and later
]  # fmt: skip
CLASSIC = ["Acrobot-v1", "CartPole-v1", "MountainCar-v0", "MountainCarContinuous-v0", "Pendulum-v1"]
N = 3


def equals_gymnasiums_own_loop(ours, env, kwargs, steps=1000):
    """Compare every number; how many episodes ended."""
    oracle = SyncVectorEnv(
        [lambda: gym.make(env, disable_env_checker=True, **kwargs)] * N, autoreset_mode=AutoresetMode.SAME_STEP
    )
    expected, _ = oracle.reset(seed=[7, 8, 9])
    found = np.stack([ours.reset(n, seed) for n, seed in enumerate([7, 8, 9])])
    np.testing.assert_array_equal(found, expected)
    generator, ends = np.random.default_rng(0), 0
    space = oracle.single_action_space
    for _ in range(steps):
        if isinstance(space, gym.spaces.Discrete):
            action = generator.integers(space.n, size=N)
        else:
            action = generator.uniform(space.low, space.high, (N, *space.shape)).astype(np.float32)
        expected, rewards, terminated, truncated, info = oracle.step(action)
        found, our_rewards, our_terminated, our_truncated = ours.step(action, range(N))
        np.testing.assert_array_equal(our_rewards, rewards)
        np.testing.assert_array_equal(our_terminated, terminated)
        np.testing.assert_array_equal(our_truncated, truncated)
        for lane in np.flatnonzero(terminated | truncated):
            np.testing.assert_array_equal(found[lane], info["final_obs"][lane])
            found[lane] = ours.reset(int(lane))
            ends += 1
        np.testing.assert_array_equal(found, expected)
    return ends


@pytest.mark.filterwarnings("ignore:.*is out of date:DeprecationWarning")
@pytest.mark.parametrize(
    ("env", "kwargs"),
    [
        *((env, {"max_episode_steps": 90}) for env in (*MUJOCO, *CLASSIC)),
        ("HalfCheetah-v5", {"ctrl_cost_weight": 0.3, "exclude_current_positions_from_observation": False}),
        ("Ant-v4", {"use_contact_forces": True}),
        ("Ant-v5", {"include_cfrc_ext_in_observation": False, "contact_force_range": [-0.5, 0.5], "main_body": 2}),
        ("Humanoid-v5", {"include_cvel_in_observation": False, "contact_cost_weight": 1e-3, "healthy_reward": 3.0}),
        ("HumanoidStandup-v5", {"include_qfrc_actuator_in_observation": False, "ctrl_cost_weight": 0.2}),
        ("Pusher-v5", {"reward_near_weight": 0.3, "max_episode_steps": 400}),
        ("Walker2d-v4", {"terminate_when_unhealthy": False, "max_episode_steps": 50}),
        ("CartPole-v1", {"sutton_barto_reward": True}),
        ("Hopper-v5", {"terminate_when_unhealthy": False, "max_episode_steps": 40, "healthy_reward": 2.0}),
        ("Hopper-v5", {"healthy_z_range": [0.8, 2.0], "frame_skip": 4}),  # a list, as a matrix file has it
    ],
)
def test_lean_stepping_equals_gymnasiums_vector_environment_bit_for_bit(env, kwargs):
    lean = make_environments(env, kwargs, N)
    assert isinstance(lean, LeanEnvironments)
    ends = equals_gymnasiums_own_loop(lean, env, kwargs)
    assert ends >= 3 or "max_episode_steps" not in kwargs


class Paid(HalfCheetahEnv):
    def _get_rew(self, x_velocity, action):
        return 100.0, {}


class Renamed(TimeLimit):
    def step(self, action):
        obs, reward, terminated, truncated, info = super().step(action)
        return obs, reward + 1.0, terminated, truncated, info


Renamed.__name__ = "TimeLimit"


def on_instance(name, change):
    """An alteration that replaces a method of the instance by one that changes what the original returns."""

    def alter(env, copy):
        original = getattr(env, name)
        setattr(env, name, MethodType(lambda self, *arguments: change(original(*arguments)), env))

    return alter


def setting(path, value):
    """An alteration that sets an attribute: the same for every copy, or where `value` is callable, one for each."""

    def alter(env, copy):
        *owners, name = path.split(".")
        for owner in owners:
            env = getattr(env, owner)
        setattr(env, name, value(copy) if callable(value) else value)

    return alter


def mass(env, copy):
    env.model.body_mass[2] *= 1.5


def mass_of_the_last(env, copy):
    env.model.body_mass[2] *= 1.5 if copy == N - 1 else 1.0


def ballast(env, copy):
    env.model.geom_friction[:, 0] *= 1.0 + copy


CHEETAH = {
    "mass": mass,
    "mass of the last copy": mass_of_the_last,
    "friction by copy": ballast,
    "gravity": setting("model.opt.gravity", np.array([0.0, 0.0, -3.0])),
    "gravity by copy": setting("model.opt.gravity", lambda copy: np.array([0.0, 0.0, -3.0 - copy])),
    "integrator": setting("model.opt.integrator", 1),
    "timestep by copy": setting("model.opt.timestep", lambda copy: 0.01 / (1 + copy)),
    "frame skip": setting("frame_skip", 2),
    "frame skip by copy": setting("frame_skip", lambda copy: 1 + copy),
    "reward weight": setting("_forward_reward_weight", 2.5),
    "reward weight by copy": setting("_forward_reward_weight", lambda copy: 1.0 + copy),
    "a reward weight of another type": setting("_ctrl_cost_weight", lambda copy: np.float32(0.3)),
    "noise of resets by copy": setting("_reset_noise_scale", lambda copy: 0.1 * (1 + copy)),
    "step of the instance": on_instance("step", lambda outcome: (outcome[0], 9.0, *outcome[2:])),
    "observation of the instance": on_instance("_get_obs", lambda obs: obs * 2),
    "do_simulation of the instance": lambda env, copy: setattr(
        env, "do_simulation", MethodType(lambda self, ctrl, n: MujocoEnv.do_simulation(self, ctrl * 0.5, n), env)
    ),
    "an attribute that gymnasium does not know": setting("curriculum", lambda copy: object()),
}
CARTPOLE = {
    "gravity": setting("gravity", 3.0),
    "gravity by copy": setting("gravity", lambda copy: 9.8 + copy),
    "integrator": setting("kinematics_integrator", "semi-implicit euler"),
    "force by copy": setting("force_mag", lambda copy: 10.0 + copy),
    "half a pole without its products": setting("length", 0.25),
    "threshold by copy": setting("x_threshold", lambda copy: 2.4 - copy),
    "step of the instance": on_instance("step", lambda outcome: (outcome[0], 9.0, *outcome[2:])),
}


READ_FROM_THE_INSTANCE = {  # plain numbers, the same for every copy: lean stepping reads them where gymnasium does
    (HalfCheetahEnv, "reward weight"),
    (HalfCheetahEnv, "frame skip"),
    (CartPoleEnv, "gravity"),
    (CartPoleEnv, "half a pole without its products"),
}


def altered(cls, alterations, **kwargs):
    """A factory of an environment, made again for every copy; `kwargs` name the alteration."""
    made = iter(range(10**6))

    def make(alteration):
        env = cls(**kwargs)
        alterations[alteration](env, next(made) % N)
        return env

    return make


@pytest.mark.parametrize(
    ("cls", "alteration"), [(HalfCheetahEnv, name) for name in CHEETAH] + [(CartPoleEnv, name) for name in CARTPOLE]
)
def test_an_altered_instance_is_stepped_as_what_it_is(cls, alteration, monkeypatch):
    monkeypatch.setattr("gymnasium.envs.registration.registry", copy.copy(gym.registry))
    factory = altered(cls, CHEETAH if cls is HalfCheetahEnv else CARTPOLE)
    gym.register("Altered-v0", entry_point=factory, max_episode_steps=50)
    kwargs = {"alteration": alteration}
    ours = make_environments("Altered-v0", kwargs, N)
    assert isinstance(ours, LeanEnvironments) == ((cls, alteration) in READ_FROM_THE_INSTANCE)
    equals_gymnasiums_own_loop(ours, "Altered-v0", kwargs, 120)


def test_a_subclass_and_a_wrapper_that_calls_itself_time_limit_are_not_stock(monkeypatch):
    monkeypatch.setattr("gymnasium.envs.registration.registry", copy.copy(gym.registry))
    gym.register("Paid-v0", entry_point=Paid, max_episode_steps=50)
    gym.register("Renamed-v0", entry_point=lambda: Renamed(CartPoleEnv(), 40), max_episode_steps=50)
    for env in ("Paid-v0", "Renamed-v0"):
        ours = make_environments(env, {}, N)
        assert type(ours) is GymEnvironments
        equals_gymnasiums_own_loop(ours, env, {}, 100)


@pytest.mark.parametrize(
    ("env", "cls", "name"),
    [
        ("HalfCheetah-v5", HalfCheetahEnv, "step"),
        ("HalfCheetah-v5", HalfCheetahEnv, "_get_obs"),
        ("HalfCheetah-v5", MujocoEnv, "do_simulation"),
        ("Hopper-v5", HopperEnv, "is_healthy"),
        ("HalfCheetah-v5", MujocoEnv, "dt"),
        ("CartPole-v1", CartPoleEnv, "step"),
        ("CartPole-v1", TimeLimit, "step"),
    ],
)
def test_a_method_replaced_on_the_class_is_called(env, cls, name, monkeypatch):
    original = vars(cls)[name]
    changed = {
        "step": lambda self, action: (lambda o: (o[0], o[1] + 1.0, *o[2:]))(original(self, action)),
        "_get_obs": lambda self: original(self) * 2,
        "do_simulation": lambda self, ctrl, n: original(self, ctrl * 0.5, n),
        "is_healthy": property(lambda self: True),
        "dt": property(lambda self: 1.0),
    }[name]
    monkeypatch.setattr(cls, name, changed)
    ours = make_environments(env, {}, N)
    assert type(ours) is GymEnvironments
    equals_gymnasiums_own_loop(ours, env, {}, 60)


def other_velocity(env):
    return constants_of(env)._replace(dt=1.0)


@pytest.mark.parametrize("env", ["HalfCheetah-v5", "Ant-v4", "Humanoid-v5"])
@pytest.mark.filterwarnings("ignore:.*is out of date:DeprecationWarning")
def test_a_task_whose_numbers_differ_here_goes_through_gymnasium(env, monkeypatch, capsys):
    assert isinstance(make_environments(env, {}, N), LeanEnvironments)
    monkeypatch.setattr("experiments.cell.lean.mujoco_tasks.constants_of", other_velocity)
    ours = make_environments(env, {}, N)
    assert type(ours) is GymEnvironments
    assert (
        f"{env.split('-')[0]}Env is stepped by gymnasium: compiled, its numbers differ here" in capsys.readouterr().err
    )
    equals_gymnasiums_own_loop(ours, env, {}, 50)


def test_a_subset_can_be_stepped_while_others_wait():
    ours, alone = make_environments("Hopper-v5", {}, 3), make_environments("Hopper-v5", {}, 1)
    for n in range(3):
        ours.reset(n, seed=n)
    alone.reset(0, seed=2)
    action = np.full((1, 3), 0.3, dtype=np.float32)
    for _ in range(10):
        np.testing.assert_array_equal(ours.step(action, [2])[0], alone.step(action, [0])[0])


def test_environments_that_are_not_known_go_through_gymnasium():
    assert type(make_environments("FrozenLake-v1", {}, 1)) is GymEnvironments
    assert type(make_environments("Acrobot-v1", {}, 1)) is LeanClassic


@pytest.mark.parametrize(("name", "value"), [("torque_noise_max", 0.1), ("book_or_nips", "nips")])
def test_an_acrobot_with_other_dynamics_goes_through_gymnasium(name, value, monkeypatch):
    monkeypatch.setattr(AcrobotEnv, name, value)
    assert type(make_environments("Acrobot-v1", {}, 1)) is GymEnvironments


def test_a_state_that_is_no_number_is_the_environments_fault():
    lean = make_environments("Pendulum-v1", {}, 2)
    lean.reset(0, 0), lean.reset(1, 1)
    lean._states[1] = np.nan
    with pytest.raises(EnvironmentFailed, match="the environment's observation is nan"):
        lean.step(np.zeros((2, 1), np.float32), range(2))


def test_making_and_stepping_says_nothing_and_writes_nothing(tmp_path):
    code = (
        "from experiments.cell.environments import make_environments\n"
        "import contextlib, numpy as np\n"
        "made = make_environments('HalfCheetah-v5', {}, 1)\n"
        "made.reset(0, 0)\n"
        "with contextlib.suppress(Exception):\n"
        "    made.step(np.full((1, 6), np.nan, dtype=np.float32), [0])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert not done.stdout and not done.stderr and not list(tmp_path.iterdir())
