"""Which trunks, and which rules get their batches: all of it checked before anything runs."""

from fnmatch import fnmatch

from experiments.forks.fork import Entry
from experiments.named_cell import cells_of, rule_from
from experiments.names import did_you_mean
from experiments.outside import is_outside
from experiments.spec import RunSpec, altered


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
    known = _known(env, matrix)
    if trunk not in known:
        raise ForksError(f"no rule {trunk} to train; {did_you_mean(trunk, known)}")
    cell = known[trunk]
    chosen = {} if rules else known
    for name in rules:
        if is_outside(name):
            outside = _outside(cell, name)
            found = {outside.label: outside}
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


def _known(env: str, matrix: str | None) -> dict[str, RunSpec]:
    try:
        return cells_of(env, matrix)
    except ValueError as error:
        raise ForksError(str(error)) from error


def _outside(trunk: RunSpec, name: str) -> RunSpec:
    """The trunk's cell with a rule from a file, under the function's name."""
    try:
        rule, label, hyper = rule_from(name)
    except ValueError as error:
        raise ForksError(f"--rules {error}") from error
    return altered(trunk, rule=rule, label=label, hyper=hyper)
