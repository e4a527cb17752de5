"""A trust region over more states than the surrogate has data of."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from algos.estimators.surrogates import Estimate, ImportanceSampled, Surrogate
from algos.types import Batch


@dataclass(frozen=True)
class OverMoreStates(Estimate):
    """Another surrogate of the first `rows` rows; the rest are states alone.

    Their advantages and actions count for nothing. In what is averaged over states (divergences, curvature, the Fisher
    matrix) they have `share` of the weight, each as much as any other of them. There must be such rows.
    """

    rows: int
    share: float
    of: Surrogate = field(default_factory=ImportanceSampled)

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise ValueError(f"share must lie in (0, 1), got {self.share}")

    @property
    def discounted(self) -> bool:
        return self.of.discounted

    @property
    def local(self) -> bool:
        return self.of.local

    def visitation(self, batch: Batch) -> Tensor:
        own, size = self._own(batch), len(batch.obs)
        weights = self.of.visitation(own)
        made = batch.advantages.new_full((size,), self.share * size / (size - self.rows))
        made[: self.rows] = (1 - self.share) * size / self.rows
        if weights is not None:
            made[: self.rows] *= weights
        return made

    def terms(self, log_ratio: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        numerators, denominators = self.of.terms(log_ratio[: self.rows], self._own(batch))
        return self._padded(numerators, batch), self._padded(denominators, batch)

    def gradient(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        return self._padded(self.of.gradient(log_ratio[: self.rows], self._own(batch)), batch)

    def log_weights(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        more = torch.tensor(len(batch.obs) / self.rows).log()
        weights = self.of.log_weights(log_ratio[: self.rows], self._own(batch)) + more
        return self._padded(weights, batch, float("-inf"))

    def cut(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        return self._padded(self.of.cut(log_ratio[: self.rows], self._own(batch)), batch)

    def _own(self, batch: Batch) -> Batch:
        return batch.rows(slice(self.rows))

    def _padded(self, values: Tensor, batch: Batch, value: float = 0.0) -> Tensor:
        """Values [rows], with that of the rest behind them, [B]."""
        return torch.cat([values, values.new_full((len(batch.obs) - self.rows,), value)])
