"""Checks whether an environment is exactly what gymnasium ships, and so may be stepped by compiled code.

What an object is decides, not its name: its class and wrappers are gymnasium's own and no method of theirs has been
replaced, neither on the class nor on the instance. Anything else is stepped through gymnasium.
"""

import sys
from collections.abc import Callable, Sequence
from functools import cache
from types import FunctionType
from typing import Any

import gymnasium as gym
import mujoco
import numpy as np
from gymnasium.wrappers import OrderEnforcing, TimeLimit
from numpy.typing import NDArray

from experiments.cell.spaces import FlatObservation, time_limit

NUMBERS = (bool, int, float, str, tuple, list, type(None))
# what differs from instance to instance, or is respected because resets go through the instance
OBJECTS = frozenset(
    {
        "_ezpickle_kwargs", "_np_random", "action_space", "data", "high", "high_state", "init_qpos", "init_qvel", "low",
        "low_state", "metadata", "model", "mujoco_renderer", "observation_space", "observation_structure", "spec",
        "state",
    }
)  # fmt: skip


def stock_type(made: Sequence[gym.Env[Any, Any]]) -> type | None:
    """The class of gymnasium's that all are untouched instances of, under its usual wrappers; None if one is not."""
    shipped = cache(as_shipped)  # for this once: classes can be changed at any time
    types = {_stock_type(env, shipped) for env in made}
    return types.pop() if len(types) == 1 else None


def _stock_type(env: gym.Env[Any, Any], shipped: Callable[[type], bool]) -> type | None:
    usual: list[type] = [FlatObservation, TimeLimit, OrderEnforcing]  # each once at most
    while isinstance(env, gym.Wrapper):
        if type(env) not in usual or not _untouched(env, shipped):
            return None
        usual.remove(type(env))
        env = env.env
    return type(env) if _untouched(env, shipped) else None


def alike(made: Sequence[gym.Env[Any, Any]]) -> bool:
    """Whether all copies have the same spaces, time limit and constants, each a plain number, name or tuple."""
    first = made[0]
    constants = _constants(first.unwrapped)
    return constants is not None and all(
        env.action_space == first.action_space
        and env.observation_space == first.observation_space
        and time_limit(env) == time_limit(first)
        and repr(_constants(env.unwrapped)) == repr(constants)
        for env in made
    )


def have_stock_models(made: Sequence[gym.Env[Any, Any]]) -> bool:
    """Whether every copy's MuJoCo model equals, field by field, the one that its file describes."""
    bare: Any = made[0].unwrapped
    stock = mujoco.MjModel.from_xml_path(bare.fullpath)
    size = stock.vis.global_  # all that gymnasium changes, for rendering
    size.offwidth, size.offheight = max(size.offwidth, bare.width), max(size.offheight, bare.height)
    expected = _serialized(stock)
    copies: list[Any] = [env.unwrapped for env in made]
    return all(np.array_equal(_serialized(env.model), expected) for env in copies)


def as_shipped(cls: type) -> bool:
    """Whether every method of the class and of its bases is the one that the class's own file defines."""
    return all(_defined_by(base, name, value) for base in cls.__mro__ for name, value in vars(base).items())


def _defined_by(base: type, name: str, value: Any) -> bool:
    if not base.__module__.startswith(("gymnasium.", "experiments.cell.spaces")):
        return base.__module__ in ("builtins", "typing")
    function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
    if not isinstance(function, FunctionType):
        return name.startswith("__") or not callable(function)
    code, file = function.__code__, sys.modules[base.__module__].__file__
    return code.co_filename == file and code.co_qualname == f"{base.__qualname__}.{name}"


def _untouched(env: gym.Env[Any, Any], shipped: Callable[[type], bool]) -> bool:
    return shipped(type(env)) and not any(callable(getattr(type(env), name, None)) for name in vars(env))


def _constants(bare: Any) -> dict[str, Any] | None:
    """The plain attributes; None if there are any that gymnasium's own environment lacks."""
    plain = {name: value for name, value in vars(bare).items() if name not in OBJECTS}
    return plain if all(type(value) in NUMBERS for value in plain.values()) else None


def _serialized(model: Any) -> NDArray[np.uint8]:
    """Every field of a model, one after the other."""
    buffer = np.empty(mujoco.mj_sizeModel(model), dtype=np.uint8)
    mujoco.mj_saveModel(model, None, buffer)
    return buffer
