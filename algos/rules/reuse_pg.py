"""Policy gradient that re-uses each batch on importance weights."""

from dataclasses import dataclass
from math import nan

import torch
from torch import Tensor

from algos.ascent import AscentState, Fixed, Gradient, LocalModel
from algos.ascent.directions import Direction
from algos.estimators import WEIGHTINGS, Surrogate, Truncated, diagnose
from algos.policies import Policy
from algos.types import Batch, Info


@dataclass(frozen=True)
class ReusePG:
    """Up to `updates` gradient steps per batch, each on the surrogate at the theta reached so far; then re-synchronise.

    A step whose effective sample size ESS/N is below `ess_floor` is not taken any more.
    """

    policy: Policy
    direction: Direction
    step_size: Fixed
    weights: str
    level: float
    updates: int
    ess_floor: float

    @property
    def surrogate(self) -> Surrogate:
        return Truncated(self.level) if self.weights == "truncated" else WEIGHTINGS[self.weights]

    def __post_init__(self) -> None:
        if self.weights not in WEIGHTINGS:
            raise ValueError(f"weights must be one of {', '.join(WEIGHTINGS)}, got {self.weights}")
        Truncated(self.level)
        if self.updates < 1 or not 0 <= self.ess_floor < 1:
            raise ValueError(
                f"updates must be at least 1 and ess_floor lie in [0, 1), got {self.updates}, {self.ess_floor}"
            )

    def init(self, theta: Tensor) -> AscentState:
        return AscentState(theta, self.direction.init(theta), 1.0)

    @torch.no_grad()
    def update(self, state: AscentState, batch: Batch) -> tuple[AscentState, Info]:
        """One batch; `predicted_gain` is the sum of the steps' linear gains."""
        theta, direction_state, surrogate = state.theta, state.direction, self.surrogate
        gain, taken, reuses = 0.0, 0, []
        for k in range(self.updates):
            model = LocalModel(self.policy, theta, batch, surrogate)
            reuses.append(diagnose(k, surrogate, model.log_ratio, batch))
            if k and reuses[-1].ess < self.ess_floor:
                break
            heading, direction_state = self.direction.head(model, direction_state)
            length = self.step_size.length(model, heading, state.scale)
            theta = theta + heading.vector * length.alpha
            gain += length.alpha * heading.slope
            taken += 1
        info = Info(
            step_size=self.step_size.lr,
            reuses=tuple(reuses),
            predicted_gain=gain,
            ess=reuses[-1].ess if reuses else nan,
            max_weight=reuses[-1].max_weight if reuses else nan,
            gradient_evaluations=taken,
        )
        return AscentState(theta, direction_state, state.scale), info


def reuse_pg(
    policy: Policy,
    *,
    lr: float = 0.03,
    updates: int = 4,
    weights: str = "ordinary",
    level: float = 2.0,
    ess_floor: float = 0.0,
) -> ReusePG:
    """theta + lr * gradient of mean(w A), `updates` times per batch, w = pi_theta / pi_behaviour.

    Off-policy policy gradient with importance sampling (Precup et al. 2000; Jie and Abbeel 2010, section 4).
    lr: 0.03, chosen as in `vanilla_pg`: four steps on one batch collapse at 0.1. updates: 4, before the weights'
    variance (1/N)(E_P[P/Q f^2] - E_P[f]^2) grows. weights: ordinary, truncated (at `level`,
    2), self_normalised, per_decision, trajectory or none (biased: an ablation); see `surrogates`. ess_floor:
    0, no early re-synchronisation; 0.5 is a usual choice.
    """
    return ReusePG(policy, Gradient(), Fixed(lr), weights, level, updates, ess_floor)
