"""Proximal policy optimisation with the clipped surrogate: the reference that everyone will ask about."""

from dataclasses import dataclass
from math import inf

import torch
from torch import Tensor

from algos.ascent import Adam
from algos.estimators.objectives import SurrogateObjective
from algos.estimators.surrogates import Clipped, Surrogate
from algos.optim import AdamState, Plan, Reached, shuffles
from algos.policies import Policy
from algos.search_space import Clip, Epochs, MaxKL, Minibatch, MinibatchRate
from algos.types import Batch, Info


@dataclass(frozen=True)
class PPOState:
    theta: Tensor
    adam: AdamState
    updates: int  # seeds the shuffles together with the rule's own seed


@dataclass(frozen=True)
class PPO:
    """Up to `epochs` passes over the batch in shuffled minibatches, an Adam step on the surrogate for each.

    The passes end early after one that brought the mean KL(old || new) over the batch above `stop`.
    """

    policy: Policy
    surrogate: Surrogate
    direction: Adam
    epochs: int
    minibatch: int
    lr: float
    max_grad_norm: float
    seed: int
    stop: float = inf

    def __post_init__(self) -> None:
        positive = self.lr, self.max_grad_norm, self.stop
        if self.epochs < 1 or self.minibatch < 1 or not all(value > 0 for value in positive):
            raise ValueError(
                "epochs and minibatch must be at least 1, lr, max_grad_norm and max_kl positive, got "
                f"{self.epochs}, {self.minibatch}, {self.lr}, {self.max_grad_norm}, {self.stop}"
            )

    def init(self, theta: Tensor) -> PPOState:
        return PPOState(theta, self.direction.init(theta), 0)

    def update(self, state: PPOState, batch: Batch) -> tuple[PPOState, Info]:
        """One batch. Its passes are not looked into before the last where nothing can stop them."""
        orders = shuffles(len(batch.obs), self.epochs, self.seed * 1_000_003 + state.updates)
        objective = SurrogateObjective(self.policy.family, self.surrogate, batch)
        plan = Plan(self.direction, self.lr, self.minibatch, self.max_grad_norm)
        reached, taken, looks = Reached(state.theta, state.adam), 0, 0
        for some in orders.split(self.epochs if self.stop == inf else 1):
            reached = self.policy.steps.take(self.policy.network, objective, reached, some, plan)
            taken += plan.steps(some)
            if self.stop < inf:
                looks += 1
                if mean_kl(self.policy, state.theta, reached.theta, batch) > self.stop:
                    break
        info = Info(step_size=self.lr, gradient_evaluations=taken, candidate_evaluations=looks)
        return PPOState(reached.theta, reached.memory, state.updates + 1), info


@torch.no_grad()
def mean_kl(policy: Policy, old: Tensor, new: Tensor, batch: Batch) -> float:
    """Mean KL(old || new) over the batch's observations, in nats, of two thetas [P]."""
    first, second = (policy.outputs(theta, batch.obs).double() for theta in (old, new))
    return float(policy.family.kl(first, second).mean())


def ppo(
    policy: Policy,
    *,
    clip: Clip = 0.2,
    epochs: Epochs = 10,
    minibatch: Minibatch = 64,
    lr: MinibatchRate = 3e-4,
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


def ppo_kl_stop(
    policy: Policy,
    *,
    clip: Clip = 0.2,
    epochs: Epochs = 10,
    minibatch: int = 64,
    lr: MinibatchRate = 3e-4,
    max_kl: MaxKL = 0.015,
    max_grad_norm: float = 0.5,
    adam_epsilon: float = 1e-5,
    seed: int = 0,
) -> PPO:
    """`ppo` whose passes end once the mean KL(old || new) exceeds max_kl, as in Spinning Up (Achiam 2018).

    max_kl: 0.015, their 1.5 times a target of 0.01, looked at after every pass; theirs is the mean of log pi_old -
    log pi_new over the actions taken, whose expectation this is. The rest as in `ppo`: clip, epochs, minibatch, lr,
    max_grad_norm, adam_epsilon, seed.
    """
    whole = Clipped(clip), Adam(epsilon=adam_epsilon), epochs, minibatch, lr, max_grad_norm, seed
    return PPO(policy, *whole, stop=max_kl)
