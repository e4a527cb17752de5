import pytest
import torch

from algos.ascent import LocalModel
from algos.estimators import Clipped
from algos.rules import RULES


def updated(problem, **hyper):
    rule = RULES["ppo"](problem.policy, minibatch=16, epochs=2, lr=1e-2, **hyper)
    return rule.update(rule.init(problem.theta), problem.batch)[0].theta


def test_the_seed_is_that_of_the_shuffles(problem):
    assert updated(problem, seed=3).equal(updated(problem, seed=3))
    assert not updated(problem, seed=3).equal(updated(problem, seed=4))


def test_every_update_has_a_shuffle_of_its_own(problem):
    rule = RULES["ppo"](problem.policy, minibatch=16, epochs=1)
    state = rule.init(problem.theta)
    first, second = (rule.update(s, problem.batch)[0].theta for s in (state, type(state)(state.theta, state.adam, 1)))
    assert not first.equal(second)


def test_adams_epsilon_is_a_hyper_parameter(problem):
    g = LocalModel(problem.policy, problem.theta, problem.batch, Clipped()).gradient
    rule = RULES["ppo"](problem.policy, epochs=1, lr=1.0, adam_epsilon=1e3, max_grad_norm=1e9)
    moved = rule.update(rule.init(problem.theta), problem.batch)[0].theta - problem.theta
    torch.testing.assert_close(moved, g / (g.abs() + 1e3))
    assert RULES["ppo"](problem.policy).direction.epsilon == 1e-5


def test_hyper_parameters_out_of_range_are_refused(problem):
    for wrong in ({"epochs": 0}, {"minibatch": 0}, {"lr": 0.0}, {"max_grad_norm": 0.0}, {"clip": 1.0}):
        with pytest.raises(ValueError, match="must"):
            RULES["ppo"](problem.policy, **wrong)
