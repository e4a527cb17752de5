"""What every command has in common: its flags, its exit code, and a quiet end when its output goes away."""

import signal
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import tyro


def run(main: Callable[[Any], int], kind: Any, description: str | None) -> NoReturn:
    """End this process with the exit code of a command, or by SIGPIPE, as other programs do.

    main: takes what the flags say and returns the exit code; kind: the type of what the flags say.
    """
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        sys.exit(main(tyro.cli(kind, description=description)))
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
