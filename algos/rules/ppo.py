"""Proximal policy optimisation with the clipped surrogate: the reference that everyone will ask about."""

from dataclasses import dataclass
from typing import Annotated

from torch import Tensor

from algos.ascent import Adam
from algos.estimators.objectives import SurrogateObjective
from algos.estimators.surrogates import Clipped
from algos.optim import AdamState, Plan, Reached, shuffles
from algos.policies import Policy
from algos.search_space import Choice, Integer, LogUniform
from algos.types import Batch, Info


@dataclass(frozen=True)
class PPOState:
    theta: Tensor
    adam: AdamState
    updates: int  # seeds the shuffles together with the rule's own seed


@dataclass(frozen=True)
class PPO:
    """`epochs` passes over the batch in shuffled minibatches, an Adam step on the clipped surrogate for each."""

    policy: Policy
    surrogate: Clipped
    direction: Adam
    epochs: int
    minibatch: int
    lr: float
    max_grad_norm: float
    seed: int

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.minibatch < 1 or not self.lr > 0 or not self.max_grad_norm > 0:
            raise ValueError(
                "epochs and minibatch must be at least 1, lr and max_grad_norm positive, got "
                f"{self.epochs}, {self.minibatch}, {self.lr}, {self.max_grad_norm}"
            )

    def init(self, theta: Tensor) -> PPOState:
        return PPOState(theta, self.direction.init(theta), 0)

    def update(self, state: PPOState, batch: Batch) -> tuple[PPOState, Info]:
        orders = shuffles(len(batch.obs), self.epochs, self.seed * 1_000_003 + state.updates)
        objective = SurrogateObjective(self.policy.family, self.surrogate, batch)
        plan = Plan(self.direction, self.lr, self.minibatch, self.max_grad_norm)
        reached = self.policy.steps.take(self.policy.network, objective, Reached(state.theta, state.adam), orders, plan)
        info = Info(step_size=self.lr, gradient_evaluations=plan.steps(orders))
        return PPOState(reached.theta, reached.memory, state.updates + 1), info


def ppo(
    policy: Policy,
    *,
    clip: Annotated[float, LogUniform(0.05, 0.5, "0.1 to 0.3 in Schulman et al. 2017, and beyond")] = 0.2,
    epochs: Annotated[int, Integer(1, 20, "3 and 10 in Schulman et al. 2017, and beyond")] = 10,
    minibatch: Annotated[int, Choice((32, 64, 128, 256, 512), "64 in Schulman et al. 2017, doublings")] = 64,
    lr: Annotated[float, LogUniform(3e-5, 3e-3, "a decade on either side of 3e-4")] = 3e-4,
    max_grad_norm: float = 0.5,
    adam_epsilon: float = 1e-5,
    seed: int = 0,
) -> PPO:
    """Maximise mean(min(w A, clip(w, 1 - clip, 1 + clip) A)) (Schulman et al. 2017, equation 7).

    clip, epochs, minibatch and lr: the paper's for MuJoCo (table 3); max_grad_norm: 0.5, and adam_epsilon: 1e-5, of
    Baselines' ppo2; seed: of the shuffles, no hyper-parameter: a run gives one of its own. Advantages are normalised
    once per batch, by the pipeline that all rules share; there is no entropy bonus, and no schedule, since a rule does
    not know its budget.
    """
    return PPO(policy, Clipped(clip), Adam(epsilon=adam_epsilon), epochs, minibatch, lr, max_grad_norm, seed)
