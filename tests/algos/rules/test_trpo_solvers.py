import pytest
import torch
from algos_cases import dense

from algos.ascent import LocalModel
from algos.curvature import Kronecker, conjugate_gradient
from algos.rules import RULES


def updated(problem, name, **hyper):
    rule = RULES[name](problem.policy, **hyper)
    state, info = rule.update(rule.init(problem.theta), problem.batch)
    return state.theta - problem.theta, info


def damped(problem, damping=0.1):
    model = LocalModel(problem.policy, problem.theta, problem.batch)
    return model.gradient, dense(model.fisher, len(problem.theta)) + damping * torch.eye(len(problem.theta)).double()


def test_inside_the_region_it_is_the_maximiser_of_the_model(problem):
    g, matrix = damped(problem)
    moved, info = updated(problem, "trpo_steihaug", max_kl=100.0, beta=50.0, cg_iterations=300)
    torch.testing.assert_close(moved, torch.linalg.solve(matrix, g) / 50, rtol=1e-5, atol=1e-9)
    assert info.accepted and len(info.trials) == 1 and info.radius == 100.0


@pytest.mark.parametrize("max_kl", [1e-2, 1e-3, 1e-5])
def test_it_stops_where_it_leaves_the_region(problem, max_kl):
    g, matrix = damped(problem)
    moved, info = updated(problem, "trpo_steihaug", max_kl=max_kl, beta=0.5, cg_iterations=300)
    first = moved / info.step_size
    assert float(first @ matrix @ first) / 2 == pytest.approx(max_kl, rel=1e-6)
    _, free = updated(problem, "trpo_steihaug", max_kl=100.0, beta=0.5, cg_iterations=300)
    assert info.fisher_products < free.fisher_products, "products are saved"
    gain = float(g @ first - 0.25 * first @ matrix @ first)
    steepest = g * (2 * max_kl / float(g @ matrix @ g)) ** 0.5
    assert gain >= float(g @ steepest - 0.25 * steepest @ matrix @ steepest) - 1e-12


def test_conjugate_gradient_ends_on_the_boundary_or_before_it():
    g = torch.Generator().manual_seed(0)
    root = torch.randn(8, 8, generator=g).double()
    matrix, b = root @ root.T + 0.1 * torch.eye(8).double(), torch.randn(8, generator=g).double()
    full = conjugate_gradient(lambda v: matrix @ v, b, 50)
    energy = float(full.x @ matrix @ full.x)
    for share in (1e-3, 0.3, 0.9):
        cut = conjugate_gradient(lambda v: matrix @ v, b, 50, boundary=share * energy)
        assert float(cut.x @ matrix @ cut.x) == pytest.approx(share * energy) and cut.iterations <= full.iterations
        assert cut.residual == pytest.approx(float((b - matrix @ cut.x).norm() / b.norm()))
    assert conjugate_gradient(lambda v: matrix @ v, b, 50, boundary=1.01 * energy).x.equal(full.x)
    tiny = conjugate_gradient(lambda v: matrix @ v, b, 50, boundary=1e-6 * energy)
    torch.testing.assert_close(tiny.x / tiny.x.norm(), b / b.norm())


def test_kronecker_factors_are_the_direction_and_cost_no_product(problem):
    moved, info = updated(problem, "trpo_kfac", max_kl=1e-3)
    model = LocalModel(problem.policy, problem.theta, problem.batch)
    solve = Kronecker().prepare(model._linear, model.score, 0.1)
    torch.testing.assert_close(moved / info.step_size, solve(model.gradient))
    assert info.trials[0].quadratic_kl == pytest.approx(1e-3) and info.accepted
    assert info.fisher_products == 0 and info.gradient_evaluations == 1
