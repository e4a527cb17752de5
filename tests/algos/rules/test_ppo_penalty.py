from dataclasses import replace

import pytest
import torch

from algos.estimators import measure_change
from algos.rules import RULES

HYPER = {"minibatch": 60, "epochs": 5, "lr": 1e-2}


def updated(problem, scale=1.0, **hyper):
    rule = RULES["ppo_penalty"](problem.policy, **(HYPER | hyper))
    state, info = rule.update(replace(rule.init(problem.theta), scale=scale), problem.batch)
    return state, info, measure_change(problem.policy, problem.theta, state.theta, problem.batch, info)


def test_beta_follows_the_divergence(problem):
    kl = updated(problem)[2].kl
    assert kl > 0
    for target, scale in ((kl * 2, 2.0), (kl, 1.0), (kl / 1.4, 1.0), (kl / 2, 0.5)):
        state, info, change = updated(problem, max_kl=target)
        assert change.kl == kl and (state.scale, info.beta) == (scale, 1.0), target
    state, info, _ = updated(problem, scale=0.25, max_kl=1e-9)
    assert (info.beta, state.scale) == (4.0, 0.125)


def test_a_higher_price_buys_less_divergence(problem):
    divergences = [updated(problem, beta=beta, epochs=40)[2].kl for beta in (0.01, 1.0, 10.0)]
    assert divergences[0] > 2 * divergences[1] > 4 * divergences[2], divergences


def test_a_step_is_adams_on_the_penalised_surrogate(problem):
    theta, batch, policy = problem.nearby(0.2), problem.batch, problem.policy
    hyper = {"epochs": 1, "minibatch": 60, "lr": 1.0, "adam_epsilon": 1e3, "max_grad_norm": 1e9}
    rule = RULES["ppo_penalty"](policy, beta=3.0, **hyper)
    moved = rule.update(rule.init(theta), batch)[0].theta - theta
    leaf = theta.clone().requires_grad_()
    log_ratio = policy.log_prob(leaf, batch.obs, batch.actions) - batch.log_probs
    w = log_ratio.exp()
    (g,) = torch.autograd.grad((w * batch.advantages - 3 * (w - 1 - log_ratio)).mean(), leaf)
    torch.testing.assert_close(moved, g / (g.abs() + 1e3))


def test_hyper_parameters_out_of_range_are_refused(problem):
    for wrong in ({"beta": 0.0}, {"max_kl": 0.0}):
        with pytest.raises(ValueError, match="must be positive"):
            RULES["ppo_penalty"](problem.policy, **wrong)
