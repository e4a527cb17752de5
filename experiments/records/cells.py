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
import pyarrow.parquet as pq

from experiments.records.runs import PAYLOAD, RunRow
from experiments.records.tables import BrokenCell, Row, parquet, schema, with_newer_columns


@dataclass(frozen=True)
class Cell:
    run: RunRow
    tables: dict[str, pd.DataFrame]  # by the tables of PAYLOAD


def cell_files(run: RunRow, rows: list[Row]) -> dict[str, bytes]:
    """The files of a finished cell as name -> bytes, `record.json` last: whoever writes them must keep that order."""
    payload = {}
    for kind in PAYLOAD:
        payload[f"{kind.table}.parquet"] = parquet(kind, [row for row in rows if isinstance(row, kind)])
    checksums = {name: hashlib.sha256(data).hexdigest() for name, data in payload.items()}
    body = {"run": asdict(run), "sha256": checksums}
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    payload["record.json"] = json.dumps({**body, "record_sha256": digest}, indent=1).encode()
    return payload


def read_run(folder: Path) -> RunRow:
    """The run's row, every checksum of the cell verified. Raises BrokenCell, saying what is wrong."""
    run, _ = _verified(folder)
    if run.run_id != folder.name:
        raise BrokenCell(f"{folder}: holds another run, {run.run_id}")
    return run


def read_tables(folder: Path) -> tuple[RunRow, dict[str, pa.Table]]:
    """The run's row and its tables as Arrow has them, columns as the schema says. Raises BrokenCell."""
    run, payload = _verified(folder)
    tables = {}
    for kind in PAYLOAD:
        try:
            found = pq.read_table(pa.BufferReader(payload[f"{kind.table}.parquet"]))
            tables[kind.table] = with_newer_columns(kind, found).select(schema(kind).names).cast(schema(kind))
        except (KeyError, ValueError, OSError) as error:
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
    try:
        record = json.loads((folder / "record.json").read_bytes())
        digest = record.pop("record_sha256")
        if hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest() != digest:
            raise BrokenCell(f"{folder}: record.json does not match its checksum")
        payload = {name: (folder / name).read_bytes() for name in record["sha256"]}
        for name, expected in record["sha256"].items():
            if hashlib.sha256(payload[name]).hexdigest() != expected:
                raise BrokenCell(f"{folder}: {name} does not match its checksum")
        return RunRow(**record["run"]), payload
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BrokenCell(f"{folder}: {type(error).__name__}: {error}") from error
