"""What the pipeline watches of updates where it is asked to (`diagnose_every`), and what that makes it remember."""

from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from algos.ascent.blind_spot import hindsight_gain, measure_places, measure_signal
from algos.policies import Policy
from algos.types import Batch, Normalization

STARTS = 64  # observations that begin an episode, the latest ones: four of each of 16 environments


class Watch:
    """Every n-th update is looked at, the first among them; with n = 0 none is, and nothing is kept.

    A run's numbers do not depend on whether it is watched.
    """

    def __init__(self, policy: Policy, every: int) -> None:
        self._policy, self._every = policy, every
        self._starts: Tensor | None = None
        self._made: Normalization | None = None  # how `_starts` were
        self._horizon = 0  # steps of the longest episode so far
        self._before: Tensor | None = None  # theta before the last step
        self._unit = 1.0  # of the advantages that the last step was made from

    def look(self, update: int, old: Tensor, new: Tensor, batch: Batch) -> dict[str, Any]:
        """Columns of an UpdateRow: of the step from `old` to `new` [P] on its batch, and of the step before it.

        update: how many came before. `hindsight_gain` is in the unit of that step's own `surrogate_gain`.
        """
        if not self._every:
            return {}
        starts = self._remember(batch)
        found: dict[str, Any] = {}
        unit = batch.advantage_scale * batch.reward_scale
        if update % self._every == 0:
            found = asdict(measure_signal(self._policy, old, batch))
            found |= asdict(measure_places(self._policy, old, new, batch, starts, self._horizon))
            if self._before is not None:
                gain = hindsight_gain(self._policy, self._before, old, batch)
                found["hindsight_gain"] = gain * unit / self._unit
        self._before, self._unit = old, unit
        return found

    def _remember(self, batch: Batch) -> Tensor:
        """The latest starts, as this batch's observations are made."""
        latest = batch.obs[batch.times == 0]
        if self._starts is not None:
            earlier = self._starts
            if self._made is not None and batch.normalization is not None:
                earlier = self._made.convert(earlier, batch.normalization)
            latest = torch.cat([earlier, latest])
        self._starts, self._made = latest[-STARTS:], batch.normalization
        self._horizon = max(self._horizon, int(batch.times.max()) + 1)
        return self._starts

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {name: value for name, value in vars(self).items() if name not in ("_policy", "_every")}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned."""
        vars(self).update(state)
