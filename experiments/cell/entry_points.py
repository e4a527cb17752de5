"""Where environments and wrappers come from: gymnasium's registry, a package, a module, or a user's file.

    CartPole-v1                                  gymnasium has registered it, or an installed package names it
    MODULE:ID                                    MODULE registers it when it is imported
    FILE.py:NAME                                 a class, a function that returns an environment, or an id of the file's
    gymnasium.wrappers:FrameStackObservation     a wrapper, MODULE:NAME or FILE.py:NAME, called with (env, **arguments)

Nothing here needs torch, so that an environment can be tried in a process that starts quickly.
"""

import importlib
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

from experiments.annotations import as_tuple, takes_tuple
from experiments.installed import installed, load_installed
from experiments.outside import file_of, import_file, is_outside, load, name_of

Wrapping = tuple[str, Mapping[str, Any]]  # a wrapper's name and its arguments


def made(env: str, kwargs: Mapping[str, Any], wrappers: Sequence[Wrapping] = ()) -> gym.Env[Any, Any]:
    """One environment in its wrappers, the first of them innermost.

    kwargs: its constructor's, and gymnasium's `max_episode_steps`. Raises OutsideError, TypeError, and whatever the
    code of environment and wrappers raises.
    """
    entry: str | EnvSpec = env
    if is_outside(env):
        entry = _of_file(env)
    elif env not in gym.registry and env in installed("environments"):
        entry = EnvSpec(env, entry_point=load_installed("environments", env))
    found = gym.make(entry, disable_env_checker=True, **kwargs)
    for name, arguments in wrappers:
        found = _wrapped(found, name, arguments)
    return found


def _of_file(env: str) -> str | EnvSpec:
    """The class or function of this name, or else the id that the file has registered."""
    wanted = name_of(env).rpartition(":")[2]
    if not hasattr(import_file(file_of(env)), wanted) and wanted in gym.registry:
        return wanted
    return EnvSpec(wanted, entry_point=load(env, "class or function"))


def _wrapped(env: gym.Env[Any, Any], name: str, arguments: Mapping[str, Any]) -> gym.Env[Any, Any]:
    wrapper = load(name, "class or function") if is_outside(name) else _imported(name)
    try:
        found = wrapper(env, **_with_tuples(wrapper, arguments))
    except (Exception, SystemExit) as error:
        raise TypeError(f"wrapper {name_of(name)}: {type(error).__name__}: {error}") from error
    if not isinstance(found, gym.Env):
        raise TypeError(f"wrapper {name_of(name)} returned a {type(found).__name__}; expected a gymnasium.Env")
    return found


def _imported(name: str) -> Any:
    module, _, wanted = name.partition(":")
    found = getattr(importlib.import_module(module), wanted, None)
    if not callable(found):
        raise TypeError(f"wrapper {name}: the module {module} has no class or function {wanted}")
    return found


def _with_tuples(wrapper: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments, with tuples for lists where the signature says so: TOML and JSON have no tuples."""
    try:
        hints = {p.name: p.annotation for p in inspect.signature(wrapper, eval_str=True).parameters.values()}
    except Exception:  # annotations are the wrapper's code
        hints = {}
    return {
        name: as_tuple(value) if isinstance(value, list) and takes_tuple(hints.get(name)) else value
        for name, value in arguments.items()
    }
