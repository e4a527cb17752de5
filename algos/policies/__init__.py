"""What a policy is: a network over one flat theta whose outputs parametrise a distribution over actions."""

from algos.policies.families import Categorical, DiagonalGaussian, Family
from algos.policies.networks import MLP, Linearization
from algos.policies.policy import Policy

__all__ = ["MLP", "Categorical", "DiagonalGaussian", "Family", "Linearization", "Policy"]
