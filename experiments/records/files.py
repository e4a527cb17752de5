"""Reads and writes files of a results directory: atomic writes, and reads that do not trust what they find."""

import errno
import json
import os
import stat
from pathlib import Path
from typing import Any

LARGEST = 2**30  # bytes that any one file is allowed


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to the file and to the disk, or leave the file as it was."""
    temporary = path.with_name(f".{path.name}.tmp")
    write_through(temporary, data)
    os.replace(temporary, path)
    sync(path.parent)


def write_through(path: Path, data: bytes) -> None:
    """Write a file that nobody reads yet, over what an earlier writer left; it is on the disk when this returns."""
    path.unlink(missing_ok=True)  # nothing is written through a link or into a FIFO
    with open(path, "xb") as sink:
        sink.write(data)
        sink.flush()
        os.fsync(sink.fileno())


def sync(folder: Path) -> None:
    """Flush a folder to the disk, so that renames in it survive a power failure."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def read_regular(path: Path, at_most: int = LARGEST) -> bytes:
    """The contents of a regular file. Raises OSError, also for a FIFO, a device or a folder, without blocking on it."""
    opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(opened)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        if found.st_size > at_most:
            raise OSError(errno.EFBIG, f"{found.st_size:,} bytes, more than {at_most:,}", str(path))
        with open(opened, "rb", closefd=False) as source:
            return source.read()
    finally:
        os.close(opened)


def parse_json(data: bytes) -> dict[str, Any]:
    """Parse a JSON object. Raises ValueError, also for one nested too deeply and for what is no object."""
    try:
        found = json.loads(data)
    except RecursionError as error:
        raise ValueError("JSON that is nested too deep") from error
    if not isinstance(found, dict):
        raise ValueError(f"expected a JSON object, got a {type(found).__name__}")
    return found
