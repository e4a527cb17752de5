"""A results directory: the manifest of planned cells, and cells that are written whole or not at all.

<root>/manifest.json                     the plan, so that a missing cell is seen to be missing
<root>/cells/<run_id>/                   see `records/cells.py`
<root>/logs/<run_id>.log                 what the cell's process printed
<root>/checkpoints/<run_id>.checkpoint   where an unfinished cell goes on
<root>/looks.json                        what --until-decided saw and decided, look by look
<root>/quarantine/                       cells whose checksums failed; nothing is deleted
"""

import json
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from experiments.files import write_atomically
from experiments.identity import codes_of, columns_of, library_versions
from experiments.matrix_file import Matrix
from experiments.records import BrokenCell, Row, RunRow, cell_files, read_run
from experiments.spec import RunSpec

RETRIED = frozenset({"killed", "timeout", "oom"})  # facts about that day and that machine, not about the cell


class StoreError(Exception):
    """The directory cannot hold this matrix; the message says why and what to do."""


@dataclass(frozen=True)
class Found:
    """What a directory holds of the cells that were asked for."""

    finished: dict[str, RunRow]
    broken: list[str]  # set aside, to be run again
    other_code: list[str]  # finished, by other code or other versions of the libraries than the specification asks for


class Store:
    """Use as a context manager: the directory is locked while it is open, and free again when its owner dies."""

    def __init__(self, root: Path) -> None:
        self.root, self.cells, self.logs = root, root / "cells", root / "logs"
        self.checkpoints = root / "checkpoints"
        self._manifest = root / "manifest.json"
        self._lock, self._owner = FileLock(root / ".lock"), root / ".owner"

    def __enter__(self) -> "Store":
        try:
            for folder in (self.root, self.cells, self.logs, self.checkpoints):
                folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
            self._owner.write_text(f"process {os.getpid()} on {platform.node()}")
            self._sweep()
        except Timeout:
            owner = self._owner.read_text() if self._owner.exists() else "another process"
            raise StoreError(f"{self.root} is in use by {owner}; wait for it, or use --out DIR") from None
        except OSError as error:
            raise StoreError(
                f"cannot write to {self.root}: {error.strerror}; choose another place with --out"
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    def _sweep(self) -> None:
        """Remove what a writer that died left half written; nobody else writes while the directory is locked."""
        for folder in (self.root, self.cells, self.checkpoints):
            for leftover in folder.rglob(".*.tmp"):
                leftover.unlink()

    def plan(self, matrix: Matrix) -> None:
        """Write the manifest: these cells, and those that were planned here before.

        Raises StoreError, before anything is written, if the directory holds something else.
        """
        lines, listings = self._planned(matrix)  # as text, which takes less memory than what it says
        for cell in matrix.cells:
            lines[cell.run_id] = json.dumps({"run_id": cell.run_id, **cell.model_dump(mode="json")})
        head = {
            "matrix": matrix.name,
            "scores": {env: list(pair) for env, pair in matrix.scores.items()},
            "compare": None if matrix.compare is None else matrix.compare.model_dump(mode="json"),
            "code": listings | {code.digest: dict(code.files) for code in codes_of(matrix.cells)},
        }
        cells = ",\n".join(lines[run_id] for run_id in sorted(lines))
        write_atomically(self._manifest, f'{json.dumps(head)[:-1]}, "cells": [\n{cells}\n]}}\n'.encode())

    def _planned(self, matrix: Matrix) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
        """run_id -> line of the manifest, of the cells that this matrix may be added to; the files of their code."""
        if not self._manifest.exists():
            return {}, {}
        name, lines, listings = self._read_manifest()
        wanted = {cell.run_id for cell in matrix.cells}
        if name == matrix.name and (lines.keys() <= wanted or wanted <= lines.keys()):
            return lines, listings
        strangers = sorted(lines.keys() - wanted)
        raise StoreError(
            f"{self.root} holds another matrix ({name}, {len(lines)} cells, of which {len(strangers)} "
            f"({', '.join(strangers[:1])}...) are not in this one); use --out DIR, or move it away"
        )

    def look(self, specs: list[RunSpec]) -> Found:
        """Which of these are done. A cell whose checksums fail is set aside, not deleted and not counted."""
        finished, broken, other = {}, [], []
        for spec in specs:
            folder = self.cells / spec.run_id
            if not folder.exists():
                continue
            try:
                run = read_run(folder)
            except BrokenCell:
                broken.append(spec.run_id)
                self._set_aside(folder)
                continue
            if run.status not in RETRIED:
                finished[spec.run_id] = run
                if (run.code, run.versions) != (columns_of(spec)["code"], library_versions()):
                    other.append(spec.run_id)
        return Found(finished, broken, sorted(other))

    def forget(self, run_id: str) -> None:
        """Let a finished cell run again: it is moved to the quarantine, not deleted."""
        self._set_aside(self.cells / run_id)

    def write(self, run: RunRow, rows: list[Row], log: bytes | None = None) -> None:
        """A finished cell; its record, written last, is what makes it finished. `log` if it is not here already."""
        if log is not None:
            write_atomically(self.logs / f"{run.run_id}.log", log)
        folder = self.cells / run.run_id
        folder.mkdir(exist_ok=True)
        (folder / "record.json").unlink(missing_ok=True)
        for name, data in cell_files(run, rows).items():
            write_atomically(folder / name, data)

    def _read_manifest(self) -> tuple[str, dict[str, str], dict[str, dict[str, str]]]:
        """The matrix's name, run_id -> line of every planned cell, and the files behind each digest of code."""
        try:
            held = json.loads(self._manifest.read_bytes())
            return held["matrix"], {cell["run_id"]: json.dumps(cell) for cell in held["cells"]}, held.get("code", {})
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{self._manifest} is not a manifest ({error}); move it away, or use --out DIR") from error

    def _set_aside(self, folder: Path) -> None:
        quarantine = self.root / "quarantine"
        quarantine.mkdir(exist_ok=True)
        number = len(list(quarantine.glob(f"{folder.name}.*")))
        os.replace(folder, quarantine / f"{folder.name}.{number}")
