"""What every command has in common: its flags, its exit code, and a quiet end when its output goes away."""

import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

import tyro

from experiments.exit_codes import SIGNALLED
from experiments.stopping import surviving_output

UNSHADOWED = [sys.executable, "-P"]
"""How python is started for another command: it does not take a user's own folder named `analysis`, say, for ours."""


def parsed(kind: Any, description: str | None, line: Sequence[str] | None = None, prog: str | None = None) -> Any:
    """The flags on this command line, by default the process's own. Raises SystemExit for --help, and for bad ones."""
    return tyro.cli(kind, prog=prog, description=description, args=line)


def run(
    main: Callable[[Any], int],
    kind: Any,
    description: str | None,
    line: Sequence[str] | None = None,
    prog: str | None = None,
) -> int:
    """The exit code of a command; 130 after Ctrl-C, 141 as soon as what it prints into has gone, both without a word.

    main: takes what the flags say and returns the exit code; kind: the type of what the flags say.
    """
    with surviving_output() as output:
        output.on_gone = _leave
        try:
            return main(parsed(kind, description, line, prog))
        except KeyboardInterrupt:
            return SIGNALLED + signal.SIGINT


def _leave() -> None:
    raise SystemExit(SIGNALLED + signal.SIGPIPE)
