"""The Fisher-vector product, and ten conjugate-gradient iterations of it: what a natural gradient costs.

A body is `prepare(policy, theta, obs) -> (v -> F v)`. All run on a 64x64 tanh policy with the spaces of HalfCheetah,
in float32, and are compared within a group: one group per kernel and batch size. A body that is fast because it is
wrong or less converged shows in its `extra_info`.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor

from algos.curvature import conjugate_gradient, fisher_vector_product
from algos.policies import DiagonalGaussian, Policy

Product = Callable[[Tensor], Tensor]

OBS, ACTIONS, HIDDEN = 17, 6, (64, 64)
BATCHES = (512, 2048, 16384)
CG_ITERATIONS, DAMPING = 10, 0.1


def linearised(policy: Policy, theta: Tensor, obs: Tensor) -> Product:
    """J'(M(J v))/B with activations cached at theta: what the harness runs."""
    linear = policy.network.linearize(theta, obs)
    return fisher_vector_product(linear, policy.family.fisher(linear.outputs))


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


BODIES = {"linearised": linearised, "retained graph": retained, "rebuilt graph": rebuilt}


def bare_products(policy: Policy, batch: int) -> Callable[[], None]:
    """The ten matrix products inside J v and J' u for two hidden layers, and nothing else: the floor, not a product."""
    (first, _), (second, _), (last, _) = policy.network.layers(torch.randn(policy.network.size))[0]
    x, a, b, out = (torch.randn(batch, size) for size in (OBS, *HIDDEN, ACTIONS))

    def multiply() -> None:
        # J v: x dW1', then a dW2' and t W2', then b dW3' and t W3'
        for left, weight in ((x, first), (a, second), (a, second), (b, last), (b, last)):
            torch.mm(left, weight.T)
        # J' u: u'b and u W3, then u'a and u W2, then u'x
        for u, weight, left in ((out, last, b), (b, second, a)):
            torch.mm(u.T, left)
            torch.mm(u, weight)
        torch.mm(a.T, x)

    return multiply


def make(batch: int, hidden: tuple[int, ...], dtype: torch.dtype) -> tuple[Policy, Tensor, Tensor, Tensor]:
    """A policy away from its initial symmetry, its theta, observations and a vector to multiply."""
    g = torch.Generator().manual_seed(0)
    policy = Policy.mlp(OBS, hidden, DiagonalGaussian(ACTIONS))
    theta = policy.init(g, -0.5, dtype) + 0.05 * torch.randn(policy.network.size, generator=g, dtype=dtype)
    obs = torch.randn(batch, OBS, generator=g, dtype=dtype)
    return policy, theta, obs, torch.randn(policy.network.size, generator=g, dtype=dtype)


def disagreement(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).abs().max() / expected.abs().max())


@cache
def disagreement_with_dense(body: str) -> float:
    """Of a body with the dense Hessian of KL(old || new) of a small policy, float64: the largest relative entry."""
    policy, theta, obs, _ = make(32, (4, 3), torch.float64)
    old = policy.outputs(theta, obs)
    dense = torch.autograd.functional.hessian(lambda t: policy.family.kl(old, policy.outputs(t, obs)).mean(), theta)
    product = BODIES[body](policy, theta, obs)
    return disagreement(torch.stack([product(row) for row in torch.eye(len(theta), dtype=torch.float64)], 1), dense)


@cache
def disagreement_between_bodies(body: str, batch: int) -> float:
    """Of a body with the others at a benchmarked size, float32: the largest relative entry of one product."""
    policy, theta, obs, v = make(batch, HIDDEN, torch.float32)
    found = BODIES[body](policy, theta, obs)(v)
    return max(disagreement(found, other(policy, theta, obs)(v)) for name, other in BODIES.items() if name != body)


def evidence(body: str, batch: int) -> dict[str, Any]:
    """What a timing is worth nothing without. Raises AssertionError if the body is wrong."""
    dense, others = disagreement_with_dense(body), disagreement_between_bodies(body, batch)
    assert dense < 1e-8, f"{body} differs from the dense Fisher by {dense:.1e} in float64, expected less than 1e-8"
    assert others < 1e-4, f"{body} differs from the other bodies by {others:.1e} in float32, expected less than 1e-4"
    size = make(1, HIDDEN, torch.float32)[0].network.size
    return {
        "batch": batch,
        "P": size,
        "threads": torch.get_num_threads(),
        "disagreement_dense_float64": dense,
        "disagreement_bodies_float32": others,
    }


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("batch", BATCHES)
def test_fisher_vector_product(benchmark: Any, batch: int, body: str) -> None:
    """One product; what is prepared once per update is not timed."""
    benchmark.group = f"Fisher-vector product, batch {batch}"
    policy, theta, obs, v = make(batch, HIDDEN, torch.float32)
    benchmark(BODIES[body](policy, theta, obs), v)
    benchmark.extra_info.update(evidence(body, batch))


@pytest.mark.parametrize("batch", BATCHES)
def test_floor_of_bare_matrix_products(benchmark: Any, batch: int) -> None:
    benchmark.group = f"Fisher-vector product, batch {batch}"
    policy, *_ = make(1, HIDDEN, torch.float32)
    benchmark.extra_info.update(batch=batch, P=policy.network.size, threads=torch.get_num_threads())
    benchmark(bare_products(policy, batch))


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("batch", BATCHES)
def test_conjugate_gradient(benchmark: Any, batch: int, body: str) -> None:
    """Ten iterations on F + 0.1 I, the preparation of the body included: a natural direction from a gradient."""
    benchmark.group = f"conjugate gradient, {CG_ITERATIONS} iterations, batch {batch}"
    policy, theta, obs, b = make(batch, HIDDEN, torch.float32)

    def solve() -> Any:
        product = BODIES[body](policy, theta, obs)
        return conjugate_gradient(lambda v: product(v).add_(v, alpha=DAMPING), b, CG_ITERATIONS)

    solved = benchmark(solve)
    assert solved.iterations == CG_ITERATIONS
    benchmark.extra_info.update(evidence(body, batch), cg_iterations=solved.iterations, cg_residual=solved.residual)
