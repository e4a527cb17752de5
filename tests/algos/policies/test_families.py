import numpy as np
import pytest
import torch
from torch.distributions import Categorical as TorchCategorical
from torch.distributions import Independent, Normal, TanhTransform, TransformedDistribution, kl_divergence

from algos.policies import Categorical, DiagonalGaussian, MultiCategorical, SquashedGaussian

G = torch.Generator().manual_seed(0)
D = {
    Categorical(4): torch.randn(7, 4, generator=G).double(),
    DiagonalGaussian(2): torch.randn(7, 4, generator=G).double(),
    MultiCategorical((2, 4, 1, 3)): torch.randn(7, 10, generator=G).double(),
    MultiCategorical((2, 2)): torch.randn(7, 4, generator=G).double(),
    SquashedGaussian(2): torch.randn(7, 4, generator=G).double(),
}
ACTIONS = {
    Categorical(4): torch.arange(7) % 4,
    DiagonalGaussian(2): torch.randn(7, 2, generator=G).double(),
    MultiCategorical((2, 4, 1, 3)): torch.stack([torch.arange(7) % n for n in (2, 4, 1, 3)], 1),
    MultiCategorical((2, 2)): torch.stack([torch.arange(7) % 2, torch.arange(7) // 2 % 2], 1),
    SquashedGaussian(2): torch.randn(7, 2, generator=G).double(),
}


class Product:
    """Independent distributions, one for each column of actions."""

    def __init__(self, parts):
        self.parts = parts

    def log_prob(self, actions):
        return sum(part.log_prob(actions[:, i]) for i, part in enumerate(self.parts))

    def entropy(self):
        return sum(part.entropy() for part in self.parts)


def oracle(family, d):
    if isinstance(family, Categorical):
        return TorchCategorical(logits=d)
    if isinstance(family, MultiCategorical):
        return Product([TorchCategorical(logits=part) for part in d.split(family.sizes, -1)])
    return Independent(Normal(d[:, :2], d[:, 2:].exp()), 1)


def oracle_kl(first, second):
    if isinstance(first, Product):
        return sum(kl_divergence(p, q) for p, q in zip(first.parts, second.parts, strict=True))
    return kl_divergence(first, second)


@pytest.mark.parametrize("family", [f for f in D if not isinstance(f, SquashedGaussian)], ids=repr)
def test_log_prob_and_entropy_are_those_of_torch_distributions(family):
    d, actions = D[family], ACTIONS[family]
    torch.testing.assert_close(family.log_prob(d, actions), oracle(family, d).log_prob(actions))
    torch.testing.assert_close(family.entropy(d), oracle(family, d).entropy())


@pytest.mark.parametrize("family", D, ids=repr)
def test_kl_is_first_against_second_and_not_symmetric(family):
    first, second = D[family], D[family].flip(0) * 0.7
    torch.testing.assert_close(family.kl(first, second), oracle_kl(oracle(family, first), oracle(family, second)))
    assert (family.kl(first, second) - family.kl(second, first)).abs().max() > 1e-2
    torch.testing.assert_close(family.kl(first, first), torch.zeros(7).double())


@pytest.mark.parametrize("family", D, ids=repr)
def test_score_is_the_gradient_of_log_prob(family):
    d = D[family].clone().requires_grad_()
    expected = torch.autograd.grad(family.log_prob(d, ACTIONS[family]).sum(), d)[0]
    torch.testing.assert_close(family.score(D[family], ACTIONS[family]), expected)


@pytest.mark.parametrize("family", D, ids=repr)
def test_the_fisher_metric_is_the_hessian_of_the_kl(family):
    d = D[family]
    v = torch.randn(d.shape, generator=G).double()
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


def test_components_of_several_choices_are_drawn_each_by_itself():
    family = MultiCategorical((2, 3))
    d = np.tile([0.0, 1.0, -1.0, 2.0, 0.5], (100_000, 1))
    actions = np.asarray(family.act(d, np.random.default_rng(0).gumbel(size=d.shape)))
    for component, logits in enumerate((d[0, :2], d[0, 2:])):
        expected = np.exp(logits) / np.exp(logits).sum()
        np.testing.assert_allclose(np.bincount(actions[:, component]) / len(d), expected, atol=0.005)
    assert abs(np.corrcoef(actions.T)[0, 1]) < 0.01
    np.testing.assert_array_equal(family.mode(d[:1]), [[1, 1]])
    np.testing.assert_array_equal(family.mode(torch.tensor(d[:1])), [[1, 1]])


@pytest.mark.parametrize("spread", [1.0, 3.0])
def test_a_squashed_gaussian_is_torchs_own_under_tanh(spread):
    family, d, u = SquashedGaussian(2), D[SquashedGaussian(2)] * spread, ACTIONS[SquashedGaussian(2)]
    normal = Normal(d[:, :2], d[:, 2:].exp())
    squashed = Independent(TransformedDistribution(normal, TanhTransform(cache_size=1)), 1)
    torch.testing.assert_close(family.log_prob(d, u), squashed.log_prob(u.tanh()))
    far = torch.full((7, 2), 40.0).double()  # where tanh rounds to 1
    assert torch.isfinite(family.log_prob(d, far)).all()


def test_the_entropy_of_a_squashed_gaussian_is_the_integral_of_its_density():
    family = SquashedGaussian(1)
    for mean, log_std in ((0.0, -3.0), (0.0, -0.5), (1.5, 0.0), (-4.0, 1.0)):
        d = torch.tensor([[mean, log_std]]).double()
        u = mean + torch.linspace(-12, 12, 400_001).double()[:, None] * np.exp(log_std)
        log_p = family.log_prob(d.expand(len(u), -1), u)
        density_of_u = Normal(mean, np.exp(log_std)).log_prob(u[:, 0]).exp()
        expected = -torch.trapezoid(density_of_u * log_p, u[:, 0])
        torch.testing.assert_close(family.entropy(d)[0], expected, rtol=1e-6, atol=1e-6)
