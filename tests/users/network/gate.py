"""A network with a gate, for observations as they come."""

from math import prod

import torch


class Gate(torch.nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.value, self.gate = torch.nn.Linear(inputs, 16), torch.nn.Linear(inputs, 16)
        self.last = torch.nn.Linear(16, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(torch.tanh(self.value(x)) * torch.sigmoid(self.gate(x)))


def gate(shape: tuple[int, ...], outputs: int) -> torch.nn.Module:
    return Gate(prod(shape), outputs)
