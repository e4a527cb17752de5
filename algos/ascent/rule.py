"""AscentRule = direction x step size x acceptance (x radius). The named points of this space:

| rule | direction | step size | acceptance |
|---|---|---|---|
| vanilla_pg | Gradient | Fixed | Always |
| npg | Natural | Fixed | Always |
| trpo | Natural | KLRadius | Backtracking(SurrogateImproves, KLWithin) |
| mm_quadratic | Natural | QuadraticBound | Backtracking(LowerBoundImproves) |

An ablation is one `dataclasses.replace`: `replace(trpo(policy), acceptance=Always())`. So is another surrogate:
`replace(trpo(policy), surrogate=Discounted())` ascends on the discounted visitation.
"""

from dataclasses import dataclass, field
from math import isnan, nan
from typing import Any

import torch
from torch import Tensor

from algos.ascent.acceptance import Acceptance, Outcome
from algos.ascent.directions import Direction, Heading
from algos.ascent.local_model import LocalModel
from algos.ascent.radius import Constant, Evidence, Radius
from algos.ascent.step_sizes import Length, StepSize
from algos.estimators.surrogates import ImportanceSampled, Surrogate
from algos.policies.policy import Policy
from algos.types import Batch, Info


@dataclass(frozen=True)
class AscentState:
    theta: Tensor
    direction: Any  # what the direction remembers, None if nothing
    scale: float  # what the radius schedule moves


@dataclass(frozen=True)
class AscentRule:
    """One step per batch: head, choose a length, try it, move the radius."""

    policy: Policy
    direction: Direction
    step_size: StepSize
    acceptance: Acceptance
    radius: Radius = field(default_factory=Constant)
    surrogate: Surrogate = field(default_factory=ImportanceSampled)

    def init(self, theta: Tensor) -> AscentState:
        return AscentState(theta, self.direction.init(theta), 1.0)

    @torch.no_grad()
    def update(self, state: AscentState, batch: Batch) -> tuple[AscentState, Info]:
        """One update; `predicted_gain` is the linear model's g.d."""
        model = LocalModel(self.policy, state.theta, batch, self.surrogate)
        heading, direction_state = self.direction.head(model, state.direction)
        length = self.step_size.length(model, heading, state.scale)
        if length.alpha and heading.vector.any():
            outcome = self.acceptance.search(model, heading, length)
        else:  # nowhere to go, and nothing to try
            outcome = Outcome(state.theta, False, 0.0)
        info = Info(
            accepted=outcome.accepted,
            step_size=outcome.step_size,
            trials=outcome.trials,
            discounted=self.surrogate.discounted,
            predicted_gain=outcome.step_size * heading.slope,
            cg_iterations=heading.cg_iterations,
            cg_residual=heading.cg_residual,
            radius=length.radius,
            euclidean_radius=length.euclidean_radius,
            beta=length.beta,
            gradient_evaluations=model.gradient_evaluations,
            fisher_products=model.fisher_products,
            candidate_evaluations=model.candidate_evaluations,
        )
        scale = self.radius.next_scale(state.scale, _evidence(heading, length, outcome))
        return AscentState(outcome.theta, direction_state, scale), info


def _evidence(heading: Heading, length: Length, outcome: Outcome) -> Evidence:
    """Agreement of the surrogate with its linear model, or of the penalised surrogate with its quadratic one."""
    if not outcome.trials:
        return Evidence(outcome.accepted, nan, nan)
    last, alpha = outcome.trials[-1], outcome.step_size
    gained, promised = last.surrogate_gain, alpha * heading.slope
    if not isnan(length.beta):
        gained -= length.beta * last.kl
        promised -= length.beta / 2 * alpha**2 * heading.curvature
    return Evidence(outcome.accepted, gained / promised if promised > 0 else nan, outcome.trials[0].kl)
