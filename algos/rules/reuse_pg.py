"""Policy gradient that re-uses each batch on importance weights."""

from dataclasses import dataclass
from math import nan
from typing import Annotated

import torch
from torch import Tensor

from algos.ascent import Adam, AscentState, Fixed, Gradient, LocalModel
from algos.ascent.directions import Direction
from algos.estimators import WEIGHTINGS, Surrogate, Truncated, Used
from algos.policies import Policy
from algos.search_space import EssFloor, LogUniform, Updates
from algos.types import Batch, Info


@dataclass(frozen=True)
class ReusePG:
    """Up to `updates` steps per batch, each on the surrogate at the theta reached so far; then re-synchronise.

    A step whose effective sample size ESS/N, that of the surrogate's own weights, is below `ess_floor` is not taken
    any more.
    """

    policy: Policy
    direction: Direction
    step_size: Fixed
    surrogate: Surrogate
    updates: int
    ess_floor: float

    def __post_init__(self) -> None:
        if self.updates < 1 or not 0 <= self.ess_floor < 1:
            raise ValueError(
                f"updates must be at least 1 and ess_floor lie in [0, 1), got {self.updates}, {self.ess_floor}"
            )

    def init(self, theta: Tensor) -> AscentState:
        return AscentState(theta, self.direction.init(theta), 1.0)

    @torch.no_grad()
    def update(self, state: AscentState, batch: Batch) -> tuple[AscentState, Info]:
        """One batch. `predicted_gain` is the sum of the steps' linear gains; nan for weights whose gains are in a unit
        of their own (`Surrogate.local`)."""
        theta, memory = state.theta, state.direction
        gain, taken, uses = 0.0, 0, list[Used]()
        for k in range(self.updates):
            model = LocalModel(self.policy, theta, batch, self.surrogate)
            uses.append(Used(k, self.surrogate, model.log_ratio, batch))
            if k and self.ess_floor > 0 and uses[-1].ess() < self.ess_floor:
                break
            heading, memory = self.direction.head(model, memory)
            length = self.step_size.length(model, heading, state.scale)
            theta = theta + heading.vector * length.alpha
            gain += length.alpha * heading.slope
            taken += 1
        info = Info(
            step_size=self.step_size.lr,
            uses=tuple(uses),
            discounted=self.surrogate.discounted,
            predicted_gain=gain if self.surrogate.local else nan,
            gradient_evaluations=taken,
        )
        return AscentState(theta, memory, state.scale), info


def surrogate_named(weights: str, level: float) -> Surrogate:
    """The surrogate with the weights of this name; `level` is where "truncated" ones are cut."""
    if weights not in WEIGHTINGS:
        raise ValueError(f"weights must be one of {', '.join(WEIGHTINGS)}, got {weights}")
    truncated = Truncated(level)
    return truncated if weights == "truncated" else WEIGHTINGS[weights]


def reuse_pg(
    policy: Policy,
    *,
    lr: Annotated[float, LogUniform(7.5e-3, 0.75, "a decade on either side of a quarter of 0.3")] = 0.075,
    updates: Updates = 4,
    weights: str = "ordinary",
    level: float = 2.0,
    ess_floor: EssFloor = 0.0,
) -> ReusePG:
    """theta + lr * gradient of mean(w A), `updates` times per batch, w = pi_theta / pi_behaviour.

    Off-policy policy gradient with importance sampling (Precup et al. 2000; Jie and Abbeel 2010, section 4).
    lr: 0.075, a quarter of `vanilla_pg`'s 0.3, so that four steps on a batch go as far as its one. updates: 4, before
    the weights' variance (1/N)(E_P[P/Q f^2] - E_P[f]^2) grows. weights: ordinary, truncated (at `level`, 2),
    self_normalised, per_decision, trajectory or none (biased: an ablation); see `surrogates`. ess_floor: 0, no early
    re-synchronisation; 0.5 is a usual choice.
    """
    return ReusePG(policy, Gradient(), Fixed(lr), surrogate_named(weights, level), updates, ess_floor)


def reuse_pg_adam(
    policy: Policy,
    *,
    lr: Annotated[float, LogUniform(7.5e-5, 7.5e-3, "a decade on either side of a quarter of 3e-3")] = 7.5e-4,
    updates: Updates = 4,
    weights: str = "ordinary",
    level: float = 2.0,
    ess_floor: EssFloor = 0.0,
) -> ReusePG:
    """The same with the steps of Adam (Kingma and Ba 2015, algorithm 1), whose moments go on from batch to batch.

    lr: 7.5e-4, a quarter of `vanilla_pg_adam`'s 3e-3. updates, weights, level and ess_floor: as in `reuse_pg`.
    """
    return ReusePG(policy, Adam(), Fixed(lr), surrogate_named(weights, level), updates, ess_floor)
