"""How far a surrogate's estimate can be trusted, from the terms of that very estimate; everything in double."""

from dataclasses import replace

import torch
from torch import Tensor

from algos.estimators.segments import segment_sums
from algos.estimators.surrogates import Surrogate
from algos.types import Batch, Reuse


@torch.no_grad()
def diagnose(k: int, surrogate: Surrogate, log_ratio: Tensor, batch: Batch) -> Reuse:
    """What the surrogate's weights and its estimate are worth before step k, at log_ratio [B].

    The effective sample size is relative to what the estimator has at the old policy, so that what `Discounted` gives
    away there is not laid to re-use.
    """
    log_ratio, batch = log_ratio.double(), replace(batch, advantages=batch.advantages.double())
    ess, max_weight = effective_sample_size(surrogate.log_weights(log_ratio, batch))
    on_policy, _ = effective_sample_size(surrogate.log_weights(torch.zeros_like(log_ratio), batch))
    numerators, denominators = surrogate.terms(log_ratio, batch)
    return Reuse(
        k=k,
        ess=ess / on_policy,
        max_weight=max_weight,
        truncated=float(surrogate.cut(log_ratio, batch).double().mean()),
        predicted_variance=predicted_variance(numerators, denominators),
        jackknife_variance=jackknife_variance(numerators, denominators, batch.episodes),
    )


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
    tops, _ = segment_sums(numerators, episodes)
    bottoms, _ = segment_sums(denominators, episodes)
    groups = len(tops)
    if groups < 2:
        return float("nan")
    left = (numerators.sum() - tops) / (denominators.sum() - bottoms)
    return float((groups - 1) / groups * (left - left.mean()).square().sum())
