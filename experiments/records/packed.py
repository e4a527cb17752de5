"""A results directory in one file, read: the archive that `experiments/management/packs.py` writes."""

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from experiments.records.files import parse_json, read_regular
from experiments.records.runs import PAYLOAD, RunRow
from experiments.records.tables import UNREADABLE, conformed, is_extra, schema, unpack, with_newer_fields

INDEX = "pack.json"
LARGEST = 2**30  # bytes of a pack, and of what it holds
NO_PACK = (*UNREADABLE, AttributeError, zipfile.BadZipFile)  # what reading a file that is no pack raises

Tables = dict[str, pa.Table]


def read_members(file: Path) -> dict[str, bytes]:
    """Name -> bytes, every checksum verified. Raises one of NO_PACK."""
    data = read_regular(file, LARGEST)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = archive.infolist()
        if (size := sum(entry.file_size for entry in entries)) > LARGEST:
            raise ValueError(f"{len(data):,} bytes that unpack to {size:,}, more than {LARGEST:,}")
        members = {entry.filename: archive.read(entry) for entry in entries}
    index = parse_json(members.pop(INDEX, b""))
    if index.keys() != members.keys():
        raise ValueError(f"it holds other members than {INDEX} names")
    for name, content in members.items():
        if hashlib.sha256(content).hexdigest() != index[name]:
            raise ValueError(f"{name} does not match its checksum")
    return members


def runs_of(members: dict[str, bytes]) -> Iterator[RunRow]:
    """The runs alone. Raises one of NO_PACK."""
    for member in sorted(name for name in members if name.endswith(f"-{RunRow.table}.parquet")):
        for values in unpack(members[member]).to_pylist():
            yield with_newer_fields(RunRow, values)


def cells_of(members: dict[str, bytes]) -> Iterator[tuple[RunRow, Tables]]:
    """Every cell: its run, and its tables by their names. Raises one of NO_PACK."""
    for member in sorted(members):
        number, _, name = member.partition("-")
        if name != f"{RunRow.table}.parquet":
            continue
        found = {kind: members.get(f"{number}-{kind.table}.parquet") for kind in PAYLOAD}
        tables = {
            kind.table: schema(kind).empty_table() if data is None else conformed(kind, unpack(data))
            for kind, data in found.items()
        }
        for run in runs_of({member: members[member]}):
            mine = {kind: table.filter(pc.equal(table["run_id"], run.run_id)) for kind, table in tables.items()}
            yield run, {kind: _without_others(table) for kind, table in mine.items()}


def _without_others(table: pa.Table) -> pa.Table:
    """The table of one cell without the extra numbers that only others of its block report."""
    others = [name for name in table.column_names if is_extra(name) and table[name].null_count == len(table)]
    return table.drop_columns(others)
