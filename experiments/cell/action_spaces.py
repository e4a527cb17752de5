"""Actions as policies give them: choices that count from 0, or real numbers side by side, of a size that suits them.

Nothing here needs torch.
"""

from dataclasses import dataclass
from typing import Any, Literal

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete
from numpy.typing import NDArray

SMALLEST, LARGEST = 0.25, 4.0  # half the length of an interval that a policy covers well as it is
UNBOUNDED = 1e6  # half the length of an interval that stands for no bounds at all


@dataclass(frozen=True)
class Actions:
    """What a family of distributions has to fit."""

    kind: Literal["discrete", "multi_discrete", "continuous"]
    sizes: tuple[int, ...]  # how many choices there are, in all or for each component; or how many real numbers
    bounded: bool  # whether real numbers all have two finite bounds


def with_plain_actions(env: gym.Env[Any, Any]) -> gym.Env[Any, Any]:
    """The environment, wrapped if its actions are not of a form that policies give."""
    space = env.action_space
    if isinstance(space, Discrete):
        return ActionsFromZero(env) if space.start != 0 else env
    if isinstance(space, MultiDiscrete | MultiBinary):
        return FlatChoices(env)
    if isinstance(space, Box) and np.issubdtype(space.dtype, np.floating):
        return FlatBox(env) if len(space.shape) != 1 or to_be_scaled(space).any() else env
    return env


def actions_of(env: gym.Env[Any, Any]) -> Actions:
    """Of an environment `with_plain_actions`. Raises ValueError for spaces that no rule here takes, naming them."""
    space = env.action_space
    if isinstance(space, Discrete):
        return Actions("discrete", (int(space.n),), False)
    if isinstance(space, MultiDiscrete):
        return Actions("multi_discrete", tuple(int(n) for n in space.nvec), False)
    if not isinstance(space, Box) or space.shape == (0,):
        raise ValueError(
            f"action space {space} is neither Discrete, MultiDiscrete or MultiBinary nor a Box of at least one number; "
            "wrap the environment so that it has one of these"
        )
    if not np.issubdtype(space.dtype, np.floating):
        raise ValueError(
            f"action space {space} is a box of integers, and rules here act with real numbers; declare it Discrete or "
            "MultiDiscrete, or wrap the environment so that it takes real numbers"
        )
    return Actions("continuous", space.shape, space.is_bounded("both"))


def to_be_scaled(space: Box) -> NDArray[np.bool_]:
    """Which components have an interval that a policy starting at 0 +- 0.6 would not cover.

    An interval stays as it is if half its length is between SMALLEST and LARGEST and 0 lies in its middle half: so do
    those of all of gymnasium's MuJoCo tasks (0.4 to 3), Pendulum (2) and whatever is symmetric around 0 and near 1.
    """
    bounded = np.isfinite(space.low) & np.isfinite(space.high)
    low, high = (np.where(bounded, end, 0.0).astype(np.float64) for end in (space.low, space.high))
    half, middle = high / 2 - low / 2, high / 2 + low / 2
    fits = (half >= SMALLEST) & (half <= LARGEST) & (np.abs(middle) <= half / 2)
    return (half > 0) & (half <= UNBOUNDED) & ~fits


class FlatBox(gym.ActionWrapper[Any, Any, Any]):
    """Real numbers side by side; those `to_be_scaled` are from -1 to 1 here, and reach from bound to bound there."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        own: Any = env.action_space
        scaled = to_be_scaled(own)
        low, high = (np.where(scaled, end, one).astype(np.float64) for end, one in ((own.low, -1), (own.high, 1)))
        self._own, self._half, self._middle = own, (high - low) / 2, (high + low) / 2
        low, high = (np.where(scaled, one, end).astype(own.dtype) for end, one in ((own.low, -1), (own.high, 1)))
        self.action_space = Box(low.ravel(), high.ravel(), dtype=own.dtype)

    def action(self, action: Any) -> Any:
        own = self._own
        there = self._middle + self._half * np.reshape(action, own.shape)
        return np.asarray(np.clip(there, own.low, own.high), dtype=own.dtype)


class FlatChoices(gym.ActionWrapper[Any, Any, Any]):
    """Choices side by side, each counted from 0, whatever the shape and the start of the environment's own."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        own: Any = env.action_space
        self._shape, self._dtype = own.shape, own.dtype
        binary = isinstance(own, MultiBinary)
        self._start = np.zeros(own.shape, np.int64) if binary else own.start
        self.action_space = MultiDiscrete(np.full(own.shape, 2).ravel() if binary else own.nvec.ravel())

    def action(self, action: Any) -> Any:
        return (np.reshape(action, self._shape) + self._start).astype(self._dtype)


class ActionsFromZero(gym.ActionWrapper[Any, Any, Any]):
    """Discrete actions that count from 0, whatever the environment's own begin with."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        own: Any = env.action_space
        self._start = own.start
        self.action_space = Discrete(own.n)

    def action(self, action: Any) -> Any:
        return action + self._start
