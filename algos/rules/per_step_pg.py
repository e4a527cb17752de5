"""One step per time step: what happens when strongly correlated samples are learned from one after the other."""

from dataclasses import dataclass

import torch
from torch import Tensor

from algos.ascent import AscentState, LocalModel
from algos.estimators.surrogates import Unweighted
from algos.policies import Policy
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

    @torch.no_grad()
    def update(self, state: AscentState, batch: Batch) -> tuple[AscentState, Info]:
        theta, gain, steps = state.theta, 0.0, 0
        for start in range(0, len(batch.obs), batch.n_envs):
            rows = batch.rows(slice(start, start + batch.n_envs))
            g = LocalModel(self.policy, theta, rows, Unweighted()).gradient
            theta = theta + self.lr * g
            gain += self.lr * float(g @ g)
            steps += 1
        info = Info(step_size=self.lr, predicted_gain=gain / max(steps, 1), gradient_evaluations=steps)
        return AscentState(theta, None, 1.0), info


def per_step_pg(policy: Policy, *, lr: float = 3e-3) -> PerStepPG:
    """theta + lr grad log pi(a_t|s_t) A_t at every t: actor-critic as it was before batches (Sutton et al. 2000;
    Mnih et al. 2016, section 3, on the correlation that makes it unstable).

    lr: 3e-3, the best of 3e-4, 1e-3 and 3e-3 on CartPole-v1 (seeds of their own): the steps of a batch of 128 time
    steps add up to about one of `vanilla_pg`. At 1e-2 the mean KL of an update is tens of nats, and one run of two was
    ruined.
    """
    return PerStepPG(policy, lr)
