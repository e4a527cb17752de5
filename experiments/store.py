"""A results directory: the manifest of planned cells, and cells that are stored atomically.

<root>/manifest.json                     the plan, so that a missing cell is seen to be missing
<root>/cells/<run_id>/                   see `records/cells.py`
<root>/staging/<run_id>/                 a cell that is being written, renamed into its place when it is whole
<root>/logs/<run_id>.log                 what the cell's process printed
<root>/checkpoints/<run_id>.checkpoint   where an unfinished cell goes on
<root>/running.json                      how far the cells are that run now; gone when none do
<root>/interim.json, checksums.json      what each analysis of --until-decided found and decided, and its checksum
<root>/quarantine/                       what was found damaged, or odd, or was to run again; nothing is deleted

All of these files are the store's, and no others. Nothing is created, locked, moved or removed in a directory before
the plan is known to fit it.
"""

import json
import os
import platform
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from experiments.heartbeat import NAME as RUNNING
from experiments.identity import codes_of, columns_of, library_versions
from experiments.matrix_file import Matrix
from experiments.owner import owner_of
from experiments.records import (
    PAYLOAD,
    RETRIED,
    STATUSES,
    BrokenCell,
    Manifest,
    Row,
    RunRow,
    cell_files,
    cell_name,
    read_manifest,
    read_run,
    write_atomically,
    write_checksums,
)
from experiments.records.checksums import NAME as CHECKSUMS
from experiments.records.files import sync, write_through
from experiments.records.manifest import NAME, THINNED, manifest_bytes
from experiments.spec import RunSpec

INTERIM = "interim.json"
REPLACED = ".replaced"  # of a staged cell's name: the one that it takes the place of


class StoreError(Exception):
    """The directory cannot hold this matrix; the message says why and what to do."""


class ForeignResult(Exception):
    """Rows that do not belong to the cell; nothing was stored."""


@dataclass(frozen=True)
class Scan:
    """Which of the requested cells a directory holds."""

    finished: dict[str, RunRow]
    broken: list[str]  # set aside, to be run again
    other_code: list[str]  # finished, by other code or other versions of the libraries than the specification asks for
    set_aside: list[str]  # what was moved to the quarantine, a line each


class Store:
    """Use as a context manager: from its first plan on it is locked, and free again when its owner dies."""

    def __init__(self, root: Path) -> None:
        self.root, self.cells, self.logs = root, root / "cells", root / "logs"
        self.checkpoints, self.staging = root / "checkpoints", root / "staging"
        self._lock, self._owner = FileLock(root / ".lock"), root / ".owner"

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lock.is_locked:
            self._owner.unlink(missing_ok=True)
            (self.root / RUNNING).unlink(missing_ok=True)
            self._lock.release()

    def log_of(self, run_id: str) -> Path:
        """The cell's log."""
        return self.logs / f"{run_id}.log"

    def checkpoint_of(self, run_id: str) -> Path:
        """The cell's checkpoint."""
        return self.checkpoints / f"{run_id}.checkpoint"

    def holds(self, run_id: str) -> bool:
        """Whether there is something in the cell's place; unlike `scan` it is not read."""
        return os.path.lexists(self.cells / run_id)

    def plan(self, matrix: Matrix) -> None:
        """Write the manifest: these cells, and those that were planned here before.

        Raises StoreError, before anything is written, if the directory is in use, cannot be written to, or holds
        something else.
        """
        held = self._held(matrix)
        try:
            if not self._lock.is_locked:
                self._open()
                held = self._held(matrix)  # what the last owner left
            lines = {} if held is None else {cell["run_id"]: json.dumps(cell) for cell in held.cells}
            for cell in matrix.cells:
                lines[cell.run_id] = json.dumps({"run_id": cell.run_id, **cell.model_dump(mode="json")})
            self._sweep(lines)
            listings = {code.digest: dict(code.files) for code in codes_of(matrix.cells)}
            head = matrix.head | {
                "sequential": matrix.sequential or (held is not None and held.head.get("sequential", False)),
                "declared_after": self._declared_after(held, matrix),
                "code": ({} if held is None else held.code) | listings,
                **({} if held is None or THINNED not in held.head else {THINNED: held.head[THINNED]}),
            }
            write_atomically(self.root / NAME, manifest_bytes(head, (lines[run_id] for run_id in sorted(lines))))
        except OSError as error:
            raise StoreError(
                f"cannot write to {self.root}: {error.strerror}; choose another place with --out"
            ) from error

    def _open(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            owner = owner_of(self.root) or "another process"
            raise StoreError(f"{self.root} is in use by {owner}; wait for it, or use --out DIR") from None
        write_atomically(self._owner, f"process {os.getpid()} on {platform.node()}".encode())
        for folder in (self.cells, self.logs, self.checkpoints, self.staging):
            folder.mkdir(exist_ok=True)

    def _held(self, matrix: Matrix) -> Manifest | None:
        """The existing manifest, if this matrix may extend it. Raises StoreError if it may not."""
        file = self.root / NAME
        try:
            if not os.path.lexists(file):
                return None
            held = read_manifest(self.root)
        except (OSError, ValueError) as error:
            raise StoreError(f"{file} is not a manifest ({error}); move it away, or use --out DIR") from error
        if held.whole is False:
            raise StoreError(f"{file} is not as it was written; move it away and it is written again, or use --out DIR")
        planned, wanted = {cell["run_id"] for cell in held.cells}, {cell.run_id for cell in matrix.cells}
        if held.matrix == matrix.name and (planned <= wanted or wanted <= planned):
            return held
        others = [cell for cell in held.cells if cell["run_id"] not in wanted]
        first = "".join(cell_name(cell["label"], cell["env"], cell["seed"]) for cell in others[:1])
        raise StoreError(
            f"{self.root} holds another matrix ({held.matrix}, {len(planned)} cells, of which {len(others)} "
            f"({first}...) are not in this one); use --out DIR, or move it away"
        )

    def _declared_after(self, held: Manifest | None, matrix: Matrix) -> int:
        """How many cells had ended before the comparisons were declared."""
        if matrix.compare is None:
            return 0
        before = {} if held is None else held.head
        same = before.get("compare") == matrix.compare.model_dump(mode="json")
        if same and (before.get("sequential", False) or not matrix.sequential):
            return int(before.get("declared_after", 0))
        return len(_names_in(self.cells))

    def _sweep(self, planned: Iterable[str]) -> None:
        """Complete or remove what a killed writer left half written. Call while the directory is locked."""
        names = set(planned)
        for folder, left in (
            (self.root, {f".{name}.tmp" for name in (NAME, INTERIM, RUNNING, CHECKSUMS, self._owner.name)}),
            (self.logs, {f".{run_id}.log.tmp" for run_id in names}),
            (self.checkpoints, {f".{run_id}.checkpoint.tmp" for run_id in names}),
        ):
            for name in left & _names_in(folder):
                _remove(folder / name)
        for name in sorted(_names_in(self.staging)):  # a cell before the one that it replaces
            if name in names and not os.path.lexists(self.cells / name) and _is_whole(self.staging / name):
                os.replace(self.staging / name, self.cells / name)
            elif name.removesuffix(REPLACED) in names:
                _remove(self.staging / name)

    def scan(self, specs: list[RunSpec]) -> Scan:
        """Which of these are done. A cell whose checksums fail is set aside, not deleted and not counted.

        So is whatever else stands in the place of a cell, a log or a checkpoint.
        """
        found = Scan({}, [], [], [])
        for spec in specs:
            run_id = spec.run_id
            for file in (self.log_of(run_id), self.checkpoint_of(run_id)):
                if os.path.lexists(file) and (file.is_symlink() or not file.is_file()):
                    found.set_aside.append(f"{file} is no regular file: {self._set_aside(file)}")
            folder = self.cells / run_id
            if not os.path.lexists(folder):
                continue
            try:
                run = read_run(folder)
            except BrokenCell as error:
                found.broken.append(run_id)
                found.set_aside.append(f"{spec.name}: {error}: {self._set_aside(folder)}, will run again")
                continue
            if run.status not in RETRIED:
                found.finished[run_id] = run
                if (run.code, run.versions) != (columns_of(spec)["code"], library_versions()):
                    found.other_code.append(run_id)
        return found

    def forget(self, run_id: str) -> None:
        """Let a finished cell run again: it is moved to the quarantine, not deleted."""
        self._set_aside(self.cells / run_id)

    def write(self, spec: RunSpec, run: RunRow, rows: list[Row], log: bytes | None = None) -> None:
        """A finished cell, in its place whole or not at all; only then its checkpoint goes.

        log: if it is not here already. Raises ForeignResult if these are not the rows of that cell, OSError.
        """
        files = _checked(spec, run, rows)
        staged, place = self.staging / run.run_id, self.cells / run.run_id
        before = staged.with_name(staged.name + REPLACED)
        for left in (staged, before):
            _remove(left)
        staged.mkdir()
        for name, data in files.items():
            write_through(staged / name, data)
        sync(staged)
        if os.path.lexists(place):
            os.replace(place, before)
        os.replace(staged, place)
        sync(self.cells)
        _remove(before)
        if log is not None:
            write_atomically(self.log_of(run.run_id), log)
        if run.status not in RETRIED:
            _remove(self.checkpoint_of(run.run_id))

    def write_running(self, data: bytes) -> None:
        """Write the progress of running cells."""
        write_atomically(self.root / RUNNING, data)

    def write_interim(self, data: bytes) -> None:
        """Write what --until-decided has decided so far."""
        write_atomically(self.root / INTERIM, data)
        write_checksums(self.root, [self.root / INTERIM])

    def _set_aside(self, path: Path) -> str:
        """Move it to the quarantine under a free number; its new path."""
        quarantine = self.root / "quarantine"
        quarantine.mkdir(exist_ok=True)
        numbers = [
            int(number)
            for name, _, number in (other.rpartition(".") for other in _names_in(quarantine))
            if name == path.name and number.isascii() and number.isdecimal()
        ]
        aside = quarantine / f"{path.name}.{max(numbers, default=-1) + 1}"
        os.replace(path, aside)
        return f"set aside as {aside}"


def _checked(spec: RunSpec, run: RunRow, rows: list[Row]) -> dict[str, bytes]:
    """The files of a cell. Raises ForeignResult if what came for it is something else."""
    for name, expected in columns_of(spec).items():
        if getattr(run, name) != expected:
            raise ForeignResult(f"{spec.name}: its {name} came back as {getattr(run, name)!r:.200}: refused")
    if run.status not in STATUSES:
        raise ForeignResult(f"{spec.name}: no such status, {run.status!r:.200}: refused")
    for row in rows:
        if not isinstance(row, PAYLOAD) or row.run_id != spec.run_id:
            raise ForeignResult(f"{spec.name}: a row of something else came for it, {row!r:.200}: refused")
    try:
        return cell_files(run, rows)
    except (ValueError, TypeError, OverflowError) as error:
        raise ForeignResult(f"{spec.name}: a row that is none, {error}: refused") from error


def _names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def _is_whole(folder: Path) -> bool:
    try:
        read_run(folder)
    except BrokenCell:
        return False
    return True


def _remove(path: Path) -> None:
    """Delete a file or a tree, without following links."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
