"""What the comparisons of a matrix say after a look at so many seeds; `run_matrix.py --until-decided` asks.

python -m analysis.decide results/mine --seeds 10        prints JSON, a line per comparison

A comparison is decided by a permutation test of the difference of means (exact where that is feasible) at a level
that allows for four looks, Holm over all comparisons of the matrix. It keeps its first verdict.
"""

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.multitest import multipletests

from analysis.inference import TRIM
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
    verdict: str  # better, worse, equivalent, undecided


def permutation_p(a: Array, b: Array, draws: int = 9_999) -> float:
    """Two-sided p-value of the difference of means under exchange of labels; so many draws where all are too many."""
    if np.ptp(np.concatenate([a, b])) == 0:
        return 1.0
    found = stats.permutation_test(
        (a, b),
        lambda x, y, axis: np.mean(x, axis) - np.mean(y, axis),
        vectorized=True,
        n_resamples=draws,
        rng=np.random.default_rng(0),
    )
    return float(found.pvalue)


def equivalent(a: Array, b: Array, smallest_effect: float | None, level: float) -> bool:
    """Whether both one-sided Yuen tests put the difference inside +-smallest_effect (TOST, Schuirmann 1987)."""
    if smallest_effect is None or min(len(a), len(b)) < 4:
        return False
    options: dict[str, Any] = {"equal_var": False, "trim": TRIM}
    below = stats.ttest_ind(a - smallest_effect, b, alternative="less", **options).pvalue
    above = stats.ttest_ind(a + smallest_effect, b, alternative="greater", **options).pvalue
    return bool(max(below, above) <= level)


def decide(
    samples: dict[str, tuple[Array, Array]],
    earlier: dict[str, str],
    smallest_effect: float | None,
    level: float = LEVEL,
) -> dict[str, tuple[float, float, str]]:
    """name -> (p, Holm-adjusted p, verdict) for pairs of samples [n]; a verdict of an earlier look stands."""
    names = list(samples)
    p = np.array([0.0 if earlier.get(n) in ("better", "worse") else permutation_p(*samples[n]) for n in names])
    adjusted = multipletests(p, method="holm")[1]
    told = {}
    for name, raw, corrected in zip(names, p, adjusted, strict=True):
        a, b = samples[name]
        verdict = earlier.get(name, "undecided")
        if verdict == "undecided" and corrected <= level:
            verdict = "better" if a.mean() > b.mean() else "worse"
        elif verdict == "undecided" and equivalent(a, b, smallest_effect, level / len(names)):
            verdict = "equivalent"
        told[name] = (float(raw), float(corrected), verdict)
    return told


def look(folder: Path, seeds: int, earlier: dict[str, str], mixed: bool = False) -> list[Comparison]:
    """Every declared comparison on every environment. Raises ResultsError if there is none, or a run is missing."""
    declared = json.loads((folder / "manifest.json").read_bytes()).get("compare")
    if declared is None:
        raise ResultsError(
            f"{folder}: its matrix file declares no comparison; add [compare] with rules = [[A, B], ...]"
        )
    measures = measure_runs(load(folder, mixed))
    measures = measures[measures.seed < seeds]
    samples, who = {}, {}
    for env, part in measures.groupby("env", sort=True):
        for first, second in declared["rules"]:
            name = f"{first} against {second} on {env}"
            values = [part[part.label == label].sort_values("seed")[declared["measure"]] for label in (first, second)]
            if any(value.isna().any() or len(value) < 2 for value in values):
                raise ResultsError(f"{name}: a run is missing or has no {declared['measure']}, so nothing is decided")
            samples[name] = tuple(value.to_numpy(float) for value in values)
            who[name] = (str(env), first, second)
    found = decide(samples, earlier, declared.get("smallest_effect"))
    return [
        Comparison(
            name,
            *who[name],
            declared["measure"],
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
