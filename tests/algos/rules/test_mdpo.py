import pytest
import torch

from algos.ascent import Adam, LocalModel
from algos.estimators import measure_change
from algos.rules import RULES
from algos.rules.mdpo import ReverseKL
from algos.rules.mm_penalty import PenalisedModel


def updated(problem, **hyper):
    rule = RULES["mdpo"](problem.policy, **hyper)
    return rule.update(rule.init(problem.theta), problem.batch)


def test_its_steps_are_adams_on_the_surrogate_less_the_reverse_divergence(problem):
    """Against autograd of the formula, with KL(new || old) in that order."""
    policy, batch, beta = problem.policy, problem.batch, 5.0
    old, adam, theta = policy.outputs(problem.theta, batch.obs), Adam(), problem.theta
    memory = adam.init(theta)
    for _ in range(3):
        leaf = theta.clone().requires_grad_()
        d = policy.outputs(leaf, batch.obs)
        w = (policy.family.log_prob(d, batch.actions) - batch.log_probs).exp()
        objective = (w * batch.advantages).mean() - beta * policy.family.kl(d, old).mean()
        (g,) = torch.autograd.grad(objective, leaf)
        step, memory = adam.advance(g, memory)
        theta = theta + 1e-2 * step
    state, info = updated(problem, beta=beta, steps=3, lr=1e-2)
    torch.testing.assert_close(state.theta, theta, rtol=1e-9, atol=1e-11)
    assert info.beta == beta and info.accepted


def test_the_price_grows_with_the_updates(problem):
    rule = RULES["mdpo"](problem.policy, half=2.0)
    state, betas = rule.init(problem.theta), []
    for _ in range(3):
        state, info = rule.update(state, problem.batch)
        betas.append(info.beta)
    assert betas == pytest.approx([1.0, 1.5, 2.0])


def test_the_penalty_is_flat_at_the_old_policy_and_reads_the_reverse_divergence(problem):
    old = LocalModel(problem.policy, problem.theta, problem.batch)
    here = PenalisedModel(old, problem.theta, 7.0, ReverseKL())
    torch.testing.assert_close(here.gradient, old.gradient)
    theta = problem.nearby(0.3)
    there = PenalisedModel(old, theta, 7.0, ReverseKL())
    change = measure_change(problem.policy, problem.theta, theta, problem.batch)
    assert there.objective == pytest.approx(change.surrogate_gain - 7 * change.reverse_kl)
