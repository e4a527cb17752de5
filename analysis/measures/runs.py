"""The frame of measures: one row per planned run."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.anchors import Scale
from analysis.load import Results
from analysis.measures import stability
from analysis.measures.cost import cost
from analysis.measures.curves import IMPUTATIONS, curves, imputed_return
from analysis.measures.efficiency import NAN, THRESHOLDS, normalized, normalized_auc, time_to_threshold
from analysis.measures.trust import importance_sampling, trust_region, truth
from experiments.records import EXTRA, PROTOCOL

Array = NDArray[np.float64]


def measure_runs(results: Results, imputation: str = IMPUTATIONS[0]) -> pd.DataFrame:
    """One row per planned run, in the plan's order.

    A run that failed keeps the evaluations before its failure; what it counts as from then on is said in
    `analysis.measures.curves`, and `imputed` marks such runs. A run without a row has status "missing" and no numbers.
    Raises ValueError for an imputation that is not in IMPUTATIONS.
    """
    runs = results.runs.set_index("run_id")
    points = _by_run(curves(results, imputation))
    every = results.evaluations
    finals, lived = _by_run(every[every.final]), _by_run(every[~every.final])
    updates, reuses = _by_run(results.updates), _by_run(results.reuses)
    none = [part.iloc[:0] for part in (every, results.updates, results.reuses)]
    rows = []
    for cell in results.planned.to_dict("records"):
        row: dict[str, Any] = {str(name): value for name, value in cell.items()}
        row |= {"protocol": PROTOCOL, "status": "missing", "reason": "", "imputed": False}
        name, scale = cell["run_id"], results.scales.get(cell["env"])
        if name in runs.index:
            run = runs.loc[name]
            row |= {"status": run.status, "reason": run.reason, "imputed": run.status != "ok"}
            row |= _on_the_way(points[name], run.status)
            for action in ("sampled", "mean"):
                last, before = (_returns(found.get(name, none[0]), action) for found in (finals, lived))
                if run.status != "ok":
                    if not len(before):  # mean actions are judged last, if at all
                        before = _returns(lived.get(name, none[0]), "sampled")
                    last = np.array([imputed_return(before, scale, imputation)])
                row |= _final(action, float(last[-1]) if len(last) else NAN, scale)
            row |= _reported(finals.get(name, none[0]), run.status)
            mine = updates.get(name, none[1])
            row |= trust_region(mine) | truth(mine)
            row |= importance_sampling(mine, reuses.get(name, none[2])) | cost(run)
        rows.append(row)
    return pd.DataFrame(rows)


def collapsed(measures: pd.DataFrame) -> pd.Series:
    """Which runs lost half of their peak (`stability.collapse`), for a while or for good; a missing run did not."""
    return measures.collapse.isin(["recovered", "terminal"])


def _reported(finals: pd.DataFrame, status: str) -> dict[str, float]:
    """What the environment says of the last policy's episodes, actions sampled, by the names of its columns."""
    names = [str(name) for name in finals.columns if str(name).startswith(EXTRA)]
    mine = finals[finals.action == "sampled"]
    return {name: float(mine[name].iloc[-1]) if status == "ok" and len(mine) else NAN for name in names}


def _on_the_way(points: pd.DataFrame, status: str) -> dict[str, Any]:
    """Efficiency and stability of one run's points of `curves`."""
    z, errors = points.z.to_numpy(float), points.z_se.to_numpy(float)
    known = len(z) > 0 and not np.isnan(z).any()
    measured = points[~points.imputed]
    means, ses = measured.return_mean.to_numpy(float), measured.return_se.to_numpy(float)
    share = stability.significant_loss_share(means, ses, measured.episodes.to_numpy(float))
    row: dict[str, Any] = {
        "nauc": normalized_auc(points.grid_step.to_numpy(float), z) if known else NAN,
        "evaluation_se": float(ses.mean()) if len(ses) else NAN,
        "loss_share": share,
        "excess_loss_share": share - stability.WORST,
    }
    for threshold in THRESHOLDS:
        for name, cost_of in (("steps", "grid_step"), ("seconds", "train_s")):
            times = points[cost_of].to_numpy(float)
            reached = float("inf") if status != "ok" else time_to_threshold(times, z, threshold)
            row[f"{name}_to_{threshold:g}"] = reached if known else NAN
    return row | _steadiness(z, errors, known)


def _returns(evaluations: pd.DataFrame, action: str) -> Array:
    return evaluations[evaluations.action == action].return_mean.to_numpy(float)


def _final(action: str, level: float, scale: Scale | None) -> dict[str, float]:
    """The last policy's held-out return and its score."""
    z = normalized(np.array([level]), scale.pair if scale else None)
    return {f"final_{action}": level, f"final_{action}_z": float(z[0])}


def _steadiness(z: Array, errors: Array, known: bool) -> dict[str, Any]:
    """The measures of `stability`, each with its noise-corrected twin; nan without scores or with fewer than three."""
    measures = {name: getattr(stability, name) for name in ("short_term_risk", "long_term_risk", "max_drawdown")}
    if not known or len(z) < 3:
        names = ["dispersion", "dispersion_corrected", *measures, *(f"{name}_excess" for name in measures)]
        return dict.fromkeys(names, NAN) | {"collapse": ""}
    null = stability.null_curves(z, errors)
    row: dict[str, Any] = {
        "dispersion": float(stability.dispersion(z)),
        "dispersion_corrected": stability.corrected_dispersion(z, errors),
    }
    for name, measure in measures.items():
        row |= {name: float(measure(z)), f"{name}_excess": stability.excess(measure, z, null)}
    return row | {"collapse": stability.collapse(z, null)}


def _by_run(frame: pd.DataFrame) -> dict[Any, pd.DataFrame]:
    return dict(list(frame.groupby("run_id", sort=False)))
