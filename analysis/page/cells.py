"""Tables as text with sort keys, and how a row's numbers become the text of a cell."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.summary import number

NAN = float("nan")


@dataclass(frozen=True)
class Cell:
    """What is read, and, in a column of numbers, what it is sorted by (nan: last)."""

    text: str
    value: float = NAN
    kind: str = ""  # the last word of a verdict, or nothing


@dataclass(frozen=True)
class Head:
    text: str
    numeric: bool = True


@dataclass(frozen=True)
class Table:
    title: str
    heads: tuple[Head, ...]
    rows: tuple[tuple[Cell, ...], ...]


Maker = Callable[[dict[str, Any]], Cell]


def table(title: str, frame: pd.DataFrame, columns: dict[str, Maker | str]) -> Table:
    """A row per row of the frame; a column's maker gets the row, or is the name of a column of text."""
    heads = tuple(Head(head, not isinstance(maker, str)) for head, maker in columns.items())
    rows = [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
    cells = (
        tuple(
            Cell("" if pd.isna(row[maker]) else str(row[maker])) if isinstance(maker, str) else maker(row)
            for maker in columns.values()
        )
        for row in rows
    )
    return Table(title, heads, tuple(cells))


def quantity(name: str) -> Maker:
    """Three digits of one column, nothing for nan or for a row without it."""

    def make(row: dict[str, Any]) -> Cell:
        value = float(row.get(name, NAN))
        return Cell(number(value), value)

    return make


def interval(name: str, low: str = "", high: str = "") -> Maker:
    """An estimate with its bounds, sorted by the estimate."""

    def make(row: dict[str, Any]) -> Cell:
        value, least, most = (float(row[column]) for column in (name, low or f"{name}_low", high or f"{name}_high"))
        known = np.isfinite([least, most]).all()
        return Cell(number(value) + (f" [{number(least)}, {number(most)}]" if known else ""), value)

    return make


def between(low: str, high: str) -> Maker:
    """An interval, sorted by its lower end."""

    def make(row: dict[str, Any]) -> Cell:
        least, most = float(row[low]), float(row[high])
        return Cell(f"{number(least)} to {number(most)}" if np.isfinite([least, most]).all() else "", least)

    return make


def corrected(name: str, twin: str) -> Maker:
    """A measure, and in parentheses what is left of it without the noise of evaluating."""

    def make(row: dict[str, Any]) -> Cell:
        value, left = float(row[name]), float(row[twin])
        return Cell(f"{number(value)} ({number(left)})" if np.isfinite([value, left]).all() else number(value), value)

    return make


def share(name: str) -> Maker:
    def make(row: dict[str, Any]) -> Cell:
        value = float(row[name])
        return Cell(f"{100 * value:.0f} %" if np.isfinite(value) else "", value)

    return make


def whole(name: str) -> Maker:
    """A count, with thousands set apart."""

    def make(row: dict[str, Any]) -> Cell:
        value = float(row[name])
        return Cell(f"{value:,.0f}" if np.isfinite(value) else "", value)

    return make
