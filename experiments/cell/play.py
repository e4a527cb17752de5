"""The stepping loop that rollouts and evaluations share, compiled where possible."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from algos.networks import MLP
from algos.policies import Categorical, DiagonalGaussian, Policy
from experiments.cell.actor import Actor, draw_noise
from experiments.cell.environments import Environments
from experiments.cell.failures import EnvironmentFailed, raised_as
from experiments.cell.gym_environments import require_numbers
from experiments.cell.lean.environments import LeanEnvironments
from experiments.cell.lean.loop import FINE, OUTPUTS, Acting, Normal, Record, Weights, act_categorical, act_gaussian
from experiments.cell.normalization import CLIP, ObservationNormalizer, normalizer_of

ACTS: dict[type, Callable[..., Any]] = {Categorical: act_categorical, DiagonalGaussian: act_gaussian}


class Player:
    """Steps environments under a policy at one theta, through the environments' Python interface."""

    steps_at_once = 1  # after which one may want to look up

    def __init__(
        self, environments: Environments, policy: Policy, theta: Tensor, normalizer: ObservationNormalizer
    ) -> None:
        self.environments, self.normalizer = environments, normalizer
        self.actor = Actor(policy, theta)

    def record(self, steps: int, obs: NDArray[Any]) -> Record:
        """Allocate a record of `steps` steps for environments observed as obs [m, O]."""
        x = self.normalizer(obs)
        return empty_record(steps, obs, x, self.actor.mode(x))

    def advance(self, lanes: NDArray[np.int64], obs: NDArray[Any], noise: NDArray[Any] | None, record: Record) -> int:
        """Step until the record is full or an episode ends; the number of steps taken.

        lanes [m]: which environments, each seen as a row of obs [m, O], which moves along. Without noise [T, m, ...]
        the most probable or mean actions are taken. Raises Diverged and EnvironmentFailed.
        """
        which, normalize = lanes.tolist(), self.normalizer
        x = normalize(obs)
        for t in range(len(record.rewards)):
            record.raw[t], record.obs[t] = obs, x
            action = self.actor.mode(x) if noise is None else self.actor.sample(x, noise[t])
            record.actions[t] = action
            given = self.environments.inside(action)
            obs[:], record.rewards[t], record.terminated[t], truncated = self.environments.step(given, which)
            record.done[t] = record.terminated[t] | truncated
            record.next_obs[t] = x = normalize(obs)
            if record.done[t].any():
                return t + 1
        return len(record.rewards)


class CompiledPlayer(Player):
    """The same numbers in one compiled call; `player_of` decides where that is possible."""

    steps_at_once = 32

    def __init__(
        self, environments: LeanEnvironments, policy: Policy, theta: Tensor, normalizer: ObservationNormalizer
    ) -> None:
        super().__init__(environments, policy, theta, normalizer)
        self._lean, self._family = environments, policy.family
        layers = policy.network.layers(theta.detach().cpu())  # type: ignore[attr-defined]
        weights, biases = zip(*((weight.numpy().T.copy(), bias.numpy().copy()) for weight, bias in layers), strict=True)
        bound = weights[-1].shape[1]
        self._free = biases[-1][bound:]
        rooms = tuple(np.empty((environments.n, weight.shape[1]), np.float32) for weight in weights)
        self._weights = Weights(weights, (*biases[:-1], biases[-1][:bound].copy()), rooms)
        constants = normalizer.constants
        mean, inverse_std = (np.zeros(0), np.zeros(0)) if constants is None else (constants[0], 1.0 / constants[1])
        self._normal = Normal(constants is not None, mean, inverse_std, CLIP)
        low, high = (np.empty(0, np.float32),) * 2 if environments.bounds is None else environments.bounds
        self._bounds = low.astype(np.float32), high.astype(np.float32)
        self._commands = self._actions(environments.n)

    def _actions(self, *sizes: int) -> NDArray[Any]:
        if isinstance(self._family, Categorical):
            return np.empty(sizes, np.int64)
        return np.empty((*sizes, self._family.noise_size), np.float32)

    def record(self, steps: int, obs: NDArray[Any]) -> Record:
        return empty_record(steps, obs, obs.astype(np.float32), self._actions(len(obs)))

    @raised_as(EnvironmentFailed)
    def advance(self, lanes: NDArray[np.int64], obs: NDArray[Any], noise: NDArray[Any] | None, record: Record) -> int:
        acting = Acting(self._added(noise, record), *self._bounds, self._commands)
        arguments = (self._lean.copies, lanes, obs, self._weights, acting, self._normal, record)
        t, how = self._lean.call("play", ACTS[type(self._family)], len(self._weights.weights), *arguments)
        if how == FINE:
            return int(t)
        if how == OUTPUTS:
            self.actor.outputs(record.obs[t])
        require_numbers(self._commands[: len(lanes)], observation=obs, reward=record.rewards[t])
        raise AssertionError("numbers that were not finite are finite now")

    def _added(self, noise: NDArray[Any] | None, record: Record) -> NDArray[np.float32]:
        """The noise as the family adds it to the outputs."""
        steps, m = record.rewards.shape
        if noise is None:
            return np.full((steps, m, self._family.noise_size), -0.0, np.float32)  # x + -0 is x, bit for bit
        if isinstance(self._family, Categorical):
            return noise
        d = np.zeros((m, self._family.output_size), np.float32)
        d[:, -len(self._free) :] = self._free
        return np.asarray(self._family.act(d, noise), dtype=np.float32)

    @classmethod
    def prepare(cls, environments: Environments, policy: Policy) -> None:
        """Compile what an episode of this policy needs, if it can be compiled, outside of every timed phase."""
        normalizer = normalizer_of(environments.observations, False)
        player = player_of(environments, policy, torch.zeros(policy.network.size), normalizer)
        obs = np.zeros((0, environments.observations.size))
        if isinstance(player, cls):
            player.advance(np.zeros(0, np.int64), obs, None, player.record(0, obs))


def player_of(environments: Environments, policy: Policy, theta: Tensor, normalizer: ObservationNormalizer) -> Player:
    """The fastest player that these environments and this policy allow."""
    known = type(policy.family) in ACTS and type(policy.network) is MLP and theta.dtype == torch.float32
    if known and isinstance(environments, LeanEnvironments):
        return CompiledPlayer(environments, policy, theta, normalizer)
    return Player(environments, policy, theta, normalizer)


def empty_record(steps: int, obs: NDArray[Any], x: NDArray[Any], actions: NDArray[Any]) -> Record:
    """Allocate a record of `steps` steps for raw observations like obs [m, ...] that the policy sees as x."""
    seen = np.empty((steps, *x.shape), x.dtype)
    return Record(
        raw=seen if x is obs else np.empty((steps, *obs.shape), obs.dtype),
        obs=seen,
        next_obs=np.empty_like(seen),
        actions=np.empty((steps, *actions.shape), actions.dtype),
        rewards=np.empty((steps, len(obs))),
        terminated=np.empty((steps, len(obs)), bool),
        done=np.empty((steps, len(obs)), bool),
    )


def part_of(record: Record, first: int, last: int) -> Record:
    """A view of the steps from `first` to `last`."""
    parts: Any = (array[first:last] for array in record)
    return Record(*parts)


class NoiseStream:
    """Noise from a generator that can be drawn ahead of its use."""

    def __init__(self, policy: Policy, generator: np.random.Generator) -> None:
        self._draw = lambda rows: draw_noise(policy, generator, rows)
        self._ahead = self._draw(0)

    def next(self, steps: int, rows: int) -> NDArray[np.float32]:
        """Noise [steps, rows, noise_size]; call `use` to say how much of it was consumed."""
        missing = steps * rows - len(self._ahead)
        if missing > 0:
            self._ahead = np.concatenate([self._ahead, self._draw(missing)])
        return self._ahead[: steps * rows].reshape(steps, rows, -1)

    def use(self, rows: int) -> None:
        """Mark this many rows as consumed."""
        self._ahead = self._ahead[rows:]
