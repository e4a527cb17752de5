"""Functions of one flat theta [P] and observations, and their first-order models."""

from algos.networks.autodiff import AutodiffLinearization, linearize
from algos.networks.mlp import MLP
from algos.networks.passes import TORCH, Passes
from algos.networks.pixels import Pixels
from algos.networks.protocol import Linearized, Network, RowGradients

__all__ = [
    "MLP",
    "TORCH",
    "AutodiffLinearization",
    "Linearized",
    "Network",
    "Passes",
    "Pixels",
    "RowGradients",
    "linearize",
]
