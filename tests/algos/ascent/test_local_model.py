import pytest
import torch

from algos.ascent import LocalModel
from algos.estimators import ImportanceSampled


def surrogate_at(problem, theta):
    log_ratio = problem.policy.log_prob(theta, problem.batch.obs, problem.batch.actions) - problem.batch.log_probs
    return ImportanceSampled().value(log_ratio, problem.batch)


def test_at_the_behaviour_policy_the_gradient_is_the_policy_gradient(problem):
    theta = problem.theta.clone().requires_grad_()
    log_prob = problem.policy.log_prob(theta, problem.batch.obs, problem.batch.actions)
    expected = torch.autograd.grad((log_prob * problem.batch.advantages).mean(), theta)[0]
    torch.testing.assert_close(LocalModel(problem.policy, problem.theta, problem.batch).gradient, expected)


def test_elsewhere_it_is_the_gradient_of_the_surrogate(problem):
    theta = problem.nearby(0.3).requires_grad_()
    expected = torch.autograd.grad(surrogate_at(problem, theta), theta)[0]
    model = LocalModel(problem.policy, theta.detach(), problem.batch)
    torch.testing.assert_close(model.gradient, expected)
    assert model.value == pytest.approx(float(surrogate_at(problem, theta.detach())))


def test_curvature_is_the_quadratic_form_of_the_fisher_product(problem):
    model = LocalModel(problem.policy, problem.theta, problem.batch)
    v = problem.nearby(1.0)
    assert model.curvature(v) == pytest.approx(float(v @ model.fisher(v)))


def test_a_candidate_tells_gain_and_divergence(problem):
    model, new = LocalModel(problem.policy, problem.theta, problem.batch), problem.nearby(0.2)
    candidate = model.candidate(new)
    old_d, new_d = (problem.policy.outputs(t, problem.batch.obs) for t in (problem.theta, new))
    gain = float(surrogate_at(problem, new) - surrogate_at(problem, problem.theta))
    assert candidate.surrogate_gain == pytest.approx(gain)
    assert candidate.kl == pytest.approx(float(problem.policy.family.kl(old_d, new_d).mean()))
    assert candidate.max_kl == pytest.approx(float(problem.policy.family.kl(old_d, new_d).max()))


def test_it_counts_what_it_was_asked(problem):
    model = LocalModel(problem.policy, problem.theta, problem.batch)
    _ = model.gradient, model.gradient
    for _ in range(3):
        model.fisher(problem.theta)
    model.candidate(problem.theta)
    counted = (model.gradient_evaluations, model.fisher_products, model.candidate_evaluations)
    assert counted == (1, 3, 1)
