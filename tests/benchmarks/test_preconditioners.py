"""How many products, and how long, conjugate gradient needs to a relative residual, on real batches.

The batches are those of `record_batches.py`: 1,024 rows of `trpo` on HalfCheetah-v5, early, in the middle and late.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from algos.ascent import LocalModel, Natural
from algos.curvature import (
    Kronecker,
    Solution,
    Subsampled,
    Unpreconditioned,
    conjugate_gradient,
    fisher_vector_product,
)
from algos.estimators import GaussNewton
from algos.networks import MLP
from algos.policies import DiagonalGaussian, Policy
from algos.types import Batch
from experiments.cell.compiled import CompiledPasses

BATCHES = np.load(Path(__file__).with_name("batches.npz"))
PARTS = {"none": Unpreconditioned(), "kronecker": Kronecker(), "subsampled": Subsampled()}
POLICY = Policy.mlp(17, (64, 64), DiagonalGaussian(6), CompiledPasses())


def model_of(stage: str) -> LocalModel:
    theta, obs, actions, advantages = (
        torch.from_numpy(BATCHES[f"{stage}_{name}"]) for name in ("theta", "obs", "actions", "advantages")
    )
    still = torch.zeros(len(obs), dtype=torch.long)
    batch = Batch(obs, actions, advantages, POLICY.log_prob(theta, obs, actions), still, still, gamma=0.99)
    return LocalModel(POLICY, theta, batch)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("residual", [0.1, 0.01, 0.001])
@pytest.mark.parametrize("stage", ["early", "middle", "late"])
def test_products_to_a_residual(benchmark: Any, stage: str, residual: float, part: str) -> None:
    """Damping 0.1; what the preconditioner costs to prepare is timed with the rest."""
    benchmark.group = f"to a residual of {residual}, {stage}"
    model = model_of(stage)
    natural = Natural(500, 0.1, preconditioner=PARTS[part], tolerance=residual)
    with torch.no_grad():
        heading = benchmark(natural.solve, model)
    assert heading.cg_residual <= residual
    benchmark.extra_info.update(products=heading.cg_iterations, residual=heading.cg_residual, threads=1)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("residual", [0.1, 0.01, 0.001])
@pytest.mark.parametrize("stage", ["early", "middle", "late"])
def test_products_of_a_critic_to_a_residual(benchmark: Any, stage: str, residual: float, part: str) -> None:
    """The first step of `GaussNewton`, damping as there; what the preconditioner costs is timed with the rest."""
    benchmark.group = f"critic to a residual of {residual}, {stage}"
    theta, obs, returns = (torch.from_numpy(BATCHES[f"{stage}_{name}"]) for name in ("critic", "obs", "returns"))
    linear, damping = MLP(17, (64, 64), 1, passes=CompiledPasses()).linearize(theta, obs), GaussNewton().damping
    gradient = linear.vjp(returns.unsqueeze(-1) - linear.outputs).div_(len(obs))
    product = fisher_vector_product(linear, lambda outputs: lambda v: v)

    def solve() -> Solution:
        inverse = PARTS[part].prepare(linear, torch.ones_like(linear.outputs), damping)
        return conjugate_gradient(lambda v: product(v).add_(v, alpha=damping), gradient, 500, residual, inverse)

    solved = benchmark(solve)
    assert solved.residual <= residual
    benchmark.extra_info.update(products=solved.iterations, residual=solved.residual, threads=1)


@pytest.mark.parametrize("stage", ["early", "middle", "late"])
def test_residual_after_ten_products(benchmark: Any, stage: str) -> None:
    """What the ten products of the field's habit reach, by preconditioner, in `extra_info`."""
    benchmark.group = "ten products"
    model = model_of(stage)
    with torch.no_grad():
        for name, part in PARTS.items():
            benchmark.extra_info[name] = Natural(10, 0.1, preconditioner=part).solve(model).cg_residual
        benchmark(Natural(10, 0.1).solve, model)
