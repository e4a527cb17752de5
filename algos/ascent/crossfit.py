"""Steps judged on rows that they have not seen: what each half of a batch would do, and what the other half says of it.

A batch is too kind a judge of the step that was made from it. On HalfCheetah-v5 (2,048 rows) its surrogate keeps .97 to
.99 of its slope along the step at KL radii of .001 to .08; that of rows that the direction has not seen keeps .9 at
.005, .8 at .02, .5 at .08, and at .32 it has fallen below where it began (sums over 40 batches of each of two runs).
"""

from collections.abc import Callable
from dataclasses import astuple, dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from algos.ascent.local_model import LocalModel
from algos.types import NAN, Batch


@dataclass(frozen=True)
class Unseen:
    """Of a step d judged on rows that it has not seen; of the steps of both halves of a batch, means over the two."""

    gained: float  # by the surrogate
    predicted: float  # by its slope on the judging rows, g.d: what it would gain if it were linear
    kl: float  # mean KL(old || new)
    promised: float = NAN  # by its slope on the rows that made the step: what they would have it gain


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
        pairs = zip(astuple(first), astuple(second), strict=True)
        return Unseen(*((one + other) / 2 for one, other in pairs))

    def _judge(self, maker: LocalModel, judge: LocalModel) -> Unseen | None:
        return judged_by(judge, maker, self._step(maker))


class Judged:
    """Of the step to `new` [P] that `maker` has made, by rows that were kept from it; lazily, as `CrossFit`."""

    def __init__(self, judge: LocalModel, maker: LocalModel, new: Tensor) -> None:
        self._of = judge, maker, new
        self.models = (judge,)

    @cached_property
    def unseen(self) -> Unseen | None:
        return judged_by(*self._of)


def judged_by(judge: LocalModel, maker: LocalModel, new: Tensor) -> Unseen | None:
    """What `judge` says of the step to `new` [P] that `maker` has made; None where that is no step."""
    if new.equal(maker.theta):
        return None
    candidate, step = judge.candidate(new), new - judge.theta
    slope, promised = float(judge.gradient @ step), float(maker.gradient @ step)
    return Unseen(candidate.surrogate_gain, slope, candidate.kl, promised)


def halves(batch: Batch) -> list[Batch]:
    """Every other environment's rows and the rest, or every other episode's where there is one environment.

    So no episode is in both. Empty where there is but one episode.
    """
    return parted(batch, 2)


def parted(batch: Batch, every: int) -> list[Batch]:
    """The rest, and the rows of every n-th environment, or of every n-th episode where there is one environment.

    So no episode is in both. Empty where that leaves no rows for the second.
    """
    every = min(every, batch.n_envs) if batch.n_envs > 1 else every
    lanes = torch.arange(len(batch.obs), device=batch.obs.device) % batch.n_envs
    group = lanes if batch.n_envs > 1 else batch.episodes.unique(return_inverse=True)[1]
    kept = group % every == every - 1
    if not kept.any():
        return []
    share = batch.n_envs // every
    return [replace(batch.rows(rows), n_envs=max(n, 1)) for rows, n in ((~kept, batch.n_envs - share), (kept, share))]
