"""One step per time step: what happens when strongly correlated samples are learned from one after the other."""

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from algos.ascent import AscentState
from algos.estimators.objectives import SurrogateObjective
from algos.estimators.surrogates import Unweighted
from algos.optim import Plain, Plan, Reached
from algos.policies import Policy
from algos.search_space import LogUniform
from algos.types import Batch, Info


@dataclass(frozen=True)
class PerStepPG:
    """T gradient steps per batch, in the order of time, each on the N rows of one time step at the theta reached."""

    policy: Policy
    lr: float

    def __post_init__(self) -> None:
        if not self.lr > 0:
            raise ValueError(f"lr must be positive, got {self.lr}")

    def init(self, theta: Tensor) -> AscentState:
        return AscentState(theta, None, 1.0)

    def update(self, state: AscentState, batch: Batch) -> tuple[AscentState, Info]:
        """One batch. The steps' own linear gains leave out what each does to the rows of the others, so that nothing
        is predicted for the whole."""
        order, plan = torch.arange(len(batch.obs), device="cpu"), Plan(Plain(), self.lr, batch.n_envs)
        objective = SurrogateObjective(self.policy.family, Unweighted(), batch)
        start, orders = Reached(state.theta, None), order.unsqueeze(0)
        reached = self.policy.steps.take(self.policy.network, objective, start, orders, plan)
        info = Info(step_size=self.lr, gradient_evaluations=plan.steps(orders))
        return AscentState(reached.theta, None, 1.0), info


def per_step_pg(
    policy: Policy, *, lr: Annotated[float, LogUniform(2e-4, 2e-2, "a decade on either side")] = 0.3 / 128
) -> PerStepPG:
    """theta + lr grad log pi(a_t|s_t) A_t at every t: actor-critic as it was before batches (Sutton et al. 2000;
    Mnih et al. 2016, section 3, on the correlation that makes it unstable).

    lr: 0.3 / 128, so that the steps of a batch of 128 time steps go as far as `vanilla_pg`'s one of 0.3; on CartPole-v1
    3e-3 was the best of 3e-4, 1e-3 and 3e-3. At 1e-2 the mean KL of an update is tens of nats, and one run of two was
    ruined.
    """
    return PerStepPG(policy, lr)
