"""Rows as Arrow tables, as the bytes of a Parquet file, and as lines of JSON."""

import json
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from experiments.records.forks import ForkRow
from experiments.records.landscapes import LandscapeLineRow, LandscapePlaneRow, LandscapeRow
from experiments.records.runs import PAYLOAD, EvaluationRow, PolicyRow, ReuseRow, RunRow, TrialRow, UpdateRow

Row = UpdateRow | TrialRow | ReuseRow | EvaluationRow | PolicyRow | RunRow  # what a run sends
Table = Row | LandscapeRow | LandscapeLineRow | LandscapePlaneRow | ForkRow  # all that is kept in files
ROWS: dict[str, type[Row]] = {row.table: row for row in (*PAYLOAD, RunRow)}
CLOCKS = frozenset(
    [field.name for row in (*ROWS.values(), ForkRow) for field in fields(row) if field.name.endswith("_s")]
    + ["peak_rss_mb", "jobs", "load", "cpu", "lane", "calibration_before", "calibration_after", "attempts"]
)  # columns that two runs of the same cell may differ in

_ARROW: dict[Any, pa.DataType] = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}


def schema(row: type[Table]) -> pa.Schema:
    """The Arrow schema of a row's table."""
    return pa.schema([(field.name, _ARROW[field.type]) for field in fields(row)])


def with_newer_columns(row: type[Table], table: pa.Table) -> pa.Table:
    """The table of a row as it once was, with nulls in the columns that it has got since: those with a default."""
    for column in fields(row):
        if column.default is not MISSING and column.name not in table.column_names:
            table = table.append_column(column.name, pa.nulls(len(table), _ARROW[column.type]))
    return table


def frame(row: type[Table], rows: list[Any]) -> pd.DataFrame:
    """Rows as a data frame with the row's columns and types, also when there are none."""
    table = pa.Table.from_pylist([asdict(r) for r in rows], schema=schema(row))
    return pd.DataFrame(table.to_pandas())


def parquet(row: type[Table], rows: list[Any]) -> bytes:
    """Rows as the bytes of a Parquet file."""
    sink = pa.BufferOutputStream()
    table = pa.Table.from_pylist([asdict(r) for r in rows], schema=schema(row))
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
    return sink.getvalue().to_pybytes()


def read_parquet(row: type[Table], file: Path) -> list[Any]:
    """The rows that `parquet` was given. Raises BrokenCell, also for pages that fail their checksums."""
    try:
        return [row(**values) for values in pq.read_table(file, page_checksum_verification=True).to_pylist()]
    except (OSError, ValueError, TypeError) as error:
        raise BrokenCell(f"{file}: {type(error).__name__}: {error}") from error


def encode(row: Row) -> bytes:
    """A row as one line of JSON; numbers survive exactly, nan and inf included."""
    return json.dumps({"table": row.table, **asdict(row)}).encode()


def decode(line: bytes) -> Row:
    """The row that `encode` wrote."""
    values = json.loads(line)
    return ROWS[values.pop("table")](**values)


class BrokenCell(Exception):
    """A cell's folder is incomplete, or its bytes are not the ones that were written."""
