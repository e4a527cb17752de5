"""Collecting a batch: T steps of N environments under one policy."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from algos.policies import Policy
from experiments.cell.actor import draw_noise
from experiments.cell.environments import Environments
from experiments.cell.normalization import normalizer_of
from experiments.cell.play import part_of, player_of
from experiments.cell.streams import integer_seed, numpy_stream
from experiments.spec import RunSpec


@dataclass(frozen=True)
class Rollout:
    """T steps of N environments, with the observations as the policy saw them: normalised, float32, or pixels as bytes.

    `next_obs` are the true next observations: where an episode ended, its last one, not the first of the next.
    """

    obs: NDArray[Any]  # [T, N, *shape]
    next_obs: NDArray[Any]  # [T, N, *shape]
    actions: NDArray[Any]  # [T, N] or [T, N, A], before clipping
    rewards: NDArray[np.float64]  # [T, N]
    terminated: NDArray[np.bool_]  # [T, N]
    done: NDArray[np.bool_]  # [T, N] terminated or truncated
    episodes: NDArray[np.int64]  # [T, N] number of the episode, unique in the run
    times: NDArray[np.int64]  # [T, N] steps since the episode began
    returns: NDArray[np.float64]  # [finished episodes] undiscounted
    clipped_actions: float
    normalization: tuple[NDArray[Any], NDArray[Any]] | None  # mean and std [O] behind `obs`; None where they are raw


class Collector:
    """Holds the training environments between rollouts: an episode may go on from one batch to the next."""

    def __init__(self, spec: RunSpec, policy: Policy, environments: Environments) -> None:
        self.steps = spec.settings.batch_size // spec.settings.n_envs
        self.n_envs = spec.settings.n_envs
        self._policy = policy
        self.environments = environments
        self._seed, self._noise = spec.seed, numpy_stream(spec.seed, "actions")
        self._obs = self._reset_all("")
        self.normalizer = normalizer_of(self.environments.observations, spec.settings.normalize_obs)
        self._episode = np.arange(self.n_envs)
        self._time = np.zeros(self.n_envs, dtype=np.int64)
        self._return = np.zeros(self.n_envs)
        self.finished = 0

    def _reset_all(self, when: str) -> NDArray[Any]:
        seeds = [integer_seed(self._seed, f"environment {n}{when}") for n in range(self.n_envs)]
        return np.stack([self.environments.reset(n, seed) for n, seed in enumerate(seeds)])

    def restart_episodes(self, env_steps: int) -> None:
        """Leave every episode and start one from a seed of its own, so that no simulator's state need be kept."""
        self._obs = self._reset_all(f" from step {env_steps}")
        self._episode = self._episode.max() + 1 + np.arange(self.n_envs)
        self._time[:], self._return[:] = 0, 0.0

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps, taken right after `restart_episodes`."""
        return {
            "noise": self._noise.bit_generator.state,
            "episode": int(self._episode[0]),
            "finished": self.finished,
            "moments": self.normalizer.moments.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned, once `restart_episodes` has been called for the same step."""
        self._noise.bit_generator.state = state["noise"]
        self._episode = state["episode"] + np.arange(self.n_envs)
        self.finished = state["finished"]
        self.normalizer.restore(state["moments"])

    def close(self) -> None:
        self.environments.close()

    @np.errstate(over="ignore", invalid="ignore")  # numbers that are not finite are found below, by name
    def collect(self, theta: Tensor) -> Rollout:
        """T steps under the policy at theta [P]. The normaliser takes the new observations in at the end."""
        steps, n, environments = self.steps, self.n_envs, self.environments
        normalize = self.normalizer
        normalization = normalize.constants
        player = player_of(environments, self._policy, theta, normalize)
        noise = draw_noise(self._policy, self._noise, steps, n)
        record, every = player.record(steps, self._obs), np.arange(n)
        episodes, times = np.empty((2, steps, n), dtype=np.int64)
        returns: list[float] = []
        t = 0
        while t < steps:
            last = min(t + player.steps_at_once, steps)
            made = player.advance(every, self._obs, noise[t:last], part_of(record, t, last))
            episodes[t : t + made] = self._episode
            times[t : t + made] = self._time + np.arange(made)[:, None]
            self._time += made
            for rewards in record.rewards[t : t + made]:
                self._return += rewards
            t += made
            which = np.flatnonzero(record.done[t - 1])
            if len(which):
                for lane in which:
                    self._obs[lane] = environments.reset(int(lane))
                returns += self._return[which].tolist()
                self._episode[which] = self._episode.max() + 1 + np.arange(len(which))
                self._time[which], self._return[which] = 0, 0.0
        self.finished += len(returns)
        normalize.update(record.raw.reshape(steps * n, *record.raw.shape[2:]))
        clipped = environments.clipped(record.actions)
        return Rollout(
            record.obs,
            record.next_obs,
            record.actions,
            record.rewards,
            record.terminated,
            record.done,
            episodes,
            times,
            np.array(returns),
            clipped,
            normalization,
        )
