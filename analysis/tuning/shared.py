"""What settings of the pipeline are worth, changed one at a time for all rules (the [sweep] table of a matrix)."""

import numpy as np
import pandas as pd

from analysis.load import Results, ResultsError
from analysis.plots.looks import family
from analysis.summary import number
from analysis.tuning.measures import over_environments
from experiments.records import Manifest

EXPLAINED = """Score with the change less score without, of the same rule, environment and seed: means over seeds, then
over rules, then over environments, with a 95 % t interval over environments; the environment that loses most and the
one that gains most; and for how many rules the mean is above 0. A rule's hyper-parameters are its defaults throughout,
which were chosen beside the settings of the first line: what a change is worth to a rule tuned anew may be more."""


def effects(results: Results, manifest: Manifest, measures: pd.DataFrame, measure: str = "nauc") -> pd.DataFrame:
    """setting, value, rule, env, without, difference, n: of every change, rule and environment, means over seeds.

    Raises ResultsError if the matrix sweeps nothing or lacks the measure.
    """
    sweep = manifest.head.get("sweep")
    if not isinstance(sweep, dict):
        raise ResultsError(f"{results.folder}: its matrix has neither a [tune] nor a [sweep] table")
    if measure not in measures:
        raise ResultsError(f"{results.folder} has no scores {measure!r}; expected nauc or final_sampled_z")
    scores = measures.set_index(["label", "env", "seed"])[measure].astype(float).dropna()
    rows = []
    for cell in manifest.cells:
        label, rule = str(cell["label"]), family(str(cell["label"]))
        with_it, without = (label, cell["env"], cell["seed"]), (rule, cell["env"], cell["seed"])
        if label != rule and with_it in scores.index and without in scores.index:
            setting, _, value = label.removeprefix(f"{rule}(").removesuffix(")").partition("=")
            base = float(scores[without])
            rows.append((setting, value, rule, cell["env"], base, float(scores[with_it]) - base))
    frame = pd.DataFrame(rows, columns=["setting", "value", "rule", "env", "without", "difference"])
    if frame.empty:
        raise ResultsError(f"{results.folder} has no pair of runs with and without a change yet")
    parts = frame.groupby(["setting", "value", "rule", "env"], sort=False)
    found = parts.agg(without=("without", "mean"), difference=("difference", "mean"), n=("difference", "size"))
    return found.reset_index()


def worth(effects: pd.DataFrame) -> pd.DataFrame:
    """A row per change: the mean over rules and environments with its interval, the extremes, and what it says.

    verdict: better or worse where the interval leaves out 0, undecided elsewhere.
    """
    rows = []
    for (setting, value), part in effects.groupby(["setting", "value"], sort=False):
        by_env = part.groupby("env").difference.mean()
        by_rule = part.groupby("rule").difference.mean()
        mean = over_environments(by_env.to_numpy(float))
        verdict = "better" if mean.low > 0 else "worse" if mean.high < 0 else "undecided"
        rows.append(
            {
                "setting": setting, "value": value, "difference": mean.estimate, "low": mean.low, "high": mean.high,
                "environments": len(by_env), "lowest": by_env.min(), "lowest_env": by_env.idxmin(),
                "highest": by_env.max(), "highest_env": by_env.idxmax(), "rules": len(by_rule),
                "rules_gaining": int((by_rule > 0).sum()), "runs": int(part.n.sum()), "verdict": verdict,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def markdown(name: str, effects: pd.DataFrame, table: pd.DataFrame, measure: str) -> str:
    """The text of shared.md: every change, then each by rule and by environment."""
    lines = [
        f"# Shared settings: {name}",
        "",
        f"By {measure}. Without any change: {number(float(effects.groupby('env').without.mean().mean()))}, mean over "
        f"{effects.rule.nunique()} rules and {effects.env.nunique()} environments.",
        "",
        "| change | difference | lowest | highest | rules that gain | pairs of runs | |",
        "|---|---:|---:|---:|---:|---:|---|",
    ]
    for row in table.to_dict("records"):
        interval = "" if np.isnan(row["low"]) else f" [{number(row['low'])}, {number(row['high'])}]"
        lines.append(
            f"| {row['setting']} = {row['value']} | {number(row['difference'])}{interval} | {number(row['lowest'])} "
            f"({row['lowest_env']}) | {number(row['highest'])} ({row['highest_env']}) | {row['rules_gaining']} of "
            f"{row['rules']} | {row['runs']} | {row['verdict']} |"
        )
    lines += ["", EXPLAINED]
    for over, title in (("rule", "By rule"), ("env", "By environment")):
        means = effects.pivot_table("difference", ["setting", "value"], over, aggfunc="mean", sort=False)
        lines += ["", f"## {title}", "", "| change | " + " | ".join(map(str, means.columns)) + " |"]
        lines += ["|---|" + "---:|" * len(means.columns)]
        for (setting, value), values in zip(means.index, means.to_numpy(float), strict=True):
            lines.append(f"| {setting} = {value} | " + " | ".join(number(float(each)) for each in values) + " |")
    return "\n".join(lines) + "\n"
