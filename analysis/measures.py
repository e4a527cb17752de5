"""One row of numbers per run: how good, how soon, how steady, how dear. Definitions beside each function.

A score z = (return - random) / (reference - random) compares environments: 0 is a policy that acts at random, 1 the
reference. Both returns are pinned (`references.csv`, or the matrix file), never taken from the runs that are compared.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.load import Results
from experiments.records import PHASES

Array = NDArray[np.float64]
THRESHOLDS = (0.25, 0.5, 0.75, 0.9)
WINDOW = 5  # evaluations that must hold a threshold on average
NAN = float("nan")


def normalized_auc(steps: Array, scores: Array) -> float:
    """Area under scores [K] over steps [K] by trapezoids, divided by the steps' range."""
    return float(np.trapezoid(scores, steps) / (steps[-1] - steps[0])) if len(steps) > 1 else NAN


def time_to_threshold(times: Array, scores: Array, threshold: float, window: int = WINDOW) -> float:
    """First of times [K] from which the mean of the next `window` scores [K] reaches the threshold; inf if none.

    `scores[k]` itself may still lie below. Near the end, the window holds
    the evaluations that are left: a run that ends above the threshold has reached it.
    """
    for k in range(len(scores)):
        if np.mean(scores[k : k + window]) >= threshold:
            return float(times[k])
    return float("inf")


def max_drawdown(scores: Array) -> float:
    """Largest fall of scores [K] below their running maximum, >= 0."""
    return float(np.max(np.maximum.accumulate(scores) - scores)) if len(scores) else NAN


def violation_share(values: Array, bounds: Array) -> float:
    """Share of values [U] above their bounds [U], among those that have a bound; nan if none has."""
    bounded = np.isfinite(bounds)
    return float(np.mean(values[bounded] > bounds[bounded])) if bounded.any() else NAN


def measure_runs(results: Results) -> pd.DataFrame:
    """One row per planned run, in the plan's order.

    A run that failed keeps the evaluations before its failure and scores 0, the random level, from then on: `imputed`
    counts such runs. A run without a row has status "missing" and no numbers.
    """
    runs = results.runs.set_index("run_id")
    curves = dict(list(results.evaluations[results.evaluations.action == "sampled"].groupby("run_id")))
    means = dict(list(results.evaluations[results.evaluations.action == "mean"].groupby("run_id")))
    updates = dict(list(results.updates.groupby("run_id")))
    grids = _grids(results)
    rows = []
    for cell in results.planned.to_dict("records"):
        row: dict[str, Any] = {str(name): value for name, value in cell.items()}
        row |= {"status": "missing", "reason": "", "imputed": False}
        if cell["run_id"] in runs.index:
            run = runs.loc[cell["run_id"]]
            row |= {"status": run.status, "reason": run.reason, "imputed": run.status != "ok"}
            curve = curves.get(cell["run_id"], results.evaluations.iloc[:0])
            score = results.scores.get(cell["env"])
            row |= _quality(curve, score, grids[cell["env"]], failed=run.status != "ok")
            row |= _final(curve, "sampled", score, run.status) | _final(
                means.get(cell["run_id"], curve.iloc[:0]), "mean", score, run.status
            )
            row |= _trust(updates.get(cell["run_id"], results.updates.iloc[:0])) | _cost(run)
        rows.append(row)
    return pd.DataFrame(rows)


def normalized(returns: Array, score: tuple[float, float] | None) -> Array:
    """Scores z of returns; nan where the environment has no pinned pair."""
    if score is None:
        return np.full(len(returns), NAN)
    random, reference = score
    return (np.asarray(returns, dtype=np.float64) - random) / (reference - random)


def _grids(results: Results) -> dict[str, Array]:
    """The evaluation grid of each environment: every point that any of its runs reached, and the budget."""
    on_grid = results.evaluations[~results.evaluations.final]
    reached = {str(env): set(part.grid_step) for env, part in on_grid.groupby("env")}
    budgets = {str(env): int(part.max()) for env, part in results.planned.groupby("env").budget}
    return {
        env: np.array(sorted(reached.get(env, {0}) | {budget}), dtype=np.float64) for env, budget in budgets.items()
    }


def _quality(
    evaluations: pd.DataFrame, score: tuple[float, float] | None, grid: Array, failed: bool
) -> dict[str, float]:
    points = evaluations[~evaluations.final].sort_values("grid_step")
    steps, seconds = points.grid_step.to_numpy(float), points.train_s.to_numpy(float)
    z = normalized(points.return_mean.to_numpy(float), score)
    error = points.return_sd.to_numpy(float) / np.sqrt(points.episodes.to_numpy(float))
    if failed and score is not None:
        later = grid[grid > steps[-1]] if len(steps) else grid
        steps, z = np.concatenate([steps, later]), np.concatenate([z, np.zeros(len(later))])
        seconds = np.concatenate([seconds, np.full(len(later), np.inf)])
    known = score is not None and len(z) > 0
    row = {
        "nauc": normalized_auc(steps, z) if known else NAN,
        "max_drawdown": max_drawdown(z) if known else NAN,
        "evaluation_se": float(error.mean()) if len(error) else NAN,
    }
    for threshold in THRESHOLDS:
        row[f"steps_to_{threshold:g}"] = time_to_threshold(steps, z, threshold) if known else NAN
        row[f"seconds_to_{threshold:g}"] = time_to_threshold(seconds, z, threshold) if known else NAN
    return row


def _final(evaluations: pd.DataFrame, action: str, score: tuple[float, float] | None, status: str) -> dict[str, float]:
    last = evaluations[evaluations.final].return_mean.to_numpy(float)
    if status == "ok" and len(last):
        return {f"final_{action}": float(last[0]), f"final_{action}_z": float(normalized(last[:1], score)[0])}
    random = NAN if score is None else score[0]
    return {f"final_{action}": random, f"final_{action}_z": NAN if score is None else 0.0}


def _trust(updates: pd.DataFrame) -> dict[str, float]:
    kl, max_kl, radius = (updates[name].to_numpy(float) for name in ("kl", "max_kl", "radius"))
    return {
        "kl_violation_share": violation_share(kl, radius),
        "max_kl_violation_share": violation_share(max_kl, radius),
        "rejected_share": float(1 - updates.accepted.mean()) if len(updates) else NAN,
        "kl_median": float(np.median(kl)) if len(kl) else NAN,
    }


def _cost(run: Any) -> dict[str, float]:
    shares = {f"{phase[:-2]}_share": run[phase] / run.total_s for phase in PHASES}
    training = run.total_s - run.evaluation_s
    return {**shares, "total_s": run.total_s, "steps_per_s": run.env_steps / training if training > 0 else NAN}
