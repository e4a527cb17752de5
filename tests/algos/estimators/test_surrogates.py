from dataclasses import replace

import pytest
import torch
from exact_cases import every_episode
from surrogate_cases import EPISODES, RATIOS, WEIGHTS, every_surrogate

from algos.ascent import LocalModel
from algos.estimators import WEIGHTINGS, Clipped, Discounted, ImportanceSampled, Truncated


def test_at_the_old_policy_the_weights_are_one(problem):
    value = ImportanceSampled().value(torch.zeros(60).double(), problem.batch)
    torch.testing.assert_close(value, problem.batch.advantages.mean())


def test_the_gradient_with_respect_to_the_log_ratio_is_weight_times_advantage(problem):
    log_ratio = torch.linspace(-1, 1, 60).double()
    expected = log_ratio.exp() * problem.batch.advantages / 60
    torch.testing.assert_close(ImportanceSampled().gradient(log_ratio, problem.batch), expected)


@every_surrogate
def test_every_gradient_is_autograds(surrogate, problem):
    leaf = torch.linspace(-1, 1, 60).double().requires_grad_()
    (expected,) = torch.autograd.grad(surrogate.value(leaf, problem.batch), leaf)
    torch.testing.assert_close(surrogate.gradient(leaf.detach(), problem.batch), expected)


@every_surrogate
def test_the_rows_that_are_cut_are_those_without_a_slope(surrogate, problem):
    log_ratio = torch.linspace(-1, 1, 60).double()
    flat = surrogate.gradient(log_ratio, problem.batch) == 0
    assert surrogate.cut(log_ratio, problem.batch).equal(flat)


@every_surrogate
def test_the_value_is_the_mean_of_weight_times_advantage(surrogate, problem):
    log_ratio = torch.linspace(-1, 1, 60).double()
    weights = surrogate.log_weights(log_ratio, problem.batch).exp()
    ascended_on = log_ratio * problem.batch.advantages if "Unweighted" in repr(surrogate) else problem.batch.advantages
    torch.testing.assert_close(surrogate.value(log_ratio, problem.batch), (weights * ascended_on).mean())


@every_surrogate
def test_every_tensor_is_made_on_the_device_of_the_batch(surrogate, problem):
    log_ratio = torch.linspace(-1, 1, 60).double()
    expected = surrogate.gradient(log_ratio, problem.batch)
    with torch.device("meta"):  # where a tensor made without a device would land
        assert surrogate.gradient(log_ratio, problem.batch).equal(expected)


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_the_weights_by_hand(name):
    weights = WEIGHTINGS[name].log_weights(RATIOS.log(), EPISODES).exp()
    torch.testing.assert_close(weights, torch.tensor(WEIGHTS[name]).double())


@every_surrogate
def test_a_surrogate_is_local_where_its_gradient_at_the_old_policy_is_the_policy_gradient(surrogate, problem):
    batch = problem.batch
    share = 0.99 ** batch.times.double() if surrogate.discounted else torch.ones(60).double()
    share = share / share.sum()
    found = surrogate.gradient(torch.zeros(60).double(), batch)
    gradients = [share * (batch.advantages - baseline) for baseline in (0.0, share @ batch.advantages)]
    assert any(torch.allclose(found, gradient) for gradient in gradients) is surrogate.local


def test_only_truncation_and_clipping_cut_weights():
    assert Truncated(2.0).cut(RATIOS.log(), EPISODES).tolist() == [False, False, True, True, False]
    assert not ImportanceSampled().cut(RATIOS.log(), EPISODES).any()
    # what gains is held above, what loses below
    batch = replace(EPISODES, advantages=torch.tensor([1.0, 1.0, -1.0, -1.0, -1.0]).double())
    assert Clipped(0.2).cut(RATIOS.log(), batch).tolist() == [True, False, False, False, True]


def test_the_clipped_surrogate_never_promises_more_than_the_ratio_at_its_edge():
    batch = replace(EPISODES, advantages=torch.tensor([1.0, 1.0, -1.0, -1.0, 1.0]).double())
    # min(w A, clip(w) A): 1.2, .5, -3, -4, .1
    torch.testing.assert_close(
        Clipped(0.2).value(RATIOS.log(), batch), torch.tensor((1.2 + 0.5 - 3 - 4 + 0.1) / 5).double()
    )


LOCAL = [surrogate for surrogate in [*WEIGHTINGS.values(), Clipped()] if surrogate.local]


@pytest.mark.parametrize("surrogate", LOCAL, ids=repr)
def test_the_gradient_under_the_discounted_visitation_is_that_of_the_return(surrogate):
    mdp, policy, theta, batch = every_episode(gamma=0.8)
    mass = float(mdp.visitation(policy.outputs(theta, torch.eye(4).double()).softmax(-1)).sum())
    exact = mdp.policy_gradient(policy, theta, torch.eye(4).double())
    discounted = LocalModel(policy, theta, batch, Discounted(surrogate)).gradient
    torch.testing.assert_close(mass * discounted, exact, rtol=1e-10, atol=1e-12)
    undiscounted = LocalModel(policy, theta, batch, surrogate).gradient
    assert float((mass * undiscounted - exact).norm() / exact.norm()) > 0.05


@pytest.mark.parametrize("of", [WEIGHTINGS["ordinary"], WEIGHTINGS["self_normalised"]], ids=repr)
def test_the_gain_under_the_discounted_visitation_is_the_exact_surrogates(of):
    mdp, policy, theta, batch = every_episode(gamma=0.8)
    new = theta + 0.5 * torch.randn(len(theta), generator=torch.Generator().manual_seed(2)).double()
    old_pi, new_pi = (policy.outputs(t, torch.eye(4).double()).softmax(-1) for t in (theta, new))
    log_ratio = policy.log_prob(new, batch.obs, batch.actions) - batch.log_probs
    gain = mdp.visitation(old_pi).sum() * Discounted(of).value(log_ratio, batch)
    exact = mdp.surrogate(old_pi, new_pi) - mdp.eta(old_pi)
    torch.testing.assert_close(gain, exact, rtol=1e-10, atol=1e-12)
    assert float(ImportanceSampled().value(log_ratio, batch) / Discounted().value(log_ratio, batch)) != pytest.approx(1)
