from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from algos.curvature import Kronecker, Subsampled, Unpreconditioned, conjugate_gradient
from algos.estimators import Fitted, GaussNewton, MinibatchAdam
from algos.networks import MLP

G = torch.Generator().manual_seed(0)
OBS = torch.randn(80, 3, generator=G).double()
SMALL = MLP(3, (4,), 1)
ADAM = MinibatchAdam(epochs=3, minibatch=32, lr=0.01)
EVERY = pytest.mark.parametrize("regression", [GaussNewton(), ADAM], ids=repr)


def start(network):
    return Fitted(network.init(torch.Generator().manual_seed(1), 1.0, dtype=torch.float64))


def error(network, state, targets):
    return float((network(state.theta, OBS).squeeze(-1) - targets).square().mean())


@EVERY
def test_a_fit_lowers_the_error_and_leaves_its_arguments_alone(regression):
    targets, before = OBS[:, 0].tanh(), start(SMALL)
    after = regression.fit(SMALL, before, OBS, targets)
    kept = start(SMALL)
    again = regression.fit(SMALL, after, OBS, targets)
    assert error(SMALL, again, targets) < error(SMALL, after, targets) < error(SMALL, before, targets)
    assert before.theta.equal(kept.theta) and not before.theta.requires_grad
    assert regression.fit(SMALL, before, OBS, targets).theta.equal(after.theta)
    assert regression.fit(SMALL, after, OBS, targets).theta.equal(again.theta)


@EVERY
def test_all_tensors_are_made_on_the_device_of_the_observations(regression):
    targets, before = OBS[:, 0].tanh(), start(SMALL)
    expected = regression.fit(SMALL, before, OBS, targets).theta
    with torch.device("meta"):  # where a tensor made without a device would land
        assert regression.fit(SMALL, before, OBS, targets).theta.equal(expected)


def test_one_undamped_step_of_a_linear_network_is_least_squares():
    targets = OBS @ torch.tensor([1.0, -2.0, 3.0]).double() + 4 + 0.1 * torch.randn(80, generator=G).double()
    exact = GaussNewton(steps=1, cg_iterations=4, damping=1e-12, tolerance=1e-8)
    fitted = exact.fit(MLP(3, (), 1), Fitted(torch.zeros(4).double()), OBS, targets).theta
    design = torch.cat([OBS, torch.ones(80, 1).double()], 1)
    torch.testing.assert_close(fitted, torch.linalg.lstsq(design, targets[:, None]).solution[:, 0])


def test_gauss_newton_never_raises_the_error_and_soon_lowers_it():
    targets, network = 10 * (OBS[:, 0] - OBS[:, 1]).tanh() + 3, MLP(3, (16, 16), 1)
    state, errors = start(network), []
    for _ in range(60):
        errors.append(error(network, state, targets))
        state = GaussNewton(damping=0.1).fit(network, state, OBS, targets)
    assert all(b <= a for a, b in pairwise(errors))
    assert errors[-1] < 0.1 * errors[0]


@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_a_fit_that_has_converged_is_not_made_worse_by_rounding(offset):
    """In single precision, where errors that differ in their eighth digit are compared."""
    generator = torch.Generator().manual_seed(1)
    obs, network, errors = torch.randn(512, 3, generator=generator), MLP(3, (), 1), []
    targets = 3 * (obs[:, 0] - obs[:, 1]).tanh() + offset + torch.randn(512, generator=generator)
    state = Fitted(network.init(torch.Generator().manual_seed(1), 1.0))
    for _ in range(60):
        errors.append(float((network(state.theta, obs).squeeze(-1) - targets).double().square().mean()))
        state = GaussNewton(steps=1).fit(network, state, obs, targets)
    assert all(after <= before for before, after in pairwise(errors)) and errors[-1] < 0.5 * errors[0]


def test_a_perfect_fit_stays():
    state = start(SMALL)
    assert GaussNewton().fit(SMALL, state, OBS, SMALL(state.theta, OBS).squeeze(-1)).theta.equal(state.theta)


def test_a_step_that_overshoots_is_halved_until_the_error_falls():
    targets, network = 10 * (OBS[:, 0] - OBS[:, 1]).tanh() + 3, MLP(3, (16, 16), 1)
    bold, state = GaussNewton(steps=1, cg_iterations=100, damping=1e-6, tolerance=1e-8), start(network)
    unhalved = replace(bold, max_backtracks=0).fit(network, state, OBS, targets)
    assert unhalved.theta.equal(state.theta), "the whole step raises the error"
    assert error(network, bold.fit(network, state, OBS, targets), targets) < error(network, state, targets)


def test_two_steps_are_one_step_twice():
    targets, state = OBS[:, 0].tanh(), start(SMALL)
    one = GaussNewton(steps=1)
    twice = one.fit(SMALL, one.fit(SMALL, state, OBS, targets), OBS, targets).theta
    assert replace(one, steps=2).fit(SMALL, state, OBS, targets).theta.equal(twice) and not twice.equal(state.theta)


@pytest.mark.parametrize("part", [Unpreconditioned(), Kronecker(), Subsampled(20)], ids=repr)
def test_a_step_solves_the_damped_normal_equations_with_and_without_a_preconditioner(part):
    targets, theta = OBS[:, 0].tanh(), start(SMALL).theta
    exact = GaussNewton(steps=1, cg_iterations=40, damping=0.1, tolerance=1e-8, preconditioner=part)
    jacobian = torch.autograd.functional.jacobian(lambda t: SMALL(t, OBS).squeeze(-1), theta)
    curvature = jacobian.T @ jacobian / 80 + 0.1 * torch.eye(len(theta)).double()
    step = torch.linalg.solve(curvature, jacobian.T @ (targets - SMALL(theta, OBS).squeeze(-1)) / 80)
    torch.testing.assert_close(exact.fit(SMALL, Fitted(theta), OBS, targets).theta, theta + step)


def test_a_step_is_solved_no_further_than_to_the_tolerance(monkeypatch):
    solved, network = [], MLP(3, (16, 16), 1)

    def recorded(*arguments):
        solved.append(conjugate_gradient(*arguments))
        return solved[-1]

    monkeypatch.setattr("algos.estimators.regression.conjugate_gradient", recorded)
    for tolerance in (0.05, 0.005):
        once = GaussNewton(steps=1, cg_iterations=40, tolerance=tolerance, preconditioner=Kronecker())
        once.fit(network, start(network), OBS, OBS[:, 0].tanh())
    loose, tight = solved
    assert 0.005 < loose.residual <= 0.05 and tight.residual <= 0.005 and loose.iterations < tight.iterations < 40


def test_adam_is_torchs_on_the_same_minibatches():
    targets, first = OBS[:, 0].tanh(), start(SMALL)
    found = ADAM.fit(SMALL, ADAM.fit(SMALL, first, OBS, targets), OBS, targets)
    theta = first.theta.clone().requires_grad_()
    adam = torch.optim.Adam([theta], 0.01)
    for fit in range(2):
        shuffles = torch.Generator().manual_seed(fit)
        for _ in range(3):
            for rows in torch.randperm(80, generator=shuffles).split(32):
                adam.zero_grad()
                (SMALL(theta, OBS[rows]).squeeze(-1) - targets[rows]).square().mean().backward()
                adam.step()
    torch.testing.assert_close(found.theta, theta.detach())
