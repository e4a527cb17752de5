"""A finite Markov decision problem with all its quantities in closed form; S states, A actions, pi [S, A], float64.

Termination is the part of the transition probability that is missing: P[s, a].sum() < 1 ends the episode with the rest,
after the reward R[s, a] was paid. Everything is differentiable in pi.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.autograd.functional import jacobian as jacobian_of

from algos.policies import Policy


@dataclass(frozen=True)
class FiniteMDP:
    """transitions [S, A, S] (rows sum to at most 1), rewards [S, A] (expected), start [S], 0 < gamma < 1."""

    transitions: Tensor
    rewards: Tensor
    start: Tensor
    gamma: float

    def __post_init__(self) -> None:
        states, actions = self.rewards.shape
        if self.transitions.shape != (states, actions, states) or self.start.shape != (states,):
            raise ValueError(
                f"transitions {tuple(self.transitions.shape)} and start {tuple(self.start.shape)} do not fit rewards "
                f"[{states}, {actions}]; expected [S, A, S] and [S]"
            )
        if self.transitions.min() < 0 or self.transitions.sum(-1).max() > 1 + 1e-9:
            raise ValueError("transitions must be probabilities: not negative, rows summing to at most 1")
        if abs(float(self.start.sum()) - 1) > 1e-9 or not 0 < self.gamma < 1:
            raise ValueError(
                f"start must sum to 1 and gamma lie in (0, 1), got {float(self.start.sum())}, {self.gamma}"
            )

    @property
    def n_states(self) -> int:
        """S."""
        return self.rewards.shape[0]

    def v(self, pi: Tensor) -> Tensor:
        """V [S] = (I - gamma P_pi)^-1 r_pi."""
        return torch.linalg.solve(self._resolvent(pi), (pi * self.rewards).sum(-1))

    def q(self, pi: Tensor) -> Tensor:
        """Q [S, A] = R + gamma P V."""
        return self.rewards + self.gamma * self.transitions @ self.v(pi)

    def advantage(self, pi: Tensor) -> Tensor:
        """A [S, A] = Q - V."""
        return self.q(pi) - self.v(pi).unsqueeze(-1)

    def eta(self, pi: Tensor) -> Tensor:
        """The expected discounted return [] from the start distribution."""
        return self.start @ self.v(pi)

    def visitation(self, pi: Tensor) -> Tensor:
        """Discounted visitation rho [S] = sum_t gamma^t Pr(s_t = s), not normalised."""
        return torch.linalg.solve(self._resolvent(pi).T, self.start)

    def surrogate(self, old: Tensor, new: Tensor) -> Tensor:
        """L_old(new) = eta(old) + sum_s rho_old(s) sum_a new(a|s) A_old(s, a) (Schulman et al. 2015, equation 3)."""
        return self.eta(old) + self.visitation(old) @ (new * self.advantage(old)).sum(-1)

    def policy_gradient(self, policy: Policy, theta: Tensor, obs: Tensor) -> Tensor:
        """d eta / d theta [P] by the policy-gradient theorem (Sutton et al. 2000); obs [S, O] are the states'."""
        linear = policy.network.linearize(theta, obs)
        pi = linear.outputs.softmax(-1)
        # sum_a pi(a) score(a) Q(a) = pi * (Q - V) for a softmax
        return linear.vjp(self.visitation(pi).unsqueeze(-1) * pi * self.advantage(pi))

    def fisher_matrix(self, policy: Policy, theta: Tensor, obs: Tensor) -> Tensor:
        """F [P, P] under the normalised visitation, in closed form over states and actions."""
        pi = policy.outputs(theta, obs).softmax(-1)
        weight = self.visitation(pi) / self.visitation(pi).sum()
        jacobian = jacobian_of(lambda t: policy.outputs(t, obs).log_softmax(-1), theta)
        return torch.einsum("s,sa,sap,saq->pq", weight, pi, jacobian, jacobian)

    def _resolvent(self, pi: Tensor) -> Tensor:
        moves = torch.einsum("sa,sat->st", pi, self.transitions)
        return torch.eye(self.n_states, dtype=moves.dtype) - self.gamma * moves


def random_mdp(
    states: int, actions: int, gamma: float, generator: torch.Generator, termination: float = 0.0, sparsity: float = 0.5
) -> FiniteMDP:
    """Random transitions, a share `sparsity` of them zero, normal rewards, random start; float64.

    In the manner of the Garnet problems (Bhatnagar et al. 2009, section 8).
    """
    weights = torch.empty(states, actions, states, dtype=torch.float64).exponential_(generator=generator)
    keep = torch.rand(states, actions, states, generator=generator, dtype=torch.float64) >= sparsity
    weights = weights * keep + 1e-12
    transitions = (1 - termination) * weights / weights.sum(-1, keepdim=True)
    rewards = torch.randn(states, actions, generator=generator, dtype=torch.float64)
    start = torch.empty(states, dtype=torch.float64).exponential_(generator=generator)
    return FiniteMDP(transitions, rewards, start / start.sum(), gamma)
