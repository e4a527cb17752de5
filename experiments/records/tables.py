"""Rows as Arrow tables, as the bytes of a Parquet file, and as lines of JSON."""

import json
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from experiments.records.extras import EXTRA, name_problem
from experiments.records.files import read_regular
from experiments.records.forks import ForkRow
from experiments.records.landscapes import LandscapeLineRow, LandscapePlaneRow, LandscapeRow
from experiments.records.runs import NAN, PAYLOAD, EvaluationRow, PolicyRow, ReuseRow, RunRow, TrialRow, UpdateRow

Row = UpdateRow | TrialRow | ReuseRow | EvaluationRow | PolicyRow | RunRow  # what a run sends
Table = Row | LandscapeRow | LandscapeLineRow | LandscapePlaneRow | ForkRow  # all that is kept in files
ROWS: dict[str, type[Row]] = {row.table: row for row in (*PAYLOAD, RunRow)}
CLOCKS = frozenset(
    [field.name for row in (*ROWS.values(), ForkRow) for field in fields(row) if field.name.endswith("_s")]
    + ["peak_rss_mb", "jobs", "load", "cpu", "lane", "calibration_before", "calibration_after", "attempts"]
)  # columns that two runs of the same cell may differ in

UNPACKED = 2**29  # bytes that one table of one cell may take in memory
UNREADABLE = (OSError, ValueError, TypeError, KeyError, NotImplementedError, RecursionError, pa.ArrowException)
KEY = "run_id"  # the column that no table of a run is without
EXTRAS = "extras"  # the field of a row that is a column per name
R = TypeVar("R", bound="Row")
_ARROW: dict[Any, pa.DataType] = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}


def schema(row: type[Table]) -> pa.Schema:
    """The Arrow schema of a row's table, without the extra numbers that only some rules report."""
    return pa.schema([(field.name, _ARROW[field.type]) for field in fields(row) if field.name != EXTRAS])


def conformed(row: type[Table], table: pa.Table) -> pa.Table:
    """The table of a row as it once was, in the columns and types of now: nulls in what it has got since.

    Columns that the row has no more are left out; extra numbers stay. Raises ArrowException.
    """
    now = schema(row)
    table = with_newer_columns(row, table)
    extra = sorted(name for name in table.column_names if has_extras(row) and is_extra(name))
    return table.select([*now.names, *extra]).cast(pa.schema([*now, *((name, pa.float64()) for name in extra)]))


def has_extras(row: type[Table]) -> bool:
    """Whether a row may carry numbers of a rule's own."""
    return any(field.name == EXTRAS for field in fields(row))


def is_extra(column: str) -> bool:
    """Whether a column holds an extra number."""
    return column.startswith(EXTRA) and name_problem(column.removeprefix(EXTRA), frozenset()) is None


def with_newer_columns(row: type[Table], table: pa.Table) -> pa.Table:
    """The table of a row as it once was, with nulls in the columns that it has got since."""
    for column in schema(row):
        if column.name != KEY and column.name not in table.column_names:
            table = table.append_column(column.name, pa.nulls(len(table), column.type))
    return table


def with_newer_fields(row: type[R], values: dict[str, Any]) -> R:
    """The row as it once was: what it has got since is its default, else null; what it has no more is left out.

    Raises KeyError without a key, TypeError for a value of another type.
    """
    found: dict[str, Any] = {}
    for field in fields(row):
        if field.name in values or field.name == KEY:
            found[field.name] = _checked(field.name, values[field.name], field.type)
        elif field.default is MISSING:
            found[field.name] = NAN if field.type is float else None
    return row(**found)


def _checked(name: str, value: Any, kind: Any) -> Any:
    if not isinstance(value, (int, float) if kind is float else kind) and value is not None:
        raise TypeError(f"{name}: expected a value of type {kind.__name__}, got {value!r:.80}")
    return value


def frame(row: type[Table], rows: list[Any]) -> pd.DataFrame:
    """Rows as a data frame with the row's columns and types, also when there are none."""
    return pd.DataFrame(arrow(row, rows).to_pandas())


def arrow(row: type[Table], rows: list[Any]) -> pa.Table:
    """Rows as Arrow has them. Raises ValueError, also for an extra number whose name is none of a column."""
    values = [asdict(r) for r in rows]
    extras = [{f"{EXTRA}{name}": number for name, number in each.pop(EXTRAS, {}).items()} for each in values]
    names = sorted({name for each in extras for name in each})
    if wrong := [name for name in names if not is_extra(name)]:
        raise ValueError(f"{wrong[0]!r:.80} is no name of a column of extra numbers")
    whole = pa.schema([*schema(row), *((name, pa.float64()) for name in names)])
    return pa.Table.from_pylist([each | more for each, more in zip(values, extras, strict=True)], schema=whole)


def parquet(row: type[Table], rows: list[Any]) -> bytes:
    """Rows as the bytes of a Parquet file."""
    return packed(arrow(row, rows))


def packed(table: pa.Table, level: int | None = None, **encodings: Any) -> bytes:
    """A table as the bytes of a Parquet file; `level` of zstd: more takes longer, once, and is smaller.

    encodings: of columns, as `pyarrow.parquet.write_table` has them.
    """
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", compression_level=level, write_page_checksum=True, **encodings)
    return sink.getvalue().to_pybytes()


def read_parquet(row: type[Table], file: Path) -> list[Any]:
    """The rows that `parquet` was given, without the protocol where it is a column beside theirs.

    Raises BrokenCell, also for pages that fail their checksums.
    """
    try:
        table = unpack(read_regular(file))
        beside = {"protocol"} & set(table.column_names) - set(schema(row).names)
        return [row(**values) for values in table.drop_columns(list(beside)).to_pylist()]
    except UNREADABLE as error:
        raise BrokenCell(f"{file}: {type(error).__name__}: {error}") from error


def unpack(data: bytes) -> pa.Table:
    """The table that the bytes of a Parquet file hold. Raises UNREADABLE, also where it needs more than `UNPACKED`.

    A few bytes can stand for a text in every one of a million rows; so rows are taken few at a time where texts may be
    long, and counted.
    """
    file = pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True)
    plain = _plain(file.schema_arrow)
    groups = (file.metadata.row_group(k) for k in range(file.metadata.num_row_groups))
    stored = sum(group.total_byte_size for group in groups)
    batches, size = [], 0
    if stored <= UNPACKED:
        for packed in file.iter_batches(min(UNPACKED // max(stored, 1) + 1, 65_536)):
            batches.append(pa.Table.from_batches([packed]).cast(plain))
            size += batches[-1].nbytes
            if size > UNPACKED:
                break
    if max(stored, size) > UNPACKED:
        raise ValueError(f"{len(data):,} bytes that unpack to more than {UNPACKED:,}")
    return pa.concat_tables([plain.empty_table(), *batches])


def _plain(packed: pa.Schema) -> pa.Schema:
    """The same columns, each value by itself. Raises ValueError for values that hold others."""
    plain = [(c.name, c.type.value_type if pa.types.is_dictionary(c.type) else c.type) for c in packed]
    if nested := [name for name, kind in plain if pa.types.is_nested(kind) or pa.types.is_run_end_encoded(kind)]:
        raise ValueError(f"column {nested[0]} is of a type that no row has")
    return pa.schema(plain)


def encode(row: Row) -> bytes:
    """A row as one line of JSON; numbers survive exactly, nan and inf included."""
    return json.dumps({"table": row.table, **asdict(row)}).encode()


def decode(line: bytes) -> Row:
    """The row that `encode` wrote."""
    values = json.loads(line)
    return ROWS[values.pop("table")](**values)


class BrokenCell(Exception):
    """A cell's folder is incomplete, or its bytes are not the ones that were written."""
