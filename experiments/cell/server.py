"""Imported by the fork server alone, before it forks a cell: it ends with the process that started it.

By itself it would wait for its children, and a child that hangs would wait for it. It kills what it has forked and what
is not a cell yet; a cell dies when its parent does (`worker.py`).
"""

import os
import signal

EVERY_S = 0.5
OWNER, SERVER = os.getppid(), os.getpid()


def end_with_owner(signum: int, frame: object) -> None:
    """Whether the owner lives; children inherit this handler, and their alarms are their own affair."""
    if os.getpid() == SERVER and os.getppid() != OWNER:
        os.killpg(0, signal.SIGKILL)


os.setpgid(0, 0)
signal.signal(signal.SIGALRM, end_with_owner)
signal.setitimer(signal.ITIMER_REAL, EVERY_S, EVERY_S)
