"""Vanilla policy gradient, by the gradient itself or by Adam."""

from algos.ascent import Adam, Always, AscentRule, Fixed, Gradient
from algos.estimators import Discounted
from algos.policies import Policy
from algos.search_space import AdamRate, Rate


def vanilla_pg(policy: Policy, *, lr: Rate = 0.3) -> AscentRule:
    """REINFORCE with the shared baseline (Williams 1992; Sutton et al. 2000, theorem 1): theta + lr g.

    lr: 0.3, for advantages of unit scale; best of .03 to 1 over CartPole, Pendulum and HalfCheetah on seeds of their
    own (`run_matrix.py tuning`). At 1.0 HalfCheetah collapses, at 0.1 it crawls.
    """
    return AscentRule(policy, Gradient(), Fixed(lr), Always())


def vanilla_pg_adam(policy: Policy, *, lr: AdamRate = 3e-3) -> AscentRule:
    """The same gradient, scaled coordinate by coordinate by Adam (Kingma and Ba 2015, algorithm 1): theta + lr Adam(g).

    lr: 3e-3, three times what Tianshou and Spinning Up take, since here an update is one step.
    """
    return AscentRule(policy, Adam(), Fixed(lr), Always())


def vanilla_pg_discounted(policy: Policy, *, lr: Rate = 0.3) -> AscentRule:
    """The gradient of the discounted return, as the theorem has it: rows weighted by gamma^t.

    What nearly all code leaves out (Thomas 2014; Nota and Thomas 2020). On FrozenLake-v1 with gamma .9 the gain that
    `vanilla_pg` predicts is 1.8 times the true one, and this one's 1.15 times; with .99 both 1.2 (medians of eight
    updates of 65,536 rows). lr: 0.3, as in `vanilla_pg`: the weights have mean 1.
    """
    return AscentRule(policy, Gradient(), Fixed(lr), Always(), surrogate=Discounted())
