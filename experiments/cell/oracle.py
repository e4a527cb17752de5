"""The truth beside the estimates, on problems whose tables gymnasium publishes (its toy-text environments)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.envs.toy_text.cliffwalking import CliffWalkingEnv
from gymnasium.envs.toy_text.frozen_lake import FrozenLakeEnv
from gymnasium.envs.toy_text.taxi import TaxiEnv
from torch import Tensor

from algos.ascent import LocalModel
from algos.exact import FiniteMDP
from algos.policies import Policy
from algos.types import Batch
from experiments.cell.entry_points import Wrapping
from experiments.cell.spaces import make_environment
from experiments.cell.stock import stock_type

TABULAR = (FrozenLakeEnv, CliffWalkingEnv, TaxiEnv)
NAN = float("nan")


@dataclass(frozen=True)
class Truth:
    """Columns of an UpdateRow; returns are discounted, exact, and without the time limit."""

    true_return_before: float = NAN
    true_return_after: float = NAN
    true_cosine: float = NAN
    claimed_gain: float = NAN
    bound_held: float = NAN


def finite_mdp(
    env: str, kwargs: Mapping[str, Any], gamma: float, wrappers: Sequence[Wrapping] = ()
) -> FiniteMDP | None:
    """The environment's own table as a FiniteMDP; None for an environment that has none."""
    return table_of([make_environment(env, kwargs, wrappers)], gamma)


def table_of(made: Sequence[gym.Env[Any, Any]], gamma: float) -> FiniteMDP | None:
    """The one table by which all of these are stepped; None if there is none, or if it is not all of the truth.

    Where rewards, observations or steps are altered, by a wrapper, a subclass or a method of the instance's own, the
    table is that of another problem. So it is where Taxi's passenger changes her mind: the table does not know.
    """
    bare: list[Any] = [env.unwrapped for env in made]
    first = bare[0]
    if stock_type(made) not in TABULAR or getattr(first, "fickle_passenger", False):
        return None
    if any(repr((b.P, b.initial_state_distrib)) != repr((first.P, first.initial_state_distrib)) for b in bare[1:]):
        return None
    states, actions = len(first.P), len(first.P[0])
    transitions, rewards = np.zeros((states, actions, states)), np.zeros((states, actions))
    for state, moves in first.P.items():
        for action, outcomes in moves.items():
            for probability, following, reward, terminated in outcomes:
                rewards[state, action] += probability * reward
                if not terminated:
                    transitions[state, action, following] += probability
    start = torch.from_numpy(np.asarray(first.initial_state_distrib, dtype=np.float64))
    return FiniteMDP(torch.from_numpy(transitions), torch.from_numpy(rewards), start / start.sum(), gamma)


class Oracle:
    """Judges updates of one run."""

    def __init__(self, mdp: FiniteMDP, policy: Policy) -> None:
        self._mdp, self._policy = mdp, policy

    @torch.no_grad()
    def judge(self, old: Tensor, new: Tensor, seen_as: Tensor, batch: Batch, achieved_bound: float) -> Truth:
        """`seen_as` [S, O] is every state's observation as the old policy saw it.

        The rule's bound is in units of normalised advantages per step: times their scale, times the rewards' scale,
        times the mass of the old policy's discounted visitation, the expected sum of gamma^t until termination, it is
        a gain of the return. That mass is 1 / (1 - gamma) only where no episode ends. It makes the bound one under the
        discounted visitation; where the rule's surrogate is under the undiscounted one, the claim is theory's but for
        that difference.
        """
        mdp, seen = self._mdp, seen_as.double()
        old, new, batch = old.cpu(), new.cpu(), batch.to(seen.device)
        before, after = (self._pi(theta, seen) for theta in (old, new))
        returns = [float(mdp.eta(pi)) for pi in (before, after)]
        exact = mdp.policy_gradient(self._policy, old.double(), seen)
        estimate = LocalModel(self._policy, old, batch).gradient.double()
        norms = float(exact.norm() * estimate.norm())
        claimed = achieved_bound * batch.advantage_scale * batch.reward_scale * float(mdp.visitation(before).sum())
        held = NAN if np.isnan(claimed) else float(returns[1] - returns[0] >= claimed)
        cosine = float(exact @ estimate) / norms if norms > 0 else NAN
        return Truth(returns[0], returns[1], cosine, claimed, held)

    def _pi(self, theta: Tensor, seen: Tensor) -> Tensor:
        return self._policy.outputs(theta.double(), seen).softmax(-1)
