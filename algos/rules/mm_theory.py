"""Minorize-maximize with the penalty that theory demands: every step is tiny, and improves if nothing is estimated."""

from algos.ascent import AscentRule, Backtracking, MaxKLBoundImproves, Natural, TheoryBound
from algos.policies import Policy


def mm_theory(
    policy: Policy, *, damping: float = 0.1, cg_iterations: int = 10, shrink: float = 0.5, max_trials: int = 20
) -> AscentRule:
    """Maximise L - C max KL(old || new) with C = 4 epsilon gamma / (1 - gamma)^2 (Schulman et al. 2015, theorem 1).

    With exact quantities no step lowers the return. On samples the surrogate, its advantages and the largest
    divergence are estimates, and 7 to 10 % of the updates do lower it (FrozenLake-v1, where it is known). It must not
    be expected to learn within any budget of ours: at gamma = .99 its C is some thousand times the beta that learns,
    and its steps as many times shorter. damping and cg_iterations: see `Natural`; shrink, max_trials: twenty
    candidates, so nineteen halvings at most, since the largest divergence exceeds the mean that the length is made for.
    """
    return AscentRule(
        policy,
        Natural(cg_iterations, damping),
        TheoryBound(),
        Backtracking((MaxKLBoundImproves(),), shrink, max_trials),
    )
