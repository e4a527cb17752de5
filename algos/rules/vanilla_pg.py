"""Vanilla policy gradient: theta + lr g."""

from algos.ascent import Always, AscentRule, Fixed, Gradient
from algos.policies import Policy


def vanilla_pg(policy: Policy, *, lr: float = 0.3) -> AscentRule:
    """REINFORCE with the shared baseline (Williams 1992; Sutton et al. 2000, theorem 1): theta + lr g.

    lr: 0.3, for advantages of unit scale; best of .03 to 1 over CartPole, Pendulum and HalfCheetah on seeds of their
    own (`run_matrix.py tuning`). At 1.0 HalfCheetah collapses, at 0.1 it crawls.
    """
    return AscentRule(policy, Gradient(), Fixed(lr), Always())
