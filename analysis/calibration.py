"""How often do the report's decisions see a difference where there is none, and how often where there is one?

The `calibration` matrix holds one rule under two labels on disjoint seeds, so that whatever a comparison of these finds
is false; the same rule under a third label on seeds of the first, whose rows must be equal in every number; and a rule
known to be weaker, on seeds of the first. The report's comparisons are replayed on disjoint blocks of 6 and of 10
seeds, so that the counts are binomial. Runs of the two labels of one rule are compared as they are, unpaired, and once
more in pairs, for that is what a report mostly does. What must not decide stands beside it to show why.

    python experiments/run_matrix.py calibration
    python -m analysis.calibration results/calibration --pin

The pinned rates stand in every report, those of single environments in calibration.csv. Exit code: 0, 1 if a decision
errs credibly too often or equal seeds gave other rows, 2 if the runs cannot be used.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import tyro
from numpy.typing import NDArray
from scipy import stats

from analysis import console
from analysis.across import probability_of_improvement
from analysis.compare import Scale, verdicts
from analysis.contrasts import MEASURES
from analysis.hypotheses import ERROR, holm
from analysis.inference import LEVEL, clopper_pearson
from analysis.load import Results, ResultsError, load
from analysis.measures import measure_runs

Array = NDArray[np.float64]
Found = dict[tuple[str, str], bool]  # (environment, decision) -> is there a difference?
Decide = Callable[[pd.DataFrame], Found]  # of the runs of the labels FIRST and SECOND
PINNED = Path(__file__).with_suffix(".csv")
SEEDS = (6, 10)
FIRST, SECOND = "first", "second"
EVERY = "every environment"  # counts of all of them together
FALSE, TRUE = "false positives", "power"
COLUMNS = ("of", "env", "decision", "decides", "seeds", "comparisons", "found", "rate", "low", "high")


@dataclass(frozen=True)
class Labels:
    """The roles of the labels of a calibration matrix."""

    equal: list[tuple[str, str]]  # one rule, common seeds
    null: tuple[str, str]  # one rule, no common seed; of several the pair with most runs
    differing: tuple[str, str] | None  # two rules, common seeds; of several the pair with most of these


def labels_of(results: Results) -> Labels:
    """Raises ResultsError if there is no pair of one rule on disjoint seeds."""
    parts = {str(label): part for label, part in results.runs.groupby("label")}
    made_by = {label: set(zip(part.rule, part.hyper, strict=True)) for label, part in parts.items()}
    seeds = {label: set(part.seed) for label, part in parts.items()}
    pairs = list(combinations(parts, 2))
    same = [(a, b) for a, b in pairs if made_by[a] == made_by[b]]
    equal = [(a, b) for a, b in same if seeds[a] & seeds[b]]
    null = [(a, b) for a, b in same if not seeds[a] & seeds[b]]
    differing = [(a, b) for a, b in pairs if (a, b) not in same and seeds[a] & seeds[b]]
    if not null:
        raise ResultsError(f"{results.folder} has no rule under two labels on disjoint seeds, as `calibration` has")
    return Labels(
        equal,
        max(null, key=lambda pair: min(len(seeds[label]) for label in pair)),
        max(differing, key=lambda pair: len(seeds[pair[0]] & seeds[pair[1]]), default=None),
    )


def unequal_rows(results: Results, first: str, second: str) -> list[str]:
    """The columns in which the rows of two labels differ on their common seeds, seconds left out."""
    wrong = []
    for name in ("evaluations", "updates", "trials", "reuses"):
        rows = getattr(results, name)
        kept = [column for column in rows if column not in ("run_id", "label") and not column.endswith("_s")]
        a, b = (rows[rows.label == label].set_index(["env", "seed"]) for label in (first, second))
        a, b = (part[part.index.isin(other.index)].reset_index()[kept] for part, other in ((a, b), (b, a)))
        if len(a) != len(b):
            wrong.append(f"{name}: {len(a)} rows against {len(b)}")
        else:
            wrong += [f"{name}.{column}" for column in kept if not a[column].equals(b[column])]
    return wrong


def report_decisions(scale: Scale) -> Decide:
    """What the report finds: by each test alone, and in the table as a whole after Holm's correction."""

    def decide(runs: pd.DataFrame) -> Found:
        table = verdicts(runs, [(FIRST, SECOND)], list(MEASURES), scale)
        alone = {
            (row["env"], f"{row['test']}, {MEASURES[row['measure']].title}"): bool(row["p"] <= ERROR)
            for row in table.to_dict("records")
            if row["p"] == row["p"]
        }
        paired = "pairs" if table.test.eq("sign-flip permutation").any() else "unpaired"
        return alone | {
            (EVERY, f"any verdict of the table, {paired}"): bool(table.verdict.isin(["better", "worse"]).any())
        }

    return decide


def customs(runs: pd.DataFrame) -> Found:
    """Criteria that are often taken for a difference and are not used here, all on nAUC."""
    found: Found = {}
    for env, part in runs.groupby("env", sort=True):
        a, b = (part[part.label == label].nauc.to_numpy(float) for label in (FIRST, SECOND))
        found[str(env), "bootstrap interval of the difference, nAUC"] = percentile_bootstrap(a, b)
        found[str(env), "interval of P(improvement), nAUC"] = improvement_interval(a, b)
        found[str(env), "bars of one standard error apart, nAUC"] = bars_apart(a, b)
    return found


def percentile_bootstrap(a: Array, b: Array) -> bool:
    """Whether the bootstrap interval of the difference of means leaves out 0."""
    found = stats.bootstrap(
        (a, b), lambda x, y, axis: x.mean(axis) - y.mean(axis), n_resamples=1_000, confidence_level=LEVEL,
        method="percentile", rng=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    return not found.low <= 0 <= found.high


def improvement_interval(a: Array, b: Array) -> bool:
    """Whether the interval of the probability of improvement leaves out one half."""
    found = probability_of_improvement([a], [b], draws=1_000)
    return found.estimate != 0.5 and not found.low <= 0.5 <= found.high  # no interval: all of one are above


def bars_apart(a: Array, b: Array) -> bool:
    """Whether bars of one standard error about the means do not overlap."""
    return bool(abs(a.mean() - b.mean()) > stats.sem(a) + stats.sem(b))


def blocks(measures: pd.DataFrame, first: str, second: str, n: int, paired: bool) -> Iterator[pd.DataFrame]:
    """Disjoint blocks of n runs a side and environment, in the order of their seeds, under the labels FIRST and SECOND.

    The sides get equal seeds, or, if they are not to be paired, disjoint ones. Raises ResultsError if there is not one
    block.
    """
    sides = []
    for label, name in ((first, FIRST), (second, SECOND)):
        runs = measures[measures.label == label].sort_values(["env", "seed"]).assign(label=name)
        place = runs.groupby("env").cumcount()
        sides.append(runs.assign(place=place, seed=place if paired or name == FIRST else -1 - place))
    runs = pd.concat(sides, ignore_index=True)
    count = int(runs.groupby(["env", "label"]).size().min()) // n
    if not count:
        raise ResultsError(f"expected at least {n} runs of {first} and of {second} on every environment")
    return (runs[runs.place // n == k] for k in range(count))


def replay(parts: Iterator[pd.DataFrame], decide: Decide) -> pd.DataFrame:
    """env, decision, comparisons, found: over all blocks, by environment and over every one."""
    table = pd.DataFrame(
        [(env, decision, bool(yes)) for part in parts for (env, decision), yes in decide(part).items()],
        columns=["env", "decision", "found"],
    )
    single = ~table.env.str.endswith(("environments", EVERY))
    whole = pd.concat([table, table[single].assign(env=EVERY)])
    counts = whole.groupby(["env", "decision"], sort=False).found.agg(["size", "sum"]).reset_index()
    return counts.rename(columns={"size": "comparisons", "sum": "found"})


def calibrate(measures: pd.DataFrame, labels: Labels, scale: Scale, seeds: tuple[int, ...] = SEEDS) -> pd.DataFrame:
    """COLUMNS: false positives of the report's decisions and of those that are none, and the power of the former."""
    report = report_decisions(scale)
    parts = []
    for n in seeds:
        for paired in (True, False):
            found = replay(blocks(measures, *labels.null, n, paired), report)
            parts.append(found.assign(of=FALSE, decides=True, seeds=n))
            if labels.differing:
                found = replay(blocks(_common(measures, *labels.differing), *labels.differing, n, paired), report)
                parts.append(found.assign(of=TRUE, decides=True, seeds=n))
        found = replay(blocks(measures, *labels.null, n, False), customs)
        parts.append(found.assign(of=FALSE, decides=False, seeds=n))
    rates = pd.concat(parts, ignore_index=True).sort_values(["decides", "of"], ascending=[False, True], kind="stable")
    bounds = [clopper_pearson(int(k), int(m)) for k, m in zip(rates.found, rates.comparisons, strict=True)]
    rates[["rate", "low", "high"]] = [(b.estimate, b.low, b.high) for b in bounds]
    return rates[list(COLUMNS)].reset_index(drop=True)


def _common(measures: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """The runs of both labels on the seeds that both have."""
    seeds = [set(measures[measures.label == label].seed) for label in (first, second)]
    return measures[measures.seed.isin(seeds[0] & seeds[1])]


def credibly_above(rates: pd.DataFrame) -> pd.DataFrame:
    """The rows of false positives that are above the promised 5 %, beyond what chance makes of so many rows (Holm)."""
    rates = rates[rates.of == FALSE]
    p = [
        stats.binomtest(int(k), int(m), ERROR, alternative="greater").pvalue
        for k, m in zip(rates.found, rates.comparisons, strict=True)
    ]
    return rates[holm(np.array(p)) <= ERROR]


def pinned() -> pd.DataFrame:
    """The rates of our runs; in every report stand those of `in_short`."""
    return pd.read_csv(PINNED)


def in_short(rates: pd.DataFrame) -> pd.DataFrame:
    """The rates over every environment."""
    return rates[rates.env == EVERY]


@dataclass(frozen=True)
class Arguments:
    results: tyro.conf.Positional[Path]
    """the results directory of the calibration matrix"""
    pin: bool = False
    """put the rates into every report from now on"""
    mixed: bool = False
    """also if code or library versions differ between runs"""


def main(arguments: Arguments) -> int:
    """The exit code."""
    try:
        results = load(arguments.results, arguments.mixed)
        labels, measures = labels_of(results), measure_runs(results)
        if (measures.status != "ok").any():
            raise ResultsError(f"{arguments.results}: not every planned run is ok; finish the matrix first")
        rates = calibrate(measures, labels, Scale(results.scores))
    except ResultsError as error:
        print(error, file=sys.stderr)
        return 2
    if arguments.pin:
        rates.to_csv(PINNED, index=False, float_format="%.4g", lineterminator="\n")
    print(rates.to_string(index=False, float_format="{:.3f}".format))
    wrong = [
        f"{row['decision']} on {row['env']} errs in {row['rate']:.1%} with {row['seeds']} seeds"
        for row in credibly_above(rates[rates.decides]).to_dict("records")
    ]
    for pair in labels.equal:
        differ = unequal_rows(results, *pair)
        wrong += [f"{pair[0]} and {pair[1]}, one rule on equal seeds, differ in {', '.join(differ)}"] if differ else []
    print(*wrong, sep="\n", file=sys.stderr)
    return int(bool(wrong))


if __name__ == "__main__":
    console.run(main, Arguments, __doc__)
