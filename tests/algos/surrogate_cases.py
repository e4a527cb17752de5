"""Surrogates, and a batch small enough to know their weights by hand."""

import pytest
import torch

from algos.estimators import WEIGHTINGS, Clipped, Discounted
from algos.types import Batch

SURROGATES = [*WEIGHTINGS.values(), Clipped(0.2), *(Discounted(surrogate) for surrogate in WEIGHTINGS.values())]
every_surrogate = pytest.mark.parametrize("surrogate", SURROGATES, ids=repr)

EPISODES = Batch(
    obs=torch.zeros(5, 1),
    actions=torch.zeros(5),
    advantages=torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0]).double(),
    log_probs=torch.zeros(5),
    episodes=torch.tensor([7, 3, 7, 3, 7]),
    times=torch.tensor([0, 4, 1, 5, 2]),
    gamma=0.9,
)
RATIOS = torch.tensor([2.0, 0.5, 3.0, 4.0, 0.1]).double()
WEIGHTS = {
    "ordinary": [2.0, 0.5, 3.0, 4.0, 0.1],
    "truncated": [2.0, 0.5, 2.0, 2.0, 0.1],
    "self_normalised": [2.0 / 1.92, 0.5 / 1.92, 3.0 / 1.92, 4.0 / 1.92, 0.1 / 1.92],
    "per_decision": [2.0, 0.5, 6.0, 2.0, 0.6],
    "trajectory": [0.6, 2.0, 0.6, 2.0, 0.6],
    "none": [1.0, 1.0, 1.0, 1.0, 1.0],
}
