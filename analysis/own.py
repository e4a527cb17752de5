"""Measures and figures from a user's own Python file, named `path/to/file.py:function`, or of an installed package.

A measure takes the results of a matrix (`analysis.load.Results`: `runs`, `updates`, `evaluations`, ...) and gives a
number per run; its keyword `better` says which way is good. A figure draws what one environment has in one table, as
those of `analysis.plots` do; its keyword `table` says which, and `style`, if it takes one, holds each rule's look.

    def worst_kl(results, *, better="lower"):
        return results.updates.groupby("run_id").max_kl.max()

    def noise(frame, ax, style, *, table="updates"):
        for label, part in frame.groupby("label"):
            ax.plot(part.env_steps, part.extra_noise, label=label, **style[label].line)
        return ax

A package names them in its pyproject.toml, under [project.entry-points."policy_ascent.measures"] and
"policy_ascent.figures": NAME = "MODULE:FUNCTION". They are then named NAME.
"""

import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from analysis.contrasts import Measure, column
from analysis.inference import NAN, TRIM, trimmed_t_interval
from analysis.load import Results, ResultsError

BETTER = ("higher", "lower")
TABLES = ("runs", "updates", "trials", "reuses", "evaluations", "measures", "curves")
FRAMES = TABLES[:5]  # of Results
EXPECTED = "expected a number per run: a Series over run_id, or as many numbers as results.runs has rows, in its order"


class OwnError(Exception):
    """A user's function failed, or returned what it should not have; the message names it and says what to do."""


@dataclass(frozen=True)
class OwnMeasure:
    """A measure of a user's; `name` is its column."""

    name: str
    source: str  # FILE.py:FUNCTION
    function: Callable[..., Any]
    better: str  # of BETTER

    def values(self, results: Results) -> pd.Series:
        """A number per planned run, by run_id; nan where the function gives none. Raises OwnError."""
        lent: Any = {name: getattr(results, name).copy(deep=False) for name in FRAMES}
        found = _called(self.source, self.function, replace(results, **lent))
        try:
            numbers = pd.Series(found, dtype=float) if isinstance(found, Mapping) else pd.Series(found).astype(float)
        except (TypeError, ValueError) as error:
            raise OwnError(f"{self.source} returned a {type(found).__name__}; {EXPECTED}") from error
        run_ids, planned = results.runs.run_id, results.planned.run_id
        if numbers.index.isin(planned).all() and numbers.index.is_unique:
            return numbers.reindex(planned)
        if not isinstance(found, Mapping) and numbers.index.equals(pd.RangeIndex(len(run_ids))):
            return numbers.set_axis(run_ids).reindex(planned)
        raise OwnError(f"{self.source} returned {len(numbers)} numbers for {len(run_ids)} runs; {EXPECTED}")

    @property
    def measure(self) -> Measure:
        """The measure that rules are compared by."""
        return Measure(
            self.name, column(self.name), lambda *_: NAN, TRIM, self.better == BETTER[0], in_scores=False
        )  # fmt: skip


@dataclass(frozen=True)
class OwnFigure:
    """A figure of a user's; `name` is its file's."""

    name: str
    source: str  # FILE.py:FUNCTION
    function: Callable[..., Any]
    table: str  # of TABLES
    styled: bool  # whether it takes the looks of the rules

    def panel(self, frame: pd.DataFrame, ax: Axes, style: Any) -> Axes:
        """Draw one environment. Raises OwnError."""
        looks = {"style": style} if self.styled else {}
        found = _called(self.source, self.function, frame.copy(deep=False), ax, **looks)
        if found is not ax:
            raise OwnError(f"{self.source} returned a {type(found).__name__}; expected the axes that it was given")
        return ax


def own_measures(sources: Sequence[str]) -> list[OwnMeasure]:
    """The measures that these name. Raises ResultsError, before anything is measured."""
    found = []
    for source in sources:
        function, parameters = _function(source, "measures")
        better = _choice(source, parameters, "better", BETTER)
        _require_arguments(source, parameters, ("results",), ())
        found.append(OwnMeasure(_name(source), source, function, better))
    return _distinct(found)


def own_figures(sources: Sequence[str], taken: Sequence[str] = ()) -> list[OwnFigure]:
    """The figures that these name, none of them `taken`. Raises ResultsError, before anything is drawn."""
    found = []
    for source in sources:
        function, parameters = _function(source, "figures")
        table = _choice(source, parameters, "table", TABLES)
        _require_arguments(source, parameters, ("frame", "ax"), ("style",))
        if _name(source) in taken:
            raise ResultsError(f"{source}: there is a figure {_name(source)} already; give it another name")
        found.append(OwnFigure(_name(source), source, function, table, "style" in parameters))
    return _distinct(found)


def _name(source: str) -> str:
    """FILE.py:FUNCTION -> FUNCTION."""
    return source.rpartition(":")[2]


def _distinct(found: list[Any]) -> list[Any]:
    names = [each.name for each in found]
    if twice := [each.source for each in found if names.count(each.name) > 1]:
        raise ResultsError(f"{' and '.join(twice)} have one name; rename one")
    return found


def _function(source: str, kind: str) -> tuple[Callable[..., Any], Mapping[str, inspect.Parameter]]:
    """The function that `source` names, and its parameters; kind: "measures" or "figures". Raises ResultsError."""
    file, _, name = source.rpartition(":")
    points = entry_points(group=f"policy_ascent.{kind}", name=source)
    if not points and not (file.endswith(".py") and name.isidentifier()):
        brought = ", ".join(sorted(entry_points(group=f"policy_ascent.{kind}").names))
        more = f", or one that an installed package brings: {brought}" if brought else ""
        raise ResultsError(f"{source!r} names no function of a file; expected FILE.py:FUNCTION{more}")
    try:
        if points:
            function = next(iter(points)).load()
            return function, inspect.signature(function).parameters
        if (beside := str(Path(file).resolve().parent)) not in sys.path:
            sys.path.append(beside)  # for the modules that it imports
        spec = importlib.util.spec_from_file_location(f"own_{Path(file).stem}", Path(file).resolve())
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        function = getattr(module, name, None)
        if not inspect.isfunction(function):
            raise ResultsError(f"{file} has no function {name}")
        return function, inspect.signature(function).parameters
    except (Exception, SystemExit) as error:  # whatever a user's file raises when it is imported
        if isinstance(error, ResultsError):
            raise
        raise ResultsError(f"{file or source} cannot be imported: {type(error).__name__}: {error}") from error


def _choice(source: str, parameters: Mapping[str, inspect.Parameter], name: str, allowed: Sequence[str]) -> str:
    """The default of the keyword `name`, one of `allowed`. Raises ResultsError."""
    default = parameters[name].default if name in parameters else None
    if default not in allowed:
        choices = " or ".join(f'{name}="{value}"' for value in allowed)
        raise ResultsError(f"{source} does not say its {name}; write it as a keyword with a default, one of {choices}")
    return str(default)


def _require_arguments(
    source: str, parameters: Mapping[str, inspect.Parameter], needed: Sequence[str], known: Sequence[str]
) -> None:
    """Raises ResultsError unless it can be called with `needed` by position, and `known` by name where it has them."""
    given = {name: None for name in known if name in parameters}
    try:
        inspect.Signature(list(parameters.values())).bind(*needed, **given)
    except TypeError as error:
        whole = ", ".join([*needed, *known])
        raise ResultsError(f"{source} cannot be called with ({', '.join(needed)}): {error}; write ({whole})") from error


def _called(source: str, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    try:
        return function(*arguments, **named)
    except (Exception, SystemExit) as error:  # whatever a user's function raises
        raise OwnError(f"{source}: {type(error).__name__}: {error}") from error


@dataclass(frozen=True)
class Own:
    """The values of a user's measures in one results directory."""

    measures: tuple[OwnMeasure, ...]  # those that gave numbers
    frame: pd.DataFrame  # env, rule, label, seed, budget, status of every planned run, and a column per measure
    problems: tuple[str, ...]  # those that did not

    @property
    def catalogue(self) -> dict[str, Measure]:
        """Column -> the measure that rules are compared by."""
        return {each.name: each.measure for each in self.measures}


def measured(results: Results, measures: pd.DataFrame, sources: Sequence[OwnMeasure]) -> Own:
    """The numbers of every own measure, of the runs of `analysis.measures`. A function that fails is a problem more."""
    frame = measures[["run_id", "env", "rule", "label", "seed", "budget", "status"]]
    kept, problems = [], []
    for each in sources:
        try:
            if each.name in measures:
                raise OwnError(f"{each.source}: there is a measure {each.name} already; give it another name")
            frame = frame.assign(**{each.name: each.values(results).reindex(frame.run_id).to_numpy(float)})
            kept.append(each)
        except OwnError as error:
            problems.append(str(error))
    return Own(tuple(kept), frame, tuple(problems))


def row_of(part: pd.DataFrame, names: Sequence[str]) -> dict[str, Any]:
    """How many runs of one rule on one environment have numbers, and the interquartile mean of each with its interval.

    No number where a run has none: a mean over fewer runs than were planned is not made.
    """
    row: dict[str, Any] = {"runs": f"{int((part.status == 'ok').sum())}/{len(part)}"}
    for name in names:
        found = trimmed_t_interval(part[name].to_numpy(float))
        row |= {name: found.estimate, f"{name}_low": found.low, f"{name}_high": found.high}
    return row
