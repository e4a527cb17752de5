"""Minorize-maximize with the penalty that theory demands: every step an improvement, and every step tiny."""

from algos.ascent import AscentRule, Backtracking, Natural, TheoryBound, TheoryBoundImproves
from algos.policies import Policy


def mm_theory(
    policy: Policy, *, damping: float = 0.1, cg_iterations: int = 10, shrink: float = 0.5, max_trials: int = 20
) -> AscentRule:
    """Maximise L - C max KL(old || new) with C = 4 epsilon gamma / (1 - gamma)^2 (Schulman et al. 2015, theorem 1).

    It must not be expected to learn within any budget of ours: at gamma = .99 its C is some thousand times the beta
    that learns, and its steps as many times shorter. damping and cg_iterations: see `Natural`; shrink, max_trials:
    halving, twenty times, since the largest divergence exceeds the mean that the step length was made for.
    """
    return AscentRule(
        policy,
        Natural(cg_iterations, damping),
        TheoryBound(),
        Backtracking((TheoryBoundImproves(),), shrink, max_trials),
    )
