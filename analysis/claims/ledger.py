"""Claims as they are declared in claims.toml, checked when they are read."""

import inspect
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from analysis.claims.metrics import METRICS
from analysis.manifest import ResultsError

LEDGER = Path(__file__).with_name("claims.toml")
COMPARED, ABOUT_ONE = ("better", "equivalent", "more"), ("above", "below", "within", "never_above")
TEXTS = ("statement", "source", "matrix", "metric", "family", "command")


@dataclass(frozen=True)
class Claim:
    """One statement, and what decides it; effects and bounds are in units of the metric."""

    name: str
    statement: str
    source: str  # equation, theorem or paper
    matrix: str  # its results directory
    metric: str  # of METRICS, or a column of measures
    test: str  # of COMPARED or ABOUT_ONE
    labels: tuple[str, ...]
    family: str  # whose tests share a correction
    arguments: Mapping[str, Any] = field(default_factory=dict)  # of the metric
    environments: tuple[str, ...] = ()  # all that the metric has numbers of, if none is named
    than: tuple[str, ...] = ()  # the environments that `more` compares with
    better: str = "higher"
    smallest_effect: float | None = None
    bound: float | None = None
    bounds: tuple[float, ...] = ()
    command: str = ""  # that makes the rows, where no matrix does

    def __post_init__(self) -> None:
        for name in TEXTS:
            if not isinstance(getattr(self, name), str):
                raise ValueError(f"{name} is {getattr(self, name)!r}; expected a text")
        if not all(
            isinstance(names, tuple) and all(isinstance(each, str) for each in names)
            for names in (self.labels, self.environments, self.than)
        ):
            raise ValueError("labels, environments and than are lists of names")
        if self.test not in (*COMPARED, *ABOUT_ONE):
            raise ValueError(f"test is {self.test!r}; expected one of {', '.join((*COMPARED, *ABOUT_ONE))}")
        count = 2 if self.test in COMPARED else 1
        if len(self.labels) != count:
            raise ValueError(f"test {self.test} takes {count} labels, got {len(self.labels)}")
        if (self.test == "more") != bool(self.than):
            raise ValueError("test more compares `environments` with those of `than`; no other test has these")
        if self.better not in ("higher", "lower"):
            raise ValueError(f"better is {self.better!r}; expected higher or lower")
        self._check_numbers()
        self._check_metric()

    def _check_numbers(self) -> None:
        if self.test == "within":
            if len(self.bounds) != 2 or not all(map(_is_number, self.bounds)) or self.bounds[0] >= self.bounds[1]:
                raise ValueError(f"bounds is {self.bounds!r}; test within needs two numbers, the second above")
            return
        needed = "bound" if self.test in ABOUT_ONE else "smallest_effect"
        value = getattr(self, needed)
        if not _is_number(value) or (needed != "bound" and value <= 0):
            raise ValueError(f"{needed} is {value!r}; test {self.test} needs a finite number there")

    def _check_metric(self) -> None:
        if self.metric not in METRICS:
            if self.arguments:
                raise ValueError(f"a column of measures takes no arguments, and {self.metric!r} is no other metric")
            return
        try:
            inspect.signature(METRICS[self.metric]).bind(None, **self.arguments)
        except TypeError as error:
            raise ValueError(f"metric {self.metric}: {error}") from error

    @property
    def limits(self) -> tuple[float, float]:
        """Between which a claim about one label puts its number."""
        if self.test == "within":
            return self.bounds[0], self.bounds[1]
        bound = math.nan if self.bound is None else self.bound
        return (bound, math.inf) if self.test == "above" else (-math.inf, bound)

    @property
    def made_by(self) -> str:
        """The command whose rows decide it."""
        return self.command or f"python experiments/run_matrix.py {self.matrix}"


def read_claims(file: Path = LEDGER) -> list[Claim]:
    """Raises ResultsError, saying which claim is wrong and why."""
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ResultsError(f"{file} cannot be read: {error}") from error
    known = {field.name for field in fields(Claim)} - {"name"}
    claims = []
    for name, table in tables.items():
        if not isinstance(table, dict) or (odd := sorted(table.keys() - known)):
            what = f"unknown key {odd[0]}" if isinstance(table, dict) else "no table"
            raise ResultsError(f"{file}: {name}: {what}; expected {', '.join(sorted(known))}")
        values: Any = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
        try:
            claims.append(Claim(name, **values))
        except (TypeError, ValueError) as error:
            raise ResultsError(f"{file}: {name}: {str(error).replace('Claim.__init__() ', '')}") from error
    return claims


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
