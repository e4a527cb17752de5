"""Files of a results directory: written whole or not at all, and read without trusting what lies in their place."""

import errno
import json
import os
import stat
from pathlib import Path
from typing import Any

LARGEST = 2**30  # bytes that any one file is allowed


def write_atomically(path: Path, data: bytes) -> None:
    """All of `data` under that name, on the disk, or nothing new at all."""
    temporary = path.with_name(f".{path.name}.tmp")
    write_through(temporary, data)
    os.replace(temporary, path)
    sync(path.parent)


def write_through(path: Path, data: bytes) -> None:
    """A file that nobody reads yet, in the place of what an earlier writer left; on the disk when this returns."""
    path.unlink(missing_ok=True)  # nothing is written through a link or into a FIFO
    with open(path, "xb") as sink:
        sink.write(data)
        sink.flush()
        os.fsync(sink.fileno())


def sync(folder: Path) -> None:
    """What was renamed in this folder stays so when the power fails."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def read_regular(path: Path, at_most: int = LARGEST) -> bytes:
    """What a file holds. Raises OSError, also for a FIFO, a device or a folder, which are not waited for."""
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
    """The JSON object that this is. Raises ValueError, also for what is nested too deep or is no object."""
    try:
        found = json.loads(data)
    except RecursionError as error:
        raise ValueError("JSON that is nested too deep") from error
    if not isinstance(found, dict):
        raise ValueError(f"expected a JSON object, got a {type(found).__name__}")
    return found
