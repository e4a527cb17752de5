from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from algos_cases import SHAPES, dense, make_network, make_problem, on_perceptrons

from algos.ascent import LocalModel, Natural, WarmStarted
from algos.curvature import Kronecker, Subsampled, Unpreconditioned, fisher_vector_product
from algos.networks import MLP
from algos.networks.modules import LayeredMLP, ModuleNetwork
from algos.policies import DiagonalGaussian

DAMPING = 0.1


def prepared(part, problem):
    linear = problem.policy.network.linearize(problem.theta, problem.batch.obs)
    scores = problem.policy.family.score(linear.outputs, problem.batch.actions)
    return part.prepare(linear, scores, DAMPING), linear, scores


def score_gradients(linear, scores):
    """Of every row, [B, P]."""
    rows = []
    for b in range(len(scores)):
        alone = torch.zeros_like(scores)
        alone[b] = scores[b]
        rows.append(linear.vjp(alone))
    return torch.stack(rows)


def test_kronecker_is_symmetric_and_positive_definite(problem):
    found = dense(prepared(Kronecker(), problem)[0], len(problem.theta))
    torch.testing.assert_close(found, found.T, msg="symmetric")
    assert torch.linalg.eigvalsh(found).min() > 0


@on_perceptrons
def test_kronecker_inverts_the_product_of_damped_factors(problem):
    solve, linear, scores = prepared(Kronecker(), problem)
    found = dense(solve, len(problem.theta))
    # the first layer's block, by hand: theta holds W [5, 3] row by row, then b [5]
    signal, x = list(linear.signals(scores))[-1], torch.cat([problem.batch.obs, torch.ones(60, 1).double()], 1)
    left, right = signal.T @ signal / 60, x.T @ x / 60
    pi = ((right.trace() / 4) / (left.trace() / 5)).sqrt()
    left = left + DAMPING**0.5 / pi * torch.eye(5)
    right = right + DAMPING**0.5 * pi * torch.eye(4)
    block = torch.linalg.inv(torch.kron(left, right))  # of [W | b], row by row
    where = torch.cat([torch.cat([torch.arange(3 * o, 3 * o + 3), torch.tensor([15 + o])]) for o in range(5)])
    torch.testing.assert_close(found[where][:, where], block)


def test_kronecker_is_that_of_the_hand_written_network_for_a_module_of_the_same_layers():
    family = DiagonalGaussian(2)
    problem = make_problem(family)
    module = ModuleNetwork(LayeredMLP((3,), (5, 4), 2, "tanh"), free_size=2)
    same = replace(problem, policy=replace(problem.policy, network=module))
    by_hand, found = (dense(prepared(Kronecker(), p)[0], len(problem.theta)) for p in (problem, same))
    torch.testing.assert_close(found, by_hand)


def test_blocks_of_different_layers_do_not_meet(problem):
    linear = problem.policy.network.linearize(problem.theta, problem.batch.obs)
    parts = linear.row_gradients(torch.ones_like(linear.outputs))
    found = dense(prepared(Kronecker(), problem)[0], len(problem.theta))
    for part in parts:
        assert found[part.parameters, part.parameters].any() or not len(problem.theta[part.parameters])
        found[part.parameters, part.parameters] = 0
    assert not found.any()


def test_the_subsampled_one_is_the_inverse_for_every_third_row(problem):
    solve, linear, scores = prepared(Subsampled(rows=25), problem)
    few = score_gradients(linear, scores)[::3]
    curvature = few.T @ few / 20 + DAMPING * torch.eye(len(problem.theta)).double()
    torch.testing.assert_close(dense(solve, len(problem.theta)), torch.linalg.inv(curvature))


@pytest.mark.parametrize("kind", SHAPES)
def test_of_all_rows_and_one_output_it_is_exact(kind):
    network, g = make_network(kind, SimpleNamespace(output_size=1, free_size=0)), torch.Generator().manual_seed(2)
    theta, v = torch.randn(2, network.size, generator=g).double()
    linear = network.linearize(theta, torch.randn(60, *SHAPES[kind], generator=g).double())
    solve = Subsampled(rows=60).prepare(linear, torch.ones_like(linear.outputs), DAMPING)
    product = fisher_vector_product(linear, lambda outputs: lambda v: v)
    torch.testing.assert_close(solve(product(v) + DAMPING * v), v)


@on_perceptrons
def test_without_damping_it_is_still_positive_definite(problem):
    """With rows whose gradients vanish, the smallest eigenvalue, about 1 beside 1e12, would be rounding."""
    linear = problem.policy.network.linearize(problem.theta, problem.batch.obs)
    scores = problem.policy.family.score(linear.outputs, problem.batch.actions)
    found = dense(Subsampled(rows=60).prepare(linear, scores, damping=0.0), len(problem.theta))
    assert torch.linalg.eigvalsh(found).min() > 0


@pytest.mark.parametrize("spread", [1e-5, 1e-3, 0.1])
def test_in_single_precision_it_takes_rows_that_hardly_differ_and_no_damping(spread):
    network, g = MLP(17, (64, 64), 1), torch.Generator().manual_seed(0)
    obs = torch.randn(1, 17, generator=g) + spread * torch.randn(500, 17, generator=g)
    linear = network.linearize(network.init(g, last_gain=1.0), obs)
    solve, v = Subsampled().prepare(linear, torch.ones_like(linear.outputs), damping=0.0), torch.ones(network.size)
    assert solve(v).isfinite().all() and float(v @ solve(v)) > 0


@pytest.mark.parametrize("part", [Kronecker(), Subsampled(20)], ids=repr)
def test_the_direction_does_not_depend_on_it(part, problem):
    model = LocalModel(problem.policy, problem.theta, problem.batch)
    settings = {"cg_iterations": 500, "damping": 1e-3, "tolerance": 1e-8}
    plain, helped = Natural(**settings).solve(model), Natural(**settings, preconditioner=part).solve(model)
    assert helped.cg_residual < 1e-8 and helped.cg_iterations != plain.cg_iterations
    torch.testing.assert_close(helped.vector, plain.vector, rtol=1e-4, atol=1e-6)


def test_without_one_nothing_is_prepared(problem):
    assert prepared(Unpreconditioned(), problem)[0] is None


def test_a_warm_start_goes_on_from_the_last_solution(problem):
    direction = WarmStarted(Natural(cg_iterations=500, damping=DAMPING))
    model = LocalModel(problem.policy, problem.theta, problem.batch)
    first, state = direction.head(model, direction.init(problem.theta))
    again, _ = direction.head(model, state)
    assert first.cg_iterations > 5 and again.cg_iterations == 1
    torch.testing.assert_close(first.vector, Natural(500, DAMPING).solve(model).vector)
