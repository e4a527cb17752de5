"""An interim analysis: the verdicts of a matrix's comparisons at so many seeds; `run_matrix.py --until-decided` asks.

python -m analysis.decide results/mine --seeds 10        prints JSON, a line per comparison

The test, the estimand and the pairing are those of the report (`analysis.compare`). A p-value is first corrected for
four analyses, then, with Holm's method, for all comparisons of the matrix: in that order the whole procedure errs in
5 % at most, where Holm at the level of one comparison's analyses errs in 5.3 to 5.7. A comparison keeps its first
verdict.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import tyro
from numpy.typing import NDArray

from analysis import console
from analysis.compare import verdict
from analysis.contrasts import MEASURES, Measure, NoContrast, contrast_of
from analysis.hypotheses import ERROR, difference, holm
from analysis.interim import nominal_level, overall_error
from analysis.load import Results, ResultsError, load
from analysis.measures import measure_runs
from analysis.permutation import Contrast, permutation_p

Array = NDArray[np.float64]
REJECTED = ("better", "worse")


@dataclass(frozen=True)
class Arguments:
    results: tyro.conf.Positional[Path]
    """a results directory whose matrix file has a table [compare]"""
    seeds: int
    """of the analysis: seeds 0..N-1 are used, or as many of them as a rule has"""
    decided: str = "{}"
    """JSON: the verdicts of earlier analyses, by the comparison's name"""


@dataclass(frozen=True)
class Comparison:
    """One pair of rules on one environment; `difference` is first minus second."""

    name: str
    env: str
    first: str
    second: str
    measure: str
    seeds: int
    difference: float
    p: float
    adjusted: float
    verdict: str  # better, worse, practically equivalent, undecided


def decide(
    contrasts: Mapping[str, Contrast],
    earlier: Mapping[str, str],
    measure: Measure,
    effects: Mapping[str, float | None] | None = None,
) -> dict[str, tuple[float, float, str]]:
    """name -> (p, adjusted p, verdict) at an analysis; a verdict of an earlier one stands.

    effects: the smallest effect by name, in the unit of the values. The adjusted p-value is to be compared with 5 %.
    """
    p = np.array([0.0 if earlier.get(n) in REJECTED else permutation_p([c]) for n, c in contrasts.items()])
    found = {}
    for (name, contrast), raw, corrected in zip(contrasts.items(), p, adjust(p), strict=True):
        said = earlier.get(name, "undecided")
        if said == "undecided":
            said = verdict(
                (contrast,), measure, corrected <= ERROR, (effects or {}).get(name),
                nominal_level(ERROR / len(contrasts)),
            )  # fmt: skip
        found[name] = (float(raw), float(corrected), said)
    return found


def adjust(p: Array) -> Array:
    """p-values [n] of one interim analysis, corrected for all analyses and for the family; 0 for decided comparisons.

    Holm's method with boundaries of every step's own level (Maurer and Bretz 2013).
    """
    return holm(np.where(p > 0, overall_error(p), 0.0))


def interim_analysis(folder: Path, seeds: int, earlier: Mapping[str, str], mixed: bool = False) -> list[Comparison]:
    """Every declared comparison on every environment. Raises ResultsError if there is none, or a run is missing."""
    results = load(folder, mixed)
    if results.declared is None:
        raise ResultsError(
            f"{folder}: its matrix file declares no comparison; add [compare] with rules = [[A, B], ...]"
        )
    measure = MEASURES[results.declared.measure]
    contrasts, effects, who = _contrasts(results, seeds, measure)
    return [
        Comparison(name, *who[name], results.declared.measure, seeds, difference((contrasts[name],)).estimate, *numbers)
        for name, numbers in decide(contrasts, earlier, measure, effects).items()
    ]


def _contrasts(
    results: Results, seeds: int, measure: Measure
) -> tuple[dict[str, Contrast], dict[str, float | None], dict[str, tuple[str, str, str]]]:
    """By name: the runs, the smallest effect in their unit, and which environment and rules they are of."""
    assert results.declared is not None
    measures = measure_runs(results)
    measures = measures[measures.seed < seeds]
    contrasts: dict[str, Contrast] = {}
    effects: dict[str, float | None] = {}
    who: dict[str, tuple[str, str, str]] = {}
    for env, part in measures.groupby("env", sort=True):
        effect = measure.own(results.declared.smallest_effect, part, results.scores.get(str(env)))
        for first, second in results.declared.pairs:
            name = f"{first} against {second} on {env}"
            try:
                contrasts[name] = contrast_of(part, first, second, measure)
            except NoContrast as reason:
                raise ResultsError(f"{name}: {reason}, so nothing is decided at {seeds} seeds") from reason
            effects[name], who[name] = effect, (str(env), first, second)
    return contrasts, effects, who


def main(arguments: Arguments) -> int:
    """The exit code: 0, or 2 if nothing can be decided."""
    try:
        comparisons = interim_analysis(arguments.results, arguments.seeds, json.loads(arguments.decided), mixed=True)
    except ResultsError as error:
        print(error, file=sys.stderr)
        return 2
    for comparison in comparisons:
        print(json.dumps(asdict(comparison)))
    return 0


if __name__ == "__main__":
    console.run(main, Arguments, __doc__)
