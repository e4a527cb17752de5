"""The modules that this project offers: perceptrons beyond the hand-written one, and networks for images."""

from dataclasses import dataclass
from itertools import pairwise
from math import prod, sqrt
from typing import Literal

import torch
from torch import Tensor, nn

from algos.networks.initialization import orthogonal

Activation = Literal["tanh", "relu", "silu"]
ACTIVATIONS: dict[str, type[nn.Module]] = {"tanh": nn.Tanh, "relu": nn.ReLU, "silu": nn.SiLU}


@dataclass(frozen=True)
class LayeredMLP:
    """Layers of these sizes and a linear one; with `layer_norm`, each is normalised before its activation.

    Layer normalisation: Ba et al. 2016. An observation is flattened.
    """

    obs_shape: tuple[int, ...]
    hidden: tuple[int, ...]
    outputs: int
    activation: Activation = "tanh"
    layer_norm: bool = False

    def module(self, generator: torch.Generator, last_gain: float = 1.0) -> nn.Sequential:
        """Orthogonal weights with gain sqrt(2), `last_gain` in the last layer, zero biases."""
        layers: list[nn.Module] = [nn.Flatten()]
        sizes = (prod(self.obs_shape), *self.hidden)
        for size, following in pairwise(sizes):
            layers.append(_linear(size, following, generator))
            if self.layer_norm:
                layers.append(nn.LayerNorm(following))
            layers.append(ACTIVATIONS[self.activation]())
        return nn.Sequential(*layers, _linear(sizes[-1], self.outputs, generator, last_gain))


@dataclass(frozen=True)
class Convolution:
    """A layer of filters over squares."""

    filters: int
    kernel: int
    stride: int


@dataclass(frozen=True)
class Design:
    """Convolutions, and the size of the layer after them."""

    convolutions: tuple[Convolution, ...]
    dense: int


# for images of 10 by 10: Young and Tian 2019, "MinAtar", and its examples/dqn.py
SMALL = Design((Convolution(16, 3, 1),), 128)
# for images of 84 by 84: Mnih et al. 2015, "Human-level control through deep reinforcement learning", Methods
NATURE = Design((Convolution(32, 8, 4), Convolution(64, 4, 2), Convolution(64, 3, 1)), 512)


@dataclass(frozen=True)
class CNN:
    """Convolutions, a layer of units and a linear one, with rectifiers between them.

    An image may be [H, W], [C, H, W] or [H, W, C], the channels being the smaller of the two outer sizes, and the last
    where they are equal; stacked colour images are [frames, H, W, C]. Raises ValueError for another shape, and for an
    image that is too small.
    """

    obs_shape: tuple[int, ...]
    outputs: int
    design: Design = SMALL

    def __post_init__(self) -> None:
        _, *sides = image_size(self.obs_shape)
        for layer in self.design.convolutions:
            sides = [(side - layer.kernel) // layer.stride + 1 for side in sides]
            if min(sides) < 1:
                raise ValueError(
                    f"an image of shape {list(self.obs_shape)} is too small for {layer.kernel}x{layer.kernel} filters "
                    f"with stride {layer.stride}"
                )

    def module(self, generator: torch.Generator, last_gain: float = 1.0) -> nn.Sequential:
        """Orthogonal weights with gain sqrt(2), `last_gain` in the last layer, zero biases."""
        channels, *sides = image_size(self.obs_shape)
        layers: list[nn.Module] = [ChannelsFirst(self.obs_shape)]
        for layer in self.design.convolutions:
            layers += [_convolution(channels, layer, generator), nn.ReLU()]
            channels, sides = layer.filters, [(side - layer.kernel) // layer.stride + 1 for side in sides]
        dense = _linear(channels * prod(sides), self.design.dense, generator)
        last = _linear(self.design.dense, self.outputs, generator, last_gain)
        return nn.Sequential(*layers, nn.Flatten(), dense, nn.ReLU(), last)


class ChannelsFirst(nn.Module):
    """Images [B, *shape] as [B, C, H, W]."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.size = image_size(shape)
        self.order = _order(shape)

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(0, *(1 + axis for axis in self.order)).reshape(len(x), *self.size)


def image_size(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """(C, H, W) of an image. Raises ValueError for a shape that is none."""
    sizes = [shape[axis] for axis in _order(shape)]
    height, width = sizes[-2:]
    return prod(sizes[:-2]), height, width


def _order(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Its axes, channels first."""
    if len(shape) == 2:
        return (0, 1)
    if len(shape) == 3:
        return (0, 1, 2) if shape[0] < shape[2] else (2, 0, 1)
    if len(shape) == 4:
        return (0, 3, 1, 2)
    raise ValueError(f"observations of shape {list(shape)} are no images; expected [H, W], [C, H, W] or [H, W, C]")


def _linear(inputs: int, outputs: int, generator: torch.Generator, gain: float = sqrt(2)) -> nn.Linear:
    layer = nn.utils.skip_init(nn.Linear, inputs, outputs)
    _start(layer, orthogonal(outputs, inputs, gain, generator))
    return layer


def _convolution(channels: int, layer: Convolution, generator: torch.Generator) -> nn.Conv2d:
    made = nn.utils.skip_init(nn.Conv2d, channels, layer.filters, layer.kernel, stride=layer.stride)
    _start(made, orthogonal(layer.filters, channels * layer.kernel**2, sqrt(2), generator))
    return made


def _start(layer: nn.Linear | nn.Conv2d, weight: Tensor) -> None:
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]  # it has one
    with torch.no_grad():
        layer.weight.copy_(weight.view_as(layer.weight))
