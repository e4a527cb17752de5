"""A Gaussian whose actions are squashed into bounds, so that none has to be clipped."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import softplus

from algos.policies.families import DiagonalGaussian, OutputMetric

NODES, REACH = 129, 10.0  # of the trapezoidal rule under a normal density, in standard deviations


@dataclass(frozen=True)
class SquashedGaussian:
    """tanh(u) in (-1, 1) of u from a DiagonalGaussian; d = [mean, log_std] [B, 2n] are those of u.

    Actions are kept as u: whoever hands them on takes their tanh (Haarnoja et al. 2018, "Soft actor-critic", appendix
    C). From u to tanh(u) nothing is lost, so KL, score and Fisher metric are the Gaussian's own.
    """

    n: int
    noise: ClassVar[str] = "standard_normal"

    @cached_property
    def inner(self) -> DiagonalGaussian:
        """Of u."""
        return DiagonalGaussian(self.n)

    @property
    def output_size(self) -> int:
        return self.inner.output_size

    @property
    def free_size(self) -> int:
        return self.inner.free_size

    @property
    def noise_size(self) -> int:
        return self.inner.noise_size

    def act(self, d: Any, noise: Any) -> Any:
        """u [B, n] = mean + std * noise."""
        return self.inner.act(d, noise)

    def mode(self, d: Any) -> Any:
        """u [B, n] of the median action, tanh(mean)."""
        return self.inner.mode(d)

    def log_prob(self, d: Tensor, actions: Tensor) -> Tensor:
        """log density [B] of tanh(u) for actions u [B, n]."""
        return self.inner.log_prob(d, actions) - log_slope(actions).sum(-1)

    def score(self, d: Tensor, actions: Tensor) -> Tensor:
        """d log pi(a) / dd [B, 2n]."""
        return self.inner.score(d, actions)

    def entropy(self, d: Tensor) -> Tensor:
        """Differential entropy [B] of tanh(u), nats: the Gaussian's and E[log tanh'(u)], by quadrature."""
        mean, log_std = d[..., : self.n], d[..., self.n :]
        z = torch.linspace(-REACH, REACH, NODES, dtype=d.dtype, device=d.device)
        weights = torch.softmax(-z.square() / 2, 0)
        slopes = log_slope(mean.unsqueeze(-1) + log_std.exp().unsqueeze(-1) * z)
        return self.inner.entropy(d) + (slopes @ weights).sum(-1)

    def kl(self, first: Tensor, second: Tensor) -> Tensor:
        """KL(first || second) [B], nats."""
        return self.inner.kl(first, second)

    def fisher(self, d: Tensor) -> OutputMetric:
        """The output-space Fisher metric, v [B, 2n] -> M v."""
        return self.inner.fisher(d)


def log_slope(u: Tensor) -> Tensor:
    """log(1 - tanh(u)^2), by which the log densities of u and tanh(u) differ.

    It is 2 (log 2 - u - softplus(-2u)), without cancellation.
    """
    return 2 * (math.log(2) - u - softplus(-2 * u))
