"""The summary table: one row per environment and rule, with what was planned, what failed, and intervals."""

from typing import Any

import numpy as np
import pandas as pd

from analysis.inference import Interval, clopper_pearson, iqm, trimmed_t_interval
from analysis.load import Results
from analysis.measures import IMPUTATIONS, collapsed, measure_runs
from analysis.measures.efficiency import restricted_time
from analysis.measures.spread import spread
from experiments.records import EXTRA, PHASES

NAN = float("nan")
REACHED = 0.5  # the threshold that the table shows; measures.parquet has the others
SPLIT = [f"{phase[:-2]}_share" for phase in PHASES]
WITH_INTERVAL = ("final_sampled", "final_mean", "final_sampled_z", "nauc")
CENTRED = (  # the interquartile mean over runs of each
    "dispersion", "dispersion_corrected", "short_term_risk", "short_term_risk_excess", "long_term_risk",
    "long_term_risk_excess", "max_drawdown", "max_drawdown_excess", "excess_loss_share", "kl_median", "kl_overshoot",
    "backtracks", "agreement_median", "cg_residual_median", "true_loss_share", "bound_held_share", "ess_median",
    "ess_lowest", "max_weight_largest", "truncated_share", "clipped_share",
)  # fmt: skip
AVERAGED = ("kl_violation_share", "max_kl_violation_share", "rejected_share", "steps_per_s", *SPLIT)


def summarize(measures: pd.DataFrame) -> pd.DataFrame:
    """One row per (env, label). An aggregate over fewer runs than were planned is not made: the row is incomplete."""
    rows = [
        {"env": env, "label": label, **_counts(part), **_aggregates(part)}
        for (env, label), part in measures.groupby(["env", "label"], sort=True)
    ]
    return pd.DataFrame(rows)


def summarize_imputed(results: Results, measures: pd.DataFrame) -> pd.DataFrame:
    """How much the rows with failed runs owe to what stands for those: env, label, imputation, n, and both results.

    Every way of imputing has its line, and so has leaving failed runs out ("dropped"), which flatters whoever fails.
    Empty if no run failed.
    """
    ways = {IMPUTATIONS[0]: measures, "dropped": measures[~measures.imputed]}
    if measures.imputed.any():
        ways |= {name: measure_runs(results, name) for name in IMPUTATIONS[1:]}
    rows = []
    for (env, label), part in measures.groupby(["env", "label"], sort=True):
        if part.imputed.any() and (part.status != "missing").all():
            for way, table in ways.items():
                found = table[(table.env == env) & (table.label == label)]
                row: dict[str, Any] = {"env": env, "label": label, "imputation": way, "n": len(found)}
                for name in ("final_sampled", "nauc"):
                    _put(row, name, trimmed_t_interval(found[name].to_numpy(float)))
                rows.append(row)
    return pd.DataFrame(rows)


def failures_by_kind(measures: pd.DataFrame) -> pd.DataFrame:
    """env, label, status, n, rate, low, high: of how many of the planned runs each thing that can go wrong befell."""
    rows = []
    for (env, label), part in measures.groupby(["env", "label"], sort=True):
        for status, n in part.status[part.status != "ok"].value_counts().sort_index().items():
            rate = clopper_pearson(int(n), len(part))
            rows.append((env, label, status, int(n), rate.estimate, rate.low, rate.high))
    return pd.DataFrame(rows, columns=["env", "label", "status", "n", "rate", "low", "high"])


def _counts(part: pd.DataFrame) -> dict[str, Any]:
    failures = part.status[part.status != "ok"].value_counts().sort_index()
    return {
        "n_planned": len(part),
        "n_ok": int((part.status == "ok").sum()),
        "failures": ", ".join(f"{status} {count}" for status, count in failures.items()),
        "n_imputed": int(part.imputed.sum()),
        "complete": bool((part.status != "missing").all()),
    }


def _aggregates(part: pd.DataFrame) -> dict[str, float]:
    """A missing run has no numbers, and whatever is made of none is none."""

    def column(name: str) -> Any:
        return part[name].to_numpy(float) if name in part.columns else np.array([])

    row: dict[str, float] = {}
    reported = [str(name) for name in part.columns if str(name).startswith(EXTRA)]
    for name in (*WITH_INTERVAL, *reported):
        _put(row, name, trimmed_t_interval(column(name)))
    row |= {f"final_{name}": value for name, value in spread(column("final_sampled")).items()}
    steps = column(f"steps_to_{REACHED:g}")
    scored = len(steps) > 0 and not np.isnan(steps).any()
    _put_rate(row, "reach_rate", np.isfinite(steps) if scored else None)
    for unit in ("steps", "seconds"):
        row[f"{unit}_to_threshold"] = float(restricted_time(part, REACHED, unit).mean()) if scored else NAN
    row["steps_to_threshold_median"] = _median_time(steps) if scored else NAN
    complete = bool((part.status != "missing").all())
    _put_rate(row, "failure_rate", (part.status != "ok").to_numpy() if complete else None)
    _put_rate(row, "collapse_rate", collapsed(part).to_numpy() if scored else None)
    row |= {name: iqm(column(name)) for name in CENTRED}
    return row | {name: float(column(name).mean()) if len(column(name)) else NAN for name in AVERAGED}


def _median_time(times: np.ndarray) -> float:
    """When half of the runs had got there (Kaplan and Meier's median, as no run is censored before its end); nan if
    fewer ever did."""
    half = float(np.sort(times)[-(-len(times) // 2) - 1])
    return half if np.isfinite(half) else NAN


def _put(row: dict[str, Any], name: str, interval: Interval) -> None:
    row[name], row[f"{name}_low"], row[f"{name}_high"] = interval.estimate, interval.low, interval.high


def _put_rate(row: dict[str, float], name: str, happened: np.ndarray | None) -> None:
    """The share of runs to which it happened; nan where that is not known of every run."""
    none = Interval(NAN, NAN, NAN)
    _put(row, name, none if happened is None else clopper_pearson(int(happened.sum()), len(happened)))


def number(value: float) -> str:
    """Three significant digits for a person's eyes, whole numbers above 100, nothing for nan."""
    if np.isnan(value):
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def with_interval(row: object, name: str) -> str:
    """An estimate of a row of the summary, and its interval where there is one; nothing for nan."""
    value, low, high = (getattr(row, f"{name}{end}") for end in ("", "_low", "_high"))
    return number(value) if np.isnan(low) else f"{number(value)} [{number(low)}, {number(high)}]"
