import re

import pytest
import torch

from algos.exact import FiniteMDP, random_mdp
from algos.policies import Categorical, Policy

MDPS = [
    random_mdp(6, 3, 0.9, torch.Generator().manual_seed(0)),
    random_mdp(5, 2, 0.7, torch.Generator().manual_seed(1), termination=0.2),
]


def policy_for(mdp):
    states, actions = mdp.rewards.shape
    policy = Policy.mlp(states, (4,), Categorical(actions))
    theta = torch.randn(policy.network.size, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    return policy, theta, torch.eye(states, dtype=torch.float64)


def random_pi(mdp, seed=3):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(mdp.rewards.shape, generator=g, dtype=torch.float64).softmax(-1)


def test_two_states_by_hand():
    # state 0: action 0 stays and pays 1, action 1 ends and pays 0; never leaves otherwise
    mdp = FiniteMDP(
        torch.tensor([[[1.0], [0.0]]]).double(), torch.tensor([[1.0, 0.0]]).double(), torch.ones(1).double(), 0.5
    )
    pi = torch.tensor([[0.5, 0.5]]).double()
    # V = .5 (1 + .5 V) => V = 2/3; Q = [4/3, 0]; visitation 1 / (1 - .25)
    assert float(mdp.eta(pi)) == pytest.approx(2 / 3)
    torch.testing.assert_close(mdp.q(pi), torch.tensor([[4 / 3, 0.0]]).double())
    assert float(mdp.visitation(pi)) == pytest.approx(4 / 3)


@pytest.mark.parametrize("mdp", MDPS)
def test_values_satisfy_their_equations(mdp):
    pi = random_pi(mdp)
    v, q = mdp.v(pi), mdp.q(pi)
    torch.testing.assert_close((pi * q).sum(-1), v)
    torch.testing.assert_close((pi * mdp.advantage(pi)).sum(-1), torch.zeros_like(v))
    torch.testing.assert_close(mdp.visitation(pi) @ (pi * mdp.rewards).sum(-1), mdp.eta(pi))


@pytest.mark.parametrize("mdp", MDPS)
def test_the_return_is_what_simulation_pays(mdp):
    pi, g = random_pi(mdp), torch.Generator().manual_seed(4)
    n = 20_000
    state = torch.multinomial(mdp.start, n, True, generator=g)
    total, alive, discount = torch.zeros(n).double(), torch.ones(n).bool(), 1.0
    for _ in range(120):
        action = torch.multinomial(pi[state], 1, generator=g)[:, 0]
        total += discount * mdp.rewards[state, action] * alive
        moves = mdp.transitions[state, action]
        ends = torch.rand(n, generator=g) >= moves.sum(-1)
        alive &= ~ends
        state = torch.multinomial(moves, 1, generator=g)[:, 0]
        discount *= mdp.gamma
    error = float(total.std() / n**0.5)
    assert abs(float(total.mean() - mdp.eta(pi))) < 4 * error


@pytest.mark.parametrize("mdp", MDPS)
def test_the_policy_gradient_theorem_is_autograds_gradient_of_the_return(mdp):
    policy, theta, obs = policy_for(mdp)
    leaf = theta.clone().requires_grad_()
    expected = torch.autograd.grad(mdp.eta(policy.outputs(leaf, obs).softmax(-1)), leaf)[0]
    torch.testing.assert_close(mdp.policy_gradient(policy, theta, obs), expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("mdp", MDPS)
def test_the_surrogate_touches_the_return_in_value_and_slope(mdp):
    policy, theta, obs = policy_for(mdp)
    old = policy.outputs(theta, obs).softmax(-1)
    assert float(mdp.surrogate(old, old)) == pytest.approx(float(mdp.eta(old)))
    leaf = theta.clone().requires_grad_()
    slope = torch.autograd.grad(mdp.surrogate(old, policy.outputs(leaf, obs).softmax(-1)), leaf)[0]
    torch.testing.assert_close(slope, mdp.policy_gradient(policy, theta, obs), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("mdp", MDPS)
def test_the_performance_difference_lemma(mdp):
    old, new = random_pi(mdp, 5), random_pi(mdp, 6)
    gained = mdp.visitation(new) @ (new * mdp.advantage(old)).sum(-1)
    torch.testing.assert_close(mdp.eta(new) - mdp.eta(old), gained)


@pytest.mark.parametrize("mdp", MDPS)
def test_the_fisher_matrix_is_the_hessian_of_the_average_kl(mdp):
    policy, theta, obs = policy_for(mdp)
    old = policy.outputs(theta, obs)
    weight = mdp.visitation(old.softmax(-1))
    weight = weight / weight.sum()
    kl = lambda t: weight @ policy.family.kl(old, policy.outputs(t, obs))  # noqa: E731
    expected = torch.autograd.functional.hessian(kl, theta)
    torch.testing.assert_close(mdp.fisher_matrix(policy, theta, obs), expected, rtol=1e-8, atol=1e-10)


def test_what_is_no_problem_is_refused():
    with pytest.raises(ValueError, match=re.escape("do not fit rewards [2, 2]")):
        FiniteMDP(torch.zeros(2, 2, 3), torch.zeros(2, 2), torch.ones(2) / 2, 0.9)
    with pytest.raises(ValueError, match="rows summing to at most 1"):
        FiniteMDP(torch.ones(2, 2, 2), torch.zeros(2, 2), torch.ones(2) / 2, 0.9)
    with pytest.raises(ValueError, match="gamma lie in"):
        FiniteMDP(torch.zeros(2, 2, 2), torch.zeros(2, 2), torch.ones(2) / 2, 1.0)
