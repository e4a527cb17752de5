"""What a policy is: a network over one flat theta whose outputs parametrise a distribution over actions."""

from algos.policies.autodiff import AutodiffLinearization, Linearized, linearize
from algos.policies.families import Categorical, DiagonalGaussian, Family
from algos.policies.linearization import Linearization
from algos.policies.networks import MLP
from algos.policies.policy import Policy
from algos.policies.products import MultiCategorical
from algos.policies.squashed import SquashedGaussian

__all__ = [
    "MLP",
    "AutodiffLinearization",
    "Categorical",
    "DiagonalGaussian",
    "Family",
    "Linearization",
    "Linearized",
    "MultiCategorical",
    "Policy",
    "SquashedGaussian",
    "linearize",
]
