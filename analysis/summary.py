"""The summary table: one row per environment and rule, with what was planned, what failed, and intervals."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.inference import Interval, clopper_pearson, iqm, trimmed_t_interval
from experiments.records import PHASES

NAN = float("nan")
REACHED = 0.5  # the threshold that the table shows; measures.parquet has the others
SPLIT = [f"{phase[:-2]}_share" for phase in PHASES]


def summarize(measures: pd.DataFrame) -> pd.DataFrame:
    """One row per (env, label). An aggregate over fewer runs than were planned is not made: the row is incomplete."""
    rows = [
        {"env": env, "label": label, **_counts(part), **_aggregates(part)}
        for (env, label), part in measures.groupby(["env", "label"], sort=True)
    ]
    return pd.DataFrame(rows)


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
    for name in ("final_sampled", "final_mean", "final_sampled_z", "nauc"):
        _put(row, name, trimmed_t_interval(column(name)))
    final = column("final_sampled")
    row["final_iqr"] = float(np.subtract(*np.percentile(final, [75, 25]))) if len(final) else NAN
    row["final_min"] = float(final.min()) if len(final) else NAN
    steps, seconds = column(f"steps_to_{REACHED:g}"), column(f"seconds_to_{REACHED:g}")
    scored = len(steps) > 0 and not np.isnan(steps).any()
    reached = np.isfinite(steps)
    _put(row, "reach_rate", clopper_pearson(int(reached.sum()), len(steps)) if scored else Interval(NAN, NAN, NAN))
    budget = part.budget.to_numpy(float)
    row["steps_to_threshold"] = float(np.minimum(steps, budget).mean()) if scored else NAN
    row["seconds_to_threshold"] = float(np.minimum(seconds, column("total_s")).mean()) if scored else NAN
    row["max_drawdown"] = iqm(column("max_drawdown"))
    for name in ("kl_violation_share", "max_kl_violation_share", "rejected_share", "steps_per_s", *SPLIT):
        values = column(name)
        row[name] = float(values.mean()) if len(values) else NAN
    return row


def _put(row: dict[str, float], name: str, interval: Interval) -> None:
    row[name], row[f"{name}_low"], row[f"{name}_high"] = interval.estimate, interval.low, interval.high


def to_markdown(
    summary: pd.DataFrame, name: str, problems: tuple[str, ...] = (), seconds: bool = True, clock: str = ""
) -> str:
    """The summary as a page: one table per environment, the caption, and whatever could not be read.

    seconds: whether to show any; clock: what is to be said about them.
    """
    lines = [f"# Matrix `{name}`", ""]
    for env, part in summary.groupby("env", sort=True):
        lines += [f"## {env}", "", *_table(part, seconds), ""]
        lines += [*_clock_table(part), ""] if seconds else []
    lines += [CAPTION, *([clock] if clock else []), ""]
    if problems:
        lines += ["## Left out", "", *(f"- {problem}" for problem in problems), ""]
    return "\n".join(lines)


CAPTION = f"""Runs: ok of planned; a run that failed is counted at the random level from its failure on ("imputed").
Brackets: 95 % trimmed-t interval of the interquartile mean over runs (no trimming below four runs). Final: undiscounted
return of the last policy on held-out episodes, actions sampled. nAUC: mean normalised score while training (0 random
actions, 1 the reference). Reached: share of runs whose score held {REACHED:g} over {5} evaluations, with its
Clopper-Pearson interval; steps and seconds to it are means of min(time, end of the run), evaluation time excluded from
the seconds. Spread: interquartile range of final returns, and the worst run. Drawdown: largest fall of the score below
its maximum, not corrected for evaluation noise. KL over radius: share of updates, for rules that have a radius."""


def _table(part: pd.DataFrame, seconds: bool) -> list[str]:
    heads = [
        "rule",
        "runs",
        "final return",
        "nAUC",
        "reached",
        "steps to",
        "s to",
        "spread",
        "worst",
        "drawdown",
        "KL > radius",
    ]
    lines = [_row(heads), _row(["---"] + ["---:"] * (len(heads) - 1))]
    for row in part.to_dict("records"):
        runs = f"{row['n_ok']}/{row['n_planned']}" + (f" ({row['failures']})" if row["failures"] else "")
        if not row["complete"]:
            lines.append(_row([row["label"], runs, "incomplete", *["" for _ in heads[3:]]]))
            continue
        cells = [
            row["label"],
            runs + (f", {row['n_imputed']} imputed" if row["n_imputed"] else ""),
            _interval(row, "final_sampled"),
            _interval(row, "nauc") if np.isfinite(row["nauc"]) else "no reference",
            _interval(row, "reach_rate"),
            number(row["steps_to_threshold"]),
            number(row["seconds_to_threshold"]) if seconds else "not shown",
            number(row["final_iqr"]),
            number(row["final_min"]),
            number(row["max_drawdown"]),
            number(row["kl_violation_share"]),
        ]
        lines.append(_row(cells))
    return lines


def _clock_table(part: pd.DataFrame) -> list[str]:
    heads = ["rule", "steps/s", *(f"{name.removesuffix('_share')}" for name in SPLIT)]
    lines = [_row(heads), _row(["---"] + ["---:"] * (len(heads) - 1))]
    for row in part[part.complete].to_dict("records"):
        shares = [f"{100 * row[name]:.0f} %" if np.isfinite(row[name]) else "" for name in SPLIT]
        lines.append(_row([row["label"], number(row["steps_per_s"]), *shares]))
    return lines


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _interval(row: dict[Any, Any], name: str) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    bounds = f" [{number(low)}, {number(high)}]" if np.isfinite([low, high]).all() else ""
    return number(row[name]) + bounds


def number(value: float) -> str:
    """Three significant digits for a person's eyes, whole numbers above 100, nothing for nan."""
    if np.isnan(value):
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def write(summary: pd.DataFrame, markdown: str, folder: Path) -> list[Path]:
    """summary.csv and summary.md."""
    files = [folder / "summary.csv", folder / "summary.md"]
    summary.to_csv(files[0], index=False, float_format="%.6g", lineterminator="\n")
    files[1].write_text(markdown, encoding="utf-8")
    return files
