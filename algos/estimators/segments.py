"""Sums over the rows of an episode, wherever they stand in the batch. No episode's numbers reach another's."""

import torch
from torch import Tensor

from algos.types import Batch


def segment_sums(values: Tensor, episodes: Tensor) -> tuple[Tensor, Tensor]:
    """Sums [G] of values [B] over the rows of each of G episodes, and the place of each row's episode in them [B]."""
    names, place = episodes.unique(return_inverse=True)
    return values.new_zeros(len(names)).index_add(0, place, values), place


def running_sums(values: Tensor, batch: Batch) -> Tensor:
    """Sum of values [B] over the rows of the same episode up to and including each row, [B]."""
    order = torch.argsort(batch.times, stable=True)
    order = order[torch.argsort(batch.episodes[order], stable=True)]
    episode, sums = batch.episodes[order], values[order]
    reach = 1
    while reach < len(sums) and bool((same := episode[reach:] == episode[:-reach]).any()):
        # what sums the last `reach` rows of an episode becomes what sums the last 2 * reach
        earlier = torch.where(same, sums[:-reach], torch.zeros_like(sums[:-reach]))
        sums = torch.cat([sums[:reach], sums[reach:] + earlier])
        reach *= 2
    return torch.zeros_like(values).index_copy(0, order, sums)
