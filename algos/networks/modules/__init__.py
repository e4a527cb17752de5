"""Networks that are modules of torch: any of them, and those that this project offers."""

from algos.networks.modules.architectures import CNN, NATURE, SMALL, Convolution, Design, LayeredMLP
from algos.networks.modules.network import Architecture, ModuleNetwork
from algos.networks.modules.requirements import UnusableModule, require_usable

__all__ = [
    "CNN",
    "NATURE",
    "SMALL",
    "Architecture",
    "Convolution",
    "Design",
    "LayeredMLP",
    "ModuleNetwork",
    "UnusableModule",
    "require_usable",
]
