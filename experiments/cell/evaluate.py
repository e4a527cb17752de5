"""Evaluation of policies, on environments and seeds of its own that are the same for every rule."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from algos.policies import Policy
from experiments.cell.environments import environments_of
from experiments.cell.episode_info import EpisodeInfo
from experiments.cell.failures import Paused
from experiments.cell.normalization import ObservationNormalizer
from experiments.cell.play import NoiseStream, part_of, player_of
from experiments.cell.streams import global_generators, integer_seed, numpy_stream
from experiments.spec import RunSpec

ActionMode = Literal["sampled", "mean"]


@dataclass(frozen=True)
class Evaluation:
    """Undiscounted returns and lengths of the episodes, in the order of their seeds."""

    returns: NDArray[np.float64]
    lengths: NDArray[np.int64]
    cut: int  # episodes that did not end by themselves
    info: dict[str, float] = field(default_factory=dict)  # means of what the environment says of its episodes


class Evaluator:
    """Runs whole episodes, several environments side by side, each starting the next episode when it is free.

    Where an environment has no time limit of its own, an episode is cut after `eval_max_steps` of the settings.
    """

    def __init__(self, spec: RunSpec, policy: Policy) -> None:
        self._spec, self._policy = spec, policy
        most = max(spec.settings.eval_episodes, spec.settings.final_episodes)
        self._envs = environments_of(spec, min(most, spec.settings.n_envs), informed=bool(spec.info))
        self._most_steps = spec.settings.eval_max_steps if self._envs.time_limit is None else None

    def close(self) -> None:
        self._envs.close()

    def run(
        self,
        theta: Tensor,
        normalizer: ObservationNormalizer,
        action: ActionMode,
        episodes: int,
        stream: str,
        give_up: Callable[[], bool] = lambda: False,
    ) -> Evaluation:
        """`episodes` episodes; `stream` names the seeds, so that a final judgement can use held-out ones.

        `give_up` is asked after every few steps. Raises Paused if it says yes.
        """
        with global_generators(self._spec.seed, stream):
            return self._play(theta, normalizer, action, episodes, stream, give_up)

    @np.errstate(over="ignore", invalid="ignore")
    def _play(
        self,
        theta: Tensor,
        normalizer: ObservationNormalizer,
        action: ActionMode,
        episodes: int,
        stream: str,
        give_up: Callable[[], bool],
    ) -> Evaluation:
        player = player_of(self._envs, self._policy, theta, normalizer)
        noise = NoiseStream(self._policy, numpy_stream(self._spec.seed, f"{stream} actions"))
        seeds = iter(range(episodes))
        returns, lengths, cut = np.zeros(episodes), np.zeros(episodes, dtype=np.int64), 0
        info = EpisodeInfo(episodes, self._spec.info)
        which = np.arange(min(episodes, self._envs.n))  # environments that still play
        episode = np.array([next(seeds) for _ in which])  # and which episode each of them plays
        obs = np.stack([self._reset(int(lane), stream, e) for lane, e in zip(which, episode, strict=True)])
        record = player.record(player.steps_at_once, obs)
        while len(which):
            if give_up():
                raise Paused("in an evaluation, which will be played again from the last checkpoint")
            if record.rewards.shape[1] != len(which):
                record = player.record(player.steps_at_once, obs)
            steps = player.steps_at_once
            if self._most_steps is not None:
                steps = min(steps, self._most_steps - int(lengths[episode].max()))
            drawn = None if action == "mean" else noise.next(steps, len(which))
            made = player.advance(which, obs, drawn, part_of(record, 0, steps))
            noise.use(made * len(which))
            for rewards in record.rewards[:made]:
                returns[episode] += rewards
            lengths[episode] += made
            done = record.done[made - 1].copy()
            if self._most_steps is not None:
                over = lengths[episode] >= self._most_steps
                cut += int((over & ~done).sum())
                done |= over
            for row in np.flatnonzero(done):
                if self._spec.info:
                    info.take(int(episode[row]), self._envs.infos[which[row]])
                following = next(seeds, None)
                if following is not None:
                    episode[row], done[row] = following, False
                    obs[row] = self._reset(int(which[row]), stream, following)
            if done.any():
                which, episode, obs = which[~done], episode[~done], obs[~done]
        return Evaluation(returns, lengths, cut, info.means())

    def _reset(self, lane: int, stream: str, episode: int) -> NDArray[np.float64]:
        return self._envs.reset(lane, integer_seed(self._spec.seed, f"{stream} {episode}"))
