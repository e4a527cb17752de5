"""The form of one finished cell on disk: a folder with a Parquet file per table and `record.json`.

The record holds the run's row and the checksums of the tables. A cell is done if and only if its record parses and
the checksums match.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa

from experiments.records.files import parse_json, read_regular
from experiments.records.runs import PAYLOAD, RunRow
from experiments.records.tables import (
    UNREADABLE,
    BrokenCell,
    Row,
    arrow,
    conformed,
    packed,
    schema,
    unpack,
    with_newer_fields,
)

FILES = frozenset(f"{kind.table}.parquet" for kind in PAYLOAD)  # beside the record


@dataclass(frozen=True)
class Cell:
    run: RunRow
    tables: dict[str, pd.DataFrame]  # by the tables of PAYLOAD


def cell_files(run: RunRow, rows: list[Row]) -> dict[str, bytes]:
    """The files of a finished cell as name -> bytes, `record.json` last: whoever writes them must keep that order."""
    return files_of(run, {kind.table: arrow(kind, [row for row in rows if isinstance(row, kind)]) for kind in PAYLOAD})


def files_of(run: RunRow, tables: dict[str, pa.Table]) -> dict[str, bytes]:
    """The same, of tables as Arrow has them."""
    payload = {f"{kind.table}.parquet": packed(tables[kind.table]) for kind in PAYLOAD}
    checksums = {name: hashlib.sha256(data).hexdigest() for name, data in payload.items()}
    body = {"run": asdict(run), "sha256": checksums}
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    payload["record.json"] = json.dumps({**body, "record_sha256": digest}, indent=1).encode()
    return payload


def read_record(folder: Path) -> RunRow:
    """The run's row as its record has it, whatever became of the tables. Raises BrokenCell, saying what is wrong."""
    run, _ = _record(folder)
    return _of(run, folder)


def read_run(folder: Path) -> RunRow:
    """The run's row, every checksum of the cell verified. Raises BrokenCell, saying what is wrong."""
    run, _ = _verified(folder)
    return _of(run, folder)


def _of(run: RunRow, folder: Path) -> RunRow:
    if run.run_id != folder.name:
        raise BrokenCell(f"{folder}: holds another run, {run.run_id}")
    return run


def read_tables(folder: Path) -> tuple[RunRow, dict[str, pa.Table]]:
    """The run's row and its tables as Arrow has them, columns as the schema says. Raises BrokenCell."""
    run, payload = _verified(folder)
    tables = {}
    for kind in PAYLOAD:
        data = payload.get(f"{kind.table}.parquet")
        try:
            found = schema(kind).empty_table() if data is None else unpack(data)
            tables[kind.table] = conformed(kind, found)
        except UNREADABLE as error:
            raise BrokenCell(f"{folder}: {kind.table}: {type(error).__name__}: {error}") from error
        if set(tables[kind.table]["run_id"].unique().to_pylist()) - {run.run_id}:
            raise BrokenCell(f"{folder}: {kind.table} holds rows of another run")
    return run, tables


def read_cell(folder: Path) -> Cell:
    """A finished cell. Raises BrokenCell."""
    run, tables = read_tables(folder)
    return Cell(run, {name: table.to_pandas() for name, table in tables.items()})


def _verified(folder: Path) -> tuple[RunRow, dict[str, bytes]]:
    """The run's row and the bytes of the cell's files by their names, each read once."""
    run, checksums = _record(folder)
    try:
        payload = {name: read_regular(folder / name) for name in checksums}
    except OSError as error:
        raise BrokenCell(f"{folder}: {type(error).__name__}: {error}") from error
    for name, expected in checksums.items():
        if hashlib.sha256(payload[name]).hexdigest() != expected:
            raise BrokenCell(f"{folder}: {name} does not match its checksum")
    return run, payload


def _record(folder: Path) -> tuple[RunRow, dict[str, str]]:
    """The run's row, and the checksums of its tables by the names of their files."""
    try:
        record = parse_json(read_regular(folder / "record.json"))
        digest = record.pop("record_sha256")
        if hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest() != digest:
            raise BrokenCell(f"{folder}: record.json does not match its checksum")
        if others := record["sha256"].keys() - FILES:
            raise BrokenCell(f"{folder}: record.json names {min(others)!r}, which is no table of a cell")
        return with_newer_fields(RunRow, record["run"]), record["sha256"]
    except (*UNREADABLE, AttributeError) as error:
        raise BrokenCell(f"{folder}: {type(error).__name__}: {error}") from error
