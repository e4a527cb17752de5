"""Surrogates: what a batch of the old policy says about the return of a new one.

A surrogate is a function of log_ratio = log pi_new(a|s) - log pi_old(a|s) [B]. Its gradient with respect to theta
follows from its gradient with respect to log_ratio and the score, so that a surrogate never needs to know the policy.
Most are mean(w A), and differ in the weight w that they give a row.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from algos.types import Batch


class Surrogate(Protocol):
    def value(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        """The estimate [], differentiable in log_ratio [B]."""
        ...

    def gradient(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        """d value / d log_ratio [B]."""
        ...

    def weights(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        """The weight of every row [B] in the estimate, mean(w A)."""
        ...

    def truncated_share(self, log_ratio: Tensor) -> float:
        """Share of rows whose weight is cut."""
        ...


@dataclass(frozen=True)
class ImportanceSampled:
    """w = pi_new / pi_old; at w = 1 its gradient is the policy gradient (Kakade and Langford 2002)."""

    def weights(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        return log_ratio.exp()

    def truncated_share(self, log_ratio: Tensor) -> float:
        return 0.0

    def value(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        return (self.weights(log_ratio, batch) * batch.advantages).mean()

    def gradient(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        with torch.enable_grad():
            leaf = log_ratio.detach().requires_grad_()
            return torch.autograd.grad(self.value(leaf, batch), leaf)[0]


@dataclass(frozen=True)
class Truncated(ImportanceSampled):
    """w = min(pi_new / pi_old, level): less variance for some bias (Ionides 2008)."""

    level: float = 2.0

    def __post_init__(self) -> None:
        if not self.level > 0:
            raise ValueError(f"the truncation level must be positive, got {self.level}")

    def weights(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        return log_ratio.exp().clamp(max=self.level)

    def truncated_share(self, log_ratio: Tensor) -> float:
        return float((log_ratio.exp() > self.level).double().mean())


@dataclass(frozen=True)
class SelfNormalised(ImportanceSampled):
    """w = ratio / mean(ratio): consistent, biased of order 1/B, bounded (Owen 2013, section 9.2)."""

    def weights(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        return log_ratio.softmax(0) * len(log_ratio)


@dataclass(frozen=True)
class PerDecision(ImportanceSampled):
    """w = product of the ratios from the episode's first row in the batch to this (Precup et al. 2000, section 4)."""

    def weights(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        return running_sums(log_ratio, batch).exp()


@dataclass(frozen=True)
class WholeTrajectory(ImportanceSampled):
    """w = product of the ratios of all of the episode's rows in the batch (Precup et al. 2000, section 3)."""

    def weights(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        _, episode = batch.episodes.unique(return_inverse=True)
        totals = log_ratio.new_zeros(int(episode.max()) + 1)
        return totals.index_add(0, episode, log_ratio)[episode].exp()


@dataclass(frozen=True)
class Unweighted:
    """mean(log_ratio A): its gradient is the policy gradient's formula with the ratio left out, wherever theta is.

    What a batch re-used without correction ascends on: right at the old policy, biased everywhere else.
    """

    def weights(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        return torch.ones_like(log_ratio)

    def truncated_share(self, log_ratio: Tensor) -> float:
        return 0.0

    def value(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        return (log_ratio * batch.advantages).mean()

    def gradient(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        return batch.advantages / len(log_ratio)


@dataclass(frozen=True)
class Clipped(ImportanceSampled):
    """mean(min(w A, clip(w, 1 - epsilon, 1 + epsilon) A)); Schulman et al. 2017, equation 7."""

    epsilon: float = 0.2

    def __post_init__(self) -> None:
        if not 0 < self.epsilon < 1:
            raise ValueError(f"the clip must lie in (0, 1), got {self.epsilon}")

    def truncated_share(self, log_ratio: Tensor) -> float:
        return float(((log_ratio.exp() - 1).abs() > self.epsilon).double().mean())

    def value(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        ratio = log_ratio.exp()
        clipped = ratio.clamp(1 - self.epsilon, 1 + self.epsilon)
        return torch.minimum(ratio * batch.advantages, clipped * batch.advantages).mean()

    def gradient(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        ratio, advantages = log_ratio.exp(), batch.advantages
        # flat where the clip is the smaller: above 1 + epsilon for what gains, below 1 - epsilon for what loses
        flat = torch.where(advantages > 0, ratio > 1 + self.epsilon, ratio < 1 - self.epsilon)
        return (ratio * advantages).masked_fill_(flat, 0.0).div_(len(ratio))


WEIGHTINGS: dict[str, Surrogate] = {
    "ordinary": ImportanceSampled(),
    "truncated": Truncated(),
    "self_normalised": SelfNormalised(),
    "per_decision": PerDecision(),
    "trajectory": WholeTrajectory(),
    "none": Unweighted(),
}


def running_sums(values: Tensor, batch: Batch) -> Tensor:
    """Sum of values [B] over the rows of the same episode up to and including each row, [B]."""
    order = torch.argsort(batch.times, stable=True)
    order = order[torch.argsort(batch.episodes[order], stable=True)]
    sums = values[order].cumsum(0)
    episode = batch.episodes[order]
    first = torch.ones_like(episode, dtype=torch.bool)
    first[1:] = episode[1:] != episode[:-1]
    start = torch.arange(len(order), device=order.device)[first][first.cumsum(0) - 1]  # where each row's episode begins
    before = torch.cat([sums.new_zeros(1), sums])[start]
    return torch.zeros_like(values).index_copy(0, order, sums - before)


def effective_sample_size(log_ratio: Tensor) -> tuple[float, float]:
    """ESS/N = (sum w)^2 / (N sum w^2), and the largest weight's share of sum w (Kong 1992)."""
    weights = (log_ratio - log_ratio.max()).exp()
    total = weights.sum()
    return float(total.square() / (len(weights) * weights.square().sum())), float(weights.max() / total)


def predicted_variance(log_ratio: Tensor, values: Tensor) -> float:
    """(1/N) (E_P[P/Q f^2] - E_P[f]^2), the variance of mean(w f) for N independent rows from Q; f = values [N].

    Both expectations are estimated from the same rows: E_P[P/Q f^2] = E_Q[w^2 f^2] and E_P[f] = E_Q[w f].
    """
    weighted = log_ratio.exp() * values
    return float((weighted.square().mean() - weighted.mean().square()) / len(values))


def jackknife_variance(terms: Tensor, episodes: Tensor) -> float:
    """Variance of mean(terms) [N] by leaving out one episode at a time (Efron and Stein 1981); nan for one episode.

    Rows of an episode depend on each other, which `predicted_variance` does not know.
    """
    _, group = episodes.unique(return_inverse=True)
    groups = int(group.max()) + 1
    if groups < 2:
        return float("nan")
    sums = terms.new_zeros(groups).index_add(0, group, terms)
    counts = terms.new_zeros(groups).index_add(0, group, torch.ones_like(terms))
    left = (terms.sum() - sums) / (len(terms) - counts)
    return float((groups - 1) / groups * (left - left.mean()).square().sum())
