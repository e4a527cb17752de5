"""What an environment takes and gives, brought to one form: a flat vector to observe, and plain actions.

Nothing here needs torch, so that an environment can be tried in a process that starts quickly.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Tuple
from gymnasium.wrappers import TimeLimit
from numpy.typing import NDArray

from experiments.cell import entry_points
from experiments.cell.action_spaces import Actions, actions_of, with_plain_actions
from experiments.cell.entry_points import Wrapping


@dataclass(frozen=True)
class Observations:
    """What a network is given: real numbers, or the pixels of an image, which are bytes from 0 to `brightest`."""

    shape: tuple[int, ...]
    brightest: int | None = None  # 255, or 1 of an image of zeros and ones; None: no pixels

    @property
    def size(self) -> int:
        """How many numbers there are in one."""
        return prod(self.shape)

    @property
    def dtype(self) -> type[np.float64 | np.uint8]:
        """As which they are kept, before any normalisation."""
        return np.float64 if self.brightest is None else np.uint8


@dataclass(frozen=True)
class Interface:
    """What a policy has to fit, and the steps after which an episode is truncated (None: never)."""

    observations: Observations
    actions: Actions
    time_limit: int | None
    flattened_images: tuple[tuple[int, ...], ...] = ()  # shapes of those in a Dict or Tuple

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> "Interface":
        """The interface that `dataclasses.asdict` and JSON made `values` of."""
        observations = {**values["observations"], "shape": tuple(values["observations"]["shape"])}
        actions = {**values["actions"], "sizes": tuple(values["actions"]["sizes"])}
        images = tuple(map(tuple, values.get("flattened_images", ())))
        return cls(Observations(**observations), Actions(**actions), values["time_limit"], images)


def make_environment(
    env: str, kwargs: Mapping[str, Any], wrappers: Sequence[Wrapping] = (), flat: bool = True
) -> gym.Env[Any, Any]:
    """One environment with a flat observation (discrete ones become one-hot) and plain actions.

    flat: whether that is so of a box with rows and columns, too, such as an image.
    """
    made = entry_points.made(env, kwargs, wrappers)
    obs = made.observation_space
    keeps_shape = isinstance(obs, Box) and (len(obs.shape) == 1 or (len(obs.shape) > 1 and not flat))
    if can_be_flattened(obs) and not keeps_shape:
        made = FlatObservation(made)
    return with_plain_actions(made)


def interface_of(env: gym.Env[Any, Any]) -> Interface:
    """What a policy has to fit. Raises ValueError for spaces that no rule here takes, naming them."""
    obs = env.observation_space
    if not isinstance(obs, Box) or not obs.shape:
        raise ValueError(
            f"observation space {obs} cannot be flattened; expected Box, Discrete, MultiDiscrete or MultiBinary, or a "
            "Dict or Tuple of these. Wrap the environment so that it has one"
        )
    if not prod(obs.shape):
        raise ValueError(f"observation space {obs} holds nothing; a policy needs at least one number to look at")
    return Interface(observations_of(obs), actions_of(env), time_limit(env), flattened_images(env))


def observations_of(space: Box) -> Observations:
    """Of an environment that `make_environment` made."""
    return Observations(space.shape, max(int(space.high.max()), 1) if is_image(space) else None)


def is_image(space: gym.Space[Any]) -> bool:
    """Whether it is one of bytes, or of truth values, with rows and columns."""
    return isinstance(space, Box) and len(space.shape) > 1 and space.dtype in (np.uint8, np.bool_)


def flattened_images(env: gym.Env[Any, Any]) -> tuple[tuple[int, ...], ...]:
    """Shapes of the images in the Dict or Tuple that `make_environment` flattened, if it did."""
    while isinstance(env, gym.Wrapper) and not isinstance(env, FlatObservation):
        env = env.env
    return tuple(_images(env.declared)) if isinstance(env, FlatObservation) else ()


def _images(space: gym.Space[Any]) -> Iterator[tuple[int, ...]]:
    if isinstance(space, Dict | Tuple):
        for part in parts_of(space):
            yield from [part.shape] if is_image(part) and part.shape else _images(part)


def time_limit(env: gym.Env[Any, Any]) -> int | None:
    """After how many steps the wrappers of an environment truncate an episode; None if they never do."""
    limits = []
    while isinstance(env, gym.Wrapper):
        if isinstance(env, TimeLimit):
            limits.append(int(env._max_episode_steps))
        env = env.env
    return min(limits, default=None)


def can_be_flattened(space: gym.Space[Any]) -> bool:
    """Whether observations of this space are vectors of one length."""
    if isinstance(space, Dict | Tuple):
        return all(can_be_flattened(part) for part in parts_of(space))
    return isinstance(space, Box | Discrete | MultiDiscrete | MultiBinary)


def parts_of(space: Any) -> list[gym.Space[Any]]:
    """The spaces that a Dict or Tuple holds, in the order in which gymnasium flattens them."""
    return list(space.spaces.values()) if isinstance(space, Dict) else list(space.spaces)


class FlatObservation(gym.ObservationWrapper[NDArray[Any], Any, Any]):
    """Observations as gymnasium flattens them, once it is sure that they belong to the space they are said to be of."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        self.declared: Any = env.observation_space
        self.observation_space = Box(-np.inf, np.inf, gym.spaces.flatten_space(self.declared).shape, np.float64)

    def observation(self, observation: Any) -> NDArray[Any]:
        return flat(self.declared, observation)


def flat(space: Any, observation: Any) -> NDArray[Any]:
    """The vector that gymnasium flattens an observation to; numbers of a box are not cast to the type it declares.

    Raises ValueError for one that does not belong to the space.
    """
    if isinstance(space, Dict):
        if isinstance(observation, Mapping) and observation.keys() == space.spaces.keys():
            return np.concatenate([flat(part, observation[key]) for key, part in space.spaces.items()])
        what = sorted(map(str, observation)) if isinstance(observation, Mapping) else repr(observation)
        raise ValueError(f"the observation has {what}, where {space} was declared")
    if isinstance(space, Tuple):
        if isinstance(observation, tuple | list) and len(observation) == len(space.spaces):
            return np.concatenate([flat(part, each) for part, each in zip(space.spaces, observation, strict=True)])
    elif isinstance(space, Discrete):
        if isinstance(observation, (int, np.integer)) or space.contains(observation):
            index = int(observation) - int(space.start)
            if 0 <= index < space.n:
                one_hot = np.zeros(int(space.n))
                one_hot[index] = 1.0
                return one_hot
    elif np.shape(observation) != space.shape:
        raise ValueError(f"an observation of shape {np.shape(observation)}, where {space} was declared")
    elif isinstance(space, Box):
        return np.ravel(observation)
    elif space.contains(observation):
        return np.asarray(gym.spaces.flatten(space, observation))
    raise ValueError(f"the observation {observation!r}, where {space} was declared")
