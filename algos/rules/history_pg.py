"""Policy gradient over the last few batches, as samples of one mixture."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from algos.ascent import LocalModel
from algos.estimators import ImportanceSampled, diagnose
from algos.policies import Policy
from algos.types import Batch, Info


@dataclass(frozen=True)
class HistoryState:
    theta: Tensor
    behaviours: tuple[Tensor, ...]  # the thetas that collected the batches, oldest first
    batches: tuple[Batch, ...]


@dataclass(frozen=True)
class HistoryPG:
    """`updates` gradient steps on the last `batches` batches, each row weighted against their mixture."""

    policy: Policy
    lr: float
    batches: int
    updates: int

    def __post_init__(self) -> None:
        if not self.lr > 0 or self.batches < 1 or self.updates < 1:
            raise ValueError(
                f"lr must be positive, batches and updates at least 1, got {self.lr}, {self.batches}, {self.updates}"
            )

    def init(self, theta: Tensor) -> HistoryState:
        return HistoryState(theta, (), ())

    @torch.no_grad()
    def update(self, state: HistoryState, batch: Batch) -> tuple[HistoryState, Info]:
        behaviours = (*state.behaviours, state.theta)[-self.batches :]
        batches = (*state.batches, batch)[-self.batches :]
        pooled = self.mixture(behaviours, batches)
        theta, gain, reuses = state.theta, 0.0, []
        for k in range(self.updates):
            model = LocalModel(self.policy, theta, pooled, ImportanceSampled())
            reuses.append(diagnose(k, ImportanceSampled(), model.log_ratio, pooled))
            theta = theta + self.lr * model.gradient
            gain += self.lr * float(model.gradient @ model.gradient)
        info = Info(
            step_size=self.lr,
            reuses=tuple(reuses),
            predicted_gain=gain,
            ess=reuses[-1].ess,
            max_weight=reuses[-1].max_weight,
            gradient_evaluations=self.updates * len(batches),
        )
        return HistoryState(theta, behaviours, batches), info

    def mixture(self, behaviours: tuple[Tensor, ...], batches: tuple[Batch, ...]) -> Batch:
        """All rows as one batch whose log_probs [B] are those of the mixture: the balance heuristic's denominator."""
        total = sum(len(batch.obs) for batch in batches)
        shares = behaviours[0].new_tensor([len(batch.obs) / total for batch in batches]).log()
        log_probs, episodes = [], []
        for number, batch in enumerate(batches):
            under = torch.stack([self.policy.log_prob(theta, batch.obs, batch.actions) for theta in behaviours])
            log_probs.append((under + shares.unsqueeze(-1)).logsumexp(0))
            episodes.append(batch.episodes * len(batches) + number)
        names = ("obs", "actions", "advantages", "times")
        columns: dict[str, Any] = {name: torch.cat([getattr(batch, name) for batch in batches]) for name in names}
        return Batch(**columns, log_probs=torch.cat(log_probs), episodes=torch.cat(episodes), gamma=batches[-1].gamma)


def history_pg(policy: Policy, *, lr: float = 0.3, batches: int = 4, updates: int = 1) -> HistoryPG:
    """theta + lr * gradient of mean(w A) over the last M batches, w = pi_theta / sum_m (N_m/N) pi_m.

    Multiple importance sampling with the balance heuristic (Veach and Guibas 1995, section 3.2). lr as in `vanilla_pg`;
    batches: M = 4, and updates: 1, so that a sample is used as often as by `reuse_pg`. Rows keep the observation
    normalisation they were collected under.
    """
    return HistoryPG(policy, lr, batches, updates)
