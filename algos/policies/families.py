"""Distributions over actions as plain mathematics on a network's outputs d [B, D].

`act` and `mode` use operators that numpy and torch share, so that a rollout may act in numpy.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor

OutputMetric = Callable[[Tensor], Tensor]


class Family(Protocol):
    """One distribution family. KL is always KL(first || second)."""

    noise: ClassVar[str]  # the numpy Generator method whose draws `act` turns into actions

    @property
    def output_size(self) -> int: ...
    @property
    def free_size(self) -> int:
        """How many of the last outputs do not depend on the observation."""
        ...

    @property
    def noise_size(self) -> int: ...
    def act(self, d: Any, noise: Any) -> Any: ...
    def mode(self, d: Any) -> Any: ...
    def log_prob(self, d: Tensor, actions: Tensor) -> Tensor: ...
    def score(self, d: Tensor, actions: Tensor) -> Tensor: ...
    def entropy(self, d: Tensor) -> Tensor: ...
    def kl(self, first: Tensor, second: Tensor) -> Tensor: ...
    def fisher(self, d: Tensor) -> OutputMetric: ...


# Over a handful of actions torch is several times quicker along the first dimension than along the last.


def _log_softmax(d: Tensor) -> Tensor:
    return d.T.log_softmax(0).T


def _softmax(d: Tensor) -> Tensor:
    return d.T.softmax(0).T


@dataclass(frozen=True)
class Categorical:
    """Softmax over `n` actions; d are logits [B, n]."""

    n: int
    noise: ClassVar[str] = "gumbel"
    free_size: ClassVar[int] = 0

    @property
    def output_size(self) -> int:
        return self.n

    @property
    def noise_size(self) -> int:
        return self.n

    def act(self, d: Any, noise: Any) -> Any:
        """Actions [B] from Gumbel noise [B, n] (Gumbel 1954; the Gumbel-max construction)."""
        return (d + noise).argmax(-1)

    def mode(self, d: Any) -> Any:
        """The most probable action [B]."""
        return d.argmax(-1)

    def log_prob(self, d: Tensor, actions: Tensor) -> Tensor:
        """log pi(a) [B]."""
        return _log_softmax(d).gather(-1, actions.unsqueeze(-1)).squeeze(-1)

    def score(self, d: Tensor, actions: Tensor) -> Tensor:
        """d log pi(a) / dd [B, n] = onehot(a) - p."""
        score = -_softmax(d)
        return score.scatter_add(-1, actions.unsqueeze(-1), torch.ones_like(score[:, :1]))

    def entropy(self, d: Tensor) -> Tensor:
        """Entropy [B], nats."""
        log_p = _log_softmax(d)
        return -(log_p.exp() * log_p).sum(-1)

    def kl(self, first: Tensor, second: Tensor) -> Tensor:
        """KL(first || second) [B], nats."""
        log_p, log_q = _log_softmax(first), _log_softmax(second)
        return (log_p.exp() * (log_p - log_q)).sum(-1)

    def fisher(self, d: Tensor) -> OutputMetric:
        """The output-space Fisher metric, v [B, n] -> M v with M = diag(p) - p p'."""
        p = _softmax(d)

        def times(v: Tensor) -> Tensor:
            pv = p * v
            return pv - p * pv.sum(-1, keepdim=True)

        return times


@dataclass(frozen=True)
class DiagonalGaussian:
    """Independent normals over `n` action dimensions; d = [mean, log_std] [B, 2n], log_std free of the observation."""

    n: int
    noise: ClassVar[str] = "standard_normal"

    @property
    def output_size(self) -> int:
        return 2 * self.n

    @property
    def free_size(self) -> int:
        return self.n

    @property
    def noise_size(self) -> int:
        return self.n

    def act(self, d: Any, noise: Any) -> Any:
        """Actions [B, n] = mean + std * noise."""
        return d[..., : self.n] + math.e ** d[..., self.n :] * noise

    def mode(self, d: Any) -> Any:
        """The mean action [B, n]."""
        return d[..., : self.n]

    def _split(self, d: Tensor) -> tuple[Tensor, Tensor]:
        return d[..., : self.n], d[..., self.n :]

    def log_prob(self, d: Tensor, actions: Tensor) -> Tensor:
        """log pi(a) [B]."""
        mean, log_std = self._split(d)
        z = (mean - actions) * (-log_std).exp()  # its sign does not matter, but the mean's layout in memory does
        return -(0.5 * z.square() + log_std).sum(-1) - 0.5 * self.n * math.log(2 * math.pi)

    def score(self, d: Tensor, actions: Tensor) -> Tensor:
        """d log pi(a) / dd [B, 2n] = [z / std, z^2 - 1] with z = (a - mean) / std."""
        mean, log_std = self._split(d)
        inverse_std = (-log_std).exp()
        z = (mean - actions) * inverse_std  # with the other sign, laid out as the mean is
        return torch.cat([(z * -inverse_std).T, (z.square() - 1).T]).T

    def entropy(self, d: Tensor) -> Tensor:
        """Entropy [B], nats."""
        return d[..., self.n :].sum(-1) + 0.5 * self.n * math.log(2 * math.pi * math.e)

    def kl(self, first: Tensor, second: Tensor) -> Tensor:
        """KL(first || second) [B], nats."""
        (mean1, log_std1), (mean2, log_std2) = self._split(first), self._split(second)
        inverse_var2 = (-2 * log_std2).exp()
        moved = ((2 * log_std1).exp() + (mean1 - mean2).square()) * inverse_var2
        return (log_std2 - log_std1 + 0.5 * (moved - 1)).sum(-1)

    def fisher(self, d: Tensor) -> OutputMetric:
        """The output-space Fisher metric, v [B, 2n] -> M v with M = diag(1 / var, 2)."""
        log_std = d[..., self.n :].T
        diagonal = torch.cat([(-2 * log_std).exp(), torch.full_like(log_std, 2.0)]).T
        return lambda v: diagonal * v
