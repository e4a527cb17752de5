"""Other ways to solve for the step in a trust region: one that knows the radius, and one without iterations."""

from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from algos.ascent import (
    AscentRule,
    AscentState,
    Backtracking,
    Factored,
    KLRadius,
    KLWithin,
    Steihaug,
    SurrogateImproves,
    WholeStep,
)
from algos.curvature import Kronecker
from algos.policies import Policy
from algos.search_space import Beta, Damping, MaxKL
from algos.types import Batch, Info


@dataclass(frozen=True)
class RadiusFirst:
    """`ascent`, whose direction gets the radius in force before it is solved for."""

    ascent: AscentRule

    def init(self, theta: Tensor) -> AscentState:
        return self.ascent.init(theta)

    def update(self, state: AscentState, batch: Batch) -> tuple[AscentState, Info]:
        direction: Any = self.ascent.direction
        step_size: Any = self.ascent.step_size
        bounded = replace(direction, radius=step_size.delta * state.scale)
        return replace(self.ascent, direction=bounded).update(state, batch)


def trpo_steihaug(
    policy: Policy,
    *,
    max_kl: MaxKL = 0.02,
    beta: Beta = 2.0,
    damping: Damping = 0.1,
    cg_iterations: int = 10,
    shrink: float = 0.8,
    max_trials: int = 10,
) -> RadiusFirst:
    """Maximise g'd - (beta/2) d'(F + damping I)d within d'(F + damping I)d / 2 <= max_kl (Steihaug 1983).

    A trust-region solver in the proper sense (Nocedal and Wright 2006, algorithm 7.2): the model has a maximum of its
    own, and conjugate gradient goes there, or stops where it leaves the region. So a step is no longer than the model
    is good for, and costs fewer products the sooner the region ends. With a small beta it stops at once, along g: the
    first iterate does not know the metric. The region is that of the damped form, in which iterates grow.

    beta: 2, as in `mm_quadratic`; max_kl, damping, cg_iterations, shrink and max_trials: as in `trpo`.
    """
    search = Backtracking((SurrogateImproves(), KLWithin()), shrink, max_trials)
    return RadiusFirst(AscentRule(policy, Steihaug(beta, cg_iterations, damping), WholeStep(max_kl), search))


def trpo_kfac(
    policy: Policy, *, max_kl: MaxKL = 0.02, damping: Damping = 0.1, shrink: float = 0.8, max_trials: int = 10
) -> AscentRule:
    """TRPO along the Kronecker-factored natural gradient, without conjugate gradient (Wu et al. 2017, "ACKTR").

    theta + alpha P g with P the inverse of every layer's (mean signal signal') x (mean input input') and damping by
    factors (Martens and Grosse 2015, section 6.3). Two factorisations a layer replace ten products. Factors are of the
    batch alone, where theirs are moving averages; the length is to the exact KL radius, and the search is `trpo`'s.
    max_kl, damping, shrink and max_trials: as in `trpo`.
    """
    search = Backtracking((SurrogateImproves(), KLWithin()), shrink, max_trials)
    return AscentRule(policy, Factored(Kronecker(), damping), KLRadius(max_kl), search)
