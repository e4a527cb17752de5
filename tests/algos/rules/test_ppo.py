import pytest
import torch

from algos.ascent import LocalModel
from algos.estimators import Clipped, measure_change
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


def test_a_stop_out_of_reach_changes_nothing(problem):
    hyper = {"minibatch": 16, "epochs": 3, "lr": 1e-2}
    plain, held = RULES["ppo"](problem.policy, **hyper), RULES["ppo_kl_stop"](problem.policy, max_kl=1e9, **hyper)
    (one, _), (other, info) = (rule.update(rule.init(problem.theta), problem.batch) for rule in (plain, held))
    assert one.theta.equal(other.theta) and one.adam.mean.equal(other.adam.mean)
    assert (info.gradient_evaluations, info.candidate_evaluations) == (12, 3)


def test_passes_end_with_the_first_that_leads_beyond_the_stop(problem):
    hyper = {"minibatch": 16, "lr": 1e-2}

    def after(epochs):
        rule = RULES["ppo"](problem.policy, epochs=epochs, **hyper)
        theta = rule.update(rule.init(problem.theta), problem.batch)[0].theta
        return theta, measure_change(problem.policy, problem.theta, theta, problem.batch).kl

    divergences = [after(epochs)[1] for epochs in (1, 2, 3)]
    assert divergences == sorted(divergences)
    stop = (divergences[0] + divergences[1]) / 2
    # the orders of the first two passes must be those of a rule with more of them
    rule = RULES["ppo_kl_stop"](problem.policy, max_kl=stop, epochs=9, **hyper)
    state, info = rule.update(rule.init(problem.theta), problem.batch)
    assert state.theta.equal(after(2)[0])
    assert (info.gradient_evaluations, info.candidate_evaluations) == (8, 2)
