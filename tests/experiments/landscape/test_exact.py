import pytest
import torch

from algos.exact import minorizer, random_mdp
from algos.policies import Categorical, Policy
from experiments.landscape.exact import ExactGround

MDP = random_mdp(6, 3, 0.9, torch.Generator().manual_seed(0), termination=0.05)
POLICY = Policy.mlp(6, (5,), Categorical(3))
THETA = torch.randn(POLICY.network.size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
STATES = torch.eye(6, dtype=torch.float64)


@pytest.fixture
def ground():
    return ExactGround(MDP, POLICY, THETA, STATES)


def test_the_gradient_is_that_of_the_exact_return(ground):
    eta = torch.func.grad(lambda theta: MDP.eta(POLICY.outputs(theta, STATES).softmax(-1)))
    torch.testing.assert_close(ground.gradient, eta(THETA))


def test_the_fisher_product_is_that_of_the_dense_matrix(ground):
    v = torch.randn(len(THETA), generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    torch.testing.assert_close(ground.fisher(v), MDP.fisher_matrix(POLICY, THETA, STATES) @ v)


def test_small_moves_diverge_by_their_curvatures(ground):
    v = 1e-4 * torch.randn(len(THETA), generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    found = ground.read(THETA + v)
    assert found.kl == pytest.approx(float(v @ ground.fisher(v)) / 2, rel=1e-3)
    assert found.max_kl == pytest.approx(ground.largest_curvature(v) / 2, rel=1e-3)


def test_a_reading_is_what_the_problem_says(ground):
    old, new = (POLICY.outputs(theta, STATES).softmax(-1) for theta in (THETA, THETA + 0.3))
    found = ground.read(THETA + 0.3)
    assert (found.return_mean, found.return_se) == (float(MDP.eta(new)), 0.0)
    assert found.surrogate == float(MDP.surrogate(old, new)) and found.bound == float(minorizer(MDP, old, new))
