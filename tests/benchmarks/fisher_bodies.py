"""Ways to make a Fisher-vector product, to be timed side by side: `prepare(policy, theta, obs) -> (v -> F v)`."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor
from torch.func import jvp, vjp

from algos.curvature import EmpiricalFisher, Metric, SubsampledFisher, fisher_vector_product
from algos.networks import linearize
from algos.policies import Policy
from algos.types import Batch
from experiments.cell.compiled import CompiledPasses

Product = Callable[[Tensor], Tensor]


def linearised(policy: Policy, theta: Tensor, obs: Tensor) -> Product:
    """J'(M(J v))/B with activations cached at theta, by torch's operators."""
    linear = policy.network.linearize(theta, obs)
    return fisher_vector_product(linear, policy.family.fisher)


def compiled(policy: Policy, theta: Tensor, obs: Tensor) -> Product:
    """The same with compiled passes between the matrix products, if float32 on a CPU: what a cell runs."""
    return linearised(with_compiled_passes(policy), theta, obs)


def with_compiled_passes(policy: Policy) -> Policy:
    """The policy as a cell makes it."""
    return replace(policy, network=replace(policy.network, passes=CompiledPasses()))


def kl_gradient(policy: Policy, theta: Tensor, obs: Tensor) -> tuple[Tensor, Tensor]:
    """theta as a leaf, and the gradient of mean KL(old || new) at new = old, itself differentiable."""
    leaf = theta.detach().requires_grad_()
    d = policy.outputs(leaf, obs)
    kl = policy.family.kl(d.detach(), d).mean()
    return leaf, torch.autograd.grad(kl, leaf, create_graph=True)[0]


def retained(policy: Policy, theta: Tensor, obs: Tensor) -> Product:
    """The Hessian of KL(old || new) by double-backward; its graph is built once and kept."""
    leaf, gradient = kl_gradient(policy, theta, obs)
    return lambda v: torch.autograd.grad(gradient @ v, leaf, retain_graph=True)[0]


def rebuilt(policy: Policy, theta: Tensor, obs: Tensor) -> Product:
    """The same, the graph built anew for every product: what most published TRPO code does."""

    def product(v: Tensor) -> Tensor:
        leaf, gradient = kl_gradient(policy, theta, obs)
        return torch.autograd.grad(gradient @ v, leaf)[0]

    return product


def autodiff(policy: Policy, theta: Tensor, obs: Tensor) -> Product:
    """J'(M(J v))/B by automatic differentiation, for any network."""
    linear = linearize(policy.network, theta, obs)
    return fisher_vector_product(linear, policy.family.fisher)


def forward_and_reverse(policy: Policy, theta: Tensor, obs: Tensor) -> Product:
    """J'(M(J v))/B by torch.func, forward mode and then reverse, for any network."""
    outputs, pull = vjp(lambda t: policy.outputs(t, obs), theta)
    metric = policy.family.fisher(outputs)

    def product(v: Tensor) -> Tensor:
        _, moved = jvp(lambda t: policy.outputs(t, obs), (theta,), (v,))
        return pull(metric(moved))[0] / len(obs)

    return product


def finite_difference(policy: Policy, theta: Tensor, obs: Tensor) -> Product:
    """(KL'(theta + h v) - KL'(theta - h v)) / 2h, each gradient by the hand-written J'."""
    old = policy.outputs(theta, obs)
    metric = policy.family.fisher(old)

    def product(v: Tensor) -> Tensor:
        h = torch.finfo(theta.dtype).eps ** (1 / 3) / float(v.norm())
        sides = [policy.network.linearize(theta + sign * h * v, obs) for sign in (1, -1)]
        ahead, behind = [linear.vjp(metric(linear.outputs - old)) for linear in sides]
        return (ahead - behind) / (2 * h * len(obs))

    return product


def of_a_metric(metric: Metric) -> Callable[[Policy, Tensor, Tensor], Product]:
    """Not the Fisher matrix, but what stands in for it."""

    def body(policy: Policy, theta: Tensor, obs: Tensor) -> Product:
        batch = batch_of(policy, theta, obs)
        return metric.product(policy, theta, batch, policy.network.linearize(theta, obs))

    return body


def batch_of(policy: Policy, theta: Tensor, obs: Tensor) -> Batch:
    """Actions drawn from the policy, with advantages that follow them."""
    g = torch.Generator().manual_seed(1)
    d = policy.outputs(theta, obs)
    noise = torch.randn(len(obs), policy.family.noise_size + 1, generator=g, dtype=theta.dtype).to(theta.device)
    actions = policy.family.act(d, noise[:, 1:])
    still = torch.zeros(len(obs), dtype=torch.long, device=theta.device)
    advantages = actions[:, 0] + noise[:, 0]
    return Batch(obs, actions, advantages, policy.family.log_prob(d, actions), still, still, gamma=0.99)


EXACT = {
    "compiled": compiled,
    "linearised": linearised,
    "autodiff": autodiff,
    "torch.func": forward_and_reverse,
    "retained graph": retained,
    "rebuilt graph": rebuilt,
    "finite difference": finite_difference,
}
STAND_INS = {"empirical": of_a_metric(EmpiricalFisher()), "subsampled": of_a_metric(SubsampledFisher())}
BODIES = EXACT | STAND_INS
