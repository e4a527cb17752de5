"""Minorize-maximize with a quadratic lower bound: theta + F^-1 g / beta, beta fixed or adaptive."""

from typing import Annotated

from algos.ascent import AscentRule, Backtracking, ByAgreement, LowerBoundImproves, Natural, QuadraticBound
from algos.policies import Policy
from algos.search_space import Beta, Damping, LogUniform


def mm_quadratic(
    policy: Policy,
    *,
    beta: Beta = 2.0,
    damping: Damping = 0.1,
    cg_iterations: int = 10,
    shrink: float = 0.5,
    max_trials: int = 10,
) -> AscentRule:
    """Maximise g.d - (beta/2) d'Fd, the local form of L - beta KL (Schulman et al. 2015, equations 9 and 10; Hunter and
    Lange 2004 for the principle); shrink while L - beta KL(old || new) does not improve.

    beta: 2.0, best of 1, 2 and 4 on seeds of their own (`run_matrix.py tuning`);
    damping and cg_iterations: see `Natural`; shrink and max_trials: ten candidates, so nine halvings at most, as in
    `trpo_mpi` of Baselines.
    """
    return AscentRule(
        policy,
        Natural(cg_iterations, damping),
        QuadraticBound(beta),
        Backtracking((LowerBoundImproves(),), shrink, max_trials),
    )


def mm_adaptive(
    policy: Policy,
    *,
    beta: Beta = 2.0,
    damping: Damping = 0.1,
    cg_iterations: int = 10,
    shrink: float = 0.5,
    max_trials: int = 10,
    largest: Annotated[float, LogUniform(1.0, 64.0, "no growth of the penalty, to 64 times")] = 2.0,
) -> AscentRule:
    """`mm_quadratic` whose beta doubles when the bound was violated and halves when it was loose (cf. Hunter and Lange
    2004, section 3, on minorizers that are fitted to what was seen).

    At its maximum the parabola g.d - (beta/2) d'Fd stands at half of the slope g.d. Violated: on rows that the
    direction has not seen, the surrogate gained less than that half of theirs; loose: more than three quarters, so
    that a bound with half the beta would have held as well. Both as `ByAgreement` counts them, over several updates.
    largest: beta never falls below beta / largest, since a batch's surrogate does not show the shift of its states.
    The rest as in `mm_quadratic`: damping, cg_iterations, shrink, max_trials.
    """
    return AscentRule(
        policy,
        Natural(cg_iterations, damping),
        QuadraticBound(beta),
        Backtracking((LowerBoundImproves(),), shrink, max_trials),
        ByAgreement(shrink=0.5, grow=2.0, low=0.5, high=0.75, largest=largest),
    )
