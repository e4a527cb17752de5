"""The frame of measures: one row per planned run."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.load import Results
from analysis.measures import stability
from analysis.measures.cost import cost
from analysis.measures.efficiency import NAN, THRESHOLDS, normalized, normalized_auc, time_to_threshold
from analysis.measures.trust import importance_sampling, trust_region, truth

Array = NDArray[np.float64]
IMPUTATIONS = ("random level", "last value")  # what stands for the evaluations that a failed run did not live to see


def measure_runs(results: Results, imputation: str = IMPUTATIONS[0]) -> pd.DataFrame:
    """One row per planned run, in the plan's order.

    A run that failed keeps the evaluations before its failure; from then on it scores 0, the random level, or what it
    scored last: `imputed` marks such runs. A run without a row has status "missing" and no numbers. Raises ValueError
    for an imputation that is not in IMPUTATIONS.
    """
    if imputation not in IMPUTATIONS:
        raise ValueError(f"imputation {imputation!r}: expected one of {', '.join(IMPUTATIONS)}")
    runs = results.runs.set_index("run_id")
    sampled, mean = (_by_run(results.evaluations[results.evaluations.action == a]) for a in ("sampled", "mean"))
    updates, reuses = _by_run(results.updates), _by_run(results.reuses)
    no_points, no_updates, no_reuses = (
        part.iloc[:0] for part in (results.evaluations, results.updates, results.reuses)
    )
    grids = _grids(results)
    rows = []
    for cell in results.planned.to_dict("records"):
        row: dict[str, Any] = {str(name): value for name, value in cell.items()}
        row |= {"status": "missing", "reason": "", "imputed": False}
        name = cell["run_id"]
        if name in runs.index:
            run = runs.loc[name]
            row |= {"status": run.status, "reason": run.reason, "imputed": run.status != "ok"}
            curve = _Curve(sampled.get(name, no_points), results.scores.get(cell["env"]))
            if run.status != "ok":
                curve.extend(grids[cell["env"]], imputation)
            row |= curve.measures()
            row |= curve.final("sampled", run.status, imputation)
            row |= _Curve(mean.get(name, no_points), curve.score).final("mean", run.status, imputation)
            mine = updates.get(name, no_updates)
            row |= trust_region(mine) | truth(mine)
            row |= importance_sampling(mine, reuses.get(name, no_reuses)) | cost(run)
        rows.append(row)
    return pd.DataFrame(rows)


class _Curve:
    """One run's evaluations: steps, seconds, scores and their standard errors, each [K]."""

    def __init__(self, evaluations: pd.DataFrame, score: tuple[float, float] | None) -> None:
        self.score = score
        points = evaluations[~evaluations.final].sort_values("grid_step")
        self.last = evaluations[evaluations.final].return_mean.to_numpy(float)
        self.steps, self.seconds = points.grid_step.to_numpy(float), points.train_s.to_numpy(float)
        self.episodes, self.means = points.episodes.to_numpy(float), points.return_mean.to_numpy(float)
        self.errors = points.return_sd.to_numpy(float) / np.sqrt(np.maximum(self.episodes, 1))
        self.z = normalized(self.means, score)
        self.z_errors = self.errors / abs(score[1] - score[0]) if score else np.full(len(self.z), NAN)

    def extend(self, grid: Array, imputation: str) -> None:
        """Put the imputed score at the points of the grid that the run did not reach."""
        later = grid[grid > self.steps[-1]] if len(self.steps) else grid
        level = 0.0 if imputation == IMPUTATIONS[0] or not len(self.z) else self.z[-1]
        if self.score is not None:
            self.steps = np.concatenate([self.steps, later])
            self.z = np.concatenate([self.z, np.full(len(later), level)])
            self.z_errors = np.concatenate([self.z_errors, np.zeros(len(later))])
            self.seconds = np.concatenate([self.seconds, np.full(len(later), np.inf)])

    def measures(self) -> dict[str, Any]:
        """Efficiency and stability."""
        known = self.score is not None and len(self.z) > 0
        share = stability.significant_loss_share(self.means, self.errors, self.episodes)
        row: dict[str, Any] = {
            "nauc": normalized_auc(self.steps, self.z) if known else NAN,
            "evaluation_se": float(self.errors.mean()) if len(self.errors) else NAN,
            "loss_share": share,
            "excess_loss_share": share - stability.WORST,
        }
        for threshold in THRESHOLDS:
            for name, times in (("steps", self.steps), ("seconds", self.seconds)):
                row[f"{name}_to_{threshold:g}"] = time_to_threshold(times, self.z, threshold) if known else NAN
        return row | _steadiness(self.z, self.z_errors, known)

    def final(self, action: str, status: str, imputation: str) -> dict[str, float]:
        """The last policy's held-out return and its score."""
        if status == "ok" and len(self.last):
            level, z = float(self.last[0]), float(normalized(self.last[:1], self.score)[0])
        elif self.score is not None:
            lived = imputation != IMPUTATIONS[0] and len(self.means) > 0
            level = float(self.means[-1]) if lived else self.score[0]
            z = float(normalized(np.array([level]), self.score)[0])
        else:
            level = z = NAN
        return {f"final_{action}": level, f"final_{action}_z": z}


def _steadiness(z: Array, errors: Array, known: bool) -> dict[str, Any]:
    """The measures of `stability`, each with its noise-corrected twin; nan without scores or with fewer than three."""
    measures = {name: getattr(stability, name) for name in ("short_term_risk", "long_term_risk", "max_drawdown")}
    if not known or len(z) < 3:
        names = ["dispersion", "dispersion_corrected", *measures, *(f"{name}_excess" for name in measures)]
        return dict.fromkeys(names, NAN) | {"collapse": "", "collapse_significant": ""}
    row: dict[str, Any] = {
        "dispersion": float(stability.dispersion(z)),
        "dispersion_corrected": stability.corrected_dispersion(z, errors),
    }
    for name, measure in measures.items():
        row |= {name: float(measure(z)), f"{name}_excess": stability.excess(measure, z, errors)}
    return row | {"collapse": stability.collapse(z), "collapse_significant": stability.collapse(z, errors)}


def _by_run(frame: pd.DataFrame) -> dict[Any, pd.DataFrame]:
    return dict(list(frame.groupby("run_id", sort=False)))


def _grids(results: Results) -> dict[str, Array]:
    """The evaluation grid of each environment: every point that any of its runs reached, and the budget."""
    on_grid = results.evaluations[~results.evaluations.final]
    reached = {str(env): set(part.grid_step) for env, part in on_grid.groupby("env")}
    budgets = {str(env): int(part.max()) for env, part in results.planned.groupby("env").budget}
    return {
        env: np.array(sorted(reached.get(env, {0}) | {budget}), dtype=np.float64) for env, budget in budgets.items()
    }
