"""What the page is made from, one bundle per results directory, and the names under which directories meet."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from analysis.across import aggregate, scored
from analysis.calibration import in_short, pinned
from analysis.compare import Scale, compare, pairs_of, verdicts
from analysis.load import Results, ResultsError
from analysis.measures import measure_runs
from analysis.own import Own, OwnMeasure, measured
from analysis.summary import failures_by_kind, summarize, summarize_imputed


@dataclass(frozen=True)
class Evidence:
    """One results directory, and what follows from it."""

    results: Results
    measures: pd.DataFrame  # analysis.measures: a row per planned run
    summary: pd.DataFrame  # analysis.summary: a row per environment and rule
    aggregates: pd.DataFrame  # analysis.across: a row per complete rule and statistic over all environments, if several
    failures: pd.DataFrame  # analysis.summary: how often each kind of failure befell each rule
    imputed: pd.DataFrame  # analysis.summary: what the rows with failed runs owe to the imputation
    comparisons: pd.DataFrame  # analysis.compare: a row per environment, pair and measure
    note: str  # what is to be said about the comparisons
    calibration: pd.DataFrame  # analysis.calibration: how often a decision errs where there is no difference
    own: Own  # analysis.own: what a user's measures found
    own_comparisons: pd.DataFrame  # analysis.compare of these, a family of their own


def gather(results: Results, own: Sequence[OwnMeasure] = ()) -> Evidence:
    """Everything that is made of a directory's rows, once; a user's measures that fail are problems more."""
    measures = measure_runs(results)
    found = measured(results, measures, own)
    results = replace(results, problems=(*results.problems, *found.problems))
    names = list(found.catalogue)
    more = verdicts(found.frame, pairs_of(results)[0], names, Scale({}), found.catalogue)
    comparisons, note = compare(results, measures)
    summary, imputed = summarize(measures), summarize_imputed(results, measures)
    pooled = aggregate(measures if len(scored(measures, "final_sampled_z")) > 1 else measures.iloc[:0])
    return Evidence(
        results, measures, summary, pooled, failures_by_kind(measures), imputed, comparisons, note, in_short(pinned()),
        found, more,
    )  # fmt: skip


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
