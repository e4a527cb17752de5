"""AscentRule = direction x step size x acceptance (x radius). The named points of this space:

| rule | direction | step size | acceptance |
|---|---|---|---|
| vanilla_pg | Gradient | Fixed | Always |
| npg | Natural | Fixed | Always |
| trpo | Natural | KLRadius | Backtracking(SurrogateImproves, KLWithin) |
| mm_quadratic | Natural | QuadraticBound | Backtracking(LowerBoundImproves) |

An ablation is one `dataclasses.replace`: `replace(trpo(policy), acceptance=Always())`. So is another surrogate:
`replace(trpo(policy), surrogate=Discounted())` ascends on the discounted visitation. With
`split=HoldOut()` rows judge a step that has not seen them.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from algos.ascent.acceptance import Acceptance, Outcome
from algos.ascent.crossfit import CrossFit, Judged
from algos.ascent.directions import Direction
from algos.ascent.local_model import LocalModel
from algos.ascent.radius import Constant, Evidence, Radius
from algos.ascent.split import NoSplit, Split
from algos.ascent.step_sizes import StepSize
from algos.estimators.surrogates import ImportanceSampled, Surrogate
from algos.policies.policy import Policy
from algos.types import NAN, Batch, Info


@dataclass(frozen=True)
class AscentState:
    theta: Tensor
    direction: Any  # what the direction remembers, None if nothing
    scale: float  # what the radius schedule moves
    schedule: Any = None  # what it remembers


@dataclass(frozen=True)
class AscentRule:
    """One step per batch: head, choose a length, try it, move the radius."""

    policy: Policy
    direction: Direction
    step_size: StepSize
    acceptance: Acceptance
    radius: Radius = field(default_factory=Constant)
    surrogate: Surrogate = field(default_factory=ImportanceSampled)
    split: Split = field(default_factory=NoSplit)

    def init(self, theta: Tensor) -> AscentState:
        return AscentState(theta, self.direction.init(theta), 1.0)

    @torch.no_grad()
    def update(self, state: AscentState, batch: Batch) -> tuple[AscentState, Info]:
        """One update; `predicted_gain` is the linear model's g.d, nan where that is not of the batch's plain gain."""
        making, judging = self.split.parts(batch)
        model = judge = LocalModel(self.policy, state.theta, making, self.surrogate)
        if judging is not making:
            judge = LocalModel(self.policy, state.theta, judging, self.surrogate)
        heading, direction_state = self.direction.head(model, state.direction)
        length = self.step_size.length(model, heading, state.scale)
        outcome, scale, memory = Outcome(state.theta, False, 0.0), state.scale, state.schedule
        judged: CrossFit | Judged = CrossFit(model, lambda half: self._full_step(half, state))
        if length.alpha and heading.vector.any():  # else there is nowhere to go, and nothing to try
            outcome = self.acceptance.search(judge, heading, length)
            full = outcome.accepted and outcome.step_size == length.alpha
            if judge is not model:
                judged = Judged(judge, model, state.theta + heading.vector * length.alpha)
            if outcome.accepted or _is_resolved(state.theta, heading.vector * length.alpha):
                step = outcome.theta - state.theta if outcome.accepted else None
                evidence = Evidence(outcome.accepted, full, judged, length.radius / state.scale, heading, step)
                scale, memory = self.radius.next_scale(state.scale, state.schedule, evidence)
        models, plain = (model, *judged.models), self.surrogate.local and judge is model
        info = Info(
            accepted=outcome.accepted,
            step_size=outcome.step_size,
            trials=outcome.trials,
            discounted=self.surrogate.discounted,
            predicted_gain=outcome.step_size * heading.slope if plain else NAN,
            cg_iterations=heading.cg_iterations,
            cg_residual=heading.cg_residual,
            radius=length.radius,
            euclidean_radius=length.euclidean_radius,
            beta=length.beta,
            gradient_evaluations=sum(m.gradient_evaluations for m in models),
            fisher_products=sum(m.fisher_products for m in models),
            candidate_evaluations=sum(m.candidate_evaluations for m in models),
        )
        return AscentState(outcome.theta, direction_state, scale, memory), info

    def _full_step(self, model: LocalModel, state: AscentState) -> Tensor:
        """Where the first candidate would be, were this the model of the whole batch."""
        heading, _ = self.direction.head(model, state.direction)
        return model.theta + heading.vector * self.step_size.length(model, heading, state.scale).alpha


def _is_resolved(theta: Tensor, step: Tensor) -> bool:
    """Whether theta's precision holds most of a step [P]; what it does not hold was not tried."""
    lost = (theta + step) - theta - step
    return float(lost.norm()) < 0.5 * float(step.norm())
