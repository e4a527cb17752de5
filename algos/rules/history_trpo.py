"""TRPO on the last few batches, as samples of one mixture."""

from typing import Annotated

from algos.policies import Policy
from algos.rules.history_pg import HistoryPG
from algos.rules.trpo import trpo
from algos.search_space import Damping, Integer, MaxKL


def history_trpo(
    policy: Policy,
    *,
    max_kl: MaxKL = 0.01,
    batches: Annotated[int, Integer(1, 16, "two doublings on either side of 4")] = 4,
    damping: Damping = 0.1,
    cg_iterations: int = 10,
    shrink: float = 0.8,
    max_trials: int = 10,
) -> HistoryPG:
    """Maximise mean(w A) over the last M batches subject to mean KL(now || new) <= max_kl over the states of them all.

    The generalised trust region of Queeney et al. 2021 ("Generalized proximal policy optimization with sample reuse";
    GeTRPO in their later work): an improvement bound holds for data of several policies if the new one stays near the
    present one on the states of all. w = pi_theta / sum_m (N_m/N) pi_m, the balance heuristic of `history_pg`, which
    brings batches to one scale, where theirs divides by each row's own policy; old advantages are not corrected, where
    theirs are by V-trace.

    batches: M = 4; max_kl: 0.01, half of `trpo`'s, since a sample is used four times, by hand. An update costs M times
    `trpo`'s. damping, cg_iterations, shrink and max_trials: as in `trpo`.
    """
    ascent = trpo(
        policy, max_kl=max_kl, damping=damping, cg_iterations=cg_iterations, shrink=shrink, max_trials=max_trials
    )
    return HistoryPG(ascent, batches)
