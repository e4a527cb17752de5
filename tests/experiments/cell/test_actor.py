import numpy as np
import pytest
import torch

from algos.policies import Categorical, DiagonalGaussian, Policy
from experiments.cell.actor import Actor, draw_noise
from experiments.cell.failures import Diverged


@pytest.mark.parametrize("family", [Categorical(3), DiagonalGaussian(2)])
def test_acting_in_numpy_is_the_policy(family):
    policy = Policy.mlp(4, (8, 6), family)
    theta = policy.init(torch.Generator().manual_seed(0), -0.5) + 0.1
    obs = torch.randn(50, 4, generator=torch.Generator().manual_seed(1))
    actor = Actor(policy, theta)
    np.testing.assert_allclose(actor.outputs(obs.numpy()), policy.outputs(theta, obs).numpy(), rtol=1e-5, atol=1e-6)
    assert actor.mode(obs.numpy()).shape == (50,) if family == Categorical(3) else (50, 2)


def test_samples_follow_the_distribution():
    policy = Policy.mlp(1, (2,), Categorical(3))
    theta = policy.init(torch.Generator().manual_seed(0), 0.0)
    theta[-3:] = torch.tensor([0.0, 1.0, 2.0])
    obs = np.zeros((200_000, 1), dtype=np.float32)
    actions = Actor(policy, theta).sample(obs, draw_noise(policy, np.random.default_rng(0), len(obs)))
    expected = torch.tensor([0.0, 1.0, 2.0]).softmax(0).numpy()
    np.testing.assert_allclose(np.bincount(actions) / len(obs), expected, atol=0.005)


def test_a_gaussian_sample_has_its_mean_and_std():
    policy = Policy.mlp(1, (2,), DiagonalGaussian(1))
    theta = policy.init(torch.Generator().manual_seed(0), -1.0)
    obs = np.zeros((200_000, 1), dtype=np.float32)
    actions = Actor(policy, theta).sample(obs, draw_noise(policy, np.random.default_rng(0), len(obs)))
    assert actions.dtype == np.float32
    np.testing.assert_allclose([actions.mean(), actions.std()], [0, np.exp(-1)], atol=0.003)


def test_outputs_that_are_not_finite_never_reach_a_simulator():
    policy = Policy.mlp(1, (2,), DiagonalGaussian(1))
    with pytest.raises(Diverged, match="policy_outputs not finite"):
        Actor(policy, torch.full((policy.network.size,), torch.nan)).mode(np.zeros((1, 1), dtype=np.float32))


def test_weights_are_copied():
    policy = Policy.mlp(1, (2,), Categorical(2))
    theta = policy.init(torch.Generator().manual_seed(0), 0.0)
    actor, obs = Actor(policy, theta), np.ones((1, 1), dtype=np.float32)
    before = actor.outputs(obs)
    theta += 1
    np.testing.assert_array_equal(actor.outputs(obs), before)
