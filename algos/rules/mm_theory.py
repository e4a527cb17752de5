"""Minorize-maximize with the penalty that theory demands: every step is tiny, and improves if nothing is estimated."""

from algos.ascent import AscentRule, Backtracking, MaxKLBoundImproves, Natural, TheoryBound
from algos.policies import Policy
from algos.search_space import Damping, Shrink


def mm_theory(
    policy: Policy, *, damping: Damping = 0.1, cg_iterations: int = 10, shrink: Shrink = 0.5, max_trials: int = 20
) -> AscentRule:
    """Maximise L - C max KL(old || new) with C = 4 epsilon gamma / (1 - gamma)^2 (Schulman et al. 2015, theorem 1).

    With exact quantities no step lowers the return. On samples the surrogate, its advantages and the largest
    divergence are estimates, and a batch overrates the step that it has chosen. On FrozenLake-v1, where the return is
    known (gamma .99, the first updates of ten seeds), 2 % of the updates lowered it with batches of 2,048 and 14 % with
    512, and the median claim was 4.8 and 12 times the true gain; with 65,536 it was 1.1 times (two seeds, discounted).

    It must not be expected to learn within any budget of ours: at gamma = .99 its C is some thousand times the beta
    that learns, and its steps as many times shorter: on CartPole-v1 (2,048 rows, 60 updates of two runs) every update
    was accepted, at the second or third trial, with a mean KL of 2e-10 where one of `trpo` goes 1e-2. damping and
    cg_iterations: see `Natural`; shrink, max_trials: twenty candidates, so nineteen halvings at most, since the largest
    divergence exceeds the mean that the length is made for.
    """
    return AscentRule(
        policy,
        Natural(cg_iterations, damping),
        TheoryBound(),
        Backtracking((MaxKLBoundImproves(),), shrink, max_trials),
    )
