"""A results directory's runs beside stored ones of a reference, as if one matrix had run both."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from analysis.load import Results, ResultsError, load
from experiments.records import read_manifest
from experiments.records.stored import (
    ALL,
    Maker,
    NoReference,
    Reference,
    differences,
    differing_code,
    differing_libraries,
    differing_protocols,
    find_references,
    listed,
    of_environments,
)

FRAMES = {
    "planned": ["env", "label", "seed"],
    "runs": ["env", "label", "seed"],
    "updates": ["env", "label", "seed", "update"],
    "trials": ["env", "label", "seed", "update", "trial"],
    "reuses": ["env", "label", "seed", "update", "k"],
    "evaluations": ["env", "label", "seed", "final", "grid_step", "action"],
}


def with_stored(results: Results, names: Sequence[str], mixed: bool = False) -> Results:
    """The results with the references' runs on the environments that both have; `names`: as for `find_references`.

    mixed: accept other versions of the libraries, which is then said. Raises ResultsError with all that differs.
    """
    try:
        references = find_references(names)
    except NoReference as error:
        raise ResultsError(str(error)) from error
    environments = set(results.planned.env)
    references = [each for each in references if environments & each.environments.keys()]
    refused: list[str] = []
    for reference in references:
        wrong, notes = _judged(results, reference, mixed)
        if wrong:
            refused += [f"{reference.name}: {line}" for line in wrong]
            continue
        results = _joined(results, reference, environments, notes)
    if refused and not (ALL in names and results.stored):
        raise ResultsError("\n".join(["the stored runs cannot stand beside these:", *refused]))
    if not results.stored:
        raise ResultsError(f"no stored reference has any of {', '.join(sorted(environments))}")
    return replace(results, problems=(*results.problems, *(f"left out: {line}" for line in refused)))


def _judged(results: Results, reference: Reference, mixed: bool) -> tuple[list[str], list[str]]:
    """What forbids it, and what is to be said."""
    plan = read_manifest(results.folder)
    made = results.runs[["protocol", "versions", "code"]].drop_duplicates()
    makers = [Maker(*map(str, values)) for values in made.itertuples(index=False)]
    wrong = differences(
        plan.cells, plan.head.get("scores", {}), reference, plan.head.get("own_settings", {})
    ) + differing_protocols(makers, reference)
    files = differing_code(makers, plan.code, reference)
    wrong += [f"{file} is another file there" for file in of_environments(files, reference)]
    libraries = differing_libraries(makers, reference)
    if libraries and not mixed:
        wrong += [f"{line}; --mixed puts both into one table" for line in libraries]
    notes = [f"{reference.name}: {line}" for line in libraries]
    if files:
        notes.append(f"{reference.name} was run by other versions of {listed(files)}, under the same protocol")
    return wrong, notes


def _joined(results: Results, reference: Reference, environments: set[str], notes: list[str]) -> Results:
    """The rows of both; a run that both have is the directory's."""
    other = load(reference.file, mixed=True)
    taken = other.planned[other.planned.env.isin(environments) & ~other.planned.run_id.isin(results.planned.run_id)]
    frames = {}
    for name, order in FRAMES.items():
        theirs = getattr(other, name)
        both = [getattr(results, name), theirs[theirs.run_id.isin(taken.run_id)]]
        whole = pd.concat([part for part in both if len(part)] or both[:1], ignore_index=True)
        frames[name] = whole.sort_values(order, ignore_index=True)
    line = f"{len(taken)} of {len(frames['planned'])} planned runs, of {reference.name} ({reference.file.name})"
    return replace(
        results,
        **frames,
        problems=(*results.problems, *notes, *(f"{reference.name}: {problem}" for problem in other.problems)),
        defaults=other.defaults | results.defaults,
        stored=(*results.stored, line),
        thinned=results.thinned or other.thinned,
    )
