"""Aggregates over environments beside rliable's, which wants another pandas and so an environment of its own.

    make compare-rliable            (ARGS="--scores scores.json" for those that `python -m analysis.export` wrote)

Estimates and profiles must agree to 1e-12. Intervals are both bootstraps, so their widths are compared by ratio: ours
must be sqrt(n / (n - 1)) times theirs, which is the widening that analysis/across.py states, to 5 % of sampling noise.
Exit code 1 if one of them does not agree.
"""

import argparse
import json
import sys
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import numpy as np
from rliable import library, metrics

from analysis.across import STATISTICS, performance_profile, probability_of_improvement, stratified_interval

THEIRS: dict[str, Callable[..., float]] = {
    "IQM": metrics.aggregate_iqm,
    "mean": metrics.aggregate_mean,
    "median": metrics.aggregate_median,
    "optimality gap": metrics.aggregate_optimality_gap,
}
DRAWS = 20_000
EXACT, NOISE = 1e-12, 0.05
Matrix = np.ndarray  # [runs, environments]


def made_up() -> dict[str, dict[str, Matrix]]:
    """Scores of two rules at several shapes: Gaussian, with ties, above one, and of different numbers of runs."""
    rng = np.random.default_rng(0)
    return {
        "5 x 3, Gaussian": {rule: rng.normal(0.5, 0.3, (5, 3)) for rule in "ab"},
        "10 x 6, uniform, above one": {rule: rng.uniform(0, 1.5, (10, 6)) for rule in "ab"},
        "20 x 4, ties": {rule: rng.integers(0, 4, (20, 4)) / 3 for rule in "ab"},
        "10 x 1, one environment": {rule: rng.normal(0.5, 0.3, (10, 1)) for rule in "ab"},
        "7 and 12 x 5, skewed": {rule: rng.exponential(0.5, (n, 5)) for rule, n in (("a", 7), ("b", 12))},
    }


def compare(scores: dict[str, Matrix]) -> list[tuple[str, float, float, bool]]:
    """What was compared, the largest difference or ratio, what it should be, whether it is."""
    samples = {rule: list(matrix.T) for rule, matrix in scores.items()}
    thresholds = np.linspace(-0.5, 1.5, 41)
    rows = []

    def exact(what: str, difference: float) -> None:
        rows.append((what, difference, 0.0, difference <= EXACT))

    for name, theirs in THEIRS.items():
        exact(name, max(abs(float(STATISTICS[name](*samples[rule])) - theirs(scores[rule])) for rule in scores))
    pairs = list(permutations(scores, 2))
    if pairs:
        differences = [
            abs(
                probability_of_improvement(samples[a], samples[b], draws=2).estimate
                - metrics.probability_of_improvement(scores[a], scores[b])
            )
            for a, b in pairs
        ]
        exact("P(improvement)", max(differences))
    found, _ = library.create_performance_profile(scores, thresholds, reps=2)
    ours = {rule: performance_profile(samples[rule], thresholds, draws=2).share for rule in scores}
    exact("performance profile", max(float(np.abs(ours[rule] - found[rule]).max()) for rule in scores))

    for rule, matrix in scores.items():
        _, bounds = library.get_interval_estimates({rule: matrix}, lambda x: np.array([THEIRS["IQM"](x)]), reps=DRAWS)
        mine = stratified_interval(STATISTICS["IQM"], samples[rule], DRAWS)
        width, expected = float(np.ptp(bounds[rule])), float(np.sqrt(len(matrix) / (len(matrix) - 1)))
        ratio = (mine.high - mine.low) / width if width else 1.0
        rows.append(
            (f"width of {rule}'s IQM interval", ratio, expected, abs(ratio / expected - 1) <= NOISE or not width)
        )
    return rows


def main() -> int:
    """The exit code: 0 if everything agrees, else 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scores", type=Path, help="what `python -m analysis.export RESULTS --rliable FILE` wrote")
    arguments = parser.parse_args()
    cases = made_up()
    if arguments.scores:
        read = json.loads(arguments.scores.read_bytes())
        cases[str(arguments.scores)] = {rule: np.array(matrix) for rule, matrix in read["scores"].items()}
    disagree = 0
    for title, scores in cases.items():
        print(title)
        for what, found, expected, agrees in compare(scores):
            disagree += not agrees
            relation = f"{found:.1e} apart" if expected == 0 else f"{found:.3f} times theirs, {expected:.3f} expected"
            print(f"  {what:32} {relation}{'' if agrees else '  DISAGREES'}")
    print(f"{disagree} disagree" if disagree else "all agree")
    return disagree > 0


if __name__ == "__main__":
    sys.exit(main())
