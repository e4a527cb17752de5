"""Small problems with known answers, in float64, shared by every test of `algos`."""

from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from algos.networks import MLP, Network
from algos.networks.modules import CNN, Convolution, Design, LayeredMLP, ModuleNetwork
from algos.policies import Categorical, DiagonalGaussian, Family, MultiCategorical, Policy, SquashedGaussian
from algos.types import Batch

FAMILIES = {
    "categorical": Categorical(3),
    "gaussian": DiagonalGaussian(2),
    "choices": MultiCategorical((3, 2)),
    "squashed": SquashedGaussian(2),
}
# what every test of a problem runs on: each family, and each kind of network
PROBLEMS = {name: (family, "mlp") for name, family in FAMILIES.items()} | {
    "categorical, normalised": (Categorical(3), "normalised"),
    "gaussian, convolutional": (DiagonalGaussian(2), "convolutional"),
}
# for a test whose numbers are made for the hand-written network
on_perceptrons = pytest.mark.parametrize(
    "problem", [case for case in PROBLEMS.values() if case[1] == "mlp"], ids=FAMILIES.keys(), indirect=True
)
SHAPES = {"mlp": (3,), "normalised": (3,), "convolutional": (4, 4, 2)}  # of an observation, for each kind of network


def make_network(kind: str, family: Family, hidden: tuple[int, ...] = (5, 4)) -> Network:
    """A small one whose outputs fit the family."""
    bound, free = family.output_size - family.free_size, family.free_size
    if kind == "mlp":
        return MLP(3, hidden, family.output_size, free)
    if kind == "normalised":
        return ModuleNetwork(LayeredMLP(SHAPES[kind], hidden, bound, "relu", layer_norm=True), free)
    return ModuleNetwork(CNN(SHAPES[kind], bound, Design((Convolution(2, 3, 1),), 4)), free)


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

    def in_single_precision(self) -> "Problem":
        """The same in float32."""
        theta, batch = self.theta.float(), self.batch
        obs, advantages = batch.obs.float(), batch.advantages.float()
        actions = batch.actions.float() if batch.actions.is_floating_point() else batch.actions
        log_probs = self.policy.log_prob(theta, obs, actions)
        columns = {"obs": obs, "actions": actions, "advantages": advantages, "log_probs": log_probs}
        return replace(self, theta=theta, batch=replace(batch, **columns))

    def with_advantages(self, advantages: Tensor) -> Batch:
        return replace(self.batch, advantages=advantages)


def make_problem(
    family: Family, dtype: torch.dtype = torch.float64, hidden: tuple[int, ...] = (5, 4), network: str = "mlp"
) -> Problem:
    """Actions are really drawn from the policy; advantages are standard normal."""
    g = torch.Generator().manual_seed(1)
    policy = Policy(make_network(network, family, hidden), family)
    theta = policy.init(g, -0.4, dtype) + 0.3 * torch.randn(policy.network.size, generator=g, dtype=dtype)
    obs = torch.randn(60, *SHAPES[network], generator=g, dtype=dtype)
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
