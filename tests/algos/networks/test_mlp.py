import math

import pytest
import torch

from algos.networks import MLP

G = torch.Generator().manual_seed(0)
NETWORKS = [MLP(3, (5, 4), 2), MLP(3, (), 2), MLP(3, (6,), 4, free_size=2)]
NETWORKS += [MLP(3, (5, 4), 1), MLP(3, (), 1), MLP(3, (5, 4), 2, free_size=1)]  # one output: another body


def draw(network):
    return (
        torch.randn(network.size, generator=G).double(),
        torch.randn(9, network.input_size, generator=G).double(),
    )


def test_the_forward_pass_is_what_it_says():
    network = MLP(2, (3,), 3, free_size=1)
    theta, x = draw(network)
    w1, b1, w2, b2, free = theta.split([6, 3, 6, 2, 1])
    expected = torch.tanh(x @ w1.view(3, 2).T + b1) @ w2.view(2, 3).T + b2
    torch.testing.assert_close(network(theta, x), torch.cat([expected, free.expand(9, 1)], 1))


@pytest.mark.parametrize("network", NETWORKS, ids=repr)
def test_products_with_the_jacobian_equal_autograds(network):
    theta, x = draw(network)
    jacobian = torch.autograd.functional.jacobian(lambda t: network(t, x), theta)  # [B, D, P]
    linear = network.linearize(theta, x)
    torch.testing.assert_close(linear.outputs, network(theta, x))
    for _ in range(3):
        v = torch.randn(network.size, generator=G).double()
        u = torch.randn(9, network.output_size, generator=G).double()
        torch.testing.assert_close(linear.jvp(v), jacobian @ v, rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(linear.vjp(u), torch.einsum("bdp,bd->p", jacobian, u), rtol=1e-10, atol=1e-12)


def test_products_leave_the_linearisation_as_it_was():
    network = NETWORKS[0]
    theta, x = draw(network)
    linear = network.linearize(theta, x)
    v = torch.randn(network.size, generator=G).double()
    before = linear.jvp(v)
    linear.vjp(before)
    assert linear.jvp(v).equal(before)


@pytest.mark.parametrize("network", NETWORKS, ids=repr)
def test_every_stride_th_row_is_the_linearisation_there(network):
    theta, x = draw(network)
    few, expected = network.linearize(theta, x).rows(slice(None, None, 4)), network.linearize(theta, x[::4])
    v = torch.randn(network.size, generator=G).double()
    torch.testing.assert_close(few.outputs, expected.outputs)
    torch.testing.assert_close(few.jvp(v), expected.jvp(v))
    torch.testing.assert_close(few.vjp(few.outputs), expected.vjp(expected.outputs))


@pytest.mark.parametrize("network", NETWORKS, ids=repr)
def test_products_in_blocks_add_up_to_the_whole(network, monkeypatch):
    monkeypatch.setattr("algos.networks.linearization.BLOCK", 4)
    theta, x = draw(network)
    linear = network.linearize(theta, x)
    blocks, v = linear.blocks(), torch.randn(network.size, generator=G).double()
    assert [len(block.outputs) for block in blocks] == [4, 4, 1]
    moved = [block.jvp(v) for block in blocks]
    torch.testing.assert_close(torch.cat(moved), linear.jvp(v))
    torch.testing.assert_close(sum(b.vjp(m) for b, m in zip(blocks, moved, strict=True)), linear.vjp(linear.jvp(v)))


def test_initial_weights_are_orthogonal_and_biases_zero():
    network = MLP(4, (6, 5), 3, free_size=1)
    theta = network.init(torch.Generator().manual_seed(0), last_gain=0.01, free_value=-0.5, dtype=torch.float64)
    layers = network.layers(theta)
    for (weight, bias), gain in zip(layers, [math.sqrt(2), math.sqrt(2), 0.01], strict=True):
        small = weight if weight.shape[0] <= weight.shape[1] else weight.T
        torch.testing.assert_close(small @ small.T, gain**2 * torch.eye(len(small)).double())
        assert not bias[: len(weight)].any()
    assert layers[-1][1][2:].tolist() == [-0.5]


@pytest.mark.parametrize("network", NETWORKS, ids=repr)
def test_vectors_of_another_shape_are_refused(network):
    linear = network.linearize(*draw(network))
    with pytest.raises(ValueError, match=rf"a product with a tensor of shape \(1,\), expected \({network.size},\)"):
        linear.jvp(torch.ones(1).double())
    with pytest.raises(ValueError, match=r"u has shape \(1, 1\), expected \(9, \d\)"):
        linear.vjp(torch.ones(1, 1).double())


def test_a_theta_of_the_wrong_size_is_refused():
    with pytest.raises(ValueError, match=r"theta has shape \(3,\), expected \(46,\)"):
        MLP(3, (5, 3), 2).layers(torch.zeros(3))


def test_a_tall_initial_layer_is_the_one_that_torch_draws():
    theta = MLP(3, (6,), 1).init(torch.Generator().manual_seed(0), last_gain=1.0, dtype=torch.float64)
    weight = torch.empty(6, 3, dtype=torch.float64)
    torch.nn.init.orthogonal_(weight, math.sqrt(2), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(theta[:18].view(6, 3), weight)
