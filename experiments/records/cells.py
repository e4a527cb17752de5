"""The form of one finished cell on disk: a folder with a Parquet file per table and `record.json`.

The record holds the run's row and the checksums of the tables. A cell is done if and only if its record parses and
the checksums match.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from experiments.records.runs import PAYLOAD, RunRow
from experiments.records.tables import BrokenCell, Row, parquet


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
    try:
        record = json.loads((folder / "record.json").read_bytes())
        digest = record.pop("record_sha256")
        if hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest() != digest:
            raise BrokenCell(f"{folder}: record.json does not match its checksum")
        for name, expected in record["sha256"].items():
            if hashlib.sha256((folder / name).read_bytes()).hexdigest() != expected:
                raise BrokenCell(f"{folder}: {name} does not match its checksum")
        return RunRow(**record["run"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BrokenCell(f"{folder}: {type(error).__name__}: {error}") from error


def read_cell(folder: Path) -> Cell:
    """A finished cell. Raises BrokenCell."""
    run = read_run(folder)
    return Cell(run, {kind.table: pd.read_parquet(folder / f"{kind.table}.parquet") for kind in PAYLOAD})
