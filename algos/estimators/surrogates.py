"""Surrogates: what a batch of the old policy says about the return of a new one.

A surrogate is a function of log_ratio = log pi_new(a|s) - log pi_old(a|s) [B]. Its gradient with respect to theta
follows from its gradient with respect to log_ratio and the score, so that a surrogate never needs to know the policy.

All are ratios sum(numerators) / sum(denominators) over the batch's rows, a plain mean where every denominator is 1.
A gain is in units of the advantages per step: times the mass of its visitation, the sum over s of rho(s), it is a gain
of the return to first order (Kakade and Langford 2002). Rows of a batch come as often as the policy visits them, so
the visitation is the undiscounted one, where theory has the discounted one; `Discounted` weights rows by gamma^t.
"""

from dataclasses import dataclass, field
from math import log, log1p
from typing import Protocol

import torch
from torch import Tensor

from algos.estimators.segments import running_sums, segment_sums
from algos.types import Batch


class Surrogate(Protocol):
    @property
    def discounted(self) -> bool:
        """Whether its visitation is the discounted one."""
        ...

    @property
    def local(self) -> bool:
        """Whether its gradient at the old policy is the policy gradient: each log ratio acts on its own row alone, or
        through a normaliser that all rows share. Only then are its gains those of `ImportanceSampled`, to first order.
        """
        ...

    def visitation(self, batch: Batch) -> Tensor | None:
        """Weights [B] of mean 1 that make of the batch's rows a sample of its visitation; None if they count alike.

        What is averaged over states beside the surrogate (divergences, the Fisher matrix) is averaged by them too.
        """
        ...

    def terms(self, log_ratio: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Numerators [B] and denominators [B] of the estimate."""
        ...

    def value(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        """The estimate [], differentiable in log_ratio [B]."""
        ...

    def gradient(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        """d value / d log_ratio [B]."""
        ...

    def log_weights(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        """Logarithms [B] of the weights w with which rows enter the estimate, value = mean(w A)."""
        ...

    def cut(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        """Rows [B] whose weight is held at a limit, where the estimate is flat."""
        ...


class Estimate:
    """What surrogates share: they differ in `log_weights`, and some in their terms."""

    @property
    def discounted(self) -> bool:
        return False

    @property
    def local(self) -> bool:
        return True

    def visitation(self, batch: Batch) -> Tensor | None:
        return None

    def log_weights(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        return log_ratio

    def terms(self, log_ratio: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        weights = self.log_weights(log_ratio, batch).exp()
        return weights * batch.advantages, torch.ones_like(weights)

    def value(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        numerators, denominators = self.terms(log_ratio, batch)
        return numerators.sum() / denominators.sum()

    def gradient(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        with torch.enable_grad():
            leaf = log_ratio.detach().requires_grad_()
            return torch.autograd.grad(self.value(leaf, batch), leaf)[0]

    def cut(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        return torch.zeros_like(log_ratio, dtype=torch.bool)


@dataclass(frozen=True)
class ImportanceSampled(Estimate):
    """w = pi_new / pi_old; at w = 1 its gradient is the policy gradient (Kakade and Langford 2002)."""

    def gradient(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        slopes = self.log_weights(log_ratio, batch).exp() * batch.advantages
        return slopes.masked_fill_(self.cut(log_ratio, batch), 0.0).div_(len(slopes))


@dataclass(frozen=True)
class Truncated(ImportanceSampled):
    """w = min(pi_new / pi_old, level): less variance for some bias (Ionides 2008)."""

    level: float = 2.0

    def __post_init__(self) -> None:
        if not self.level > 0:
            raise ValueError(f"the truncation level must be positive, got {self.level}")

    def log_weights(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        return log_ratio.clamp(max=log(self.level))

    def cut(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        return log_ratio > log(self.level)


@dataclass(frozen=True)
class Clipped(ImportanceSampled):
    """mean(min(w A, clip(w, 1 - epsilon, 1 + epsilon) A)); Schulman et al. 2017, equation 7.

    The same as a weight cut at 1 + epsilon where the advantage is positive, and at 1 - epsilon where it is not.
    """

    epsilon: float = 0.2

    def __post_init__(self) -> None:
        if not 0 < self.epsilon < 1:
            raise ValueError(f"the clip must lie in (0, 1), got {self.epsilon}")

    def log_weights(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        low, high = log_ratio.clamp(min=log1p(-self.epsilon)), log_ratio.clamp(max=log1p(self.epsilon))
        return torch.where(batch.advantages > 0, high, low)

    def cut(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        above, below = log_ratio > log1p(self.epsilon), log_ratio < log1p(-self.epsilon)
        return torch.where(batch.advantages > 0, above, below)


@dataclass(frozen=True)
class SelfNormalised(Estimate):
    """w = ratio / mean(ratio): consistent, biased of order 1/B, bounded (Owen 2013, section 9.2)."""

    def log_weights(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        return log_ratio.log_softmax(0) + log(len(log_ratio))

    def terms(self, log_ratio: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        shares = log_ratio.softmax(0)
        return shares * batch.advantages, shares


@dataclass(frozen=True)
class PerDecision(Estimate):
    """w = product of the ratios from the episode's first row in the batch to this (Precup et al. 2000, section 4)."""

    @property
    def local(self) -> bool:
        return False

    def log_weights(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        return running_sums(log_ratio, batch)


@dataclass(frozen=True)
class WholeTrajectory(Estimate):
    """w = product of the ratios of all of the episode's rows in the batch (Precup et al. 2000, section 3)."""

    @property
    def local(self) -> bool:
        return False

    def log_weights(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        totals, episode = segment_sums(log_ratio, batch.episodes)
        return totals[episode]


@dataclass(frozen=True)
class Unweighted(Estimate):
    """mean(log_ratio A): its gradient is the policy gradient's formula with the ratio left out, wherever theta is.

    What a batch re-used without correction ascends on: right at the old policy, biased everywhere else. Its rows count
    alike, w = 1, and its value is that of log_ratio A.
    """

    def log_weights(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        return torch.zeros_like(log_ratio)

    def terms(self, log_ratio: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        return log_ratio * batch.advantages, torch.ones_like(log_ratio)

    def gradient(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        return batch.advantages / len(log_ratio)


@dataclass(frozen=True)
class Discounted(Estimate):
    """Another surrogate with its rows weighted by gamma^t, t the steps since the episode began.

    Its gradient at the old policy, times the mass of the discounted visitation, is the gradient of the discounted
    return, which it is without the weighting only for gamma = 1 (Thomas 2014, "Bias in natural actor-critic
    algorithms"). Rows late in long episodes count for next to nothing: less bias, for more variance.
    """

    of: Surrogate = field(default_factory=ImportanceSampled)

    @property
    def discounted(self) -> bool:
        return True

    @property
    def local(self) -> bool:
        return self.of.local

    def visitation(self, batch: Batch) -> Tensor | None:
        discounts = _log_discounts(batch).exp()
        return discounts / discounts.mean()

    def terms(self, log_ratio: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        numerators, denominators = self.of.terms(log_ratio, batch)
        discounts = _log_discounts(batch).exp()
        return discounts * numerators, discounts * denominators

    def log_weights(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        _, denominators = self.of.terms(log_ratio, batch)
        discounts = _log_discounts(batch)
        share = denominators.sum().log() - (discounts.exp() * denominators).sum().log()
        return self.of.log_weights(log_ratio, batch) + discounts + share

    def cut(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        return self.of.cut(log_ratio, batch)


WEIGHTINGS: dict[str, Surrogate] = {
    "ordinary": ImportanceSampled(),
    "truncated": Truncated(),
    "self_normalised": SelfNormalised(),
    "per_decision": PerDecision(),
    "trajectory": WholeTrajectory(),
    "none": Unweighted(),
}


def _log_discounts(batch: Batch) -> Tensor:
    """log gamma^t [B]."""
    return batch.times.to(batch.advantages.dtype) * log(batch.gamma)
