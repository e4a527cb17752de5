"""Environments as the pipeline sees them: observations of one shape and type, N of them stepped together."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import gymnasium as gym
from numpy.typing import NDArray

from algos.policies import Family
from experiments.cell.entry_points import Wrapping
from experiments.cell.failures import EnvironmentFailed, raised_as
from experiments.cell.gym_environments import ActionDistribution, GymEnvironments, Step
from experiments.cell.lean.environments import lean_environments
from experiments.cell.spaces import Observations, make_environment
from experiments.spec import RunSpec


class Environments(Protocol):
    """N environments that never reset themselves: what `step` returns is the true next observation, always.

    Whoever steps them resets those that ended before the next step, which is gymnasium's SAME_STEP autoreset without
    its detour of the last observation through `info`. Whatever their own code raises comes out as EnvironmentFailed.
    """

    made: list[gym.Env[Any, Any]]
    n: int
    observations: Observations
    family: Family
    action_space: gym.Space[Any]
    action_scale: float  # the largest finite bound of an action; 1 where there is none
    time_limit: int | None
    infos: list[Any]  # what each of them returned with its last step; of no use where they are stepped lean

    def inside(self, actions: NDArray[Any]) -> NDArray[Any]:
        """The actions [..., A] that an environment gets: squashed by the family, or the nearest in the action space."""
        ...

    def clipped(self, actions: NDArray[Any]) -> float:
        """The share of numbers in actions [..., A] that lie outside the action space, and are moved to its edge."""
        ...

    def reset(self, which: int, seed: int | None = None) -> NDArray[Any]:
        """First observation [*shape] of a new episode; without a seed the environment's own generator goes on."""
        ...

    def step(self, actions: NDArray[Any], which: Sequence[int]) -> Step:
        """Observations [m, *shape], rewards [m], terminated [m], truncated [m] of the m environments in `which`."""
        ...

    def close(self) -> None: ...


@raised_as(EnvironmentFailed)
def make_environments(
    env: str,
    kwargs: Mapping[str, Any],
    n: int,
    wrappers: Sequence[Wrapping] = (),
    distribution: ActionDistribution = "gaussian",
    flat: bool = True,
    informed: bool = False,
) -> Environments:
    """N environments: stepped lean where they are provably gymnasium's own, through gymnasium otherwise.

    informed: whether their `info` is needed, which compiled stepping does not give. Raises EnvironmentFailed.
    """
    made = [make_environment(env, kwargs, wrappers, flat) for _ in range(n)]
    lean = None if wrappers or informed else lean_environments(made, distribution)
    return lean or GymEnvironments(made, distribution)


def environments_of(spec: RunSpec, n: int, informed: bool = False) -> Environments:
    """N environments of a run. Raises EnvironmentFailed."""
    distribution, flat = spec.settings.action_distribution, spec.settings.flat_observations
    return make_environments(spec.environment, spec.env_kwargs, n, spec.wrappers, distribution, flat, informed)
