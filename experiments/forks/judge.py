"""What a new policy is worth beside the one that it came from. One judge per stage, the same for every rule."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from algos.exact import FiniteMDP
from algos.policies import Policy
from experiments.cell.evaluate import Evaluator
from experiments.cell.normalization import ObservationNormalizer, normalizer_of
from experiments.cell.oracle import finite_mdp
from experiments.cell.spaces import Observations
from experiments.forks.stage import Stage
from experiments.spec import RunSpec

NAN = float("nan")


@dataclass(frozen=True)
class Worth:
    """Of a new policy; `gain_se` is the standard error of its return less the old policy's."""

    return_after: float
    gain_se: float
    exact_surrogate_gain: float = NAN


class Judge(Protocol):
    """`unit`: what a surrogate gain of 1 on the stage's batch is worth in units of the return, to first order: the
    advantages' scale, times the rewards' scale, times the steps of an episode (Kakade and Langford 2002, lemma 6.1).
    """

    exact: bool
    episodes: int
    before: float
    unit: float

    @property
    def gradient(self) -> Tensor | None:
        """The exact policy gradient [P], where that is known."""
        ...

    def worth(self, theta: Tensor) -> Worth: ...

    def close(self) -> None: ...


def judge_of(spec: RunSpec, policy: Policy, observations: Observations, stage: Stage, episodes: int) -> Judge:
    """The exact judge where the environment has a table, else one that plays `episodes` episodes."""
    normalizer = normalizer_of(observations, spec.settings.normalize_obs)
    normalizer.restore(stage.moments)
    mdp = finite_mdp(spec.environment, spec.env_kwargs, spec.settings.gamma, spec.wrappers)
    if mdp is not None:
        return ExactJudge(mdp, policy, torch.from_numpy(normalizer(np.eye(observations.size))), stage)
    return SampledJudge(spec, policy, normalizer, stage, episodes)


class SampledJudge:
    """Undiscounted returns with sampled actions. Every policy plays the same episodes: equal seeds, and equal noise of
    the actions as long as no episode ends before its partner does."""

    exact, gradient = False, None

    def __init__(
        self, spec: RunSpec, policy: Policy, normalizer: ObservationNormalizer, stage: Stage, episodes: int
    ) -> None:
        self.episodes = episodes
        self._evaluator, self._normalizer = Evaluator(spec, policy), normalizer
        played = self._evaluator.run(stage.theta, normalizer, "sampled", episodes, "forks")
        self._returns = played.returns
        self.before = float(played.returns.mean())
        self.unit = stage.batch.advantage_scale * stage.reward_scale * float(played.lengths.mean())

    def worth(self, theta: Tensor) -> Worth:
        """Raises Diverged if the policy's outputs overflow."""
        returns = self._evaluator.run(theta, self._normalizer, "sampled", self.episodes, "forks").returns
        error = (returns - self._returns).std(ddof=1) / np.sqrt(self.episodes)
        return Worth(float(returns.mean()), float(error))

    def close(self) -> None:
        self._evaluator.close()


class ExactJudge:
    """Discounted returns in closed form, without the time limit; `seen` [S, O] is every state as the policy sees it."""

    exact, episodes = True, 0

    def __init__(self, mdp: FiniteMDP, policy: Policy, seen: Tensor, stage: Stage) -> None:
        self._mdp, self._policy, self._seen = mdp, policy, seen.double()
        self._pi = self._distribution(stage.theta)
        self.before = float(mdp.eta(self._pi))
        self.unit = stage.batch.advantage_scale * stage.reward_scale * float(mdp.visitation(self._pi).sum())
        self.gradient = mdp.policy_gradient(policy, stage.theta.double(), self._seen)

    def worth(self, theta: Tensor) -> Worth:
        pi = self._distribution(theta)
        return Worth(float(self._mdp.eta(pi)), 0.0, float(self._mdp.surrogate(self._pi, pi)) - self.before)

    def close(self) -> None:
        return

    @torch.no_grad()
    def _distribution(self, theta: Tensor) -> Tensor:
        return self._policy.outputs(theta.double(), self._seen).softmax(-1)
