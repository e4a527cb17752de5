"""`--against`: a matrix whose rules stand beside stored runs of a reference, which are not run again.

What the matrix file does not say of environments, settings and seeds is taken from the reference; what it says has to
agree with it. Comparisons that it does not declare are of each of its rules with each of the reference's.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from experiments.identity import codes_of, library_versions
from experiments.management.specification import SHIPPED
from experiments.matrix_file import Comparisons, Matrix, matrix_of
from experiments.matrix_source import MatrixError, Source, read_source
from experiments.outside import name_of
from experiments.records import PROTOCOL
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
from experiments.spec import NETWORKS, Settings

Table = dict[str, Any]


def load_against(name_or_file: str, names: Sequence[str], seeds: int | None = None, mixed: bool = False) -> Matrix:
    """The matrix of a file, without the cells that a reference has stored. `names`: as for `find_references`.

    mixed: accept other versions of the libraries. Raises MatrixError with all that differs.
    """
    source = read_source(name_or_file)
    try:
        references = _sharing(source, find_references(names))
    except NoReference as error:
        raise MatrixError(source.file, [str(error)]) from error
    labels = tuple(sorted({cell["label"] for each in references for cell in each.manifest.cells}))
    whole = matrix_of(replace(_filled(source, references), labels=labels), seeds)
    fitting, notes, problems = [], list(whole.notes), []
    for reference in references:
        wrong, remarks = _judged(whole, reference, mixed)
        if not wrong:
            fitting.append(reference)
            notes += remarks
        elif ALL in names:
            notes += [f"{reference.name} is left out: {line}" for line in wrong]
        problems += [f"{reference.name}: {line}" for line in wrong]
    if not fitting or (problems and ALL not in names):
        what = "change the file, or run what it is to be compared with in a matrix of your own"
        raise MatrixError(source.file, [*problems, f"so its runs cannot stand beside stored ones; {what}"])
    return _without_stored(replace(whole, notes=tuple(notes)), fitting)


def _sharing(source: Source, references: list[Reference]) -> list[Reference]:
    """Those with an environment of the file's. Raises MatrixError."""
    wanted = source.raw.get("environments")
    if not isinstance(wanted, dict) or not wanted:
        if len(references) > 1:
            names = ", ".join(reference.name for reference in references)
            raise MatrixError(
                source.file, [f"has no [environments]: name them, or the reference that they come from: {names}"]
            )
        return references
    mine = {name_of(name) for name in wanted}
    found = [reference for reference in references if mine & reference.environments.keys()]
    if not found:
        there = "; ".join(f"{each.name} has {', '.join(each.environments)}" for each in references)
        raise MatrixError(source.file, [f"none of {', '.join(sorted(mine))} is in a stored reference: {there}"])
    return found


def _filled(source: Source, references: list[Reference]) -> Source:
    """The file with environments, settings and seeds of the references where it has none."""
    raw = source.raw
    cells: dict[str, Table] = {}
    scores: Table = {}
    for reference in reversed(references):
        cells |= reference.environments
        scores |= reference.manifest.head.get("scores", {})
    given = raw.get("environments") or {env: {} for env in cells}
    used = [cell for key in given if (cell := cells.get(name_of(key)))]
    own = raw.get("settings", {})
    if not isinstance(own, dict) or not all(isinstance(table, dict) for table in given.values()):
        return source  # which is said where the file is checked
    known = [{key: value for key, value in cell["settings"].items() if key in Settings.model_fields} for cell in used]
    common = {key: value for key, value in known[0].items() if all(each.get(key) == value for each in known)}
    environments = {}
    for key, table in given.items():
        env = name_of(key)
        base = _table(cells[env], scores, {*common, *own}) if env in cells else {}
        if foreign := _foreign(base | table, table):
            raise MatrixError(
                source.file,
                [f"environments.{key}: the reference makes it from {foreign}, whose code is run if you name it here"],
            )
        environments[key] = base | table
    seeds = sorted({cell["seed"] for each in references for cell in each.manifest.cells if cell["env"] in environments})
    filled = {"seeds": seeds, **raw, "environments": environments, "settings": common | own}
    return replace(source, raw=filled)


def _table(cell: Table, scores: Table, shared: set[str]) -> Table:
    """An [environments.NAME] table as a planned cell has it, without settings that all share."""
    env = cell["env"]
    values: Table = {
        "environment": cell.get("environment") or env,
        "kwargs": cell.get("env_kwargs"),
        "wrappers": [{"wrapper": name, **arguments} for name, arguments in cell.get("wrappers") or ()],
        "info": cell.get("info"),
        "score": scores.get(env),
    }
    settings = {
        key: value for key, value in cell["settings"].items() if key in Settings.model_fields and key not in shared
    }
    return {"budget": cell["budget"], **settings, **{key: value for key, value in values.items() if value}}


def _foreign(table: Table, named: Table) -> str:
    """The first that would run code that neither the user nor this project has named: packs may come from anybody."""
    wrappers = [each["wrapper"] for each in table.get("wrappers", ()) if isinstance(each, dict) and "wrapper" in each]
    parts = {"environment": [str(table.get("environment", ""))], "wrappers": wrappers, "network": []}
    if table.get("network") not in (None, *NETWORKS):
        parts["network"] = [table["network"]]
    names = [name for key, found in parts.items() if key not in named for name in found]
    return next((name for name in names if name.rpartition(":")[0] not in ("", *SHIPPED)), "")


def _judged(matrix: Matrix, reference: Reference, mixed: bool) -> tuple[list[str], list[str]]:
    """What forbids that the matrix stands beside the reference, and what is to be said if it does."""
    cells = [{**cell.model_dump(mode="json"), "run_id": cell.run_id} for cell in matrix.cells]
    codes = codes_of(matrix.cells)
    makers = [Maker(PROTOCOL, library_versions(), code.digest) for code in codes]
    files = differing_code(makers, {code.digest: dict(code.files) for code in codes}, reference)
    wrong = [
        *differences(cells, matrix.scores, reference, matrix.own_settings),
        *differing_protocols(makers, reference),
    ]
    wrong += [f"{file} is another file there" for file in of_environments(files, reference)]
    libraries = differing_libraries(makers, reference)
    if libraries and not mixed:
        wrong += [f"{line}: install that version, or accept it with --mixed" for line in libraries]
    notes = [f"{reference.name}: {line}" for line in libraries]
    if files:
        notes.append(f"{reference.name} was run by other versions of {listed(files)}, under the same protocol")
    return wrong, notes


def _without_stored(matrix: Matrix, references: list[Reference]) -> Matrix:
    """The cells that are to be run, and, if none are declared, comparisons of their rules with the stored ones."""
    stored = {run_id for reference in references for run_id in reference.stored}
    cells = tuple(cell for cell in matrix.cells if cell.run_id not in stored)
    if not cells:
        raise MatrixError(matrix.file, ["every run of it is stored in the reference; there is nothing to run"])
    environments = {cell.env for cell in cells}
    theirs = sorted({run.label for each in references for run in each.runs if run.env in environments})
    mine = [label for label in dict.fromkeys(cell.label for cell in cells) if label not in theirs]
    count = sum(run.env in environments for each in references for run in each.runs)
    names = ", ".join(f"{each.name} ({each.file})" for each in references)
    notes = (*matrix.notes, f"beside {count} stored runs of {names}, which are not run again")
    compare = matrix.compare
    if compare is None and mine:
        compare = Comparisons(rules=tuple((label, other) for label in mine for other in theirs))
    return replace(matrix, cells=cells, compare=compare, notes=notes)
