"""Small problems with known answers, in float64, shared by every test of `algos`."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from algos.policies import Categorical, DiagonalGaussian, Family, MultiCategorical, Policy, SquashedGaussian
from algos.types import Batch

FAMILIES = {
    "categorical": Categorical(3),
    "gaussian": DiagonalGaussian(2),
    "choices": MultiCategorical((3, 2)),
    "squashed": SquashedGaussian(2),
}


@dataclass(frozen=True)
class Problem:
    """A policy, its parameters and a batch that it collected: 60 rows, 4 environments of 15 steps."""

    policy: Policy
    theta: Tensor
    batch: Batch

    def nearby(self, distance: float = 0.05) -> Tensor:
        """Other parameters, not far."""
        g = torch.Generator().manual_seed(5)
        return self.theta + distance * torch.randn(len(self.theta), generator=g, dtype=self.theta.dtype)

    def with_advantages(self, advantages: Tensor) -> Batch:
        return replace(self.batch, advantages=advantages)


def make_problem(family: Family, dtype: torch.dtype = torch.float64, hidden: tuple[int, ...] = (5, 4)) -> Problem:
    """Actions are really drawn from the policy; advantages are standard normal."""
    g = torch.Generator().manual_seed(1)
    policy = Policy.mlp(3, hidden, family)
    theta = policy.init(g, -0.4, dtype) + 0.3 * torch.randn(policy.network.size, generator=g, dtype=dtype)
    obs = torch.randn(60, 3, generator=g, dtype=dtype)
    d = policy.outputs(theta, obs)
    if family.noise == "gumbel":
        noise = -torch.empty(60, family.noise_size, dtype=dtype).exponential_(generator=g).log()
    else:
        noise = torch.randn(60, family.noise_size, generator=g, dtype=dtype)
    actions = family.act(d, noise)
    step, lane = torch.arange(60) // 4, torch.arange(60) % 4
    batch = Batch(
        obs=obs,
        actions=actions,
        advantages=torch.randn(60, generator=g, dtype=dtype),
        log_probs=policy.log_prob(theta, obs, actions),
        episodes=lane + 4 * (step >= 9),
        times=torch.where(step >= 9, step - 9, step),
        gamma=0.99,
    )
    return Problem(policy, theta, batch)


def make_large(family: Family, obs_size: int) -> Problem:
    """A 64x64 policy at its start and 2,048 rows of it, as a run has them: float32, advantages normalised.

    16 environments of 128 steps; advantages are noise, and a part that follows the first observation and action.
    """
    g = torch.Generator().manual_seed(7)
    policy = Policy.mlp(obs_size, (64, 64), family)
    theta, obs = policy.init(g, -0.5), torch.randn(2048, obs_size, generator=g)
    uniform = torch.rand(2048, family.noise_size, generator=g)
    noise = -(-uniform.log()).log() if family.noise == "gumbel" else torch.erfinv(2 * uniform - 1) * 2**0.5
    actions = family.act(policy.outputs(theta, obs), noise)
    advantages = torch.randn(2048, generator=g) + obs[:, 0] * (actions if actions.ndim == 1 else actions[:, 0])
    batch = Batch(
        obs=obs,
        actions=actions,
        advantages=(advantages - advantages.mean()) / advantages.std(),
        log_probs=policy.log_prob(theta, obs, actions),
        episodes=torch.arange(2048) % 16,
        times=torch.arange(2048) // 16,
        gamma=0.99,
        n_envs=16,
    )
    return Problem(policy, theta, batch)


def dense(product, size: int) -> Tensor:
    """The matrix [size, size] behind v -> A v."""
    return torch.stack([product(row) for row in torch.eye(size, dtype=torch.float64)], 1)
