import numpy as np
import pytest
import torch
from torch.distributions import Categorical as TorchCategorical
from torch.distributions import Independent, Normal, kl_divergence

from algos.policies import Categorical, DiagonalGaussian

G = torch.Generator().manual_seed(0)
D = {
    Categorical(4): torch.randn(7, 4, generator=G).double(),
    DiagonalGaussian(2): torch.randn(7, 4, generator=G).double(),
}
ACTIONS = {Categorical(4): torch.arange(7) % 4, DiagonalGaussian(2): torch.randn(7, 2, generator=G).double()}


def oracle(family, d):
    if isinstance(family, Categorical):
        return TorchCategorical(logits=d)
    return Independent(Normal(d[:, :2], d[:, 2:].exp()), 1)


@pytest.mark.parametrize("family", D, ids=repr)
def test_log_prob_and_entropy_are_those_of_torch_distributions(family):
    d, actions = D[family], ACTIONS[family]
    torch.testing.assert_close(family.log_prob(d, actions), oracle(family, d).log_prob(actions))
    torch.testing.assert_close(family.entropy(d), oracle(family, d).entropy())


@pytest.mark.parametrize("family", D, ids=repr)
def test_kl_is_first_against_second_and_not_symmetric(family):
    first, second = D[family], D[family].flip(0) * 0.7
    torch.testing.assert_close(family.kl(first, second), kl_divergence(oracle(family, first), oracle(family, second)))
    assert (family.kl(first, second) - family.kl(second, first)).abs().max() > 1e-2
    torch.testing.assert_close(family.kl(first, first), torch.zeros(7).double())


@pytest.mark.parametrize("family", D, ids=repr)
def test_score_is_the_gradient_of_log_prob(family):
    d = D[family].clone().requires_grad_()
    expected = torch.autograd.grad(family.log_prob(d, ACTIONS[family]).sum(), d)[0]
    torch.testing.assert_close(family.score(D[family], ACTIONS[family]), expected)


@pytest.mark.parametrize("family", D, ids=repr)
def test_the_fisher_metric_is_the_hessian_of_the_kl(family):
    d, v = D[family], torch.randn(7, 4, generator=G).double()
    for row in range(7):
        at = d[row : row + 1]
        hessian = torch.autograd.functional.hessian(lambda x, at=at: family.kl(at, x[None]).sum(), at[0])
        torch.testing.assert_close(family.fisher(at)(v[row : row + 1])[0], hessian @ v[row])


def test_gumbel_noise_makes_softmax_frequencies():
    d = np.tile([0.0, 1.0, -1.0, 2.0], (100_000, 1))
    actions = Categorical(4).act(d, np.random.default_rng(0).gumbel(size=d.shape))
    expected = np.exp(d[0]) / np.exp(d[0]).sum()
    np.testing.assert_allclose(np.bincount(actions) / len(d), expected, atol=0.005)


def test_a_gaussian_action_is_mean_plus_std_times_noise_in_numpy_and_torch():
    d, noise = np.array([[1.0, 2.0, 0.0, np.log(3.0)]]), np.array([[1.0, -1.0]])
    np.testing.assert_allclose(DiagonalGaussian(2).act(d, noise), [[2.0, -1.0]])
    torch.testing.assert_close(
        DiagonalGaussian(2).act(torch.tensor(d), torch.tensor(noise)), torch.tensor([[2.0, -1.0]]).double()
    )


def test_the_mode_is_the_likeliest_action():
    assert Categorical(3).mode(np.array([[0.0, 5.0, 1.0]])) == 1
    np.testing.assert_array_equal(DiagonalGaussian(1).mode(np.array([[2.0, 0.5]])), [[2.0]])
