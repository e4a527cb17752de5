"""Natural policy gradient: with a fixed step, and with one that ends at a KL radius."""

from typing import Annotated

from algos.ascent import Always, AscentRule, Fixed, KLRadius, Natural
from algos.policies import Policy
from algos.search_space import Damping, LogUniform, MaxKL


def npg(
    policy: Policy,
    *,
    lr: Annotated[float, LogUniform(0.1, 10.0, "a decade on either side of 1")] = 1.0,
    damping: Damping = 0.1,
    cg_iterations: int = 10,
) -> AscentRule:
    """Natural policy gradient (Kakade 2001, section 3): theta + lr (F + damping I)^-1 g.

    lr: 1.0, best of .1 (Tianshou's), .3 and 1 on seeds of their own (`run_matrix.py tuning`);
    damping and cg_iterations: see `Natural`.
    """
    return AscentRule(policy, Natural(cg_iterations, damping), Fixed(lr), Always())


def tnpg(policy: Policy, *, max_kl: MaxKL = 0.02, damping: Damping = 0.1, cg_iterations: int = 10) -> AscentRule:
    """Truncated natural policy gradient (Duan et al. 2016, section 3): the natural step to a KL radius, taken unseen.

    max_kl: as in `trpo`, of which this is the rule without its search; damping and cg_iterations: see `Natural`.
    """
    return AscentRule(policy, Natural(cg_iterations, damping), KLRadius(max_kl), Always())
