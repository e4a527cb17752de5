"""Every table of the report; the page and the Markdown show the same ones."""

from typing import Any

import numpy as np
import pandas as pd

from analysis.across import STATISTICS
from analysis.calibration import EVERY
from analysis.contrasts import MEASURES
from analysis.own import Own, row_of
from analysis.page.cells import Cell, Maker, Table, between, corrected, interval, quantity, share, table, whole
from analysis.plots.looks import by_number
from analysis.summary import REACHED, SPLIT
from experiments.records import EXTRA

NAN = float("nan")
MOST = 0.5  # of the numbers in actions: a policy that is clipped so often is hardly the one that acts
ENDS = (("", "estimate"), ("_low", "low"), ("_high", "high"))
VERDICTS = ("better", "worse", "practically equivalent", "undecided")
NO_VERDICTS = ("too few runs", "incomplete", "no score")  # of `analysis.compare` too, where there is nothing to test


def in_order(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows by label, the numbers in labels in the order of numbers."""
    labels = [by_number(str(label)) for label in frame.label]
    return frame.iloc[sorted(range(len(labels)), key=labels.__getitem__)]


def summary_tables(summary: pd.DataFrame, seconds: bool) -> list[Table]:
    """One per environment. A row that is not complete has its counts and no numbers."""
    columns: dict[str, Maker | str] = {
        "rule": "label",
        "runs": _runs,
        "final return": interval("final_sampled"),
        "nAUC": interval("nauc"),
        f"reached {REACHED:g}": interval("reach_rate"),
        "steps to it (restricted mean)": quantity("steps_to_threshold"),
        "median time (Kaplan-Meier)": quantity("steps_to_threshold_median"),
        **({"seconds to it (restricted mean)": quantity("seconds_to_threshold")} if seconds else {}),
        "failed": interval("failure_rate"),
    }
    for name in summary.columns:  # what environments report
        if str(name).startswith(EXTRA) and f"{name}_low" in summary:
            columns[str(name).removeprefix(EXTRA)] = interval(str(name))
    return _by_environment(summary, columns)


def aggregate_tables(aggregates: pd.DataFrame) -> list[Table]:
    """Final scores over all environments at once, a row per rule that has every run."""
    wide = [
        {"label": label, **{f"{row.statistic}{end}": row[name] for _, row in part.iterrows() for end, name in ENDS}}
        for label, part in in_order(aggregates).groupby("label", sort=False)
    ]
    columns: dict[str, Maker | str] = {"rule": "label"} | {name: interval(name) for name in STATISTICS}
    return [table("All environments with a score: final score", pd.DataFrame(wide), columns)] if wide else []


def stability_tables(summary: pd.DataFrame) -> list[Table]:
    """How far apart runs end and how steady they are on the way, one table per environment."""
    columns: dict[str, Maker | str] = {
        "rule": "label",
        "spread (IQR)": quantity("final_iqr"),
        "spread (MAD)": quantity("final_mad"),
        "worst run": quantity("final_min"),
        "worst quarter": quantity("final_lower_quartile_mean"),
        "nine tenths within": between("final_shortest_low", "final_shortest_high"),
        "tolerance (90 %, 95 %)": between("final_tolerance_low", "final_tolerance_high"),
        "dispersion": corrected("dispersion", "dispersion_corrected"),
        "short-term risk": corrected("short_term_risk", "short_term_risk_excess"),
        "long-term risk": corrected("long_term_risk", "long_term_risk_excess"),
        "drawdown": corrected("max_drawdown", "max_drawdown_excess"),
        "excess losses": share("excess_loss_share"),
        "collapsed": interval("collapse_rate"),
    }
    return _by_environment(summary[summary.complete], columns)


def trust_tables(summary: pd.DataFrame) -> list[Table]:
    """Divergences, local model and importance weights, one table per environment; empty cells do not apply."""
    columns: dict[str, Maker | str] = {
        "rule": "label",
        "KL (median)": quantity("kl_median"),
        "KL > radius": share("kl_violation_share"),
        "max KL > radius": share("max_kl_violation_share"),
        "overshoot": quantity("kl_overshoot"),
        "rejected": share("rejected_share"),
        "backtracks": quantity("backtracks"),
        "agreement": quantity("agreement_median"),
        "CG residual": quantity("cg_residual_median"),
        "bound held": share("bound_held_share"),
        "true losses": share("true_loss_share"),
        "ESS / N (lowest)": quantity("ess_lowest"),
        "largest weight": quantity("max_weight_largest"),
        "truncated": share("truncated_share"),
        "actions clipped": share("clipped_share"),
    }
    clipped = summary.clipped_share.where(summary.groupby("env").clipped_share.transform("max") > 0)
    return _by_environment(summary[summary.complete].assign(clipped_share=clipped), columns)


def clipping(summary: pd.DataFrame) -> list[str]:
    """A line for each rule most of whose actions were moved to the edge of what an environment takes."""
    high = summary[summary.clipped_share > MOST]
    return [
        f"{row.env}, {row.label}: {row.clipped_share:.0%} of the numbers in actions lay outside the bounds and were "
        "clipped, so what was done is not what the rule learnt from; none are with "
        'action_distribution = "squashed_gaussian"'
        for row in high.itertuples()
    ]


def imputation_table(imputed: pd.DataFrame) -> Table | None:
    """Rows with failed runs under every way of counting those; None if no run failed."""
    columns: dict[str, Maker | str] = {
        "environment": "env",
        "rule": "label",
        "failed runs": "imputation",
        "runs": whole("n"),
        "final return": interval("final_sampled"),
        "nAUC": interval("nauc"),
    }
    return table("What failed runs are counted as", imputed, columns) if len(imputed) else None


def _by_environment(summary: pd.DataFrame, columns: dict[str, Maker | str]) -> list[Table]:
    """Columns that no rule of an environment has a number for are left out."""
    whole_rows: dict[str, Maker | str] = {
        head: maker if head in ("rule", "runs") else _complete(maker) for head, maker in columns.items()
    }
    made = [table(str(env), in_order(part), whole_rows) for env, part in summary.groupby("env", sort=True)]
    return [_without_empty_columns(each) for each in made]


def _without_empty_columns(full: Table) -> Table:
    kept = [i for i in range(len(full.heads)) if any(row[i].text for row in full.rows)]
    return Table(
        full.title,
        tuple(full.heads[i] for i in kept),
        tuple(tuple(row[i] for i in kept) for row in full.rows),
    )


def _runs(row: dict[str, Any]) -> Cell:
    more = f" ({row['failures']})" if row["failures"] else ""
    more += f", {row['n_imputed']} imputed" if row["n_imputed"] else ""
    more += "" if row["complete"] else ", incomplete"
    return Cell(f"{row['n_ok']}/{row['n_planned']}{more}", float(row["n_ok"]))


def _complete(maker: Maker | str) -> Maker:
    assert not isinstance(maker, str)
    return lambda row: maker(row) if row["complete"] else Cell("")


def own_tables(own: Own) -> list[Table]:
    """The interquartile mean of each of a user's measures, one table per environment."""
    rows = [
        {"env": env, "label": label, **row_of(part, list(own.catalogue))}
        for (env, label), part in own.frame.groupby(["env", "label"], sort=True)
    ]
    columns: dict[str, Maker | str] = {"rule": "label", "runs": "runs"}
    columns |= {f"{each.name} ({each.better} is better)": interval(each.name) for each in own.measures}
    return _by_environment(pd.DataFrame(rows).assign(complete=True), columns) if own.measures else []


def clock_tables(summary: pd.DataFrame) -> list[Table]:
    """Steps per second, and where the seconds went, one table per environment."""
    columns: dict[str, Maker | str] = {"rule": "label", "steps/s": quantity("steps_per_s")}
    columns |= {name.removesuffix("_share"): share(name) for name in SPLIT}
    complete = summary[summary.complete]
    return [table(str(env), in_order(part), columns) for env, part in complete.groupby("env", sort=True)]


def verdict_table(comparisons: pd.DataFrame) -> Table | None:
    """Every comparison, in its order; None if there is none."""
    if not len(comparisons):
        return None
    columns: dict[str, Maker | str] = {
        "first": "first",
        "verdict": _verdict,
        "second": "second",
        "environment": "env",
        "measure": "titled",
        "estimand": "estimand",
        "test": "test",
        "runs": lambda row: Cell(f"{row['n_first']:g}, {row['n_second']:g}", float(row["n_first"])),
        "difference": interval("difference", "low", "high"),
        "ratio": quantity("ratio"),
        "p": quantity("p"),
        "smallest attainable p": quantity("smallest_p"),
        "p (Holm)": quantity("adjusted"),
        "detectable": _unbounded(quantity("detectable"), "detectable", "none with these runs"),
        "seeds needed": _unbounded(whole("seeds_needed"), "seeds_needed", "no number of seeds helps"),
    }
    titled = [MEASURES[name].title if name in MEASURES else name for name in comparisons.measure.astype(str)]
    return _without_empty_columns(table("Comparisons", comparisons.assign(titled=titled), columns))


def _unbounded(maker: Maker, name: str, infinite: str) -> Maker:
    """The same, in words where the number is infinite."""
    return lambda row: Cell(infinite, float("inf")) if row[name] == np.inf else maker(row)


def _verdict(row: dict[str, Any]) -> Cell:
    verdict = str(row["verdict"])
    known = verdict in VERDICTS
    return Cell(verdict, float(VERDICTS.index(verdict)) if known else NAN, verdict.split()[-1] if known else "")


def calibration_table(calibration: pd.DataFrame) -> Table:
    """How often each decision found a difference where there is none, and where there is one."""
    columns: dict[str, Maker | str] = {
        "of": "of",
        **({} if set(calibration.env) == {EVERY} else {"environment": "env"}),
        "decision": "decision",
        "verdicts rest on it": lambda row: Cell("yes" if row["decides"] else "no", float(row["decides"])),
        "runs a side": whole("seeds"),
        "comparisons": whole("comparisons"),
        "found": whole("found"),
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


def reference_table(anchors: pd.DataFrame) -> Table | None:
    """What the scores of each environment are measured against; None if there is nothing."""
    columns: dict[str, Maker | str] = {
        "environment": "env",
        "anchor": "anchor",
        "return": interval("mean", "low", "high"),
        "n": whole("n"),
        "policy": "policy",
        "kind": "kind",
        "source": "source",
    }
    plain = anchors.assign(
        n=anchors.n.astype(float), policy=anchors.policy.fillna(""), source=anchors.source.fillna("")
    )
    return table("References", plain, columns) if len(anchors) else None


def run_table(measures: pd.DataFrame) -> Table:
    """Every planned run."""
    columns: dict[str, Maker | str] = {
        "environment": "env",
        "rule": "label",
        "seed": whole("seed"),
        "status": "status",
        "final return": quantity("final_sampled"),
        "nAUC": quantity("nauc"),
        "folder": "run_id",
    }
    return table("Every run", measures, columns)
