"""Surrogates with a term of their own: a price for large ratios, for divergence, or a bonus for entropy.

Every term is a mean over the rows of a function of the row's own log ratio, so that it needs neither the policy nor the
family, and works in minibatches. Divergences are estimated from the actions that were taken: unbiased, never negative
in any row, and flat at the old policy, where a surrogate and its gradient are those of `ImportanceSampled`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from algos.estimators.surrogates import ImportanceSampled
from algos.types import Batch


@dataclass(frozen=True)
class RatioPenalised(ImportanceSampled):
    """mean(w A - |A| (w - 1)^2 / (2 epsilon)); Xie et al. 2025, "Simple policy optimization".

    A row's best ratio is 1 + epsilon where its advantage is positive and 1 - epsilon where it is not, as in `Clipped`;
    unlike there, the gradient leads back from beyond.
    """

    epsilon: float = 0.2

    def __post_init__(self) -> None:
        if not 0 < self.epsilon < 1:
            raise ValueError(f"epsilon must lie in (0, 1), got {self.epsilon}")

    def terms(self, log_ratio: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        w, a = log_ratio.exp(), batch.advantages
        return w * a - a.abs() * (w - 1).square() / (2 * self.epsilon), torch.ones_like(w)

    def gradient(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        w, a = log_ratio.exp(), batch.advantages
        return w * (a - a.abs() * (w - 1) / self.epsilon) / len(w)


@dataclass(frozen=True)
class KLPenalised(ImportanceSampled):
    """mean(w A - beta (w - 1 - log w)); the second mean estimates KL(old || new) (Schulman et al. 2017, equation 8).

    Actions come from the old policy, under which w - 1 has mean zero and - log w the divergence.
    """

    beta: float = 1.0

    def __post_init__(self) -> None:
        if not self.beta > 0:
            raise ValueError(f"beta must be positive, got {self.beta}")

    def terms(self, log_ratio: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        w = log_ratio.exp()
        return w * batch.advantages - self.beta * (w - 1 - log_ratio), torch.ones_like(w)

    def gradient(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        w = log_ratio.exp()
        return (w * batch.advantages - self.beta * (w - 1)) / len(w)


@dataclass(frozen=True)
class EntropyBonus(ImportanceSampled):
    """mean(w A) + c s mean(- w log pi_new(a|s)), s the root mean square of the advantages (Williams and Peng 1991).

    The second mean estimates the entropy of the new policy at the batch's states. With s, c is in standard deviations
    of the advantages per nat, and a batch that says nothing of the return moves nothing; s is 1 where they are
    normalised.
    """

    coefficient: float = 0.01

    def __post_init__(self) -> None:
        if not self.coefficient > 0:
            raise ValueError(f"the entropy coefficient must be positive, got {self.coefficient}")

    @property
    def local(self) -> bool:
        return False

    def terms(self, log_ratio: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        w = log_ratio.exp()
        return w * (batch.advantages - self._worth(batch) * (log_ratio + batch.log_probs)), torch.ones_like(w)

    def gradient(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        bonus = self._worth(batch) * (log_ratio + batch.log_probs + 1)
        return log_ratio.exp() * (batch.advantages - bonus) / len(log_ratio)

    def _worth(self, batch: Batch) -> Tensor:
        return self.coefficient * batch.advantages.square().mean().sqrt()
