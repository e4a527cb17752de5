"""Policy optimisation via importance sampling: the surrogate less what the variance of its weights is worth."""

from dataclasses import dataclass
from math import sqrt
from typing import Annotated

from torch import Tensor

from algos.ascent import Constant, LocalModel
from algos.policies import Policy
from algos.rules.mm_penalty import PenaltyMM
from algos.search_space import AdamRate, Integer, Uniform
from algos.types import NAN


@dataclass(frozen=True)
class WeightVariance:
    """max |A| (sqrt(d2) - 1) / sqrt(N), d2 = 1 + mean((w - 1)^2), N the number of episodes in the batch.

    d2 is the exponentiated Renyi divergence of order 2 of new from old, E_old[w^2], estimated from the actions taken:
    weights have mean one, so that it is one and the variance. At the old policy the penalty and its gradient are zero.
    """

    def of(self, old: LocalModel, outputs: Tensor) -> Tensor:
        batch = old.batch
        weights = (old.policy.family.log_prob(outputs, batch.actions) - batch.log_probs).exp()
        largest, episodes = batch.advantages.abs().max(), len(batch.episodes.unique())
        return largest / sqrt(episodes) * ((1 + (weights - 1).square().mean()).sqrt() - 1)


def pois(
    policy: Policy,
    *,
    delta: Annotated[float, Uniform(0.01, 0.99, "a probability; Metelli et al. 2018 tune it by task")] = 0.4,
    steps: Annotated[int, Integer(5, 80, "as in `mm_penalty`, which has the same ascent")] = 20,
    lr: AdamRate = 3e-3,
    ess_floor: float = 0.1,
) -> PenaltyMM:
    """Maximise L - sqrt((1 - delta) / delta) max|A| sqrt(d2(new || old) / N) (Metelli et al. 2018, "POIS").

    With probability 1 - delta what the estimate stands for is no less than that, if its N samples are independent
    (Cantelli's inequality). So it is a lower bound that says how far a batch can be re-used: where re-use and
    minorize-maximize meet. Theirs weights trajectories by products of ratios; here rows are weighted one by one, as by
    every rule that has advantages, and N counts episodes, since rows of one depend on each other.

    delta: 0.4, by hand; they tune it task by task. steps and lr: as in `mm_penalty`, whose ascent this is, where they
    climb by gradient steps with a line search; ess_floor: 0.1, next to no floor, since the bound itself holds the
    weights together.
    """
    if not 0 < delta < 1:
        raise ValueError(f"delta must lie in (0, 1), got {delta}")
    return PenaltyMM(policy, sqrt((1 - delta) / delta), steps, lr, ess_floor, NAN, Constant(), WeightVariance())
