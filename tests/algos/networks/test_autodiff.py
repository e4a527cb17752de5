import pytest
import torch

from algos.networks import MLP, linearize


@pytest.mark.parametrize("network", [MLP(3, (5, 4), 2), MLP(3, (6,), 4, free_size=2)], ids=repr)
def test_autodiff_linearises_as_the_hand_written_one_does(network):
    g = torch.Generator().manual_seed(0)
    theta, v = torch.randn(2, network.size, generator=g).double()
    x = torch.randn(9, 3, generator=g).double()
    found, expected = linearize(network, theta, x), network.linearize(theta, x)
    torch.testing.assert_close(found.outputs, expected.outputs)
    torch.testing.assert_close(found.jvp(v), expected.jvp(v))
    torch.testing.assert_close(found.vjp(expected.outputs), expected.vjp(expected.outputs))
    metric, product = expected.outputs.exp().mul, expected.vjp(expected.outputs.exp() * expected.jvp(v))
    for linear in (found, expected):
        torch.testing.assert_close(linear.gram(v, metric), product)
        torch.testing.assert_close(linear.gram(v, metric, scale=0.1), 0.1 * product)


def test_any_function_of_a_flat_theta_will_do():
    theta, x = torch.tensor([2.0, 3.0]).double(), torch.tensor([[1.0], [4.0]]).double()
    linear = linearize(lambda t, x: t[0] * x + t[1] ** 2, theta, x)
    torch.testing.assert_close(linear.outputs, torch.tensor([[11.0], [17.0]]).double())
    torch.testing.assert_close(linear.jvp(torch.tensor([1.0, 1.0]).double()), torch.tensor([[7.0], [10.0]]).double())
    torch.testing.assert_close(linear.vjp(torch.ones(2, 1).double()), torch.tensor([5.0, 12.0]).double())
