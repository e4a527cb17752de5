"""What a policy is: a network over one flat theta whose outputs parametrise a distribution over actions."""

from algos.policies.families import Categorical, DiagonalGaussian, Family
from algos.policies.policy import Policy
from algos.policies.products import MultiCategorical
from algos.policies.squashed import SquashedGaussian

__all__ = [
    "Categorical",
    "DiagonalGaussian",
    "Family",
    "MultiCategorical",
    "Policy",
    "SquashedGaussian",
]
