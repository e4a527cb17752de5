"""What the comparisons of a matrix say after a look at so many seeds; `run_matrix.py --until-decided` asks.

python -m analysis.decide results/mine --seeds 10        prints JSON, a line per comparison

A comparison is decided by a permutation test of the difference of means (exact where that is feasible) at a level
that allows for four looks, Holm over all comparisons of the matrix. It keeps its first verdict.
"""

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import tyro
from numpy.typing import NDArray

from analysis.hypotheses import equivalent, holm, permutation_p
from analysis.load import ResultsError, load
from analysis.measures import measure_runs

LEVEL = 0.0182  # of one look, so that four of them together err in 5 % (Pocock 1977, table 1)
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Arguments:
    results: tyro.conf.Positional[Path]
    """a results directory whose matrix file has a table [compare]"""
    seeds: int
    """of the look: seeds 0..N-1 are used, or as many of them as a rule has"""
    decided: str = "{}"
    """JSON: the verdicts of earlier looks, by the comparison's name"""


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
    samples: dict[str, tuple[Array, Array]],
    earlier: dict[str, str],
    smallest_effect: float | None,
    level: float = LEVEL,
) -> dict[str, tuple[float, float, str]]:
    """name -> (p, Holm-adjusted p, verdict) for pairs of samples [n]; a verdict of an earlier look stands."""
    names = list(samples)
    p = np.array([0.0 if earlier.get(n) in ("better", "worse") else permutation_p(*samples[n]) for n in names])
    adjusted = holm(p)
    told = {}
    for name, raw, corrected in zip(names, p, adjusted, strict=True):
        a, b = samples[name]
        verdict = earlier.get(name, "undecided")
        if verdict == "undecided" and corrected <= level:
            verdict = "better" if a.mean() > b.mean() else "worse"
        elif verdict == "undecided" and equivalent(a, b, smallest_effect, level / len(names)):
            verdict = "practically equivalent"
        told[name] = (float(raw), float(corrected), verdict)
    return told


def look(folder: Path, seeds: int, earlier: dict[str, str], mixed: bool = False) -> list[Comparison]:
    """Every declared comparison on every environment. Raises ResultsError if there is none, or a run is missing."""
    results = load(folder, mixed)
    declared = results.declared
    if declared is None:
        raise ResultsError(
            f"{folder}: its matrix file declares no comparison; add [compare] with rules = [[A, B], ...]"
        )
    measures = measure_runs(results)
    measures = measures[measures.seed < seeds]
    samples, who = {}, {}
    for env, part in measures.groupby("env", sort=True):
        for first, second in declared.pairs:
            name = f"{first} against {second} on {env}"
            a, b = (
                part[part.label == label].sort_values("seed")[declared.measure].to_numpy(float)
                for label in (first, second)
            )
            if np.isnan([*a, *b]).any() or min(len(a), len(b)) < 2:
                raise ResultsError(f"{name}: a run is missing or has no {declared.measure}, so nothing is decided")
            samples[name] = a, b
            who[name] = (str(env), first, second)
    found = decide(samples, earlier, declared.smallest_effect)
    return [
        Comparison(
            name,
            *who[name],
            declared.measure,
            seeds,
            float(samples[name][0].mean() - samples[name][1].mean()),
            *told,
        )
        for name, told in found.items()
    ]


def main(arguments: Arguments) -> int:
    """The exit code: 0, or 2 if nothing can be decided."""
    try:
        comparisons = look(arguments.results, arguments.seeds, json.loads(arguments.decided), mixed=True)
    except ResultsError as error:
        print(error, file=sys.stderr)
        return 2
    for comparison in comparisons:
        print(json.dumps(asdict(comparison)))
    return 0


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Arguments, description=__doc__)))
