"""Any module of torch as a network: the same numbers as torch's own, and every quantity against dense Jacobians."""

import pickle

import pytest
import torch
from torch import nn
from torch.autograd.functional import jacobian

from algos.networks import MLP
from algos.networks.modules import CNN, NATURE, SMALL, Convolution, Design, LayeredMLP, ModuleNetwork

TINY = Design((Convolution(2, 3, 1), Convolution(3, 2, 2)), 4)


class Odd(nn.Module):
    """A parameter of its own, tied weights, a layer used twice, one over a sequence, unused, frozen, read elsewhere."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1, 3))
        self.first = nn.Linear(3, 3, bias=False)
        self.tied = nn.Linear(3, 3)
        self.tied.weight = self.first.weight
        self.twice = nn.Linear(3, 3)
        self.over_sequence = nn.Linear(1, 2)
        self.unused = nn.Linear(3, 2)
        self.frozen = nn.Linear(3, 3).requires_grad_(False)
        self.read_elsewhere = nn.Linear(3, 2)
        self.grouped = nn.Conv1d(1, 1, 2)
        self.register_buffer("shift", torch.full((3,), 0.5))
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        x = self.tied(self.relu(self.first(x * self.scale + self.shift)))
        x = torch.tanh(self.twice(torch.tanh(self.twice(x)))) + self.frozen(x)
        spread = self.over_sequence(x.unsqueeze(-1)).tanh_().sum(1) + self.grouped(x.unsqueeze(1)).squeeze(1)
        return spread + self.read_elsewhere(x) + self.read_elsewhere.weight.sum()


class OddArchitecture:
    obs_shape, outputs = (3,), 2

    def module(self, generator, last_gain=1.0):
        with torch.random.fork_rng():
            torch.manual_seed(int(torch.randint(2**31, (1,), generator=generator)))
            return Odd()


ARCHITECTURES = {
    "silu": LayeredMLP((3,), (5, 4), 2, "silu"),
    "normalised": LayeredMLP((2, 2), (5,), 2, "relu", layer_norm=True),
    "linear": LayeredMLP((3,), (), 2),
    "cnn": CNN((6, 6, 2), 2, TINY),
    "odd": OddArchitecture(),
}


@pytest.fixture(params=ARCHITECTURES.values(), ids=ARCHITECTURES.keys())
def case(request):
    """A network with a free output, theta, and nine observations."""
    network, g = ModuleNetwork(request.param, free_size=1), torch.Generator().manual_seed(0)
    theta = network.init(g, dtype=torch.float64) + 0.3 * torch.randn(network.size, generator=g).double()
    return network, theta, torch.randn(9, *request.param.obs_shape, generator=g).double()


def test_outputs_are_those_of_the_module_and_the_free_ones(case):
    network, theta, x = case
    module = network.architecture.module(torch.Generator().manual_seed(0)).double()
    trained, end = {name: p for name, p in module.named_parameters() if p.requires_grad}, 0
    for parameter in trained.values():
        parameter.data = theta[end : end + parameter.numel()].view_as(parameter)
        end += parameter.numel()
    expected = torch.cat([module(x).detach(), theta[end:].expand(9, 1)], 1)
    assert end == network.size - 1
    torch.testing.assert_close(network(theta, x).detach(), expected)
    torch.testing.assert_close(network.at(theta)(x), expected)


def test_products_and_gradients_of_rows_equal_those_of_the_dense_jacobian(case):
    network, theta, x = case
    dense, linear = jacobian(lambda t: network(t, x), theta), network.linearize(theta, x)  # [B, D, P]
    g = torch.Generator().manual_seed(1)
    u, v = torch.randn(9, 3, generator=g).double(), torch.randn(network.size, generator=g).double()
    torch.testing.assert_close(linear.jvp(v), dense @ v)
    torch.testing.assert_close(linear.vjp(u), torch.einsum("bdp,bd->p", dense, u))
    rows, parts = torch.einsum("bdp,bd->bp", dense, u), linear.row_gradients(u)
    covered = torch.zeros(network.size)
    for part in parts:
        covered[part.parameters] += 1
        own = rows[:, part.parameters]
        torch.testing.assert_close(part.products(), own @ own.T, msg=lambda text, part=part: f"{part}: {text}")
    assert covered.eq(1).all(), "each parameter is in one part"
    torch.testing.assert_close(sum(part.products() for part in parts), rows @ rows.T)


def test_rows_of_a_linearisation_are_the_linearisation_of_rows(case):
    network, theta, x = case
    linear = network.linearize(theta, x)
    for index in (slice(None, None, 4), torch.tensor([7, 0])):
        few, expected = linear.rows(index), network.linearize(theta, x[index])
        torch.testing.assert_close(few.outputs, expected.outputs)
        torch.testing.assert_close(few.jvp(theta), expected.jvp(theta))


def test_layers_are_known_where_their_inputs_and_signals_say_all(case):
    """What is read elsewhere too, tied or of another kind is differentiated row by row."""
    known = {
        "silu": ["1", "3", "5"],
        "normalised": ["1", "4"],
        "linear": ["1"],
        "cnn": ["1", "3", "6", "8"],
        "odd": ["over_sequence", "twice"],
    }
    name = next(name for name, architecture in ARCHITECTURES.items() if architecture is case[0].architecture)
    assert sorted(case[0]._layers) == known[name]


def test_a_module_of_tanh_layers_is_the_hand_written_network():
    ours, theirs = MLP(3, (5, 4), 4, 2), ModuleNetwork(LayeredMLP((3,), (5, 4), 2), 2)
    starts = [n.init(torch.Generator().manual_seed(0), 0.01, -0.5) for n in (ours, theirs)]
    assert starts[0].equal(starts[1])
    theta = starts[0].double() + 0.1
    x, u = torch.randn(9, 3, generator=torch.Generator().manual_seed(1)).double(), torch.ones(9, 4).double()
    mine, other = (network.linearize(theta, x) for network in (ours, theirs))
    torch.testing.assert_close(mine.outputs, other.outputs)
    torch.testing.assert_close(mine.vjp(u), other.vjp(u))
    torch.testing.assert_close(mine.jvp(theta), other.jvp(theta))


@pytest.mark.parametrize("shape", [(4, 7, 6), (7, 6, 4)], ids=str)
def test_channels_may_come_first_or_last(shape):
    network = ModuleNetwork(CNN(shape, 2, SMALL))
    x, theta = torch.rand(3, *shape), network.init(torch.Generator().manual_seed(0))
    first = x if shape[0] == 4 else x.permute(0, 3, 1, 2)
    expected = ModuleNetwork(CNN((4, 7, 6), 2, SMALL))(theta, first.contiguous())
    torch.testing.assert_close(network(theta, x), expected)


def test_sizes_are_those_of_the_papers():
    """MinAtar's 10 by 10 images of 4 channels, and Atari's 84 by 84 of 4 frames."""
    assert ModuleNetwork(CNN((10, 10, 4), 6, SMALL)).size == (4 * 9 + 1) * 16 + (16 * 64 + 1) * 128 + 129 * 6
    body = (4 * 64 + 1) * 32 + (32 * 16 + 1) * 64 + (64 * 9 + 1) * 64 + (64 * 49 + 1) * 512
    assert ModuleNetwork(CNN((4, 84, 84), 6, NATURE)).size == body + 513 * 6
    assert ModuleNetwork(CNN((84, 84), 6, NATURE)).size == body + 513 * 6 - 3 * 64 * 32
    assert ModuleNetwork(CNN((2, 84, 84, 3), 6, NATURE)).size == body + 513 * 6 + 2 * 64 * 32


@pytest.mark.parametrize(
    ("shape", "design", "message"),
    [((10, 10, 4), NATURE, "too small for 4x4 filters with stride 2"), ((3,), SMALL, r"\[3\] are no images")],
)
def test_what_is_no_image_or_too_small_is_refused(shape, design, message):
    with pytest.raises(ValueError, match=message):
        CNN(shape, 2, design)


def test_a_network_is_a_value():
    network = ModuleNetwork(CNN((6, 6, 2), 2, TINY), 1)
    theta = network.init(torch.Generator().manual_seed(0))
    copy = pickle.loads(pickle.dumps(network))
    x = torch.rand(2, 6, 6, 2)
    assert copy == network and "0x" not in repr(network) and copy(theta, x).equal(network(theta, x))
    with pytest.raises(ValueError, match=r"theta has shape \(3,\), expected"):
        network(theta[:3], x)
