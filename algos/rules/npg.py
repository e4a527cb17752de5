"""Natural policy gradient with a fixed step: theta + lr F^-1 g."""

from algos.ascent import Always, AscentRule, Fixed, Natural
from algos.policies import Policy


def npg(policy: Policy, *, lr: float = 1.0, damping: float = 0.1, cg_iterations: int = 10) -> AscentRule:
    """Natural policy gradient (Kakade 2001, section 3): theta + lr (F + damping I)^-1 g.

    lr: 1.0, best of .1 (Tianshou's), .3 and 1 on seeds of their own (`run_matrix.py tuning`);
    damping and cg_iterations: see `Natural`.
    """
    return AscentRule(policy, Natural(cg_iterations, damping), Fixed(lr), Always())
