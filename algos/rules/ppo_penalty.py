"""Proximal policy optimisation with a penalty on the divergence, whose weight follows it."""

from dataclasses import dataclass, replace
from typing import Annotated

from torch import Tensor

from algos.ascent import Adam
from algos.estimators.regularised import KLPenalised
from algos.optim import AdamState
from algos.policies import Policy
from algos.rules.ppo import PPO, PPOState, mean_kl
from algos.search_space import Epochs, LogUniform, MaxKL, MinibatchRate
from algos.types import Batch, Info


@dataclass(frozen=True)
class PenaltyState:
    theta: Tensor
    adam: AdamState
    updates: int
    scale: float = 1.0  # the penalty is beta / scale


@dataclass(frozen=True)
class PenaltyPPO:
    """`passes` on L - (beta / scale) KL; scale doubles where KL stayed under target / 1.5, and halves over 1.5 target.

    So beta halves and doubles (Schulman et al. 2017, section 4). A batch without advantages teaches nothing.
    """

    passes: PPO
    beta: float
    target: float
    bound: float = 1024.0  # of scale and its inverse: a penalty beyond it would never come back in time

    def __post_init__(self) -> None:
        if not self.beta > 0 or not self.target > 0:
            raise ValueError(f"beta and max_kl must be positive, got {self.beta}, {self.target}")

    def init(self, theta: Tensor) -> PenaltyState:
        return PenaltyState(theta, self.passes.direction.init(theta), 0)

    def update(self, state: PenaltyState, batch: Batch) -> tuple[PenaltyState, Info]:
        """One batch."""
        beta, scale = self.beta / state.scale, state.scale
        if not batch.advantages.any():
            return state, Info(accepted=False, step_size=0.0, beta=beta)
        after, info = replace(self.passes, surrogate=KLPenalised(beta)).update(
            PPOState(state.theta, state.adam, state.updates), batch
        )
        kl = mean_kl(self.passes.policy, state.theta, after.theta, batch)
        if kl < self.target / 1.5:
            scale = min(scale * 2, self.bound)
        elif kl > self.target * 1.5:
            scale = max(scale / 2, 1 / self.bound)
        return PenaltyState(after.theta, after.adam, after.updates, scale), replace(
            info, beta=beta, candidate_evaluations=1
        )


def ppo_penalty(
    policy: Policy,
    *,
    beta: Annotated[float, LogUniform(0.1, 10.0, "a decade on either side of 1")] = 1.0,
    max_kl: MaxKL = 0.01,
    epochs: Epochs = 10,
    minibatch: int = 64,
    lr: MinibatchRate = 3e-4,
    max_grad_norm: float = 0.5,
    adam_epsilon: float = 1e-5,
    seed: int = 0,
) -> PenaltyPPO:
    """Maximise L - beta KL(old || new) in minibatches (Schulman et al. 2017, equation 8), beta adaptive.

    The divergence of the objective is estimated from the actions taken (`KLPenalised`), where theirs is exact over
    actions; the one that beta follows is exact. beta: 1, and max_kl: 0.01, their initial beta and the best of their
    three targets (table 1). epochs, minibatch, lr, max_grad_norm, adam_epsilon, seed: as in `ppo`.
    """
    adam = Adam(epsilon=adam_epsilon)
    return PenaltyPPO(PPO(policy, KLPenalised(beta), adam, epochs, minibatch, lr, max_grad_norm, seed), beta, max_kl)
