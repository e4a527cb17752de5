"""Learning curves as plain data for the page: columns of numbers, floats at five significant digits."""

from typing import Any

import numpy as np
import pandas as pd

from analysis.inference import simultaneous_band
from analysis.page.evidence import Evidence, labels
from analysis.plots.curves import BANDED, COSTS, aligned, curves_of
from analysis.plots.looks import HUES, Look, Style, distinct, style_of
from analysis.published import comparable, counterpart, task

MOST_POINTS = 150_000  # evaluations of single runs on the page; beyond, every k-th is drawn and the page says so
DIGITS = 5
VERTICAL = {"return": "return", "score": "score (0 random or fixed actions, 1 reference)"}
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "hexagon")  # of published sources
UNKNOWN = HUES["grey"][2]  # published curves of rules that are not here


def curve_data(evidence: list[Evidence], published: pd.DataFrame | None, seconds: bool) -> dict[str, Any]:
    """Everything that is drawn, and how; keys as `page.js` reads them."""
    names = labels(evidence)
    style = looks(evidence, names)
    axes = {x: title for x, title in COSTS.items() if seconds or x != "train_s"}
    environments = sorted({str(env) for bundle in evidence for env in bundle.results.planned.env})
    shown = [curves_of(bundle.results) for bundle in evidence]
    every = max(1, -(-sum(map(len, shown)) // MOST_POINTS))
    curves = [
        _curve(part, axes, every)
        | {"env": environments.index(str(env)), "rule": list(style).index(found[str(label)])}
        | {"score": bundle.results.scores.get(str(env)), "status": _statuses(bundle, str(env), str(label))}
        for bundle, found, points in zip(evidence, names, shown, strict=True)
        for (env, label), part in points.groupby(["env", "label"], sort=True)
    ]
    plain = {name: label for found in names for label, name in found.items()}
    return {
        "axes": axes,
        "vertical": VERTICAL,
        "environments": environments,
        "rules": [_look(style[name]) | {"name": name, "label": plain[name]} for name in style],
        "seeds": sorted({int(seed) for bundle in evidence for seed in bundle.results.planned.seed}),
        "curves": curves,
        "every": every,
        "published": [] if published is None else _published(published, environments, _rules(evidence)),
    }


def looks(evidence: list[Evidence], names: list[dict[str, str]]) -> Style:
    """Curve name -> its look: that of its directory's figures, unless another directory's curve has it already."""
    found: Style = {}
    for bundle, name in zip(evidence, names, strict=True):
        rules = dict(zip(bundle.results.planned.label, bundle.results.planned.rule, strict=True))
        found |= {name[label]: look for label, look in style_of(rules, rules).items()}
    return distinct(found)


def _curve(part: pd.DataFrame, axes: dict[str, str], every: int) -> dict[str, Any]:
    """Runs end to end, `sizes` points each of which the first `lived` are measured, and per axis the interquartile mean
    with its simultaneous band, if there are runs enough for one.

    On an axis that a run never moves along (Fisher products of a plain gradient) there is no mean.
    """
    runs = [run.sort_values("grid_step") for _, run in part.groupby("seed", sort=True)]
    thin = [pd.concat([run.iloc[:-1:every], run.iloc[-1:]]) for run in runs]
    whole = pd.concat(thin)
    return {
        "seeds": [int(run.seed.iloc[0]) for run in runs],
        "sizes": [len(run) for run in thin],
        "lived": [int((~run.imputed).sum()) for run in thin],
        "y": numbers(whole.return_mean),
        "x": {x: numbers(whole[x]) for x in axes},
        "band": {x: _band(part, x) for x in axes if x == "grid_step" or all(run[x].max() > 0 for run in runs)},
    }


def _band(part: pd.DataFrame, x: str) -> dict[str, list[float | None]]:
    where, curves = aligned(part, x)
    band = simultaneous_band(curves)
    edges = {"low": numbers(band.low), "high": numbers(band.high)} if len(curves) >= BANDED else {}
    return {"x": numbers(where), "centre": numbers(band.centre), **edges}


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


def _look(look: Look) -> dict[str, str]:
    """Colour and dash, as Plotly and SVG have them."""
    dash = "solid" if isinstance(look.dash, str) else ",".join(f"{2 * part:g}px" for part in look.dash[1])
    return {"colour": look.color, "dash": dash}


def _rules(evidence: list[Evidence]) -> dict[str, str]:
    """The rules that are here -> their own colours, which published curves of them take."""
    rules = sorted({str(rule) for bundle in evidence for rule in bundle.results.planned.rule})
    return {rule: style_of([rule])[rule].color for rule in rules}


def _published(table: pd.DataFrame, environments: list[str], rules: dict[str, str]) -> list[dict[str, Any]]:
    """Published curves of the tasks that are here, whatever their version; `same` says whether rewards are alike."""
    sources = sorted(set(table.source.astype(str)))
    drawn = []
    for (source, env, algorithm), part in table.groupby(["source", "env", "algo"], sort=True):
        part = part.sort_values("env_step")
        here = [i for i, ours in enumerate(environments) if task(ours)[0] == task(str(env))[0]]
        colour = rules.get(counterpart(str(algorithm)) or "")
        if here:
            seeds, remarks = part.n_seeds.iloc[0], [str(part[name].iloc[0]) for name in ("evaluation", "note")]
            runs = ("one run" if seeds == 1 else f"{seeds:g} seeds") if np.isfinite(seeds) else ""
            drawn.append(
                {
                    "name": f"{algorithm}, {env}, {str(source).split(':')[0]}",
                    "source": str(source),
                    "envs": here,
                    "same": [comparable(environments[i], str(env)) for i in here],
                    "colour": colour or UNKNOWN,
                    "dash": "4px,3px",
                    "shown": colour is not None,
                    "symbol": SYMBOLS[sources.index(str(source)) % len(SYMBOLS)] + "-open",
                    "x": numbers(part.env_step),
                    "y": numbers(part["mean"]),
                    "sd": numbers(part["std"]),
                    "note": "; ".join(filter(None, [runs, *remarks])),
                }
            )
    return drawn
