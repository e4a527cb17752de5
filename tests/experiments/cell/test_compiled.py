"""Compiled passes are torch's, and a cell has them."""

import subprocess
import sys
from pathlib import Path

import numba
import pytest
import torch

from algos.curvature import Subsampled, conjugate_gradient, fisher_vector_product
from algos.networks import MLP
from algos.networks.passes import TORCH
from algos.policies import Categorical
from experiments.cell import compiled
from experiments.cell.compiled import CompiledPasses
from experiments.cell.run import Run

G = torch.Generator().manual_seed(0)
ROWS, UNITS = 33, 13  # neither a multiple of what a processor takes at a time
PASSES = {
    "through_tanh": [(ROWS, UNITS), (UNITS,), (ROWS, UNITS)],
    "back_through_tanh": [(ROWS, UNITS), (ROWS, UNITS), (UNITS,)],
    "add_products": [(ROWS,), (ROWS, UNITS), (UNITS,), (ROWS, UNITS)],
    "scale_rows": [(ROWS, UNITS), (ROWS,), (ROWS, UNITS)],
}
RESULTS = {"through_tanh": [0], "back_through_tanh": [0, 2], "add_products": [0], "scale_rows": [2]}  # of its tensors


@pytest.mark.parametrize("name", PASSES)
def test_a_pass_makes_what_torch_makes_as_often_as_it_is_called(name):
    given = [torch.rand(shape, generator=G) * 0.9 for shape in PASSES[name]]
    ours, theirs = [t.clone() for t in given], [t.clone() for t in given]
    operations, expected = getattr(CompiledPasses(), name)(*ours), getattr(TORCH, name)(*theirs)
    assert len(operations) == 1 <= len(expected)
    for _ in range(2):
        for operation in (*operations, *expected):
            operation()
        for k in RESULTS[name]:
            torch.testing.assert_close(ours[k], theirs[k])
        if name == "add_products":  # which leaves its products to be written again
            ours[1].copy_(given[1])
            theirs[1].copy_(given[1])


@pytest.mark.parametrize("name", PASSES)
def test_what_they_are_not_compiled_for_is_left_to_torch(name):
    given = [torch.rand(shape, generator=G).double() for shape in PASSES[name]]
    ours, theirs = [t.clone() for t in given], [t.clone() for t in given]
    for operation in (*getattr(CompiledPasses(), name)(*ours), *getattr(TORCH, name)(*theirs)):
        operation()
    for mine, torchs in zip(ours, theirs, strict=True):
        assert mine.equal(torchs)


@pytest.mark.parametrize(
    "network", [(5, (8, 7), 3), (5, (), 2), (5, (8,), 4, 2), (5, (8, 7), 1), (5, (8, 7), 3, 2)], ids=repr
)
@pytest.mark.parametrize("block", [2048, 50])
def test_products_in_single_precision_are_those_in_double(network, block, monkeypatch):
    monkeypatch.setattr("algos.networks.linearization.BLOCK", block)
    exact, fast = MLP(*network), MLP(*network, passes=CompiledPasses())
    theta, x = torch.randn(exact.size, generator=G), torch.randn(240, 5, generator=G)[::2]
    metric = Categorical(exact.output_size).fisher
    ours = fisher_vector_product(fast.linearize(theta, x), metric)
    theirs = fisher_vector_product(exact.linearize(theta.double(), x.double()), metric)
    for _ in range(2):
        v = torch.randn(exact.size, generator=G)
        torch.testing.assert_close(ours(v).double(), theirs(v.double()), rtol=1e-4, atol=1e-5)


def test_a_critic_is_solved_to_the_same_step():
    network = MLP(17, (64, 64), 1, passes=CompiledPasses())
    theta, x = network.init(G, last_gain=1.0), torch.randn(700, 17, generator=G)
    targets = torch.randn(700, 1, generator=G)

    def solved(network, dtype):
        linear = network.linearize(theta.to(dtype), x.to(dtype))
        product = fisher_vector_product(linear, lambda outputs: lambda v: v)
        inverse = Subsampled().prepare(linear, torch.ones_like(linear.outputs), 0.05)
        b = linear.vjp(targets.to(dtype) - linear.outputs) / 700
        return conjugate_gradient(lambda v: product(v) + 0.05 * v, b, 50, 1e-4, inverse).x.double()

    expected = solved(MLP(17, (64, 64), 1), torch.float64)
    assert (solved(network, torch.float32) - expected).norm() < 1e-3 * expected.norm()


def test_a_cell_works_with_them(make_spec):
    run = Run(make_spec())
    assert run.policy.network.passes == run.critic.network.passes == CompiledPasses() != TORCH


def test_where_the_code_cannot_be_kept_it_is_compiled_all_the_same(monkeypatch):
    kept = []

    def njit(signature, cache=False, **options):
        kept.append(cache)
        if cache:
            raise OSError(28, "No space left on device")
        return real(signature, **options)

    real = numba.njit
    monkeypatch.setattr(numba, "njit", njit)

    @compiled._compiled("[::1]")
    def twice(x):
        x *= 2

    x = torch.ones(3)
    twice(x.numpy())
    assert x.tolist() == [2.0, 2.0, 2.0] and kept == [True, False]


@pytest.mark.parametrize("kind", ["nbi", "nbc"])
def test_kept_code_that_is_damaged_is_not_used(kind, tmp_path):
    copy = tmp_path / "copied.py"
    copy.write_text(Path(compiled.__file__).read_text(encoding="utf-8"), encoding="utf-8")
    use = (
        "import torch, copied; x, y, z = torch.ones(2, 3), torch.ones(2), torch.zeros(2, 3)\n"
        "[pass_() for pass_ in copied.CompiledPasses().scale_rows(x, y, z)]; print(z.sum().item())"
    )

    def used():
        return subprocess.run(
            [sys.executable, "-c", use],
            env={"PYTHONPATH": f"{tmp_path}:{Path(compiled.__file__).parents[2]}", "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    assert used() == "6.0"
    files = list(tmp_path.rglob(f"*.{kind}"))
    assert files, "nothing was kept"
    for file in files:
        file.write_bytes(file.read_bytes()[:100])
    assert used() == "6.0"
