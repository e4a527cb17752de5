"""A tuning in words and numbers, as Markdown."""

import math
from typing import Any

import pandas as pd

from analysis.summary import number
from analysis.tuning.study import Study

EXPLAINED = """Scores are on the seed in turn that had no part in choosing, means over environments. *Default*: the
rule's own; *one*: the best one setting for all environments, by ranks among all runs; *each*: tuned per environment;
*sensitivity*: each less one, with a 95 % t interval over environments; *dimensions*: hyper-parameters that need tuning
per environment for 95 % of what tuning all of them gives, on parabolas fitted to the settings, where these foretell at
least a fifth of the variance of settings left out (*foretold*); *charged*: *each* with the steps of its tuning paid
for; *break_even*: budgets to run until tuning per environment has paid, beside the default."""
COLUMNS = ("default", "one", "each", "sensitivity", "dimensions", "foretold", "charged", "break_even", "setting")


def markdown(study: Study, frames: dict[str, pd.DataFrame]) -> str:
    """The text of tuning.md."""
    rows = frames["tuning"].sort_values("one", ascending=False).to_dict("records")
    lines = [
        f"# Tuning: {study.matrix}",
        "",
        f"{len(study.rules)} rules, {len(study.environments)} environments ({', '.join(study.environments)}), "
        f"{len(study.seeds)} seeds, runs of {study.share:.3g} budgets, by {study.measure}.",
        "",
        *_table(["rule", *COLUMNS], [[str(row["rule"]), *(_shown(name, row) for name in COLUMNS)] for row in rows]),
        EXPLAINED,
        "",
    ]
    if "shrinkage" in frames:
        means = frames["shrinkage"].groupby(["rule", "choice"], sort=True)[["tuning", "fresh", "shrinkage"]].mean()
        parts = means.reset_index().to_dict("records")
        lines += [
            "## On fresh seeds",
            "",
            "nAUC over the steps that a run of the tuning had.",
            "",
        ]
        header = ["rule", "choice", "tuning", "fresh", "shrinkage"]
        lines += _table(header, [[_shown(name, part) for name in header] for part in parts])
    lines += [f"Left out: {name}: {reason}." for name, reason in study.left_out.items()]
    lines += [f"Without scores, and so left out: {', '.join(study.unscored)}."] if study.unscored else []
    return "\n".join(lines).rstrip() + "\n"


def _shown(name: str, row: dict[Any, Any]) -> str:
    value = row[name]
    if isinstance(value, str):
        return f"`{value}`" if name == "setting" else value
    if name == "break_even" and math.isinf(value):
        return "never"
    low, high = row.get(f"{name}_low", math.nan), row.get(f"{name}_high", math.nan)
    return number(value) + ("" if math.isnan(low) else f" [{number(low)}, {number(high)}]")


def _table(header: list[str], rows: list[list[str]]) -> list[str]:
    lines = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines] + [""]
