"""Objectives of a network's outputs, for runs of many small steps (`algos.optim`)."""

from dataclasses import dataclass, replace

from torch import Tensor

from algos.estimators.surrogates import Surrogate
from algos.finite import require_finite
from algos.policies import Family
from algos.types import Batch


@dataclass(frozen=True)
class SurrogateObjective:
    """A surrogate of the return, of the policy whose outputs these are."""

    family: Family
    surrogate: Surrogate
    batch: Batch

    @property
    def obs(self) -> Tensor:
        return self.batch.obs

    def rows(self, index: Tensor | slice) -> "SurrogateObjective":
        return replace(self, batch=self.batch.rows(index))

    def slope(self, outputs: Tensor) -> Tensor:
        """(d value / d log_ratio) * score [B, D]; log ratios are in double precision."""
        batch = self.batch
        log_ratio = self.family.log_prob(outputs.double(), batch.actions) - batch.log_probs
        require_finite(log_ratios=log_ratio)
        weights = self.surrogate.gradient(log_ratio, batch).to(outputs.dtype)
        return weights.unsqueeze(-1) * self.family.score(outputs, batch.actions)


@dataclass(frozen=True)
class SquaredError:
    """Minus the mean squared error of a network's one output to targets [B]."""

    obs: Tensor
    targets: Tensor

    def rows(self, index: Tensor | slice) -> "SquaredError":
        return SquaredError(self.obs[index], self.targets[index])

    def slope(self, outputs: Tensor) -> Tensor:
        return (self.targets.unsqueeze(-1) - outputs).mul_(2 / len(outputs))
