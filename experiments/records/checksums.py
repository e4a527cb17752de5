"""Checksums of tables, report, page and figures, in a file that carries its own checksum."""

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path

from experiments.records.files import parse_json, read_regular, write_atomically

NAME = "checksums.json"


def write_checksums(folder: Path, files: Iterable[Path]) -> Path:
    """Record the checksums of these files of a results directory, and keep those of other files that still exist."""
    inside = {str(file.resolve().relative_to(folder.resolve())) for file in files if _is_below(file, folder)}
    try:
        known = {name: digest for name, digest in _read(folder).items() if (folder / name).is_file()}
    except (OSError, ValueError):
        known = {}
    known |= {name: _digest(read_regular(folder / name)) for name in inside}
    body = json.dumps(dict(sorted(known.items())), indent=1)
    write_atomically(folder / NAME, json.dumps({"files": known, "sha256": _digest(body.encode())}, indent=1).encode())
    return folder / NAME


def altered_files(folder: Path) -> list[str]:
    """Files that are missing or changed, a line each; empty if no report was ever made."""
    if not os.path.lexists(folder / NAME):
        return []
    try:
        known = _read(folder)
    except (OSError, ValueError) as error:
        return [f"{folder / NAME}: not as it was written ({error}); make the report again"]
    return [f"{folder / name}: {fault}" for name, digest in known.items() if (fault := _fault(folder / name, digest))]


def _fault(file: Path, digest: str) -> str | None:
    try:
        found = _digest(read_regular(file))
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return None if found == digest else "not as it was written"


def _read(folder: Path) -> dict[str, str]:
    """Name -> checksum. Raises OSError, ValueError."""
    found = parse_json(read_regular(folder / NAME))
    files, digest = found.get("files"), found.get("sha256")
    if not isinstance(files, dict):
        raise ValueError("it names no files")
    if _digest(json.dumps(dict(sorted(files.items())), indent=1).encode()) != digest:
        raise ValueError("its own checksum differs")
    if outside := [name for name in files if not _is_below(folder / name, folder)]:
        raise ValueError(f"it names {outside[0]}, which lies elsewhere")
    return files


def _is_below(file: Path, folder: Path) -> bool:
    return file.resolve().is_relative_to(folder.resolve())


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
