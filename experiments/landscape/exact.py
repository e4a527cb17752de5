"""A ground on which nothing is estimated: the environment's own table."""

import torch
from torch import Tensor

from algos.exact import FiniteMDP, average_divergence_bound, minorizer, theory_penalty
from algos.exact.bounds import state_kl
from algos.policies import Policy
from experiments.landscape.ground import Reading


class ExactGround:
    """Everything in closed form, in float64; the mean KL and F weigh states by the normalised discounted visitation."""

    exact, episodes = True, 0

    def __init__(self, mdp: FiniteMDP, policy: Policy, theta: Tensor, seen_as: Tensor) -> None:
        """theta [P]; `seen_as` [S, O] is every state's observation as the policy sees it."""
        self._mdp, self._policy, self._seen = mdp, policy, seen_as.double()
        self.theta, self.rows = theta.double(), mdp.n_states
        self._linear = policy.network.linearize(self.theta, self._seen)
        self._old = self._linear.outputs.softmax(-1)
        self._metric = policy.family.fisher(self._linear.outputs)
        visitation = mdp.visitation(self._old)
        self._weight = visitation / visitation.sum()
        self.gradient = mdp.policy_gradient(policy, self.theta, self._seen)
        self.penalty = theory_penalty(mdp, self._old)

    def fisher(self, v: Tensor) -> Tensor:
        return self._linear.gram(v, lambda moved: self._weight.unsqueeze(-1) * self._metric(moved))

    def largest_curvature(self, v: Tensor) -> float:
        moved = self._linear.jvp(v)
        return float((moved * self._metric(moved)).sum(-1).max())

    @torch.no_grad()
    def read(self, theta: Tensor) -> Reading:
        mdp, old, new = self._mdp, self._old, self._policy.outputs(theta, self._seen).softmax(-1)
        divergence = state_kl(old, new)
        return Reading(
            return_mean=float(mdp.eta(new)),
            return_se=0.0,
            surrogate=float(mdp.surrogate(old, new)),
            kl=float(self._weight @ divergence),
            max_kl=float(divergence.max()),
            bound=float(minorizer(mdp, old, new)),
            average_bound=float(average_divergence_bound(mdp, old, new)),
        )

    def close(self) -> None:
        """Nothing is open."""
