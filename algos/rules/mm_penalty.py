"""Minorize-maximize on the penalised surrogate itself, by inner ascent instead of a quadratic model."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from algos.ascent import Adam, AscentState, ByDivergence, Constant, Evidence, LocalModel
from algos.ascent.directions import Heading
from algos.ascent.radius import Radius
from algos.policies import Policy
from algos.types import Batch, Info


class PenalisedModel(LocalModel):
    """L - beta KL(old || new) at theta, with `old` fixed: a `LocalModel` whose gradient has the penalty in it."""

    def __init__(self, policy: Policy, theta: Tensor, batch: Batch, old_outputs: Tensor, beta: float) -> None:
        super().__init__(policy, theta, batch)
        divergence = float(policy.family.kl(old_outputs, self.double_outputs).mean())
        self.penalty = beta * max(divergence, 0.0)  # rounding can make a KL of nothing negative
        with torch.enable_grad():
            d = self.double_outputs.detach().requires_grad_()
            (slope,) = torch.autograd.grad(beta * policy.family.kl(old_outputs, d).mean(), d)
        self.gradient = self.gradient - self._linear.vjp(slope.to(self.outputs.dtype))


@dataclass(frozen=True)
class PenaltyMM:
    """`steps` steps of Adam per batch on L - (beta/scale) KL(old || new); the best theta visited is kept."""

    policy: Policy
    beta: float
    steps: int
    lr: float
    radius: Radius = field(default_factory=Constant)

    def __post_init__(self) -> None:
        if not self.beta > 0 or not self.lr > 0 or self.steps < 1:
            raise ValueError(
                f"beta and lr must be positive and steps at least 1, got {self.beta}, {self.lr}, {self.steps}"
            )

    def init(self, theta: Tensor) -> AscentState:
        return AscentState(theta, None, 1.0)

    @torch.no_grad()
    def update(self, state: AscentState, batch: Batch) -> tuple[AscentState, Info]:
        beta, adam = self.beta / state.scale, Adam()
        old = self.policy.outputs(state.theta, batch.obs).double()
        theta, memory = state.theta, adam.init(state.theta)
        best, start, promised = (0.0, state.theta), 0.0, 0.0
        heading: Heading
        for step in range(self.steps + 1):
            model = PenalisedModel(self.policy, theta, batch, old, beta)
            objective = model.value - model.penalty
            start = objective if step == 0 else start
            best = max(best, (objective - start, theta), key=lambda found: found[0])
            heading, memory = adam.head(model, memory)
            promised = self.lr * heading.slope if step == 0 else promised
            theta = theta + self.lr * heading.vector
        gained, new = best
        kl = float(self.policy.family.kl(old, self.policy.outputs(new, batch.obs).double()).mean())
        info = Info(
            accepted=gained > 0,
            step_size=self.lr,
            beta=beta,
            gradient_evaluations=self.steps + 1,
        )
        scale = self.radius.next_scale(state.scale, Evidence(gained > 0, gained / promised if promised else 0.0, kl))
        return AscentState(new, None, scale), info


def mm_penalty(policy: Policy, *, beta: float = 2.0, steps: int = 20, lr: float = 3e-3) -> PenaltyMM:
    """Maximise L - beta KL(old || new) itself (Schulman et al. 2015, equation 9, with beta for C), by Adam.

    beta: as in `mm_quadratic`; steps and lr: enough for the objective to level off on CartPole-v1 and HalfCheetah-v5.
    """
    return PenaltyMM(policy, beta, steps, lr)


def mm_penalty_adaptive(
    policy: Policy, *, beta: float = 2.0, steps: int = 20, lr: float = 3e-3, max_kl: float = 0.02
) -> PenaltyMM:
    """`mm_penalty` whose beta doubles or halves when KL leaves [max_kl / 1.5, 1.5 max_kl] (Schulman et al. 2017).

    max_kl: `trpo`'s; beta is only where it starts; steps and lr as in `mm_penalty`.
    """
    return PenaltyMM(policy, beta, steps, lr, ByDivergence(max_kl))
