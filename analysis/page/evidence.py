"""What the page is made from, one bundle per results directory, and the names under which directories meet."""

from collections import Counter
from dataclasses import dataclass, replace

import pandas as pd

from analysis.load import Results, ResultsError
from analysis.measures import measure_runs
from analysis.summary import summarize

COMPARISON = (
    *("env", "first", "second", "measure", "test", "n_first", "n_second", "difference", "low", "high", "ratio"),
    *("p", "adjusted", "verdict", "detectable", "seeds_needed"),
)
CALIBRATION = ("decision", "false_positives", "splits", "rate", "low", "high")


@dataclass(frozen=True)
class Evidence:
    """One results directory. What is None or empty was not made, and the page says how to make it."""

    results: Results
    measures: pd.DataFrame  # analysis.measures: a row per planned run
    summary: pd.DataFrame  # analysis.summary: a row per environment and rule
    comparisons: pd.DataFrame | None = None  # COMPARISON; `difference` is first minus second
    note: str = ""  # what is to be said about the comparisons
    calibration: pd.DataFrame | None = None  # CALIBRATION: how often a decision errs where there is no difference


def gather(results: Results) -> Evidence:
    """The bundle of a directory whose matrix declares no comparison."""
    measures = measure_runs(results)
    return Evidence(results, measures, summarize(measures))


def titles(evidence: list[Evidence]) -> list[str]:
    """The shortest ends of the directories' paths that tell them apart. Raises ResultsError if one is given twice."""
    paths = [bundle.results.folder.resolve() for bundle in evidence]
    twice = [str(path) for path, count in Counter(paths).items() if count > 1]
    if twice:
        raise ResultsError(f"{twice[0]} is given twice; name every results directory once")
    for depth in range(1, max(len(path.parts) for path in paths) + 1):
        ends = ["/".join(path.parts[-depth:]) for path in paths]
        if len(set(ends)) == len(ends):
            break
    return ends


def labels(evidence: list[Evidence]) -> list[dict[str, str]]:
    """Per directory: label -> the name of its curve, with the directory before it if another has that label too."""
    own = [sorted(set(bundle.results.planned.label)) for bundle in evidence]
    count = Counter(label for found in own for label in found)
    return [
        {label: f"{title}: {label}" if count[label] > 1 else label for label in found}
        for title, found in zip(titles(evidence), own, strict=True)
    ]


def together(results: list[Results]) -> Results:
    """The first directory's results with the runs of all, to ask whether their seconds compare."""
    return replace(results[0], runs=pd.concat([found.runs for found in results], ignore_index=True))
