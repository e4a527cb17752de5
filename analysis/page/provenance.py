"""What made the numbers: versions, machine, plan, seeds, digests and settings."""

import hashlib
import json
from typing import Any

import pandas as pd

from analysis.load import Results
from analysis.page.cells import Table, table
from experiments.records import PROTOCOL

THINNED = (
    "from a compact pack: runs and evaluations whole, numbers of updates and re-uses rounded to 16 significant bits or "
    "left out, no trials and no policies (listed in manifest.json)"
)


def facts(results: Results) -> list[tuple[str, str]]:
    """Names and values, one line each."""
    runs, planned = results.runs, results.planned
    plan = hashlib.sha256((results.folder / "manifest.json").read_bytes()).hexdigest()[:12]
    budgets = planned.groupby("env", sort=True).budget.max()
    return [
        ("protocol", _protocol(results)),
        ("matrix", results.name),
        ("plan", f"{len(planned)} runs; sha256 of manifest.json: {plan}"),
        ("seeds", ranges(sorted({int(seed) for seed in planned.seed}))),
        ("training steps", "; ".join(f"{env} {budget:,}" for env, budget in budgets.items())),
        ("code", _code(runs.code)),
        ("versions", " | ".join(_versions(text) for text in sorted(map(str, runs.versions.unique())))),
        ("machine", _all(runs.cpu)),
        ("lane", f"{_all(runs.lane)}; jobs side by side: {_all(runs.jobs)}; threads each: {_all(runs.threads)}"),
        ("evaluation", _episodes(results.evaluations)),
        *([("rows", THINNED)] if results.thinned else []),
        *(("stored rows", line) for line in results.stored),
    ]


def _protocol(results: Results) -> str:
    """Which definitions the numbers follow, and under which the runs were made, if that is another."""
    ran = _all(results.runs.protocol)
    return PROTOCOL if ran == PROTOCOL else f"{PROTOCOL}; runs made under {ran or 'one that was not recorded'}"


def _code(codes: pd.Series) -> str:
    """Digests of the code, which every rule and environment has of its own; one over all where they are many."""
    known = sorted(map(str, codes.unique()))
    if len(known) <= 3:
        return ", ".join(known)
    whole = hashlib.sha256("\n".join(known).encode()).hexdigest()[:12]
    return f"{whole}, over the {len(known)} digests of its rules and environments (listed in manifest.json)"


def ranges(values: list[int]) -> str:
    """0 to 4, 7 for [0, 1, 2, 3, 4, 7]."""
    spans: list[list[int]] = []
    for value in values:
        if spans and value == spans[-1][1] + 1:
            spans[-1][1] = value
        else:
            spans.append([value, value])
    return ", ".join(str(low) if low == high else f"{low} to {high}" for low, high in spans)


def settings_table(results: Results) -> Table:
    """Every setting of the pipeline, and on which environments it has that value."""
    found: dict[tuple[str, str], set[str]] = {}
    for env, text in results.runs[["env", "settings"]].drop_duplicates().itertuples(index=False):
        for name, value in parsed(text).items():
            found.setdefault((name, json.dumps(value)), set()).add(str(env))
    everywhere = set(results.runs.env.astype(str))
    rows = [
        {"setting": name, "value": value, "environments": "all" if envs == everywhere else ", ".join(sorted(envs))}
        for (name, value), envs in sorted(found.items())
    ]
    return table(
        "Settings of the pipeline", pd.DataFrame(rows), {name: name for name in ("setting", "value", "environments")}
    )


def rule_table(results: Results) -> Table:
    """What every label stands for."""
    rows = results.runs[["label", "rule", "hyper"]].drop_duplicates().sort_values(["label", "hyper"])
    rows = rows.assign(
        hyper=[", ".join(f"{k} {json.dumps(v)}" for k, v in parsed(text).items()) for text in rows.hyper]
    )
    return table("Rules", rows, {"label": "label", "rule": "rule", "hyper-parameters": "hyper"})


def parsed(text: Any) -> dict[str, Any]:
    """The object that a JSON text holds; under one name, whatever else it is."""
    try:
        value = json.loads(str(text))
    except ValueError:
        value = str(text)
    if isinstance(value, dict):
        return {str(name): part for name, part in value.items()}
    return {"(not an object)": value} if value != "" else {}


def _versions(text: str) -> str:
    return ", ".join(f"{name} {value}" for name, value in parsed(text).items())


def _all(column: pd.Series) -> str:
    return ", ".join(sorted({str(value) for value in column if str(value)}))


def _episodes(evaluations: pd.DataFrame) -> str:
    counts = {final: _all(part.episodes) for final, part in evaluations.groupby("final")}
    return f"{counts.get(False, 'no')} episodes at each point of the grid, {counts.get(True, 'no')} of the last policy"
