"""Cells by the names of a rule and an environment, as a command line gives them, with or without a matrix file."""

from pathlib import Path
from typing import Any

from algos.rules import RULES
from experiments.cell.probe import ProbeFailed, Prober
from experiments.factories import require_signature, rule_names
from experiments.matrix_environments import UnknownEnvironment, source_of_environment
from experiments.matrix_file import load_matrix
from experiments.names import did_you_mean
from experiments.outside import OutsideError, is_outside, name_of, resolve
from experiments.spec import RunSpec, Settings, hyper_parameters


def cell_of(rule: str, env: str, settings: Settings | None = None, budget: int | None = None) -> RunSpec:
    """The cell of a rule with its defaults, seed 0, on an environment; a budget of one batch if none is given.

    rule: one of RULES, or FILE.py:FUNCTION; env: as gymnasium registered it, MODULE:ID, or FILE.py:CLASS. An
    environment that gymnasium does not know by itself is tried, in a process of its own. Raises ValueError.
    """
    settings = settings or Settings(evaluations=1)
    try:
        environment = source_of_environment(env, Path())
        if ":" in environment:
            with Prober() as prober:
                prober.ask(environment, {})
    except (UnknownEnvironment, ProbeFailed) as error:
        raise ValueError(f"{name_of(env)}: {error}") from error
    rule, label, hyper = rule_from(rule)
    return RunSpec(
        env=name_of(env), environment=environment, env_kwargs={}, rule=rule, label=label, hyper=hyper, seed=0,
        budget=budget or settings.batch_size, settings=settings,
    )  # fmt: skip


def rule_from(name: str) -> tuple[str, str, dict[str, Any]]:
    """A rule with the whole path of its file, its label, and its defaults. Raises ValueError."""
    rule, label = name, name
    if is_outside(name):
        rule, label = resolve(name, Path()), name.rpartition(":")[2]
        try:
            require_signature(rule)
        except OutsideError as error:
            raise ValueError(f"{name}: {error}") from error
    elif name not in rule_names():
        raise ValueError(f"{name} is no rule; {did_you_mean(name, rule_names())}, or FILE.py:FUNCTION")
    return rule, label, {key: parameter.default for key, parameter in hyper_parameters(rule).items()}


def cells_of(env: str, matrix: str | None) -> dict[str, RunSpec]:
    """Label -> its cell on an environment, of a matrix file, or else of every rule with its defaults.

    Raises ValueError, and MatrixError.
    """
    if matrix is None:
        return {rule: cell_of(rule, env) for rule in RULES}
    cells = load_matrix(matrix, 1).cells
    found = {cell.label: cell for cell in cells if cell.env == env}
    if not found:
        raise ValueError(f"{matrix} has no environment {env}; {did_you_mean(env, {cell.env for cell in cells})}")
    return found
