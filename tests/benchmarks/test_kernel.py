"""The Fisher-vector product, and ten conjugate-gradient iterations of it: what a natural gradient costs.

The bodies are those of `fisher_bodies.py`. The base case is a 64x64 tanh policy with the spaces of
HalfCheetah in float32 at batch 2,048; every other case departs from it in one respect. Bodies are compared within a
group: one per case. A body that is fast because it is wrong or less converged shows in its `extra_info`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
import torch
from fisher_bodies import BODIES, EXACT, STAND_INS, batch_of, with_compiled_passes
from torch import Tensor

from algos.ascent import LocalModel
from algos.curvature import conjugate_gradient
from algos.policies import DiagonalGaussian, Policy
from algos.rules import RULES

ACTIONS, CG_ITERATIONS, DAMPING = 6, 10, 0.1


@dataclass(frozen=True)
class Case:
    """Where a body is timed."""

    batch: int = 2048
    width: int = 64  # of each of the two hidden layers
    obs: int = 17
    dtype: torch.dtype = torch.float32
    device: str = "cpu"

    def __str__(self) -> str:
        where = "" if self.device == "cpu" else f", {self.device}"
        dtype = str(self.dtype).removeprefix("torch.")
        return f"batch {self.batch}, {self.width}x{self.width}, {self.obs} obs, {dtype}{where}"


CASES = (
    *(Case(batch=batch) for batch in (512, 1024, 2048, 4096, 16384, 50000)),
    Case(width=256),
    Case(obs=4),
    Case(obs=348),
    Case(dtype=torch.float64),
    *(Case(batch=batch, device="cuda") for batch in (2048, 50000)),
)
SMALL = (Case(batch=2048), Case(batch=16384))


def bare_products(policy: Policy, case: Case) -> Callable[[], None]:
    """The ten matrix products inside J v and J' u for two hidden layers, and nothing else: the floor, not a product.

    They write where they wrote before: new memory for large results would cost them a third of their time.
    """
    theta = torch.randn(policy.network.size, dtype=case.dtype, device=case.device)
    (first, _), (second, _), (last, _) = policy.network.layers(theta)
    sizes = (case.obs, case.width, case.width, ACTIONS)
    x, a, b, out = (torch.randn(case.batch, size, dtype=case.dtype, device=case.device) for size in sizes)
    hidden, moved, *gradients = (torch.empty_like(like) for like in (a, out, first, second, last))

    def multiply() -> None:
        # J v: x dW1', then a dW2' and t W2', then b dW3' and t W3'
        for left, weight in ((x, first), (a, second), (a, second)):
            torch.mm(left, weight.T, out=hidden)
        for _ in range(2):
            torch.mm(b, last.T, out=moved)
        # J' u: u'b and u W3, then u'a and u W2, then u'x
        for u, weight, left, gradient in ((out, last, b, gradients[2]), (b, second, a, gradients[1])):
            torch.mm(u.T, left, out=gradient)
            torch.mm(u, weight, out=hidden)
        torch.mm(a.T, x, out=gradients[0])

    return multiply


def make(case: Case) -> tuple[Policy, Tensor, Tensor, Tensor]:
    """A policy away from its initial symmetry, its theta, observations and a vector to multiply."""
    if case.device == "cuda" and not torch.cuda.is_available():
        pytest.skip("torch sees no CUDA device")
    policy, *tensors = _make(case.batch, case.obs, (case.width, case.width), case.dtype)
    theta, obs, v = (tensor.to(case.device) for tensor in tensors)
    return policy, theta, obs, v


def finished(case: Case, work: Callable[..., Any]) -> Callable[..., Any]:
    """`work`, which returns when the device has done it."""
    if case.device == "cpu":
        return work

    def waiting(*arguments: Any) -> Any:
        result = work(*arguments)
        torch.cuda.synchronize()
        return result

    return waiting


def _make(
    batch: int, obs_size: int, hidden: tuple[int, ...], dtype: torch.dtype
) -> tuple[Policy, Tensor, Tensor, Tensor]:
    g = torch.Generator().manual_seed(0)
    policy = Policy.mlp(obs_size, hidden, DiagonalGaussian(ACTIONS))
    theta = policy.init(g, -0.5, dtype) + 0.05 * torch.randn(policy.network.size, generator=g, dtype=dtype)
    obs = torch.randn(batch, obs_size, generator=g, dtype=dtype)
    return policy, theta, obs, torch.randn(policy.network.size, generator=g, dtype=dtype)


@cache
def disagreement_with_dense(body: str) -> float:
    """Of a body with the dense Hessian of KL(old || new) of a small policy, float64: the largest relative entry.

    Compiled passes are for float32 only, and are compared in it.
    """
    policy, theta, obs, _ = _make(32, 17, (4, 3), torch.float64)
    old = policy.outputs(theta, obs)
    dense = torch.autograd.functional.hessian(lambda t: policy.family.kl(old, policy.outputs(t, obs)).mean(), theta)
    dtype = torch.float32 if body == "compiled" else torch.float64
    product = BODIES[body](policy, theta.to(dtype), obs.to(dtype))
    found = torch.stack([product(row) for row in torch.eye(len(theta), dtype=dtype)], 1)
    return float((found - dense).abs().max() / dense.abs().max())


def evidence(body: str, case: Case, policy: Policy) -> dict[str, Any]:
    """What a timing is worth nothing without. Raises AssertionError if an exact body is wrong."""
    dense = disagreement_with_dense(body)
    wanted = {"finite difference": 1e-6, "compiled": 1e-6}.get(body, 1e-8)
    assert body in STAND_INS or dense < wanted, f"{body} differs from the dense Fisher by {dense:.1e}"
    return {
        "batch": case.batch,
        "width": case.width,
        "obs": case.obs,
        "dtype": str(case.dtype),
        "device": case.device,
        "P": policy.network.size,
        "threads": torch.get_num_threads(),
        "disagreement_dense": dense,
    }


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_fisher_vector_product(benchmark: Any, case: Case, body: str) -> None:
    """One product; what is prepared once per update is not timed."""
    benchmark.group = f"Fisher-vector product, {case}"
    policy, theta, obs, v = make(case)
    benchmark(finished(case, BODIES[body](policy, theta, obs)), v)
    benchmark.extra_info.update(evidence(body, case, policy))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_floor_of_bare_matrix_products(benchmark: Any, case: Case) -> None:
    benchmark.group = f"Fisher-vector product, {case}"
    policy, *_ = make(case)
    benchmark.extra_info.update(batch=case.batch, P=policy.network.size, threads=torch.get_num_threads())
    benchmark(finished(case, bare_products(policy, case)))


@pytest.mark.parametrize("body", EXACT)
@pytest.mark.parametrize("case", SMALL, ids=str)
def test_conjugate_gradient(benchmark: Any, case: Case, body: str) -> None:
    """Ten iterations on F + 0.1 I, the preparation of the body included: a natural direction from a gradient."""
    benchmark.group = f"conjugate gradient, {CG_ITERATIONS} iterations, {case}"
    policy, theta, obs, b = make(case)

    def solve() -> Any:
        product = BODIES[body](policy, theta, obs)
        return conjugate_gradient(lambda v: product(v).add_(v, alpha=DAMPING), b, CG_ITERATIONS)

    solved = benchmark(solve)
    assert solved.iterations == CG_ITERATIONS
    benchmark.extra_info.update(
        evidence(body, case, policy), cg_iterations=solved.iterations, cg_residual=solved.residual
    )


def test_whole_trpo_update(benchmark: Any) -> None:
    """Gradient, ten products, search: beside one product, the group's other entry."""
    case = Case()
    benchmark.group = f"TRPO update, {case}"
    policy, theta, obs, _ = make(case)
    policy = with_compiled_passes(policy)
    batch = batch_of(policy, theta, obs)
    rule = RULES["trpo"](policy)
    state = rule.init(theta)
    _, info = benchmark(rule.update, state, batch)
    benchmark.extra_info.update(fisher_products=info.fisher_products, trials=len(info.trials))


def test_floor_of_one_product_of_the_update(benchmark: Any) -> None:
    case = Case()
    benchmark.group = f"TRPO update, {case}"
    policy, theta, obs, v = make(case)
    policy = with_compiled_passes(policy)
    benchmark(LocalModel(policy, theta, batch_of(policy, theta, obs)).fisher, v)
