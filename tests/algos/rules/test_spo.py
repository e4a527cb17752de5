from dataclasses import replace

import torch

from algos.ascent import LocalModel
from algos.estimators.regularised import RatioPenalised
from algos.rules import RULES


def test_it_differs_from_clipping_in_the_objective_alone(problem):
    spo, ppo = RULES["spo"](problem.policy), RULES["ppo"](problem.policy)
    assert replace(spo, surrogate=ppo.surrogate) == ppo and spo.surrogate == RatioPenalised(0.2)


def test_a_step_is_adams_on_its_own_objective(problem):
    """One minibatch of all rows, from a theta where ratios are not one, against autograd of the formula."""
    theta, batch, policy = problem.nearby(0.2), problem.batch, problem.policy
    rule = RULES["spo"](policy, epsilon=0.1, epochs=1, minibatch=60, lr=1.0, adam_epsilon=1e3, max_grad_norm=1e9)
    moved = rule.update(rule.init(theta), batch)[0].theta - theta
    leaf = theta.clone().requires_grad_()
    w = (policy.log_prob(leaf, batch.obs, batch.actions) - batch.log_probs).exp()
    a = batch.advantages
    (g,) = torch.autograd.grad((w * a - a.abs() * (w - 1) ** 2 / 0.2).mean(), leaf)
    torch.testing.assert_close(moved, g / (g.abs() + 1e3))
    assert (g - LocalModel(policy, theta, batch).gradient).norm() > 0.1 * g.norm(), "the price matters here"


def test_ratios_stay_nearer_to_one_than_by_clipping(problem):
    hyper = {"epochs": 60, "minibatch": 60, "lr": 1e-2}
    beyond = {}
    for name in ("spo", "ppo"):
        rule = RULES[name](problem.policy, **hyper)
        theta = rule.update(rule.init(problem.theta), problem.batch)[0].theta
        ratio = LocalModel(problem.policy, theta, problem.batch).log_ratio.exp()
        beyond[name] = float(((ratio - 1).abs() > 0.25).double().mean())
    assert beyond["spo"] < beyond["ppo"] / 2, beyond
