"""Policy gradient that re-uses each batch on importance weights."""

from dataclasses import dataclass
from math import nan

import torch
from torch import Tensor

from algos.ascent import Gradient, LocalModel
from algos.ascent.directions import Direction
from algos.ascent.rule import AscentState
from algos.ascent.step_sizes import Fixed
from algos.estimators import ImportanceSampled, Surrogate, effective_sample_size
from algos.policies import Policy
from algos.types import Batch, Info


@dataclass(frozen=True)
class ReusePG:
    """`updates` gradient steps per batch, each on the surrogate at the theta reached so far; then re-synchronise."""

    policy: Policy
    direction: Direction
    step_size: Fixed
    surrogate: Surrogate
    updates: int

    def __post_init__(self) -> None:
        if self.updates < 1:
            raise ValueError(f"updates must be at least 1, got {self.updates}")

    def init(self, theta: Tensor) -> AscentState:
        return AscentState(theta, self.direction.init(theta), 1.0)

    @torch.no_grad()
    def update(self, state: AscentState, batch: Batch) -> tuple[AscentState, Info]:
        theta, direction_state = state.theta, state.direction
        predicted_gain, ess, max_weight = 0.0, nan, nan
        for _ in range(self.updates):
            model = LocalModel(self.policy, theta, batch, self.surrogate)
            ess, max_weight = effective_sample_size(model.log_ratio)
            heading, direction_state = self.direction.head(model, direction_state)
            length = self.step_size.length(model, heading, state.scale)
            theta = theta + heading.vector * length.alpha
            predicted_gain += length.alpha * heading.slope
        info = Info(
            step_size=self.step_size.lr,
            predicted_gain=predicted_gain,
            ess=ess,
            max_weight=max_weight,
            gradient_evaluations=self.updates,
        )
        return AscentState(theta, direction_state, state.scale), info


def reuse_pg(policy: Policy, *, lr: float = 0.03, updates: int = 4) -> ReusePG:
    """theta + lr * gradient of mean(w A), `updates` times per batch, w = pi_theta / pi_behaviour.

    Off-policy policy gradient with the ordinary importance-sampling estimator (Precup et al. 2000; Jie and Abbeel 2010,
    section 4). updates: 4, before the weights' variance (1/N)(E_P[P/Q f^2] - E_P[f]^2) grows; lr: 0.03, chosen
    as in `vanilla_pg`: four steps on one batch collapse at 0.1.
    """
    return ReusePG(policy, Gradient(), Fixed(lr), ImportanceSampled(), updates)
