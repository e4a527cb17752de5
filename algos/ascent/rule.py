"""AscentRule = direction x step size x acceptance (x radius). The named points of this space:

| rule | direction | step size | acceptance |
|---|---|---|---|
| vanilla_pg | Gradient | Fixed | Always |
| npg | Natural | Fixed | Always |
| trpo | Natural | KLRadius | Backtracking(SurrogateImproves, KLWithin) |
| mm_quadratic | Natural | QuadraticBound | Backtracking(LowerBoundImproves) |

An ablation is one `dataclasses.replace`: `replace(trpo(policy), acceptance=Always())`.
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

    def init(self, theta: Tensor) -> AscentState:
        return AscentState(theta, self.direction.init(theta), 1.0)

    @torch.no_grad()
    def update(self, state: AscentState, batch: Batch) -> tuple[AscentState, Info]:
        """One update; `predicted_gain` is the linear model's g.d."""
        model = LocalModel(self.policy, state.theta, batch)
        heading, direction_state = self.direction.head(model, state.direction)
        length = self.step_size.length(model, heading, state.scale)
        outcome = self.acceptance.search(model, heading, length, state.scale)
        bound = _bound(heading, length, outcome)
        info = Info(
            accepted=outcome.accepted,
            step_size=outcome.step_size,
            trials=outcome.trials,
            predicted_gain=outcome.step_size * heading.slope,
            cg_iterations=heading.cg_iterations,
            cg_residual=heading.cg_residual,
            radius=length.radius,
            **bound,
            gradient_evaluations=model.gradient_evaluations,
            fisher_products=model.fisher_products,
            candidate_evaluations=model.candidate_evaluations,
        )
        scale = self.radius.next_scale(state.scale, _evidence(outcome, info, penalised=not isnan(length.beta)))
        return AscentState(outcome.theta, direction_state, scale), info


def _bound(heading: Heading, length: Length, outcome: Outcome) -> dict[str, Any]:
    """beta and its bound: the rule's own, or for a radius the one that the step maximises, g's / (alpha s'Fs)."""
    alpha, beta = outcome.step_size, length.beta
    if not alpha * heading.curvature > 0 or (isnan(length.radius) and isnan(beta)):
        return {"beta": beta}
    if isnan(beta):
        beta = heading.slope / (alpha * heading.curvature)
    predicted = alpha * heading.slope - beta / 2 * alpha**2 * heading.curvature
    last = outcome.trials[-1] if outcome.trials else None
    achieved = last.surrogate_gain - beta * last.kl if last else nan
    return {"beta": beta, "predicted_bound": predicted, "achieved_bound": achieved}


def _evidence(outcome: Outcome, info: Info, penalised: bool) -> Evidence:
    """Agreement of the surrogate with its linear model, or of the penalised surrogate with its quadratic one."""
    if not outcome.trials:
        return Evidence(outcome.accepted, nan, nan)
    gained, promised = outcome.trials[-1].surrogate_gain, info.predicted_gain
    if penalised:
        gained, promised = info.achieved_bound, info.predicted_bound
    return Evidence(outcome.accepted, gained / promised if promised > 0 else nan, outcome.trials[0].kl)
