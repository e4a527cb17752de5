from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from algos.curvature import Kronecker, Unpreconditioned, conjugate_gradient
from algos.estimators import ValueBaseline
from algos.policies import MLP

G = torch.Generator().manual_seed(0)
OBS = torch.randn(80, 3, generator=G).double()


def test_one_undamped_step_of_a_linear_network_is_least_squares():
    returns = OBS @ torch.tensor([1.0, -2.0, 3.0]).double() + 4 + 0.1 * torch.randn(80, generator=G).double()
    baseline = ValueBaseline(MLP(3, (), 1), steps=1, cg_iterations=4, damping=1e-12, tolerance=1e-8)
    fitted = baseline.fit(torch.zeros(4).double(), OBS, returns)
    design = torch.cat([OBS, torch.ones(80, 1).double()], 1)
    torch.testing.assert_close(fitted, torch.linalg.lstsq(design, returns[:, None]).solution[:, 0])


def test_fitting_never_raises_the_error_and_soon_lowers_it():
    returns = 10 * (OBS[:, 0] - OBS[:, 1]).tanh() + 3
    baseline = ValueBaseline.mlp(3, (16, 16), damping=0.1)
    theta = baseline.init(torch.Generator().manual_seed(1), torch.float64)
    errors = []
    for _ in range(60):
        errors.append(float((baseline.predict(theta, OBS) - returns).square().mean()))
        theta = baseline.fit(theta, OBS, returns)
    assert all(b <= a for a, b in pairwise(errors))
    assert errors[-1] < 0.1 * errors[0]


def test_a_perfect_baseline_stays():
    baseline = ValueBaseline.mlp(3, (4,))
    theta = baseline.init(torch.Generator().manual_seed(1), torch.float64)
    assert baseline.fit(theta, OBS, baseline.predict(theta, OBS)).equal(theta)


def test_a_step_that_overshoots_is_halved_until_the_error_falls():
    returns = 10 * (OBS[:, 0] - OBS[:, 1]).tanh() + 3
    bold = ValueBaseline(MLP(3, (16, 16), 1), steps=1, cg_iterations=100, damping=1e-6)
    theta = bold.init(torch.Generator().manual_seed(1), torch.float64)
    errors = [(bold.predict(t, OBS) - returns).square().mean() for t in (theta, bold.fit(theta, OBS, returns))]
    assert replace(bold, max_backtracks=0).fit(theta, OBS, returns).equal(theta), "the whole step raises the error"
    assert errors[1] < errors[0]


def test_all_tensors_are_made_on_the_device_of_the_observations():
    baseline, returns = ValueBaseline.mlp(3, (4,)), OBS[:, 0].tanh()
    theta = baseline.init(torch.Generator().manual_seed(1), torch.float64)
    expected = baseline.fit(theta, OBS, returns)
    with torch.device("meta"):  # where a tensor made without a device would land
        assert baseline.fit(theta, OBS, returns).equal(expected)


def test_two_steps_are_one_step_twice():
    returns = OBS[:, 0].tanh()
    one = ValueBaseline(MLP(3, (4,), 1), steps=1, preconditioner=Unpreconditioned())  # one that a fit does not remake
    theta = one.init(torch.Generator().manual_seed(1), torch.float64)
    twice = one.fit(one.fit(theta, OBS, returns), OBS, returns)
    assert replace(one, steps=2).fit(theta, OBS, returns).equal(twice) and not twice.equal(theta)


@pytest.mark.parametrize("part", [Unpreconditioned(), Kronecker()], ids=repr)
def test_a_step_solves_the_damped_normal_equations_with_and_without_a_preconditioner(part):
    returns = OBS[:, 0].tanh()
    baseline = ValueBaseline(MLP(3, (4,), 1), 1, cg_iterations=40, damping=0.1, tolerance=1e-8, preconditioner=part)
    theta = baseline.init(torch.Generator().manual_seed(1), torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda t: baseline.predict(t, OBS), theta)
    curvature = jacobian.T @ jacobian / 80 + 0.1 * torch.eye(len(theta)).double()
    step = torch.linalg.solve(curvature, jacobian.T @ (returns - baseline.predict(theta, OBS)) / 80)
    torch.testing.assert_close(baseline.fit(theta, OBS, returns), theta + step)


def test_a_step_is_solved_no_further_than_to_the_tolerance(monkeypatch):
    solved = []

    def recorded(*arguments):
        solved.append(conjugate_gradient(*arguments))
        return solved[-1]

    monkeypatch.setattr("algos.estimators.baseline.conjugate_gradient", recorded)
    baseline = ValueBaseline(MLP(3, (16, 16), 1), steps=1, cg_iterations=40, tolerance=0.05)
    theta = baseline.init(torch.Generator().manual_seed(1), torch.float64)
    for one in (baseline, replace(baseline, tolerance=0.005)):
        one.fit(theta, OBS, OBS[:, 0].tanh())
    loose, tight = solved
    assert 0.005 < loose.residual <= 0.05 and tight.residual <= 0.005 and loose.iterations < tight.iterations < 40
