"""What an environment takes and gives, brought to one form: a flat vector to observe, and actions that count from 0.

Nothing here needs torch, so that an environment can be tried in a process that starts quickly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box, Discrete, MultiDiscrete
from gymnasium.wrappers import TimeLimit
from numpy.typing import NDArray

from experiments.cell import entry_points
from experiments.cell.entry_points import Wrapping


@dataclass(frozen=True)
class Interface:
    """The sizes that a policy needs, and the steps after which an episode is truncated (None: never)."""

    obs_size: int
    actions: int  # how many there are to choose from, or how many numbers an action has
    discrete: bool
    time_limit: int | None


def make_environment(env: str, kwargs: Mapping[str, Any], wrappers: Sequence[Wrapping] = ()) -> gym.Env[Any, Any]:
    """One environment with a flat observation (discrete ones become one-hot) and discrete actions from 0."""
    made = entry_points.made(env, kwargs, wrappers)
    obs, action = made.observation_space, made.action_space
    if isinstance(obs, (Discrete, MultiDiscrete)) or (isinstance(obs, Box) and len(obs.shape) != 1):
        made = FlatObservation(made)
    if isinstance(action, Discrete) and action.start != 0:
        made = ActionsFromZero(made)
    return made


def interface_of(env: gym.Env[Any, Any]) -> Interface:
    """What a policy has to fit. Raises ValueError for spaces that no rule here takes, naming them."""
    obs, action = env.observation_space, env.action_space
    if not isinstance(obs, Box) or len(obs.shape) != 1:
        raise ValueError(f"observation space {obs} is neither a box nor discrete; flatten it with a wrapper")
    if obs.shape[0] == 0:
        raise ValueError(f"observation space {obs} holds nothing; a policy needs at least one number to look at")
    if isinstance(action, Discrete):
        return Interface(obs.shape[0], int(action.n), True, time_limit(env))
    if not isinstance(action, Box) or len(action.shape) != 1 or action.shape[0] == 0:
        raise ValueError(f"action space {action} is neither discrete nor a flat box of at least one number")
    if not np.issubdtype(action.dtype, np.floating):
        raise ValueError(
            f"action space {action} is a box of integers, and rules here act with real numbers; declare it Discrete, "
            "or wrap the environment so that it takes real numbers"
        )
    return Interface(obs.shape[0], action.shape[0], False, time_limit(env))


def time_limit(env: gym.Env[Any, Any]) -> int | None:
    """After how many steps the wrappers of an environment truncate an episode; None if they never do."""
    limits = []
    while isinstance(env, gym.Wrapper):
        if isinstance(env, TimeLimit):
            limits.append(int(env._max_episode_steps))
        env = env.env
    return min(limits, default=None)


class FlatObservation(gym.ObservationWrapper[NDArray[Any], Any, Any]):
    """Observations as gymnasium flattens them, once it is sure that they belong to the space they are said to be of."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        self._space: Any = env.observation_space
        self.observation_space = Box(-np.inf, np.inf, gym.spaces.flatten_space(self._space).shape, np.float64)
        self._one_hot = np.eye(int(self._space.n)) if isinstance(self._space, Discrete) else None

    def observation(self, observation: Any) -> NDArray[Any]:
        space = self._space
        if self._one_hot is not None and (isinstance(observation, (int, np.integer)) or space.contains(observation)):
            index = int(observation) - space.start
            if 0 <= index < len(self._one_hot):
                return self._one_hot[index].copy()
        elif np.shape(observation) != space.shape:
            raise ValueError(f"an observation of shape {np.shape(observation)}, where {space} was declared")
        elif isinstance(space, Box):
            return np.ravel(observation)  # gymnasium's own would cast it to the type that was declared
        elif space.contains(observation):
            return np.asarray(gym.spaces.flatten(space, observation))
        raise ValueError(f"the observation {observation!r}, where {space} was declared")


class ActionsFromZero(gym.ActionWrapper[Any, Any, Any]):
    """Discrete actions that count from 0, whatever the environment's own begin with."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        own: Any = env.action_space
        self._start = own.start
        self.action_space = Discrete(own.n)

    def action(self, action: Any) -> Any:
        return action + self._start
