"""How often do the report's decisions see a difference where there is none?

One rule runs under two labels (the `calibration` matrix), so whatever a comparison of its runs finds is false. Every
decision is replayed on many splits of those runs into two sides of 5 and of 10. Those on which verdicts rest must not
err credibly above 5 %; the others stand beside them to show why no verdict rests on them.

    python experiments/run_matrix.py calibration
    python -m analysis.calibration results/calibration --pin

The pinned rates stand in every report.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import tyro
from numpy.typing import NDArray
from scipy import stats

from analysis.across import probability_of_improvement
from analysis.contrasts import MEASURES
from analysis.hypotheses import ERROR, holm
from analysis.inference import LEVEL, clopper_pearson
from analysis.load import ResultsError, load
from analysis.measures import measure_runs
from analysis.permutation import Contrast, permutation_p

Array = NDArray[np.float64]
Decide = Callable[[pd.DataFrame, pd.DataFrame], dict[str, bool]]  # decision -> do the runs of two rules differ?
PINNED = Path(__file__).with_suffix(".csv")
SEEDS = (5, 10)
SPLITS = 1_000
COLUMNS = ("env", "decision", "decides", "seeds", "splits", "false_positives", "rate", "low", "high")


def verdicts(a: pd.DataFrame, b: pd.DataFrame) -> dict[str, bool]:
    """What `compare` finds: by each measure alone, and by any of them after Holm's correction."""
    p = {
        measure.title: permutation_p([Contrast(measure.values(a), measure.values(b), False, measure.trim)])
        for measure in MEASURES.values()
    }
    alone = {f"permutation, {title}": value <= ERROR for title, value in p.items()}
    return alone | {"any of these, Holm": bool((holm(np.array(list(p.values()))) <= ERROR).any())}


def customs(a: pd.DataFrame, b: pd.DataFrame) -> dict[str, bool]:
    """What is often read as a difference, and is no decision rule here; all on nAUC."""
    return {
        "bootstrap interval of the difference, nAUC": percentile_bootstrap(a, b),
        "interval of P(improvement), nAUC": improvement_interval(a, b),
        "bars of one standard error apart, nAUC": bars_apart(a, b),
    }


def percentile_bootstrap(a: pd.DataFrame, b: pd.DataFrame) -> bool:
    """Whether the bootstrap interval of the difference of mean nAUC leaves out 0."""
    found = stats.bootstrap(
        (a.nauc.to_numpy(float), b.nauc.to_numpy(float)),
        lambda x, y, axis: x.mean(axis) - y.mean(axis),
        n_resamples=1_000,
        confidence_level=LEVEL,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return not found.low <= 0 <= found.high


def improvement_interval(a: pd.DataFrame, b: pd.DataFrame) -> bool:
    """Whether the interval of the probability of improvement in nAUC leaves out one half."""
    found = probability_of_improvement([a.nauc.to_numpy(float)], [b.nauc.to_numpy(float)], draws=1_000)
    return not found.low <= 0.5 <= found.high


def bars_apart(a: pd.DataFrame, b: pd.DataFrame) -> bool:
    """Whether bars of one standard error about mean nAUC do not overlap."""
    x, y = a.nauc.to_numpy(float), b.nauc.to_numpy(float)
    return bool(abs(x.mean() - y.mean()) > stats.sem(x) + stats.sem(y))


def replay(
    measures: pd.DataFrame, decide: Decide, seeds: tuple[int, ...] = SEEDS, splits: int = SPLITS
) -> pd.DataFrame:
    """COLUMNS without `decides`: every decision on random splits of all runs of each environment, whatever their label.

    The interval is Clopper and Pearson's for the rate over all splits of these runs; other runs may give another rate.
    Raises ValueError if an environment has not twice as many runs as a side is to have.
    """
    rows = []
    for env, runs in measures.groupby("env", sort=True):
        if len(runs) < 2 * max(seeds):
            raise ValueError(f"{env}: expected at least {2 * max(seeds)} runs to split, got {len(runs)}")
        for n in seeds:
            rng = np.random.default_rng(n)
            sides = [rng.permutation(len(runs))[: 2 * n].reshape(2, n) for _ in range(splits)]
            found = pd.DataFrame([decide(runs.iloc[left], runs.iloc[right]) for left, right in sides])
            for name, false in found.sum().items():
                rate = clopper_pearson(int(false), splits)
                rows.append((env, name, n, splits, int(false), rate.estimate, rate.low, rate.high))
    return pd.DataFrame(rows, columns=[column for column in COLUMNS if column != "decides"])


def calibrate(measures: pd.DataFrame, splits: int = SPLITS) -> pd.DataFrame:
    """COLUMNS: the decisions on which verdicts rest, then those on which none does."""
    parts = [
        replay(measures, decide, splits=splits).assign(decides=decides)
        for decide, decides in ((verdicts, True), (customs, False))
    ]
    return pd.concat(parts, ignore_index=True)[list(COLUMNS)]


def credibly_above(rates: pd.DataFrame) -> pd.DataFrame:
    """The rows whose whole interval lies above the promised 5 %."""
    return rates[rates.low > ERROR]


def pinned() -> pd.DataFrame:
    """The rates that stand in every report."""
    return pd.read_csv(PINNED)


@dataclass(frozen=True)
class Arguments:
    results: tyro.conf.Positional[Path]
    """the results directory of a calibration matrix: one rule under several labels"""
    splits: int = SPLITS
    """how often the runs of an environment are split"""
    pin: bool = False
    """put the rates into every report from now on"""


def main(arguments: Arguments) -> int:
    """The exit code: 0, 1 if a decision errs credibly too often, 2 if the runs cannot be used."""
    try:
        results = load(arguments.results)
        made_by = results.runs.drop_duplicates(["rule", "hyper"])
        if len(made_by) > 1:
            raise ResultsError(f"{arguments.results} compares different rules: {', '.join(sorted(made_by.label))}")
        measures = measure_runs(results)
        if (measures.status != "ok").any():
            raise ResultsError(f"{arguments.results}: not every planned run is ok; finish the matrix first")
        rates = calibrate(measures, arguments.splits)
    except (ResultsError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    for file in (PINNED,) if arguments.pin else ():
        rates.to_csv(file, index=False, float_format="%.4g", lineterminator="\n")
    print(rates.to_string(index=False, float_format="{:.3f}".format))
    wrong = credibly_above(rates[rates.decides])
    for row in wrong.to_dict("records"):
        print(f"{row['decision']} on {row['env']} errs in {row['rate']:.1%} with {row['seeds']} seeds", file=sys.stderr)
    return int(bool(len(wrong)))


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Arguments, description=__doc__)))
