"""Are losses those of steps too long for the noise? Radius by batch, against a model in which only their ratio counts.

    python -m analysis.noise results/noise

Beukman et al. 2026 (arXiv 2603.06009) lay plateaus and losses to steps too long for the noise. Where gradients are
nearly all noise, a step of radius delta on a batch of B rows with noise scale N follows the signal for a share B / N of
delta. So a radius ten times as long should do what a batch ten times as small does: in a logit of the outcome, linear
in log delta and log B, `exchange`, minus the slope in B over that in delta, should be 1. Where length alone counts it
is 0.

Writes tables/noise.csv, a row per environment and outcome, and figures/noise.png and .pdf.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import numpy as np
import pandas as pd
import tyro
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, xlogy

from analysis.blind_spot import LEARNT
from analysis.load import Results, ResultsError, load
from analysis.measures import curves
from analysis.measures.efficiency import WINDOW
from analysis.plots.looks import style_of
from analysis.plots.noise import against
from analysis.plots.style import caption, legend_below, panels, save, theme
from analysis.spreadsheet import csv_of
from experiments.records import PROTOCOL, write_atomically

Array = NDArray[np.float64]
NAN = float("nan")
OUTCOMES = ("lost", "last")
RIDGE = 1e-8  # keeps a slope finite where the data are split without error
DRAWS = 500
SEEDS = 3  # from which there is an interval


@dataclass(frozen=True)
class Arguments:
    results: tyro.conf.Positional[Path]
    """results directory of a matrix that crosses `max_kl` with `batch_size` (`noise`)"""


def cells(results: Results) -> pd.DataFrame:
    """A row per run with a radius: env, label, seed, batch, radius, and

    - `last`: mean score of the last five evaluations, cut to [0, 1];
    - `lost`: the share of the best mean of five evaluations that the last five have not, in [0, 1]; nan where that best
      is below LEARNT;
    - `noise`: rows of the noise scale in the Fisher metric over the second half of its updates, B (1 - rho) / rho with
      rho the share of signal; infinite where halves do not agree.
    """
    points = {str(run): part.z.to_numpy(float) for run, part in curves(results).groupby("run_id")}
    watched = {str(run): part for run, part in results.updates.groupby("run_id")}
    rows = []
    for run in results.runs.to_dict("records"):
        radius, z = json.loads(run["hyper"] or "{}").get("max_kl"), points[run["run_id"]]
        if radius is None or len(z) < WINDOW or np.isnan(z).any():
            continue
        batch = int(json.loads(run["settings"])["batch_size"])
        means = np.lib.stride_tricks.sliding_window_view(z, WINDOW).mean(-1)
        best, last = float(means.max()), float(means[-1])
        rows.append(
            {name: run[name] for name in ("env", "label", "seed")}
            | {
                "batch": batch,
                "radius": float(radius),
                "last": float(np.clip(last, 0, 1)),
                "lost": float(np.clip(1 - last / best, 0, 1)) if best >= LEARNT else NAN,
                "noise": _noise(watched[run["run_id"]], batch) if run["run_id"] in watched else NAN,
            }
        )
    columns = ["env", "label", "seed", "batch", "radius", "last", "lost", "noise"]
    return pd.DataFrame(rows, columns=columns)


def _noise(updates: pd.DataFrame, batch: int) -> float:
    late = updates[(updates["update"] > updates["update"].max() / 2) & (updates.natural_square > 0)]
    square, signal = late.natural_square.sum(), (late.natural_signal_share * late.natural_square).sum()
    if not square > 0:
        return NAN
    return float(batch * (square - signal) / signal) if signal > 0 else float("inf")


def logit(outcome: Array, *terms: Array) -> tuple[Array, float]:
    """Coefficients [1 + terms] of a fractional logit of outcomes [n] in [0, 1], and its deviance per run."""
    design = np.stack([np.ones(len(outcome)), *(term - term.mean() for term in terms)], 1)

    def deviance(beta: Array) -> float:
        p = np.clip(expit(design @ beta), 1e-12, 1 - 1e-12)
        saturated = xlogy(outcome, outcome) + xlogy(1 - outcome, 1 - outcome)
        fitted = xlogy(outcome, p) + xlogy(1 - outcome, 1 - p)
        return float(2 * (saturated - fitted).mean())

    found = minimize(lambda beta: deviance(beta) + RIDGE * float(beta @ beta), np.zeros(design.shape[1]), method="BFGS")
    return np.asarray(found.x), deviance(found.x)


def exchange(frame: pd.DataFrame, outcome: str) -> float:
    """How many decades of radius a decade of batch is worth: minus the slope in log B over that in log delta."""
    beta, _ = logit(frame[outcome].to_numpy(float), *_logs(frame))
    return float(-beta[2] / beta[1]) if beta[1] else NAN


def _logs(frame: pd.DataFrame) -> tuple[Array, Array]:
    return np.log10(frame.radius.to_numpy(float)), np.log10(frame.batch.to_numpy(float))


def fits(runs: pd.DataFrame) -> pd.DataFrame:
    """A row per environment and outcome: n, noise, the shares of deviance that radius, radius / batch, and both free
    explain, and the exchange with its 95 % percentile interval over resampled seeds, from SEEDS seeds on.
    """
    rows = []
    for env, whole in runs.groupby("env"):
        for outcome in OUTCOMES:
            part = whole.dropna(subset=[outcome])
            row = {"env": env, "outcome": outcome, "n": len(part), "noise": float(whole.noise.median())}
            if part[["radius", "batch"]].drop_duplicates().shape[0] > 3 and np.ptp(part[outcome]) > 0:
                row |= _explained(part, outcome)
            rows.append(row)
    columns = ["env", "outcome", "n", "noise", "by_radius", "by_ratio", "by_both", "exchange", "low", "high"]
    return pd.DataFrame(rows).reindex(columns=columns)


def _explained(part: pd.DataFrame, outcome: str) -> dict[str, float]:
    y, (radius, batch) = part[outcome].to_numpy(float), _logs(part)
    nothing = logit(y)[1]
    models = {"by_radius": [radius], "by_ratio": [radius - batch], "by_both": [radius, batch]}
    found = {name: 1 - logit(y, *terms)[1] / nothing for name, terms in models.items()}
    seeds, rng = part.seed.unique(), np.random.default_rng(0)
    found |= {"exchange": exchange(part, outcome), "low": NAN, "high": NAN}
    if len(seeds) >= SEEDS:
        by_seed = dict(list(part.groupby("seed")))
        draws = [pd.concat([by_seed[s] for s in rng.choice(seeds, len(seeds))]) for _ in range(DRAWS)]
        ratios = [exchange(draw, outcome) for draw in draws]
        found["low"], found["high"] = (float(np.quantile(ratios, q)) for q in (0.025, 0.975))
    return found


def draw(runs: pd.DataFrame, folder: Path) -> list[Path]:
    """A row per environment and outcome: against the radius, and against radius x noise scale / batch."""
    named = {batch: f"trpo(batch_size={batch})" for batch in sorted(runs.batch.unique())}
    runs, style = runs.assign(label=runs.batch.map(named)), style_of(named.values())
    parts = [(env, part, outcome) for env, part in runs.groupby("env") for outcome in OUTCOMES]
    figure, axes = panels(2 * len(parts), height=1.9, columns=2)
    for (env, part, outcome), left, right in zip(parts, axes[::2], axes[1::2], strict=True):
        against(part, left, style, outcome, "radius")
        shown = part.dropna(subset=[outcome])
        against(part, right, style, outcome, "strain")
        if len(shown) > 2 and np.ptp(shown[outcome]) > 0:
            x = np.log10(shown.strain.to_numpy(float))
            beta, _ = logit(shown[outcome].to_numpy(float), x)
            line = np.linspace(x.min(), x.max(), 50)
            right.plot(10**line, expit(beta[0] + beta[1] * (line - x.mean())), color="0.4", linewidth=0.9, zorder=1)
        left.set_title(str(env), loc="left")
    legend_below(figure, style, dots=True)
    text = (
        "Dot: a run. Lost: share of its best mean of five evaluations that the last five have not, where there was "
        "something to lose; last: score of the last five. Right: radius times noise scale (the median over "
        "runs) over batch, with a logit of that alone. If nothing else counts, all dots on the right follow one line."
    )
    caption(figure, text)
    return save(figure, folder, "noise")


def main(arguments: Arguments) -> int:
    """The exit code: 0, or 2 if the directory has no such runs."""
    try:
        runs = cells(load(arguments.results))
        if runs.empty:
            raise ResultsError(f"{arguments.results}: no run with a radius and scores")
    except ResultsError as error:
        print(error, file=sys.stderr)
        return 2
    finite = runs.noise.where(np.isfinite(runs.noise)).groupby(runs.env).transform("median")
    runs = runs.assign(strain=runs.radius * finite.fillna(1.0) / runs.batch)
    table = fits(runs)
    for place in ("tables", "figures"):
        (arguments.results / place).mkdir(exist_ok=True)
    write_atomically(arguments.results / "tables" / "noise.csv", csv_of(table.assign(protocol=PROTOCOL)))
    with theme():
        draw(runs, arguments.results / "figures")
    print(table.round(3).to_string(index=False))
    return 0


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Arguments, description=__doc__)))
