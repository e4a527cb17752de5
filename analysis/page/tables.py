"""Tables of the report as text with sort keys; the page and the Markdown show the same ones."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.summary import REACHED, SPLIT, number

NAN = float("nan")
VERDICTS = ("better", "worse", "equivalent", "undecided")


@dataclass(frozen=True)
class Cell:
    """What is read, and, in a column of numbers, what it is sorted by (nan: last)."""

    text: str
    value: float = NAN
    kind: str = ""  # one of VERDICTS, or nothing


@dataclass(frozen=True)
class Head:
    text: str
    numeric: bool = True


@dataclass(frozen=True)
class Table:
    title: str
    heads: tuple[Head, ...]
    rows: tuple[tuple[Cell, ...], ...]


Maker = Callable[[dict[str, Any]], Cell]


def table(title: str, frame: pd.DataFrame, columns: dict[str, Maker | str]) -> Table:
    """A row per row of the frame; a column's maker gets the row, or is the name of a column of text."""
    heads = tuple(Head(head, not isinstance(maker, str)) for head, maker in columns.items())
    rows = [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
    cells = (
        tuple(Cell(str(row[maker])) if isinstance(maker, str) else maker(row) for maker in columns.values())
        for row in rows
    )
    return Table(title, heads, tuple(cells))


def quantity(name: str) -> Maker:
    """Three digits of one column, nothing for nan or for a row without it."""

    def make(row: dict[str, Any]) -> Cell:
        value = float(row.get(name, NAN))
        return Cell(number(value), value)

    return make


def interval(name: str, low: str = "", high: str = "") -> Maker:
    """An estimate with its bounds, sorted by the estimate."""

    def make(row: dict[str, Any]) -> Cell:
        value, least, most = (float(row[column]) for column in (name, low or f"{name}_low", high or f"{name}_high"))
        known = np.isfinite([least, most]).all()
        return Cell(number(value) + (f" [{number(least)}, {number(most)}]" if known else ""), value)

    return make


def share(name: str) -> Maker:
    def make(row: dict[str, Any]) -> Cell:
        value = float(row[name])
        return Cell(f"{100 * value:.0f} %" if np.isfinite(value) else "", value)

    return make


def whole(name: str) -> Maker:
    """A count, with thousands set apart."""

    def make(row: dict[str, Any]) -> Cell:
        value = float(row[name])
        return Cell(f"{value:,.0f}" if np.isfinite(value) else "", value)

    return make


def summary_tables(summary: pd.DataFrame, seconds: bool) -> list[Table]:
    """One per environment. A row that is not complete has its counts and no numbers."""
    columns: dict[str, Maker | str] = {
        "rule": "label",
        "runs": _runs,
        "final return": interval("final_sampled"),
        "nAUC": interval("nauc"),
        f"reached {REACHED:g}": interval("reach_rate"),
        "steps to it": quantity("steps_to_threshold"),
        **({"seconds to it": quantity("seconds_to_threshold")} if seconds else {}),
        "spread": quantity("final_iqr"),
        "worst run": quantity("final_min"),
        "drawdown": quantity("max_drawdown"),
        "KL > radius": share("kl_violation_share"),
    }
    hidden: dict[str, Maker | str] = {
        head: _complete(maker) for head, maker in columns.items() if head not in ("rule", "runs")
    }
    return [table(str(env), part, columns | hidden) for env, part in summary.groupby("env", sort=True)]


def _runs(row: dict[str, Any]) -> Cell:
    more = f" ({row['failures']})" if row["failures"] else ""
    more += f", {row['n_imputed']} imputed" if row["n_imputed"] else ""
    more += "" if row["complete"] else ", incomplete"
    return Cell(f"{row['n_ok']}/{row['n_planned']}{more}", float(row["n_ok"]))


def _complete(maker: Maker | str) -> Maker:
    assert not isinstance(maker, str)
    return lambda row: maker(row) if row["complete"] else Cell("")


def clock_tables(summary: pd.DataFrame) -> list[Table]:
    """Steps per second, and where the seconds went, one table per environment."""
    columns: dict[str, Maker | str] = {"rule": "label", "steps/s": quantity("steps_per_s")}
    columns |= {name.removesuffix("_share"): share(name) for name in SPLIT}
    complete = summary[summary.complete]
    return [table(str(env), part, columns) for env, part in complete.groupby("env", sort=True)]


def verdict_table(comparisons: pd.DataFrame | None) -> Table | None:
    """Every declared comparison, in its order; None if there is none."""
    if comparisons is None or not len(comparisons):
        return None
    columns: dict[str, Maker | str] = {
        "environment": "env",
        "first": "first",
        "second": "second",
        "verdict on first": _verdict,
        "measure": "measure",
        "test": "test",
        "runs": lambda row: Cell(f"{row['n_first']:g}, {row['n_second']:g}", float(row["n_first"])),
        "difference": interval("difference", "low", "high"),
        "ratio": quantity("ratio"),
        "p": quantity("p"),
        "p (Holm)": quantity("adjusted"),
        "detectable": quantity("detectable"),
        "seeds needed": whole("seeds_needed"),
    }
    return table("Declared comparisons", comparisons, columns)


def _verdict(row: dict[str, Any]) -> Cell:
    verdict = str(row["verdict"])
    known = verdict in VERDICTS
    return Cell(verdict, float(VERDICTS.index(verdict)) if known else NAN, verdict if known else "")


def calibration_table(calibration: pd.DataFrame | None) -> Table | None:
    """How often each decision found a difference where there is none."""
    if calibration is None or not len(calibration):
        return None
    columns: dict[str, Maker | str] = {
        "decision": "decision",
        "false positives": whole("false_positives"),
        "splits": whole("splits"),
        "rate": interval("rate", "low", "high"),
    }
    return table("A/A calibration", calibration, columns)


def failure_table(measures: pd.DataFrame, runs: pd.DataFrame) -> Table | None:
    """Every planned run that is not ok, with its reason; None if all are."""
    failed = measures[measures.status != "ok"].merge(runs[["run_id", "env_steps"]], on="run_id", how="left")
    columns: dict[str, Maker | str] = {
        "environment": "env",
        "rule": "label",
        "seed": whole("seed"),
        "status": "status",
        "steps done": whole("env_steps"),
        "reason": "reason",
    }
    return table("Runs that failed or are missing", failed, columns) if len(failed) else None


def run_table(measures: pd.DataFrame) -> Table:
    """Every planned run."""
    columns: dict[str, Maker | str] = {
        "environment": "env",
        "rule": "label",
        "seed": whole("seed"),
        "status": "status",
        "final return": quantity("final_sampled"),
        "nAUC": quantity("nauc"),
        "run": "run_id",
    }
    return table("Every run", measures, columns)
