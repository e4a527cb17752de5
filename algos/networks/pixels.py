"""Images as bytes in memory, as numbers from 0 to 1 in a network."""

from dataclasses import dataclass

import torch
from torch import Tensor

from algos.networks.protocol import Linearized, Network


@dataclass(frozen=True)
class Pixels:
    """`network` on images x [B, *shape] that hold whole numbers from 0 to `brightest`, of any type.

    They are kept as bytes, an eighth of the memory of doubles, and turned into theta's type, divided by `brightest`,
    where the network is called.
    """

    network: Network
    brightest: int = 255

    @property
    def size(self) -> int:
        """P, the number of parameters."""
        return self.network.size

    @property
    def output_size(self) -> int:
        """D."""
        return self.network.output_size

    @property
    def free_size(self) -> int:
        return self.network.free_size

    def init(
        self,
        generator: torch.Generator,
        last_gain: float = 1.0,
        free_value: float = 0.0,
        dtype: torch.dtype = torch.float32,
    ) -> Tensor:
        """theta [P] to start from."""
        return self.network.init(generator, last_gain, free_value, dtype)

    def __call__(self, theta: Tensor, x: Tensor) -> Tensor:
        """Outputs [B, D]."""
        return self.network(theta, self.seen(theta, x))

    def linearize(self, theta: Tensor, x: Tensor) -> Linearized:
        """The first-order model around theta."""
        return self.network.linearize(theta, self.seen(theta, x))

    def seen(self, theta: Tensor, x: Tensor) -> Tensor:
        """x as the network sees it, of theta's type."""
        return x.to(theta.dtype) / self.brightest
