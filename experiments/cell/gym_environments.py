"""Any environments, through gymnasium's own interface; what they return is believed only once it was looked at."""

import contextlib
import sys
from collections.abc import Sequence
from typing import Any, Literal

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray

from algos.policies import Categorical, DiagonalGaussian, Family, MultiCategorical, SquashedGaussian
from experiments.cell.action_spaces import Actions
from experiments.cell.failures import ACTION_LIMIT, Diverged, EnvironmentFailed, described, raised_as
from experiments.cell.spaces import Observations, interface_of

Step = tuple[NDArray[Any], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]

ActionDistribution = Literal["gaussian", "squashed_gaussian"]  # of real numbers


def spaces_of(env: gym.Env[Any, Any], distribution: ActionDistribution = "gaussian") -> tuple[Observations, Family]:
    """(what is observed, the family of distributions that fits the action space).

    Raises ValueError for spaces that no rule here takes.
    """
    interface = interface_of(env)
    return interface.observations, family_of(interface.actions, distribution)


def family_of(actions: Actions, distribution: ActionDistribution = "gaussian") -> Family:
    """The family of distributions over these actions; `distribution` is that of real numbers.

    Raises ValueError for a distribution that needs bounds where there are none.
    """
    if actions.kind == "discrete":
        return Categorical(*actions.sizes)
    if actions.kind == "multi_discrete":
        return MultiCategorical(actions.sizes)
    if distribution == "gaussian":
        return DiagonalGaussian(*actions.sizes)
    if not actions.bounded:
        raise ValueError(
            'action_distribution = "squashed_gaussian" squashes actions into their bounds, and here they have none; '
            'expected "gaussian"'
        )
    return SquashedGaussian(*actions.sizes)


class GymEnvironments:
    """Stepped in turn."""

    def __init__(self, made: list[gym.Env[Any, Any]], distribution: ActionDistribution = "gaussian") -> None:
        self.made, self.n = made, len(made)
        self.infos: list[Any] = [None] * len(made)  # what each returned with its last step
        self.observations, self.family = spaces_of(made[0], distribution)
        self.time_limit = interface_of(made[0]).time_limit
        self.action_space = space = made[0].action_space
        for env in made[1:]:
            if env.action_space != space or env.observation_space.shape != self.observations.shape:
                raise ValueError(
                    f"copies of one environment differ: actions {env.action_space} and observations "
                    f"{env.observation_space} beside {space} and {made[0].observation_space}"
                )
        self.bounds = (space.low, space.high) if isinstance(space, Box) else None
        finite = np.abs(np.concatenate(self.bounds)) if self.bounds is not None else np.empty(0)
        self.action_scale = float(finite[np.isfinite(finite)].max(initial=0.0)) or 1.0

    def inside(self, actions: NDArray[Any]) -> NDArray[Any]:
        if self.bounds is None:
            return actions
        low, high = self.bounds
        if isinstance(self.family, SquashedGaussian):
            actions = low + (high - low) * ((np.tanh(actions) + 1) / 2)
        return np.minimum(np.maximum(actions, low), high)  # in half the time of np.clip

    def clipped(self, actions: NDArray[Any]) -> float:
        if isinstance(self.family, SquashedGaussian):
            return 0.0
        return float(np.mean(self.inside(actions) != actions))

    @raised_as(EnvironmentFailed)
    def reset(self, which: int, seed: int | None = None) -> NDArray[Any]:
        returned = self.made[which].reset(seed=seed)
        if not isinstance(returned, tuple) or len(returned) != 2:
            raise EnvironmentFailed(f"reset returned {_short(returned)}; expected (observation, info)")
        first = self._observation(returned[0])
        require_numbers(observation=first)
        return first

    @raised_as(EnvironmentFailed)
    def step(self, actions: NDArray[Any], which: Sequence[int]) -> Step:
        m = len(which)
        seen = self.observations
        obs, rewards = np.empty((m, *seen.shape), seen.dtype), np.empty(m)
        terminated, truncated = np.empty((2, m), dtype=bool)
        for row, lane in enumerate(which):
            returned = self.made[lane].step(actions[row])
            if not isinstance(returned, tuple) or len(returned) != 5:
                raise EnvironmentFailed(
                    f"step returned {_short(returned)}; expected (observation, reward, terminated, truncated, info)"
                )
            obs[row], rewards[row] = self._observation(returned[0]), _reward(returned[1])
            terminated[row], truncated[row] = _flag("terminated", returned[2]), _flag("truncated", returned[3])
            self.infos[lane] = returned[4]
        require_numbers(actions, observation=obs, reward=rewards)
        return obs, rewards, terminated, truncated

    def close(self) -> None:
        """Close every environment; one that cannot be closed is reported, not raised."""
        for env in self.made:
            try:
                with contextlib.suppress(SystemExit):
                    env.close()
            except Exception as error:
                print(f"an environment could not be closed: {described(error)}", file=sys.stderr, flush=True)

    def _observation(self, observation: Any) -> NDArray[Any]:
        found, declared = np.asarray(observation), self.observations
        if found.shape != declared.shape:
            raise EnvironmentFailed(f"an observation of shape {found.shape}; its space says {declared.shape}")
        if found.dtype.kind in "cSU":  # numpy would drop the imaginary part, and read the text
            raise EnvironmentFailed(f"an observation of {_short(observation)}; expected real numbers")
        if declared.brightest is not None and found.dtype not in (np.uint8, np.bool_):
            raise EnvironmentFailed(f"an image of type {found.dtype}; its space says bytes or truth values")
        return found.astype(declared.dtype, copy=False)


def require_numbers(actions: NDArray[Any] | None = None, **values: NDArray[Any]) -> None:
    """Raise EnvironmentFailed, naming the first array with nan or inf.

    Raise Diverged instead if the policy had asked for something absurd.
    """
    for name, value in values.items():
        if np.isfinite(value).all():
            continue
        what = f"the environment's {name} is {value[~np.isfinite(value)][0]}"
        if actions is not None and np.issubdtype(actions.dtype, np.floating):
            largest = float(np.abs(actions).max())
            if largest > ACTION_LIMIT:
                raise Diverged(f"actions beyond {ACTION_LIMIT:g}: {largest:.3g}, whereupon {what}")
        raise EnvironmentFailed(what)


def _reward(reward: Any) -> float:
    if type(reward) in (float, int, np.float64):
        return float(reward)
    if np.shape(reward) != () or not np.can_cast(np.asarray(reward).dtype, np.float64, "same_kind"):
        raise EnvironmentFailed(f"a reward of {_short(reward)}; expected one real number")
    return float(reward)


def _flag(name: str, value: Any) -> bool:
    if type(value) in (bool, np.bool_):
        return bool(value)
    if np.shape(value) != () or np.asarray(value).dtype.kind not in "biu" or value not in (0, 1):
        raise EnvironmentFailed(f"{name} is {_short(value)}; expected a bool")
    return bool(value)


def _short(value: Any) -> str:
    text = f"{type(value).__name__} {value!r}"
    return text if len(text) <= 200 else f"{text[:200]}..."
