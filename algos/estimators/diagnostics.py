"""How far a surrogate's estimate can be trusted, from the terms of that very estimate; everything in double."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from algos.estimators.segments import segment_sums
from algos.estimators.surrogates import Surrogate
from algos.types import Batch, Info, Reuse


@dataclass(frozen=True)
class Used:
    """A batch before its k-th use by a surrogate, at log_ratio [B]."""

    k: int
    surrogate: Surrogate
    log_ratio: Tensor
    batch: Batch

    @torch.no_grad()
    def ess(self) -> float:
        """Effective sample size of the surrogate's own weights, over what it has at the old policy.

        So what `Discounted` gives away already there is not laid to re-use.
        """
        here, at_old = (
            effective_sample_size(self.surrogate.log_weights(log_ratio, self.batch))[0]
            for log_ratio in (self.log_ratio.double(), torch.zeros_like(self.log_ratio, dtype=torch.float64))
        )
        return here / at_old

    @torch.no_grad()
    def diagnose(self) -> Reuse:
        """What weights and estimate are worth."""
        surrogate, log_ratio = self.surrogate, self.log_ratio.double()
        batch = replace(self.batch, advantages=self.batch.advantages.double())
        numerators, denominators = surrogate.terms(log_ratio, batch)
        return Reuse(
            k=self.k,
            ess=self.ess(),
            max_weight=effective_sample_size(surrogate.log_weights(log_ratio, batch))[1],
            truncated=float(surrogate.cut(log_ratio, batch).double().mean()),
            predicted_variance=predicted_variance(numerators, denominators),
            jackknife_variance=jackknife_variance(numerators, denominators, batch.episodes),
        )


def diagnosed(info: Info) -> Info:
    """The same with what its uses of the batch were worth in their place; `ess` and `max_weight` are the last one's."""
    if not info.uses:
        return info
    reuses = tuple(use.diagnose() for use in info.uses)
    return replace(info, uses=(), reuses=reuses, ess=reuses[-1].ess, max_weight=reuses[-1].max_weight)


def effective_sample_size(log_weights: Tensor) -> tuple[float, float]:
    """ESS/N = (sum w)^2 / (N sum w^2), and the largest weight's share of sum w (Kong 1992); of log w [N]."""
    weights = (log_weights - log_weights.max()).exp()
    total = weights.sum()
    return float(total.square() / (len(weights) * weights.square().sum())), float(weights.max() / total)


def predicted_variance(numerators: Tensor, denominators: Tensor) -> float:
    """Variance of sum(numerators) / sum(denominators), both [N], their rows taken for independent.

    For a mean of w f it is (1/N) (E_P[P/Q f^2] - E_P[f]^2) with N rows from Q, both expectations estimated from the
    rows: E_P[P/Q f^2] = E_Q[w^2 f^2], E_P[f] = E_Q[w f]. For a ratio it is the delta method's (Owen 2013, eq. 9.8).
    """
    estimate = numerators.sum() / denominators.sum()
    spread = (numerators - estimate * denominators).square().sum()
    return float(spread / denominators.sum().square())


def jackknife_variance(numerators: Tensor, denominators: Tensor, episodes: Tensor) -> float:
    """Variance of sum(numerators) / sum(denominators), both [N], by leaving out one episode at a time.

    Efron and Stein 1981; nan for one episode. The ratio is taken anew without each episode, its normaliser included.
    Rows of an episode depend on each other, which `predicted_variance` does not know.
    """
    return jackknife(left_out(numerators, denominators, episodes))


def left_out(numerators: Tensor, denominators: Tensor, groups: Tensor) -> Tensor:
    """sum(numerators) / sum(denominators) without each of G groups of rows in turn, [G]; all given are [N]."""
    tops, _ = segment_sums(numerators, groups)
    bottoms, _ = segment_sums(denominators, groups)
    return (numerators.sum() - tops) / (denominators.sum() - bottoms)


def jackknife(left: Tensor) -> float:
    """Variance of an estimate from what it is without each of G groups in turn, [G]; nan for one group."""
    groups = len(left)
    if groups < 2:
        return float("nan")
    return float((groups - 1) / groups * (left - left.mean()).square().sum())
