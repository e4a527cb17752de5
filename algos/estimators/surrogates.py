"""Surrogates: what a batch of the old policy says about the return of a new one.

A surrogate is a function of log_ratio = log pi_new(a|s) - log pi_old(a|s) [B]. Its gradient with respect to theta
follows from its gradient with respect to log_ratio and the score, so that a surrogate never needs to know the policy.
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


@dataclass(frozen=True)
class ImportanceSampled:
    """mean(w A) with w = pi_new / pi_old; at w = 1 its gradient is the policy gradient (Kakade and Langford 2002)."""

    def value(self, log_ratio: Tensor, batch: Batch) -> Tensor:
        return (log_ratio.exp() * batch.advantages).mean()


def per_sample_gradient(surrogate: Surrogate, log_ratio: Tensor, batch: Batch) -> Tensor:
    """d value / d log_ratio [B]."""
    with torch.enable_grad():
        leaf = log_ratio.detach().requires_grad_()
        return torch.autograd.grad(surrogate.value(leaf, batch), leaf)[0]


def effective_sample_size(log_ratio: Tensor) -> tuple[float, float]:
    """ESS/N = (sum w)^2 / (N sum w^2), and the largest weight's share of sum w (Kong 1992)."""
    weights = (log_ratio - log_ratio.max()).exp()
    total = weights.sum()
    return float(total.square() / (len(weights) * weights.square().sum())), float(weights.max() / total)
