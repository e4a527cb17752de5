"""How far updates moved the policy, whether the model behind them was right, and what importance weights were worth.

All take one run's rows; nan where its rule has no such quantity. Updates of a run depend on each other: the run is the
unit, and a share over its updates is one number of it.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]
NAN = float("nan")


def violation_share(values: Array, bounds: Array) -> float:
    """Share of values [U] above their bounds [U], among those that are known and have a bound; nan if none has."""
    bounded = np.isfinite(bounds) & ~np.isnan(values)
    return float(np.mean(values[bounded] > bounds[bounded])) if bounded.any() else NAN


def overshoot(values: Array, bounds: Array) -> float:
    """Mean of max(0, value / bound - 1) over the values [U] that are known and have a bound."""
    bounded = np.isfinite(bounds) & (bounds > 0) & ~np.isnan(values)
    return float(np.maximum(values[bounded] / bounds[bounded] - 1, 0).mean()) if bounded.any() else NAN


def _over(statistic: Any, values: Any) -> float:
    """The statistic of the finite values, nan if there are none."""
    found = np.asarray(values, dtype=np.float64)
    found = found[np.isfinite(found)]
    return float(statistic(found)) if len(found) else NAN


def trust_region(updates: pd.DataFrame) -> dict[str, float]:
    """Divergences against the radius, how well the local model foretold the gain, and how far actions were clipped."""
    kl, max_kl, radius = (updates[name].to_numpy(float) for name in ("kl", "max_kl", "radius"))
    searched = updates.trials[updates.trials > 0]
    return {
        "kl_violation_share": violation_share(kl, radius),
        "max_kl_violation_share": violation_share(max_kl, radius),
        "kl_overshoot": overshoot(kl, radius),
        "kl_median": _over(np.median, kl),
        "rejected_share": float(1 - updates.accepted.mean()) if len(updates) else NAN,
        "backtracks": float(searched.mean() - 1) if len(searched) else NAN,
        "agreement_median": _over(np.median, updates.agreement),
        "cg_residual_median": _over(np.median, updates.cg_residual),
        "clipped_share": _over(np.mean, updates.clipped_actions),
    }


def importance_sampling(updates: pd.DataFrame, reuses: pd.DataFrame) -> dict[str, float]:
    """Effective sample size over N, largest weight's share, and share of truncated rows, where a batch was re-used.

    The first use of a batch (k = 0) is on policy and left out.
    """
    later = reuses[reuses.k > 0]
    by_reuse = len(later) > 0
    return {
        "ess_median": _over(np.median, later.ess if by_reuse else updates.ess),
        "ess_lowest": _over(np.min, later.ess if by_reuse else updates.ess),
        "max_weight_largest": _over(np.max, later.max_weight if by_reuse else updates.max_weight),
        "truncated_share": _over(np.mean, later.truncated),
    }


def truth(updates: pd.DataFrame) -> dict[str, float]:
    """On problems whose true return is known: share of updates that lowered it, and of lower bounds that held."""
    known = updates.dropna(subset=["true_return_before", "true_return_after"])
    lost = known.true_return_after < known.true_return_before
    return {
        "true_loss_share": float(lost.mean()) if len(known) else NAN,
        "bound_held_share": _over(np.mean, updates.bound_held),
    }
