"""The value baseline, shared by every rule and fitted with the same linearisation as the policy's Fisher products."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from algos.curvature import Kronecker, Preconditioner, conjugate_gradient, fisher_vector_product
from algos.curvature.preconditioners import Solve
from algos.policies.networks import MLP, Linearization


@dataclass(frozen=True)
class ValueBaseline:
    """V(obs) [B], fitted by damped Gauss-Newton steps on the mean squared error to the returns.

    Each step solves (J'J/B + damping I) s = -gradient by conjugate gradient and halves s until the loss falls (Nocedal
    and Wright 2006, section 10.3). The preconditioner is made once per fit, from J at the first step. Defaults: 3 steps
    of 10 products with Kronecker factors, damping 0.1, measured in the README.
    """

    network: MLP
    steps: int = 3
    cg_iterations: int = 10
    damping: float = 0.1
    tolerance: float = 0.05
    preconditioner: Preconditioner = field(default_factory=Kronecker)
    max_backtracks: int = 8

    @classmethod
    def mlp(
        cls, obs_size: int, hidden: tuple[int, ...], steps: int = 3, cg_iterations: int = 10, damping: float = 0.1
    ) -> "ValueBaseline":
        """An MLP with one output."""
        return cls(MLP(obs_size, hidden, 1), steps, cg_iterations, damping)

    def init(self, generator: torch.Generator, dtype: torch.dtype = torch.float32) -> Tensor:
        """Parameters [P]."""
        return self.network.init(generator, last_gain=1.0, dtype=dtype)

    def predict(self, theta: Tensor, obs: Tensor) -> Tensor:
        """V(obs) [B]."""
        return self.network(theta, obs).squeeze(-1)

    def fit(self, theta: Tensor, obs: Tensor, returns: Tensor) -> Tensor:
        """New parameters [P], at which the squared error to `returns` [B] is not larger than at `theta`."""
        model = self.network.linearize(theta, obs)
        precondition = self.preconditioner.prepare(model, torch.ones_like(model.outputs), self.damping)
        for _ in range(self.steps):
            theta, model = self._gauss_newton_step(theta, model, returns, precondition)
        return theta

    def _gauss_newton_step(
        self, theta: Tensor, model: Linearization, returns: Tensor, precondition: Solve | None
    ) -> tuple[Tensor, Linearization]:
        obs = model.activations[0]
        error = returns.unsqueeze(-1) - model.outputs
        product = fisher_vector_product(model, lambda v: v)
        step = conjugate_gradient(
            lambda v: product(v).add_(v, alpha=self.damping),
            model.vjp(error).div_(len(obs)),
            self.cg_iterations,
            self.tolerance,
            precondition,
        ).x
        loss = error.square().mean()
        for halvings in range(self.max_backtracks + 1):
            candidate = theta + step * 0.5**halvings
            tried = self.network.linearize(candidate, obs)  # what the next step needs, for the price of a prediction
            if (returns.unsqueeze(-1) - tried.outputs).square().mean() < loss:
                return candidate, tried
        return theta, model
