import pytest
import torch

from algos.curvature import conjugate_gradient
from algos.finite import NonFinite

G = torch.Generator().manual_seed(0)


def spd(n):
    a = torch.randn(n, n, generator=G).double()
    return a @ a.T + torch.eye(n).double()


def test_it_solves_what_a_direct_solver_solves():
    a, b = spd(12), torch.randn(12, generator=G).double()
    solved = conjugate_gradient(lambda v: a @ v, b, iterations=40, tolerance=1e-12)
    torch.testing.assert_close(solved.x, torch.linalg.solve(a, b))


def test_the_residual_it_reports_is_the_residual():
    a, b = spd(30), torch.randn(30, generator=G).double()
    for iterations in (1, 5, 10):
        solved = conjugate_gradient(lambda v: a @ v, b, iterations)
        assert solved.iterations == iterations
        assert solved.residual == pytest.approx(float((b - a @ solved.x).norm() / b.norm()), rel=1e-6)


def test_the_solution_scales_with_the_right_hand_side():
    a, b = spd(10), torch.randn(10, generator=G).double()
    one = conjugate_gradient(lambda v: a @ v, b, 4)
    many = conjugate_gradient(lambda v: a @ v, b * 1024, 4)
    assert many.x.equal(one.x * 1024) and many.iterations == one.iterations


def test_it_stops_once_the_residual_is_small_enough():
    a, b = torch.diag(torch.tensor([1.0, 1.0, 2.0]).double()), torch.ones(3).double()
    assert conjugate_gradient(lambda v: a @ v, b, 100).iterations == 2  # two distinct eigenvalues


def test_nothing_to_solve_gives_nothing():
    solved = conjugate_gradient(lambda v: v, torch.zeros(4), 10)
    assert not solved.x.any() and solved.iterations == 0 and solved.residual == 0.0


def test_a_right_hand_side_whose_square_is_zero_in_float32_is_nothing_to_solve():
    solved = conjugate_gradient(lambda v: v, torch.full((3,), 1e-30), 10)
    assert not solved.x.any() and solved.residual == 0 and solved.iterations == 0


def test_without_curvature_it_stays():
    solved = conjugate_gradient(torch.zeros_like, torch.ones(3), 10)
    assert not solved.x.any() and solved.residual == 1.0


def test_the_right_hand_side_is_left_untouched():
    b = torch.ones(3)
    conjugate_gradient(lambda v: 2 * v, b, 5)
    assert b.equal(torch.ones(3))


def test_a_tiny_right_hand_side_is_solved_as_well_as_a_large_one():
    a, b = torch.diag(torch.tensor([1.0, 1.0, 2.0]).double()), torch.ones(3).double()
    one, tiny = conjugate_gradient(lambda v: a @ v, b, 100), conjugate_gradient(lambda v: a @ v, b * 2.0**-40, 100)
    assert tiny.x.equal(one.x * 2.0**-40) and tiny.iterations == one.iterations


def test_a_singular_system_is_solved_where_it_has_a_solution():
    root = torch.randn(9, 5, generator=G).double()
    a = root @ root.T
    b = a @ torch.randn(9, generator=G).double()
    solved = conjugate_gradient(lambda v: a @ v, b, 50)
    torch.testing.assert_close(solved.x, torch.linalg.pinv(a) @ b, rtol=1e-6, atol=1e-8)
    assert solved.residual < 1e-8


def test_a_start_is_improved_upon_and_a_solution_costs_one_product():
    a, b = spd(12), torch.randn(12, generator=G).double()
    exact = torch.linalg.solve(a, b)
    near = conjugate_gradient(lambda v: a @ v, b, 40, 1e-10, start=exact + 0.01)
    torch.testing.assert_close(near.x, exact)
    assert conjugate_gradient(lambda v: a @ v, b, 40, start=exact).iterations == 1
    assert conjugate_gradient(lambda v: a @ v, b, 5, start=exact + 0.01).iterations == 5, "the start's product counts"


def test_a_preconditioner_changes_the_products_needed_and_not_the_solution():
    scales = torch.logspace(0, 4, 40).double()
    a = torch.diag(scales) + spd(40) / 40
    b = torch.randn(40, generator=G).double()
    plain = conjugate_gradient(lambda v: a @ v, b, 400, 1e-8)
    helped = conjugate_gradient(lambda v: a @ v, b, 400, 1e-8, precondition=lambda v: v / a.diagonal())
    torch.testing.assert_close(helped.x, torch.linalg.solve(a, b))
    torch.testing.assert_close(plain.x, helped.x)
    assert helped.iterations < plain.iterations / 2
    assert helped.residual == pytest.approx(float((b - a @ helped.x).norm() / b.norm()), rel=1e-3)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_no_solution(bad):
    with pytest.raises(NonFinite, match="right hand side"):
        conjugate_gradient(lambda v: v, torch.tensor([1.0, bad]), 5)
    with pytest.raises(NonFinite, match="curvature"):
        conjugate_gradient(lambda v: v * torch.tensor([1.0, bad]), torch.ones(2), 5)
