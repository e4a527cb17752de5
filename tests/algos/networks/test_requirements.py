"""What is no function of theta and of each row alone is refused, and the message says why and what to do."""

import re
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from algos.networks.modules import CNN, SMALL, LayeredMLP, ModuleNetwork, UnusableModule, require_usable


@dataclass(frozen=True)
class Of:
    """Whatever a function makes."""

    make: object
    outputs: int = 2
    obs_shape: tuple = (3,)

    def module(self, generator, last_gain=1.0):
        with torch.random.fork_rng():
            torch.manual_seed(int(torch.randint(2**31, (1,), generator=generator)))
            return self.make()


def after(*layers):
    """A linear layer, and these after it."""
    return lambda: nn.Sequential(nn.Linear(3, 2), *(layer() for layer in layers))


class Counting(nn.Linear):
    calls = 0

    def forward(self, x):
        self.calls += 1
        return super().forward(x) * self.calls


class Noisy(nn.Linear):
    def forward(self, x):
        return super().forward(x) + torch.randn(())


class OnlySingle(nn.Linear):
    def forward(self, x):
        return super().forward(x) @ torch.ones(2, 2)


class OnceDifferentiable(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):
        return gradient


class Once(nn.Linear):
    def forward(self, x):
        return OnceDifferentiable.apply(super().forward(x))


class WrongGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient.square()


class Wrong(nn.Linear):
    def forward(self, x):
        return WrongGradient.apply(super().forward(x))


def normalised(**options):
    """A linear layer and batch normalisation, which takes single rows too."""
    return after(lambda: nn.Unflatten(1, (1, 2)), lambda: nn.BatchNorm1d(1, **options), nn.Flatten)


SEEDS = iter(range(100))


def otherwise_each_time():
    torch.manual_seed(next(SEEDS))
    return nn.Linear(3, 2)


BATCH_OF_ONE = r"fails on .*\[1, 3\].*\(1: BatchNorm1d\); use LayerNorm"
OUTPUTS = r"gave torch.float32 of shape \[5, 4\]; expected torch.float32 of shape \[5, 2\]"
REFUSED = {
    "dropout": (after(nn.Dropout), r"it draws random numbers \(1: Dropout\)"),
    "batch normalisation": (after(lambda: nn.BatchNorm1d(2)), BATCH_OF_ONE),
    "its statistics": (normalised(), "changes its buffers 2.running_mean, "),
    "of the batch": (normalised(track_running_stats=False), r"depend on the other rows \(2: BatchNorm1d\)"),
    "softmax over rows": (after(lambda: nn.Softmax(0)), "depend on the other rows; use"),
    "state": (lambda: Counting(3, 2), "other outputs when it is called again"),
    "noise": (lambda: Noisy(3, 2), "it draws random numbers; outputs must"),
    "outputs": (lambda: nn.Linear(3, 4), OUTPUTS),
    "inputs": (lambda: nn.Linear(4, 2), r"fails on observations of shape \[5, 3\] in single precision: RuntimeError"),
    "precision": (lambda: OnlySingle(3, 2), "in double precision: RuntimeError"),
    "no tensor": (after(lambda: nn.LSTM(2, 2)), "it gave .tensor.*; expected"),
    "no parameters": (nn.Identity, "no parameter that requires a gradient"),
    "lazy": (lambda: nn.LazyLinear(2), "sizes are not known yet"),
    "no module": (lambda: 3, "it returned 3; expected a torch.nn.Module"),
    "other parameters": (otherwise_each_time, "parameters differ when it is made again"),
    "once differentiable": (lambda: Once(3, 2), "cannot be differentiated twice"),
    "wrong gradient": (lambda: Wrong(3, 2), "derivatives contradict each other"),
}


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_network_is_refused(make, message):
    with pytest.raises(UnusableModule) as refused:
        require_usable(ModuleNetwork(Of(make)))
    assert re.search(message, str(refused.value), re.DOTALL), str(refused.value)


def test_an_unused_parameter_and_a_dropout_that_never_drops_are_no_fault():
    require_usable(ModuleNetwork(Of(after(lambda: nn.Dropout(0.0).eval()))))


@pytest.mark.parametrize("architecture", [LayeredMLP((3,), (4,), 2, "silu", True), CNN((5, 5), 2, SMALL)], ids=repr)
def test_those_that_are_offered_are_networks(architecture):
    require_usable(ModuleNetwork(architecture, free_size=1))


def test_torchs_generator_is_left_where_it_was():
    before = torch.get_rng_state()
    require_usable(ModuleNetwork(Of(after(nn.ReLU))))
    assert torch.get_rng_state().equal(before)
