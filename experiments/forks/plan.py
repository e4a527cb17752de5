"""Which trunks, and which rules get their batches: all of it checked before anything runs."""

from fnmatch import fnmatch
from pathlib import Path

from algos.rules import RULES
from experiments.forks.fork import Entry
from experiments.forks.stage import altered
from experiments.matrix_file import did_you_mean, load_matrix
from experiments.outside import OutsideError, is_outside, resolve
from experiments.profile_cell import Arguments as DefaultCell
from experiments.profile_cell import spec_for
from experiments.spec import RunSpec, hyper_parameters


class ForksError(Exception):
    """Nothing can be run; the message says why and what to do."""


def plan(
    trunk: str, env: str, rules: tuple[str, ...], matrix: str | None, seeds: int
) -> tuple[list[RunSpec], list[Entry]]:
    """The trunks, one per seed, and the rules. Raises ForksError and MatrixError.

    trunk: a label; rules: labels, with * as a wildcard, or FILE.py:FUNCTION, empty for all; matrix: whose labels these
    are, None for the rules of RULES with their defaults. A trunk's budget is one batch: how far it gets is for the
    stages to say.
    """
    known = {cell.label: cell for cell in _cells(env, matrix)}
    if trunk not in known:
        raise ForksError(f"no rule {trunk} to train; {did_you_mean(trunk, known)}")
    cell = known[trunk]
    chosen = {} if rules else known
    for name in rules:
        if is_outside(name):
            found = {name.rpartition(":")[2]: _outside(cell, name)}
        else:
            found = {label: other for label, other in known.items() if label == name or fnmatch(label, name)}
        if not found:
            raise ForksError(f"--rules: no rule {name}; {did_you_mean(name, known)}")
        chosen |= found
    odd = [label for label, other in chosen.items() if other.settings != cell.settings]
    if odd:
        raise ForksError(
            f"{', '.join(odd)} has settings of its own, so a batch of {trunk} is none of its kind; name the other "
            "rules with --rules"
        )
    settings = cell.settings.model_copy(update={"evaluations": 1})
    trunks = [altered(cell, settings=settings, budget=settings.batch_size, seed=seed) for seed in range(seeds)]
    return trunks, [Entry(other.rule, label, other.hyper) for label, other in chosen.items()]


def _cells(env: str, matrix: str | None) -> list[RunSpec]:
    """A cell per rule."""
    if matrix is None:
        try:
            return [spec_for(DefaultCell(rule, env)) for rule in RULES]
        except ValueError as error:
            raise ForksError(str(error)) from error
    cells = load_matrix(matrix, 1).cells
    found = [cell for cell in cells if cell.env == env]
    if not found:
        raise ForksError(f"{matrix} has no environment {env}; {did_you_mean(env, {cell.env for cell in cells})}")
    return found


def _outside(trunk: RunSpec, name: str) -> RunSpec:
    """The trunk's cell with a rule from a file, under the function's name."""
    rule = resolve(name, Path())
    try:
        hyper = {key: parameter.default for key, parameter in hyper_parameters(rule).items()}
    except (OutsideError, OSError) as error:
        raise ForksError(f"--rules {name}: {error}") from error
    return altered(trunk, rule=rule, label=name.rpartition(":")[2], hyper=hyper)
