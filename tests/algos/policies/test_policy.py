import torch

from algos.policies import DiagonalGaussian, Policy


def test_the_first_policy_hardly_depends_on_the_observation():
    policy = Policy.mlp(3, (8, 8), DiagonalGaussian(2))
    theta = policy.init(torch.Generator().manual_seed(0), log_std=-0.5)
    d = policy.outputs(theta, torch.randn(100, 3, generator=torch.Generator().manual_seed(1)))
    assert theta.shape == (policy.network.size,) and theta.dtype == torch.float32
    assert d[:, :2].abs().max() < 0.1 and (d[:, 2:] == -0.5).all()


def test_log_prob_is_the_familys_at_the_networks_outputs(problem):
    policy, theta, batch = problem.policy, problem.theta, problem.batch
    expected = policy.family.log_prob(policy.outputs(theta, batch.obs), batch.actions)
    assert policy.log_prob(theta, batch.obs, batch.actions).equal(expected)
