"""Which processes run cells."""

import time
from contextlib import suppress

import psutil


def cells_alive(pid: int | None = None) -> list[psutil.Process]:
    """What a fork server of this process, or of another, has had forked by guardians."""
    return [cell for guardian in guardians_alive(pid) for cell in _forks(guardian)]


def guardians_alive(pid: int | None = None) -> list[psutil.Process]:
    """What stands above those cells."""
    return [guardian for server in _forks(psutil.Process(pid)) for guardian in _forks(server)]


def _forks(process: psutil.Process) -> list[psutil.Process]:
    """Its children that are a fork server or one of its forks, not what these have started."""
    try:
        return [child for child in process.children() if _is_fork(child)]
    except psutil.NoSuchProcess:  # it has just ended
        return []


def _is_fork(process: psutil.Process) -> bool:
    try:
        return "experiments.cell.server" in " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return False


def has_ended(pid: int) -> bool:
    """Whether nothing runs under that number any more. It may end between any two questions asked of it."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def ends_soon(pid: int, seconds: float = 20.0) -> bool:
    """Whether it ends within that time: who kills a process does not wait for it unless it is a child."""
    until = time.monotonic() + seconds
    while not (ended := has_ended(pid)) and time.monotonic() < until:
        time.sleep(0.02)
    return ended


def kill_all(pid: int) -> None:
    """Kill a process and whatever has come from it."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for one in (*process.children(recursive=True), process):
            with suppress(psutil.NoSuchProcess):
                one.kill()
