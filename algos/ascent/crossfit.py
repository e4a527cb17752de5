"""Steps judged on rows that they have not seen: what each half of a batch would do, and what the other half says of it.

A batch is too kind a judge of the step that was made from it. On HalfCheetah-v5 (2,048 rows) its surrogate keeps .97 to
.99 of its slope along the step at KL radii of .001 to .08; that of rows that the direction has not seen keeps .9 at
.005, .8 at .02, .5 at .08, and at .32 it has fallen below where it began (sums over 40 batches of each of two runs).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from algos.ascent.local_model import LocalModel
from algos.types import Batch


@dataclass(frozen=True)
class Unseen:
    """Of the steps of both halves, each judged by the other one; means over the two."""

    gained: float  # by the surrogate
    predicted: float  # by its slope on the judging rows, g.d: what it would gain if it were linear
    kl: float  # mean KL(old || new)


class CrossFit:
    """Nothing is computed before `unseen` is asked for; `models` are then the halves', with what they have cost."""

    def __init__(self, whole: LocalModel, step: Callable[[LocalModel], Tensor]) -> None:
        """step: the theta [P] that a rule would move to, at the full length, if a model's batch were all it had."""
        self._whole, self._step = whole, step
        self.models: tuple[LocalModel, ...] = ()

    @cached_property
    def unseen(self) -> Unseen | None:
        """None where a batch cannot be halved, or a half shows no way to go."""
        whole = self._whole
        self.models = tuple(
            LocalModel(whole.policy, whole.theta, half, whole.surrogate) for half in halves(whole.batch)
        )
        judged = [self._judge(maker, judge) for maker, judge in zip(self.models, self.models[::-1], strict=True)]
        first, second = judged or (None, None)
        if first is None or second is None:
            return None
        return Unseen(
            (first.gained + second.gained) / 2, (first.predicted + second.predicted) / 2, (first.kl + second.kl) / 2
        )

    def _judge(self, maker: LocalModel, judge: LocalModel) -> Unseen | None:
        new = self._step(maker)
        if new.equal(maker.theta):
            return None
        candidate = judge.candidate(new)
        return Unseen(candidate.surrogate_gain, float(judge.gradient @ (new - judge.theta)), candidate.kl)


def halves(batch: Batch) -> list[Batch]:
    """Every other environment's rows and the rest, or every other episode's where there is one environment.

    So no episode is in both. Empty where there is but one episode.
    """
    lanes = torch.arange(len(batch.obs), device=batch.obs.device) % batch.n_envs
    group = lanes if batch.n_envs > 1 else batch.episodes.unique(return_inverse=True)[1]
    odd = group % 2 == 1
    if not odd.any():
        return []
    shares = (batch.n_envs + 1) // 2, max(batch.n_envs // 2, 1)
    return [replace(batch.rows(rows), n_envs=n) for rows, n in zip((~odd, odd), shares, strict=True)]
