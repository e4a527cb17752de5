"""A results directory in one file, small enough to be committed: its plan, and the rows of its finished cells.

The file is a ZIP archive of `manifest.json`, of Parquet files that each hold one table of up to BLOCK cells, and of
`pack.json`, which names the SHA-256 of each of these. Equal cells give equal files. Logs, checkpoints and what a report
makes of the cells are left out: the command that ran the matrix goes on with what is missing, and reports. A compact
pack keeps less of each cell (`compact.py`), and its manifest says so under THINNED.
"""

import hashlib
import io
import json
import os
import shutil
import zipfile
from pathlib import Path

import pyarrow as pa

from experiments.management.compact import compacted, encodings, note
from experiments.management.inspect import NotFound
from experiments.records import (
    BrokenCell,
    RunRow,
    files_of,
    read_manifest,
    read_regular,
    read_tables,
    schema,
    write_atomically,
)
from experiments.records.files import sync, write_through
from experiments.records.manifest import NAME, THINNED, Manifest, manifest_bytes
from experiments.records.packed import INDEX, NO_PACK, cells_of, read_members
from experiments.records.tables import packed

BLOCK = 64  # cells
SMALL = 19  # of zstd: slow to write, once, and fast to read
EPOCH = (1980, 1, 1, 0, 0, 0)  # ZIP's first day


def pack(results: Path, file: Path, compact: bool = False) -> int:
    """Write the finished cells of a directory to `file`, what `compact.py` keeps of them if asked for that.

    Raises NotFound, and BrokenCell if one is not whole.
    """
    try:
        held, plan = read_manifest(results), read_regular(results / NAME)
    except (OSError, ValueError) as error:
        raise NotFound(f"{results} is not a results directory: no readable {NAME} ({error})") from error
    names = sorted(cell["run_id"] for cell in held.cells)
    names = [name for name in names if os.path.lexists(results / "cells" / name)]
    members = {NAME: _thinned(held) if compact else plan}
    for k in range(0, len(names), BLOCK):
        members |= _block(results / "cells", names[k : k + BLOCK], f"{k // BLOCK:04}", compact)
    members[INDEX] = json.dumps({name: _digest(data) for name, data in members.items()}, indent=1).encode()
    data = _archive(members)
    write_atomically(file, data)
    print(f"{file}: {len(names)} of {len(held.cells)} planned cells in {len(data):,} bytes")
    return 0


def _thinned(held: Manifest) -> bytes:
    """The manifest of a compact pack, which is to be committed: without the folder that its matrix file lay in."""
    head = {key: value for key, value in held.head.items() if key != "sha256"}
    head["file"] = Path(str(head.get("file", ""))).name
    return manifest_bytes(head | {THINNED: note()}, map(json.dumps, held.cells))


def _block(cells: Path, names: list[str], number: str, compact: bool) -> dict[str, bytes]:
    """The members that hold these cells."""
    found = [read_tables(cells / name) for name in names]
    if compact:
        found = [(run, compacted(tables)) for run, tables in found]
    tables = {RunRow.table: pa.Table.from_pylist([vars(run) for run, _ in found], schema=schema(RunRow))}
    for kind in found[0][1]:
        tables[kind] = pa.concat_tables([parts[kind] for _, parts in found], promote_options="default")
    return {
        f"{number}-{name}.parquet": packed(table, SMALL, **(encodings(table) if compact else {}))
        for name, table in tables.items()
    }


def _archive(members: dict[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name in sorted(members):  # tables are small already
            how = zipfile.ZIP_STORED if name.endswith(".parquet") else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name, EPOCH), members[name], how)
    return sink.getvalue()


def unpack_results(file: Path, results: Path) -> int:
    """Make the directory that `file` was packed from, whole or not at all. Raises NotFound."""
    if os.path.lexists(results):
        raise NotFound(f"{results} exists; unpack to a place where nothing is")
    staged = results.with_name(f".{results.name}.unpacking")
    if os.path.lexists(staged):
        shutil.rmtree(staged)
    try:
        members = read_members(file)
        (staged / "cells").mkdir(parents=True)
        write_through(staged / NAME, members[NAME])
        planned = {cell["run_id"] for cell in read_manifest(staged).cells}
        count = 0
        for run, tables in cells_of(members):
            if run.run_id not in planned:
                raise ValueError(f"nobody planned {run.run_id!r:.200}")
            _write_cell(staged / "cells" / run.run_id, files_of(run, tables))
            count += 1
    except (*NO_PACK, BrokenCell) as error:
        shutil.rmtree(staged, ignore_errors=True)
        raise NotFound(f"{file} cannot be unpacked: {type(error).__name__}: {error}") from error
    os.replace(staged, results)
    sync(results.resolve().parent)
    print(f"{results}: {count} of {len(planned)} planned cells are finished")
    return 0


def _write_cell(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir()
    for name, data in files.items():
        write_through(folder / name, data)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
