"""Bounds the size of a cell's log."""

import os
from pathlib import Path

LIMIT = 2**24  # bytes of a cell's log; beyond them its middle goes
KEPT = 2**20  # bytes of its beginning and of its end that stay


def bound_log(log: Path, limit: int = LIMIT, kept: int = KEPT) -> None:
    """Replace the middle of a log longer than `limit` by a note. Writers must have opened it with O_APPEND.

    Output that is printed meanwhile may be lost. A log that cannot be cut is left as it is.
    """
    try:
        if log.stat().st_size <= limit:
            return
        with open(log, "r+b") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(size - kept)
            end = file.read(kept)
            file.truncate(kept)
            file.seek(kept)
            file.write(f"\n[... {size - 2 * kept:,} bytes were left out here ...]\n".encode() + end)
    except OSError:
        return
