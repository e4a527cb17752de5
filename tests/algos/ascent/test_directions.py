import pytest
import torch
from algos_cases import dense

from algos.ascent import Adam, Gradient, LocalModel, Natural


def test_the_gradient_is_its_own_direction(problem):
    model = LocalModel(problem.policy, problem.theta, problem.batch)
    heading, _ = Gradient().head(model, None)
    assert heading.vector.equal(model.gradient) and heading.slope == pytest.approx(float(model.gradient.square().sum()))


def test_the_natural_direction_solves_the_damped_system(problem):
    model = LocalModel(problem.policy, problem.theta, problem.batch)
    heading, _ = Natural(cg_iterations=200, damping=0.1).head(model, None)
    matrix = dense(model.fisher, len(problem.theta)) + 0.1 * torch.eye(len(problem.theta)).double()
    torch.testing.assert_close(heading.vector, torch.linalg.solve(matrix, model.gradient), rtol=1e-4, atol=1e-6)
    assert heading.slope == pytest.approx(float(model.gradient @ heading.vector)) and heading.cg_residual < 1e-7


def test_adam_is_torchs_adam(problem):
    theta = problem.theta.clone().requires_grad_()
    optimiser = torch.optim.Adam([theta], lr=0.01, maximize=True)
    ours, adam = problem.theta, Adam()
    state = adam.init(ours)
    for _ in range(5):
        model = LocalModel(problem.policy, ours, problem.batch)
        heading, state = adam.head(model, state)
        theta.grad = LocalModel(problem.policy, theta.detach(), problem.batch).gradient
        optimiser.step()
        ours = ours + 0.01 * heading.vector
        torch.testing.assert_close(ours, theta.detach())


@pytest.mark.parametrize(("field", "value"), [("cg_iterations", 0), ("damping", -1.0)])
def test_hyper_parameters_out_of_range_are_refused(field, value):
    with pytest.raises(ValueError, match=f"{field} must .*{value}"):
        Natural(**{field: value})


@pytest.mark.parametrize("direction", [Gradient(), Adam(), Natural()], ids=repr)
def test_the_slope_is_the_gradients_along_the_direction(problem, direction):
    model = LocalModel(problem.policy, problem.theta, problem.batch)
    heading, _ = direction.head(model, direction.init(problem.theta))
    assert heading.slope == pytest.approx(float(model.gradient @ heading.vector)) and heading.slope > 0
