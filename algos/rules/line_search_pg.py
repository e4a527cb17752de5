"""Line search without a trust region: a direction first, then a length."""

from typing import Annotated

from algos.ascent import AscentRule, Backtracking, Fixed, Gradient, SufficientIncrease
from algos.policies import Policy
from algos.search_space import LogUniform, Shrink


def line_search_pg(
    policy: Policy,
    *,
    lr: Annotated[float, LogUniform(0.3, 30.0, "a decade on either side of 3, since the search shortens")] = 3.0,
    c: float = 1e-4,
    shrink: Shrink = 0.5,
    max_trials: int = 10,
) -> AscentRule:
    """theta + alpha g, alpha halved from lr until the surrogate gained c alpha g'g (Nocedal and Wright 2006, 3.1).

    lr: ten times that of `vanilla_pg`, since the search can only shorten; c: theirs; shrink and max_trials: ten
    candidates, so nine halvings at most. The surrogate is trusted wherever it goes up: nothing bounds how far the
    policy moves.
    """
    return AscentRule(policy, Gradient(), Fixed(lr), Backtracking((SufficientIncrease(c),), shrink, max_trials))
