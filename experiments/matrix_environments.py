"""The [environments.NAME] tables of a matrix file: what each environment is made from, and in which wrappers.

Every one of them is tried in a process of its own: no code of a user's environment runs in this one.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import gymnasium as gym

from experiments.cell.entry_points import Wrapping
from experiments.cell.probe import ProbeFailed, Prober
from experiments.cell.spaces import Interface
from experiments.installed import installed
from experiments.outside import file_beside, is_outside, name_of, resolve
from experiments.records import EvaluationRow
from experiments.records.extras import name_problem

ENVIRONMENT_KEYS = ("environment", "budget", "kwargs", "wrappers", "info", "score")
COLUMNS = frozenset(field.name for field in fields(EvaluationRow))
FORMS = "a name that gymnasium has registered, MODULE:ID, or FILE.py:CLASS"
PIPELINES = {  # wrappers that keep statistics of their own, of training apart from those of evaluation
    "gymnasium.wrappers:NormalizeObservation": "normalize_obs",
    "gymnasium.wrappers:NormalizeReward": "scale_rewards",
}


class UnknownEnvironment(ValueError):
    """There is no such environment; the message says what to write."""


@dataclass(frozen=True)
class Entry:
    """An environment of the file."""

    name: str  # in tables
    environment: str  # what it is made from (cell/entry_points.py)
    kwargs: dict[str, Any]
    wrappers: tuple[Wrapping, ...]
    info: tuple[str, ...]  # what of its `info` becomes a column of evaluations
    table: dict[str, Any]  # as the file has it
    interface: Interface | None  # None: it cannot be made, which is among the problems

    @property
    def where(self) -> str:
        """Its table in the file."""
        return f"environments.{self.name}"

    @property
    def settings(self) -> dict[str, Any]:
        """Its own, over the shared ones."""
        return {key: value for key, value in self.table.items() if key not in ENVIRONMENT_KEYS}


class EnvironmentReader:
    """Reads one table after the other, and adds every problem to `problems` instead of stopping at the first."""

    def __init__(self, folder: Path, problems: list[str], prober: Prober) -> None:
        self.folder, self.problems, self.prober = folder, problems, prober
        self._names: set[str] = set()

    def read(self, key: str, table: dict[str, Any]) -> Entry:
        """The environment of [environments.KEY]."""
        where, name = f"environments.{key}", name_of(key)
        before = len(self.problems)
        if name in self._names:
            self.problems.append(f"{where}: another table has the name {name}; write [environments.NAME] for one of "
                                 f"them, and in it environment = {key!r}")  # fmt: skip
        self._names.add(name)
        environment = self._source(key, table.get("environment", key), where)
        kwargs = table.get("kwargs", {})
        if not isinstance(kwargs, dict):
            self.problems.append(f"{where}.kwargs: expected a table, got {kwargs!r}")
            kwargs = {}
        wrappers = self._wrappers(table.get("wrappers", []), f"{where}.wrappers")
        info = self._info(table.get("info", []), f"{where}.info")
        interface = None
        if len(self.problems) == before:
            try:
                interface = self.prober.ask(environment, kwargs, wrappers)
            except ProbeFailed as error:
                inside = " in its wrappers" if wrappers else ""
                self.problems.append(f"{where}: cannot be made with kwargs {kwargs!r}{inside}: {error}")
        return Entry(name, environment, kwargs, wrappers, info, table, interface)

    def _source(self, key: str, environment: Any, where: str) -> str:
        if not isinstance(environment, str):
            self.problems.append(f"{where}.environment: expected {FORMS}, got {environment!r}")
            return key
        if environment != key and key in gym.registry:
            self.problems.append(f"{where}.environment: {key} is the name of gymnasium's own; give this one another")
        try:
            return source_of_environment(environment, self.folder)
        except UnknownEnvironment as error:
            self.problems.append(f"{where}: {error}")
        return environment

    def _wrappers(self, value: Any, where: str) -> tuple[Wrapping, ...]:
        """`"MODULE:NAME"` or `{ wrapper = "FILE.py:NAME", argument = ... }` each, the first innermost."""
        if not isinstance(value, list):
            self.problems.append(f"{where}: expected a list, got {value!r}")
            return ()
        found: list[Wrapping] = []
        for number, item in enumerate(value):
            arguments: Mapping[str, Any] = {"wrapper": item} if isinstance(item, str) else item
            name = arguments.get("wrapper") if isinstance(arguments, dict) else None
            if not isinstance(name, str):
                self.problems.append(
                    f'{where}[{number}]: expected "MODULE:NAME" or {{ wrapper = "FILE.py:NAME", ... }}, got {item!r}'
                )
            elif problem := wrapper_problem(name := file_beside(name, self.folder)):
                self.problems.append(f"{where}[{number}]: {problem}")
            else:
                source = resolve(name, self.folder) if is_outside(name) else name
                found.append((source, {key: each for key, each in arguments.items() if key != "wrapper"}))
        return tuple(found)

    def _info(self, value: Any, where: str) -> tuple[str, ...]:
        """Names of episode statistics."""
        if not isinstance(value, list) or len(set(map(repr, value))) < len(value):
            self.problems.append(f'{where}: expected a list of different names, such as ["success"], got {value!r}')
            return ()
        problems = [problem for name in value if (problem := name_problem(name, COLUMNS))]
        self.problems += [f"{where}: {problem}" for problem in problems]
        return () if problems else tuple(value)


def source_of_environment(name: str, folder: Path) -> str:
    """The name with the whole path of its file, if it has one, looked for in `folder`. Raises UnknownEnvironment."""
    name = file_beside(name, folder)
    if is_outside(name):
        return resolve(name, folder)
    if name.count(":") == 1 and all(name.split(":")):
        return name
    known = [*gym.registry, *installed("environments")]
    if name in known:
        return name
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"expected {FORMS}"
    raise UnknownEnvironment(f"unknown environment; {hint}")


def wrapper_problem(name: str) -> str | None:
    """What is wrong with a wrapper's name; None if nothing is."""
    if setting := PIPELINES.get(name):
        return (
            f"{name} would keep its own statistics, evaluation's apart from training's; the pipeline does the same "
            f"alike for all: set {setting} = true"
        )
    if is_outside(name) or (name.count(":") == 1 and all(name.split(":"))):
        return None
    module, _, last = name.rpartition(".")
    hint = f"did you mean {module}:{last}?" if module and ":" not in name else "such as gymnasium.wrappers:ClipReward"
    return f"{name!r} is no MODULE:NAME and no FILE.py:NAME; {hint}"
