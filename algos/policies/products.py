"""Several independent choices at once: a product of categorical distributions."""

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any, ClassVar

import torch
from torch import Tensor

from algos.policies.families import OutputMetric

ABSENT = -1e30  # the logit of a choice that a component does not have: its probability is 0, and no product with it nan


@dataclass(frozen=True)
class MultiCategorical:
    """Independent softmaxes over `sizes[i]` choices each; d are their logits side by side [B, sum of sizes].

    A MultiBinary space of A components is sizes = (2,) * A. Components are worked on together, as [B, A, largest size].
    """

    sizes: tuple[int, ...]
    noise: ClassVar[str] = "gumbel"
    free_size: ClassVar[int] = 0

    @property
    def output_size(self) -> int:
        return sum(self.sizes)

    @property
    def noise_size(self) -> int:
        return self.output_size

    @cached_property
    def _present(self) -> Tensor:
        """[A, largest size]: whether the component has this choice."""
        return torch.arange(max(self.sizes)) < torch.tensor(self.sizes).unsqueeze(1)

    def _apart(self, d: Tensor, absent: float) -> Tensor:
        """[B, D] as [B, A, largest size]."""
        apart = d.new_full((len(d), *self._present.shape), absent)
        apart[:, self._present] = d
        return apart

    def _together(self, apart: Tensor) -> Tensor:
        """[B, A, largest size] as [B, D]."""
        return apart[:, self._present]

    def _log_softmax(self, d: Tensor) -> Tensor:
        return self._apart(d, ABSENT).log_softmax(-1)

    def act(self, d: Any, noise: Any) -> Any:
        """Actions [B, A] from Gumbel noise [B, D], as `Categorical.act` for each component."""
        return self.mode(d + noise)

    def mode(self, d: Any) -> Any:
        """The most probable action [B, A]."""
        ends = list(accumulate(self.sizes))
        parts = [d[..., end - size : end].argmax(-1) for size, end in zip(self.sizes, ends, strict=True)]
        return torch.stack([torch.as_tensor(part) for part in parts], -1)

    def log_prob(self, d: Tensor, actions: Tensor) -> Tensor:
        """log pi(a) [B]."""
        return self._log_softmax(d).gather(-1, actions.unsqueeze(-1)).squeeze(-1).sum(-1)

    def score(self, d: Tensor, actions: Tensor) -> Tensor:
        """d log pi(a) / dd [B, D] = onehot(a) - p."""
        score = -self._log_softmax(d).exp()
        return self._together(score.scatter_add(-1, actions.unsqueeze(-1), torch.ones_like(score[..., :1])))

    def entropy(self, d: Tensor) -> Tensor:
        """Entropy [B], nats."""
        log_p = self._log_softmax(d)
        return -(log_p.exp() * log_p).sum((-2, -1))

    def kl(self, first: Tensor, second: Tensor) -> Tensor:
        """KL(first || second) [B], nats."""
        log_p, log_q = self._log_softmax(first), self._log_softmax(second)
        return (log_p.exp() * (log_p - log_q)).sum((-2, -1))

    def fisher(self, d: Tensor) -> OutputMetric:
        """The output-space Fisher metric, v [B, D] -> M v: block by block diag(p) - p p'."""
        p = self._log_softmax(d).exp()

        def times(v: Tensor) -> Tensor:
            pv = p * self._apart(v, 0.0)
            return self._together(pv - p * pv.sum(-1, keepdim=True))

        return times
