"""Minorize-maximize on the penalised surrogate itself, by inner ascent instead of a quadratic model."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Protocol

import torch
from torch import Tensor

from algos.ascent import Adam, AscentState, ByDivergence, Constant, CrossFit, Evidence, LocalModel
from algos.ascent.radius import Radius
from algos.estimators.diagnostics import effective_sample_size
from algos.policies import Policy
from algos.search_space import AdamRate, Beta, Integer, MaxKL
from algos.types import NAN, Batch, Info


class Penalty(Protocol):
    """What beta is the price of: zero at the old policy, with a gradient of zero, and never negative."""

    def of(self, old: LocalModel, outputs: Tensor) -> Tensor:
        """At a new policy's outputs [B, D] in double, differentiable in them."""
        ...


@dataclass(frozen=True)
class ForwardKL:
    """Mean KL(old || new)."""

    def of(self, old: LocalModel, outputs: Tensor) -> Tensor:
        return old.policy.family.kl(old.double_outputs, outputs).mean()


class PenalisedModel(LocalModel):
    """L - beta penalty at theta, with `old` fixed: a `LocalModel` whose gradient has the penalty in it."""

    def __init__(self, old: LocalModel, theta: Tensor, beta: float, penalty: Penalty | None = None) -> None:
        super().__init__(old.policy, theta, old.batch, old.surrogate)
        self._old, self._beta, self._penalty = old, beta, penalty or ForwardKL()

    @cached_property
    def objective(self) -> float:
        """L - beta penalty, less L at the old theta."""
        return self.value - self._old.value - self._beta * float(self._penalty.of(self._old, self.double_outputs))

    @cached_property
    def gradient(self) -> Tensor:
        plain = super().gradient
        with torch.enable_grad():
            d = self.double_outputs.detach().requires_grad_()
            (slope,) = torch.autograd.grad(self._beta * self._penalty.of(self._old, d), d)
        return plain - self._linear.vjp(slope.to(self.outputs.dtype))


@dataclass(frozen=True)
class Climb:
    """Where an inner ascent found the highest objective, and how it ended."""

    theta: Tensor
    gained: float = 0.0
    ess: float = 1.0  # of the weights at theta, and the largest share of them
    max_weight: float = NAN
    steps: int = 0
    stopped: bool = False  # before its last step, where the weights wore out


@dataclass(frozen=True)
class PenaltyMM:
    """Up to `steps` steps of Adam per batch on L - (beta/scale) penalty; the best theta visited is kept.

    The ascent ends where the effective sample size ESS/N of the weights falls below `ess_floor`.
    """

    policy: Policy
    beta: float
    steps: int
    lr: float
    ess_floor: float
    max_kl: float = NAN  # what a schedule steers KL to
    radius: Radius = field(default_factory=Constant)
    penalty: Penalty = field(default_factory=ForwardKL)

    def __post_init__(self) -> None:
        if not self.beta > 0 or not self.lr > 0 or self.steps < 1:
            raise ValueError(
                f"beta and lr must be positive and steps at least 1, got {self.beta}, {self.lr}, {self.steps}"
            )
        if not 0 < self.ess_floor < 1:
            raise ValueError(f"ess_floor must lie in (0, 1), got {self.ess_floor}: no bound holds on worn-out weights")

    def init(self, theta: Tensor) -> AscentState:
        return AscentState(theta, None, 1.0)

    @torch.no_grad()
    def update(self, state: AscentState, batch: Batch) -> tuple[AscentState, Info]:
        """One inner ascent. There is no model that would promise its gain."""
        model, beta = LocalModel(self.policy, state.theta, batch), self.beta / state.scale
        climb, scale, memory = Climb(state.theta), state.scale, state.schedule
        judged = CrossFit(model, lambda half: self._climb(half, beta).theta)
        if model.gradient.any():  # else there is nowhere to go, and nothing to try
            climb = self._climb(model, beta)
            accepted = climb.gained > 0
            by_penalty = not climb.stopped and climb.steps < self.steps  # it fell again before the steps ran out
            evidence = Evidence(accepted, accepted and by_penalty, judged, self.max_kl)
            scale, memory = self.radius.next_scale(state.scale, state.schedule, evidence)
        models = (model, *judged.models)
        info = Info(
            accepted=climb.gained > 0,
            step_size=self.lr,
            beta=beta,
            ess=climb.ess,
            max_weight=climb.max_weight,
            gradient_evaluations=sum(m.gradient_evaluations for m in models),
            candidate_evaluations=sum(m.candidate_evaluations for m in models),
        )
        return AscentState(climb.theta, None, scale, memory), info

    def _climb(self, old: LocalModel, beta: float) -> Climb:
        """From old's theta; what it costs is counted by `old`."""
        adam, theta = Adam(), old.theta
        memory, best = adam.init(theta), Climb(theta)
        for step in range(self.steps + 1):
            model = PenalisedModel(old, theta, beta, self.penalty)
            ess, max_weight = effective_sample_size(model.log_ratio)
            if ess < self.ess_floor:
                return replace(best, stopped=True)
            if model.objective > best.gained:
                best = Climb(theta, model.objective, ess, max_weight, step)
            if step < self.steps:
                heading, memory = adam.head(model, memory)
                theta = theta + self.lr * heading.vector
                old.gradient_evaluations += model.gradient_evaluations
        return best


def mm_penalty(
    policy: Policy,
    *,
    beta: Beta = 2.0,
    steps: Annotated[int, Integer(5, 80, "two doublings on either side of 20")] = 20,
    lr: AdamRate = 3e-3,
    ess_floor: float = 0.5,
) -> PenaltyMM:
    """Maximise L - beta KL itself (Schulman et al. 2015, equation 9, with beta for C), by Adam.

    beta: as in `mm_quadratic`; lr: as in `vanilla_pg_adam`. On samples the objective has no maximum: some rows can
    always be made so much likelier that their advantages outweigh any penalty. ess_floor: 0.5, where the ascent ends,
    since a gain is at most sqrt(1/ess_floor - 1) standard deviations of the advantages as long as the weights' mean is
    one (Cauchy and Schwarz); 0.8 and 0.9 learned more slowly on HalfCheetah-v5. steps: 20, which gain .86 of what 40 do
    on CartPole-v1, at ESS/N of .997; on HalfCheetah-v5 the floor ends 95 % of the ascents, and the best theta is that
    of step 9 (medians over 40 batches).
    """
    return PenaltyMM(policy, beta, steps, lr, ess_floor)


def mm_penalty_adaptive(
    policy: Policy,
    *,
    beta: Beta = 2.0,
    steps: Annotated[int, Integer(5, 80, "two doublings on either side of 20")] = 20,
    lr: AdamRate = 3e-3,
    ess_floor: float = 0.5,
    max_kl: MaxKL = 0.02,
) -> PenaltyMM:
    """`mm_penalty` whose beta doubles or halves when KL leaves [max_kl / 1.5, 1.5 max_kl] (Schulman et al. 2017).

    Beta falls only where it is what ended the ascent, and not the number of steps nor the floor. max_kl: `trpo`'s; beta
    is only where it starts; steps, lr and ess_floor as in `mm_penalty`.
    """
    return PenaltyMM(policy, beta, steps, lr, ess_floor, max_kl, ByDivergence())
