"""How many Fisher products, and how long, conjugate gradient needs to a relative residual, on real batches.

The batches are those of `record_batches.py`: 512 rows of `trpo` on HalfCheetah-v5, early, in the middle and late.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from algos.ascent import LocalModel, Natural
from algos.curvature import Diagonal, Kronecker, Subsampled, Unpreconditioned
from algos.policies import DiagonalGaussian, Policy
from algos.types import Batch

BATCHES = np.load(Path(__file__).with_name("batches.npz"))
PARTS = {"none": Unpreconditioned(), "diagonal": Diagonal(), "kronecker": Kronecker(), "subsampled": Subsampled(100)}
POLICY = Policy.mlp(17, (64, 64), DiagonalGaussian(6))


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


@pytest.mark.parametrize("stage", ["early", "middle", "late"])
def test_residual_after_ten_products(benchmark: Any, stage: str) -> None:
    """What the ten products of the field's habit reach, by preconditioner, in `extra_info`."""
    benchmark.group = "ten products"
    model = model_of(stage)
    with torch.no_grad():
        for name, part in PARTS.items():
            benchmark.extra_info[name] = Natural(10, 0.1, preconditioner=part).solve(model).cg_residual
        benchmark(Natural(10, 0.1).solve, model)
