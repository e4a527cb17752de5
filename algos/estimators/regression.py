"""How a network of one output is fitted to targets: what a value baseline does with every batch.

A fit is pure: state and batch in, state out.
"""

from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from algos.curvature import Preconditioner, Subsampled, conjugate_gradient, fisher_vector_product
from algos.estimators.objectives import SquaredError
from algos.networks import Linearized, Network
from algos.optim import TORCH_STEPS, Adam, Plan, Reached, Steps, shuffles


@dataclass(frozen=True)
class Fitted:
    """theta [P], and what the next fit has to know of the earlier ones."""

    theta: Tensor
    memory: Any = None


class Regression(Protocol):
    def fit(self, network: Network, state: Fitted, obs: Tensor, targets: Tensor) -> Fitted:
        """Lower the mean squared error of network(theta, obs [B, ...]) to targets [B]."""
        ...


@dataclass(frozen=True)
class GaussNewton:
    """Damped Gauss-Newton steps, with the linearisation that the policy's Fisher products use. It remembers nothing.

    Each step solves (J'J/B + damping I) s = -gradient by conjugate gradient, up to `cg_iterations` products or the
    relative residual `tolerance`, and halves s until the error falls (Nocedal and Wright 2006, sections 7.1 and 10.3).
    The preconditioner is made anew at every step. Defaults: measured in the README.
    """

    steps: int = 2
    cg_iterations: int = 10
    damping: float = 0.05
    tolerance: float = 0.01
    preconditioner: Preconditioner = field(default_factory=Subsampled)
    max_backtracks: int = 8

    def fit(self, network: Network, state: Fitted, obs: Tensor, targets: Tensor) -> Fitted:
        """The error is not larger than it was."""
        theta, model = state.theta, network.linearize(state.theta, obs)
        for _ in range(self.steps):
            theta, model = self._step(network, obs, theta, model, targets.unsqueeze(-1))
        return Fitted(theta)

    def _step(
        self, network: Network, obs: Tensor, theta: Tensor, model: Linearized, targets: Tensor
    ) -> tuple[Tensor, Linearized]:
        error = targets - model.outputs
        product = fisher_vector_product(model, lambda outputs: lambda v: v)  # of normals with deviation 1: J'J/B
        step = conjugate_gradient(
            lambda v: product(v).add_(v, alpha=self.damping),
            model.vjp(error).div_(len(obs)),
            self.cg_iterations,
            self.tolerance,
            self.preconditioner.prepare(model, torch.ones_like(error), self.damping),
        ).x
        loss = error.double().square().mean()  # what decides is a small difference of large numbers
        for halvings in range(self.max_backtracks + 1):
            candidate = theta + step * 0.5**halvings
            tried = network.linearize(candidate, obs)  # what the next step needs, for the price of a prediction
            if (targets - tried.outputs).double().square().mean() < loss:
                return candidate, tried
        return theta, model


@dataclass(frozen=True)
class MinibatchAdam:
    """`epochs` passes in shuffled minibatches, a step of Adam for each; its moments go on from batch to batch.

    The field's habit, to compare with. epochs and lr: sb3-contrib's TRPO; minibatches of 64: PFRL and garage. seed: of
    the shuffles; a run gives one of its own. steps: how they are computed.
    """

    epochs: int = 10
    minibatch: int = 64
    lr: float = 1e-3
    seed: int = 0
    steps: Steps = field(default=TORCH_STEPS, repr=False)

    def fit(self, network: Network, state: Fitted, obs: Tensor, targets: Tensor) -> Fitted:
        """Raises NonFinite."""
        optimizer = Adam()
        memory = state.memory or {"adam": optimizer.init(state.theta), "fits": 0}
        orders = shuffles(len(obs), self.epochs, self.seed * 1_000_003 + memory["fits"])
        start, plan = Reached(state.theta, memory["adam"]), Plan(optimizer, self.lr, self.minibatch)
        reached = self.steps.take(network, SquaredError(obs, targets), start, orders, plan)
        return Fitted(reached.theta, {"adam": reached.memory, "fits": memory["fits"] + 1})
