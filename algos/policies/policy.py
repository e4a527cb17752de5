"""A policy is a network and a family; theta stays outside, so a policy is a constant."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from algos.networks import MLP, TORCH, Network, Passes
from algos.optim import TORCH_STEPS, Steps
from algos.policies.families import Family


@dataclass(frozen=True)
class Policy:
    """(theta [P], obs [B, ...]) -> outputs d [B, D], which the family reads as a distribution over actions.

    `steps` is how runs of many small steps on its objectives are computed.
    """

    network: Network
    family: Family
    steps: Steps = field(default=TORCH_STEPS, repr=False)

    @classmethod
    def mlp(
        cls,
        obs_size: int,
        hidden: tuple[int, ...],
        family: Family,
        passes: Passes = TORCH,
        steps: Steps = TORCH_STEPS,
    ) -> "Policy":
        """An MLP whose outputs fit the family."""
        return cls(MLP(obs_size, hidden, family.output_size, family.free_size, passes), family, steps)

    def init(self, generator: torch.Generator, log_std: float, dtype: torch.dtype = torch.float32) -> Tensor:
        """theta [P]; the last layer is scaled by 0.01 so that the first policy hardly depends on the observation."""
        return self.network.init(generator, last_gain=0.01, free_value=log_std, dtype=dtype)

    def outputs(self, theta: Tensor, obs: Tensor) -> Tensor:
        """d [B, D]."""
        return self.network(theta, obs)

    def log_prob(self, theta: Tensor, obs: Tensor, actions: Tensor) -> Tensor:
        """log pi(a | s) [B], in double precision from the network's outputs."""
        return self.family.log_prob(self.outputs(theta, obs).double(), actions)
