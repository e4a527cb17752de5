"""Learning curves as plain data for the page: columns of numbers, floats at five significant digits."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import to_hex

from analysis.inference import simultaneous_band
from analysis.page.evidence import Evidence, labels
from analysis.plots.curves import aligned
from analysis.plots.style import Style, style_of
from analysis.published import comparable, counterpart, task

AXES = {
    "grid_step": "environment steps",
    "gradient_evaluations": "gradient evaluations",
    "fisher_products": "Fisher-vector products",
    "train_s": "training seconds, evaluation left out",
}
MOST_POINTS = 150_000  # evaluations of single runs on the page; beyond, every k-th is drawn and the page says so
DIGITS = 5


def curve_data(evidence: list[Evidence], published: pd.DataFrame | None, seconds: bool) -> dict[str, Any]:
    """Everything that is drawn; keys as `page.js` reads them."""
    names = labels(evidence)
    style = style_of(name for found in names for name in found.values())
    axes = {x: title for x, title in AXES.items() if seconds or x != "train_s"}
    environments = sorted({str(env) for bundle in evidence for env in bundle.results.planned.env})
    points = sum(len(_shown(bundle)) for bundle in evidence)
    every = max(1, -(-points // MOST_POINTS))
    curves = [
        _curve(part, axes, every)
        | {"env": environments.index(str(env)), "rule": list(style).index(found[str(label)])}
        | {"score": bundle.results.scores.get(str(env)), "status": _statuses(bundle, str(env), str(label))}
        for bundle, found in zip(evidence, names, strict=True)
        for (env, label), part in _shown(bundle).groupby(["env", "label"], sort=True)
    ]
    return {
        "axes": axes,
        "environments": environments,
        "rules": [_look(name, style) for name in style],
        "curves": curves,
        "every": every,
        "published": [] if published is None else _published(published, environments, _rules(evidence, names, style)),
    }


def _shown(bundle: Evidence) -> pd.DataFrame:
    evaluations = bundle.results.evaluations
    return evaluations[(evaluations.action == "sampled") & ~evaluations.final]


def _curve(part: pd.DataFrame, axes: dict[str, str], every: int) -> dict[str, Any]:
    """Runs end to end, `sizes` points each, and per axis the interquartile mean with its simultaneous band.

    On an axis that a run never moves along (Fisher products of a plain gradient) there is no band.
    """
    runs = [run.sort_values("grid_step") for _, run in part.groupby("seed", sort=True)]
    thin = [run.iloc[::every] for run in runs]
    whole = pd.concat(thin)
    return {
        "seeds": [int(run.seed.iloc[0]) for run in runs],
        "sizes": [len(run) for run in thin],
        "y": numbers(whole.return_mean),
        "x": {x: numbers(whole[x]) for x in axes},
        "band": {x: _band(runs, x) for x in axes if x == "grid_step" or all(run[x].max() > 0 for run in runs)},
    }


def _band(runs: list[pd.DataFrame], x: str) -> dict[str, list[float | None]]:
    where, curves = aligned(runs, x)
    band = simultaneous_band(curves)
    return {
        "x": numbers(where),
        "centre": numbers(band.centre),
        "low": numbers(band.low),
        "high": numbers(band.high),
    }


def _statuses(bundle: Evidence, env: str, label: str) -> dict[str, str]:
    """seed -> status of the runs that are not ok."""
    rows = bundle.measures
    rows = rows[(rows.env == env) & (rows.label == label) & (rows.status != "ok")]
    return {str(seed): str(status) for seed, status in zip(rows.seed, rows.status, strict=True)}


def numbers(values: Any) -> list[float | None]:
    """Values [n] for JSON: whole numbers exactly, others at five significant digits, None for nan and inf."""
    return [_number(float(value)) for value in np.asarray(values, dtype=np.float64)]


def _number(value: float) -> float | None:
    if not np.isfinite(value):
        return None
    return int(value) if value.is_integer() else float(f"{value:.{DIGITS}g}")


def _look(name: str, style: Style) -> dict[str, Any]:
    look = style[name]
    dash = "solid" if look["linestyle"] == "-" else ",".join(f"{2 * part:g}px" for part in look["linestyle"][1])
    return {"name": name, "colour": to_hex(look["color"]), "dash": dash}


def _rules(evidence: list[Evidence], names: list[dict[str, str]], style: Style) -> dict[str, int]:
    """Rule -> index of the first curve name that it has: published curves of that rule take its colour."""
    found: dict[str, int] = {}
    for bundle, name in zip(evidence, names, strict=True):
        plan = bundle.results.planned.drop_duplicates("label")
        for label, rule in zip(plan.label, plan.rule, strict=True):
            found.setdefault(str(rule), list(style).index(name[str(label)]))
    return found


def _published(table: pd.DataFrame, environments: list[str], rules: dict[str, int]) -> list[dict[str, Any]]:
    """Published curves of the tasks that are here, whatever their version; `same` says whether rewards are alike."""
    sources = sorted(set(table.source.astype(str)))
    drawn = []
    for (source, env, algorithm), part in table.groupby(["source", "env", "algo"], sort=True):
        part = part.sort_values("env_step")
        here = [i for i, ours in enumerate(environments) if task(ours)[0] == task(str(env))[0]]
        if here:
            seeds, note = part.n_seeds.iloc[0], str(part.note.iloc[0])
            drawn.append(
                {
                    "name": f"{algorithm}, {env}, {str(source).split(':')[0]}",
                    "source": str(source),
                    "envs": here,
                    "same": [comparable(environments[i], str(env)) for i in here],
                    "rule": rules.get(counterpart(str(algorithm)) or ""),
                    "symbol": sources.index(str(source)),
                    "x": numbers(part.env_step),
                    "y": numbers(part["mean"]),
                    "sd": numbers(part["std"]),
                    "note": f"{seeds:g} seeds; {note}" if np.isfinite(seeds) else note,
                }
            )
    return drawn
