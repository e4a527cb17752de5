"""Checks the tables of a TOML file and collects every problem, a line each."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from experiments.names import did_you_mean

Part = TypeVar("Part", bound=BaseModel)


class Tables:
    """A file, and `problems`: all are collected instead of stopping at the first."""

    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw
        self.problems: list[str] = []

    def _known(self, table: Mapping[str, Any], known: Iterable[str], where: str) -> None:
        for key in table:
            if key not in known:
                self.problems.append(f"{where}{key}: unknown key; {did_you_mean(key, known)}")

    def _table(self, parent: Mapping[str, Any], key: str, required: bool = True) -> dict[str, Any]:
        value = parent.get(key, {})
        if not isinstance(value, dict):
            self.problems.append(f"{key}: expected a table, got {value!r}")
            return {}
        if required and not value:
            self.problems.append(f"{key}: expected at least one [{key}.NAME] table")
        return value

    def _named_tables(self, key: str) -> list[tuple[str, dict[str, Any]]]:
        tables = self._table(self.raw, key)
        for name, table in tables.items():
            if not isinstance(table, dict):
                self.problems.append(f"{key}.{name}: expected a table, got {table!r}")
        return [(name, table) for name, table in tables.items() if isinstance(table, dict)]

    def _part(self, key: str, model: type[Part]) -> Part | None:
        """The table of this name, checked; None if there is none or it is wrong."""
        if key not in self.raw:
            return None
        try:
            return model(**self._table(self.raw, key, required=False))
        except ValidationError as error:
            self._report(error, key, set(model.model_fields))
            return None

    def _report(self, error: ValidationError, where: str, known: set[str]) -> None:
        for problem in error.errors():
            path = [str(part) for part in problem["loc"]]
            place = ".".join([where, *path])
            if problem["type"] == "extra_forbidden":
                line = f"{place}: unknown key; {did_you_mean(path[-1], known)}"
            else:
                got = "" if isinstance(problem["input"], (dict, BaseModel)) else f", got {problem['input']!r}"
                line = f"{place}: {problem['msg'].removeprefix('Value error, ')}{got}"
            if line not in self.problems:
                self.problems.append(line)
