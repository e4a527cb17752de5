"""Generalised advantage estimation, with termination and truncation kept apart."""

import torch
from torch import Tensor


def gae(
    rewards: Tensor,
    values: Tensor,
    next_values: Tensor,
    terminated: Tensor,
    done: Tensor,
    gamma: float,
    gae_lambda: float,
) -> tuple[Tensor, Tensor]:
    """Advantages and returns (advantage + value), all [T, N]. Schulman et al. 2016, equation 16.

    `next_values` are the values of the true next observations, the last one before a reset included. `terminated`
    stops the bootstrap; `done` (terminated or truncated) stops the sum only: a time limit is not the end of the world.
    """
    delta = rewards + gamma * next_values * ~terminated - values
    decay = gamma * gae_lambda * ~done
    advantages, reach = delta, 1
    while reach < len(delta):
        # what sums `reach` steps ahead, and the decay over them, become what sums twice as many
        advantages = torch.cat([advantages[:-reach] + decay[:-reach] * advantages[reach:], advantages[-reach:]])
        decay = torch.cat([decay[:-reach] * decay[reach:], decay[-reach:]])
        reach *= 2
    return advantages, advantages + values
