"""Detects whether a matrix runs in a directory without touching its lock: the directory may be read-only."""

import os
import platform
import re
from pathlib import Path

from experiments.records import read_regular

LOCKS = Path("/proc/locks")  # of Linux: every lock that is held
NOT_RUNNING = "not running"


def owner_of(results: Path) -> str | None:
    """The process that owns the directory, or owned it last: "process 12 on somewhere"."""
    try:
        return read_regular(results / ".owner", 1000).decode(errors="replace")
    except OSError:
        return None


def running(results: Path) -> str:
    """Which driver runs in this directory, in words; empty if none does."""
    owner = owner_of(results)
    if _is_locked(results / ".lock", owner):
        return f"running ({owner or 'by another process'})"
    if owner is not None and not owner.endswith(f" on {platform.node()}"):
        return f"running, or lost ({owner})"
    return NOT_RUNNING


def _is_locked(lock: Path, owner: str | None) -> bool:
    """Whether the lock is held by a process of this machine."""
    try:
        number = lock.stat().st_ino
        held = LOCKS.read_text(encoding="utf-8")
    except OSError:
        return _is_alive(owner)
    return re.search(rf"FLOCK .*:{number} ", held) is not None


def _is_alive(owner: str | None) -> bool:
    known = re.fullmatch(r"process (\d{1,9}) on (.*)", owner or "")
    if known is None or known[2] != platform.node():
        return False
    try:
        os.kill(int(known[1]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
