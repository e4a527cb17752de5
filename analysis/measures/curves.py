"""Learning curves as measured and as counted: what a failed run did not live to see is there, and marked."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.anchors import Scale
from analysis.load import Results
from analysis.measures.efficiency import NAN, normalized

Array = NDArray[np.float64]
IMPUTATIONS = ("random or worse", "last value")  # what stands for the evaluations that a failed run did not live to see
COSTS = ("grid_step", "gradient_evaluations", "fisher_products", "train_s")
WHO = ["run_id", "env", "label", "seed", "status"]
COLUMNS = (*WHO, "episodes", "return_mean", "return_se", "z", "z_se", "imputed")


def curves(results: Results, imputation: str = IMPUTATIONS[0], action: str = "sampled") -> pd.DataFrame:
    """A row per run and point of its environment's grid, COSTS and COLUMNS; sorted by env, label, seed and grid_step.

    A run that failed has the whole grid, too: from its failure on `imputed` points stand at `imputed_return`, without
    evaluation noise; their costs go on at the run's pace (nan without one). Runs without a row are not there. `z` is
    nan where the environment has no scale, and so are imputed returns. Raises ValueError for an imputation that is not
    in IMPUTATIONS.
    """
    if imputation not in IMPUTATIONS:
        raise ValueError(f"imputation {imputation!r}: expected one of {', '.join(IMPUTATIONS)}")
    points, grids = _points(results, action), _grids(results)
    parts = [points]
    for run in results.runs.loc[results.runs.status != "ok", WHO].to_dict("records"):
        lived, scale = points[points.run_id == run["run_id"]], results.scales.get(str(run["env"]))
        level = imputed_return(lived.return_mean.to_numpy(float), scale, imputation)
        parts.append(
            _after(lived, grids[str(run["env"])], level).assign(**{str(key): value for key, value in run.items()})
        )
    whole = pd.concat([part for part in parts if len(part)] or [points], ignore_index=True)
    whole = whole.sort_values(["env", "label", "seed", "grid_step"], ignore_index=True)
    zero, one = (
        whole.env.map({env: getattr(scale, end) for env, scale in results.scales.items()}).to_numpy(float)
        for end in ("zero", "one")
    )
    z = normalized(whole.return_mean.to_numpy(float), (zero, one))
    return whole.assign(z=z, z_se=whole.return_se / abs(one - zero))[[*COSTS, *COLUMNS]]


def _points(results: Results, action: str) -> pd.DataFrame:
    """What was measured on the grid."""
    points = results.evaluations[(results.evaluations.action == action) & ~results.evaluations.final]
    points = points.assign(return_se=points.return_sd / np.sqrt(points.episodes), imputed=False)
    return points.merge(results.runs[["run_id", "status"]], on="run_id")


def imputed_return(lived: Array, scale: Scale | None, imputation: str = IMPUTATIONS[0]) -> float:
    """What a failed run returns after evaluations `lived` [k]: as random actions do, or its own last if that is worse.

    So a rule never gains by failing. With "last value" it is its own last one whatever that is (random actions if it
    has none). nan without a scale, which would say what random actions return and which way is better.
    """
    if scale is None:
        return NAN
    candidates = np.array([scale.random, *lived[-1:]])
    if imputation == IMPUTATIONS[1]:
        return float(candidates[-1])
    return float(candidates[normalized(candidates, scale.pair).argmin()])


def _after(lived: pd.DataFrame, grid: NDArray[np.int64], level: float) -> pd.DataFrame:
    """Points of the grid beyond the last one of `lived`, at the level."""
    last = lived.iloc[-1] if len(lived) else None
    later = grid[grid > last.grid_step] if last is not None else grid
    frame = pd.DataFrame({"grid_step": later, "return_mean": level, "return_se": 0.0, "episodes": 0, "imputed": True})
    for name in COSTS[1:]:
        frame[name] = later * float(last[name]) / last.grid_step if last is not None and last.grid_step else NAN
    return frame


def _grids(results: Results) -> dict[str, NDArray[np.int64]]:
    """The evaluation grid of each environment: every point that any of its runs reached, and the budget."""
    on_grid = results.evaluations[~results.evaluations.final]
    reached = {str(env): set(part.grid_step) for env, part in on_grid.groupby("env")}
    budgets = {str(env): int(part.max()) for env, part in results.planned.groupby("env").budget}
    return {
        env: np.array(sorted(reached.get(env, {0}) | {0, budget}), dtype=np.int64) for env, budget in budgets.items()
    }
