import torch

from algos.networks import MLP, Pixels

INNER = MLP(12, (5,), 4, 1)
G = torch.Generator().manual_seed(0)
X = torch.randint(0, 256, (7, 12), generator=G, dtype=torch.uint8)
THETA = INNER.init(G, dtype=torch.float64) + 0.1


def test_bytes_are_numbers_from_zero_to_one_for_the_network():
    network = Pixels(INNER)
    seen = X.double() / 255
    torch.testing.assert_close(network(THETA, X), INNER(THETA, seen))
    torch.testing.assert_close(network(THETA, X.float()), INNER(THETA, seen))
    assert network(THETA.float(), X).dtype == torch.float32
    ones = (X > 127).to(torch.uint8)
    torch.testing.assert_close(Pixels(INNER, 1)(THETA, ones), INNER(THETA, ones.double()))


def test_its_first_order_model_is_the_networks():
    ours, theirs = Pixels(INNER).linearize(THETA, X), INNER.linearize(THETA, X.double() / 255)
    v = torch.randn(INNER.size, generator=G, dtype=torch.float64)
    torch.testing.assert_close(ours.jvp(v), theirs.jvp(v))
    torch.testing.assert_close(ours.rows(slice(2, 5)).outputs, theirs.outputs[2:5])


def test_it_begins_as_the_network_does():
    network = Pixels(INNER)
    start = [made.init(torch.Generator().manual_seed(3), 0.01, -0.5) for made in (network, INNER)]
    assert start[0].equal(start[1])
    assert (network.size, network.output_size, network.free_size) == (INNER.size, 4, 1)
