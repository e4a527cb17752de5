"""What stops a matrix early: signals, `--max-hours`, and a closed terminal or pipe."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, TextIO

from experiments.exit_codes import MORE_TO_DO, OK, SIGNALLED

HARD = (signal.SIGINT, signal.SIGTERM)  # a second one of these stops at once; a window that closes sends SIGHUP twice


def leave_quietly_on_interrupt() -> None:
    """Let Ctrl-C end this process at once, with code 130 and no traceback, while there is nothing to lose."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(SIGNALLED + signal.SIGINT))


class Output:
    """Standard output and error. If they are closed, what is printed is dropped and `gone` is set."""

    def __init__(self) -> None:
        self.gone = threading.Event()
        self.on_gone: Callable[[], None] = lambda: None

    def redirect_to_null(self, descriptor: int) -> None:
        """Redirect this descriptor to /dev/null."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
        if not self.gone.is_set():
            self.gone.set()
            self.on_gone()


class _Stream:
    """A stream whose write never raises."""

    def __init__(self, stream: TextIO, output: Output) -> None:
        self._stream, self._output = stream, output

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError:
            self._output.redirect_to_null(self._stream.fileno())
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            self._output.redirect_to_null(self._stream.fileno())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def surviving_output() -> Iterator[Output]:
    """Within this context a broken pipe or a closed terminal raises nothing."""
    output, before = Output(), (sys.stdout, sys.stderr)
    streams = [_Stream(stream, output) for stream in before]
    sys.stdout, sys.stderr = streams
    try:
        yield output
    finally:
        sys.stdout, sys.stderr = before
        for stream in streams:
            stream.flush()


class Stopping:
    """Why a matrix is being stopped: `code` is the exit code for it, OK if it is not being stopped."""

    def __init__(self, pause: Callable[[], None]) -> None:
        self.code, self._pause, self._by_hand = OK, pause, False

    def on_signal(self, number: int, frame: object) -> None:
        """Ask cells to stop at their checkpoints; raise KeyboardInterrupt the second time."""
        again, self._by_hand = self._by_hand and number in HARD, self._by_hand or number in HARD
        self.ask(SIGNALLED + number)
        if again:
            raise KeyboardInterrupt
        with suppress(OSError):  # past the stream, in whose middle this may be
            os.write(2, b"\nstopping: running cells go on to their next checkpoint; once more to stop at once\n")

    def ask(self, code: int) -> None:
        """Ask cells to stop at their checkpoints. The first request sets the code; a signal replaces other reasons."""
        if self.code <= MORE_TO_DO:
            self.code = code
        self._pause()


@contextmanager
def stopping(pause: Callable[[], None], max_hours: float | None, output: Output) -> Iterator[Stopping]:
    """Within it a signal, the end of `max_hours` or closed output calls `pause`; a second signal interrupts."""
    stop = Stopping(pause)
    with ExitStack() as undo:
        numbers = (*HARD, signal.SIGHUP) if threading.current_thread() is threading.main_thread() else ()
        for number in numbers:  # only the main thread may ask for them
            if signal.getsignal(number) != signal.SIG_IGN:  # as under nohup
                undo.callback(signal.signal, number, signal.signal(number, stop.on_signal))
        output.on_gone = lambda: stop.ask(SIGNALLED + signal.SIGPIPE)
        undo.callback(setattr, output, "on_gone", lambda: None)
        if output.gone.is_set():
            output.on_gone()
        if max_hours is not None:
            timer = threading.Timer(max_hours * 3600, stop.ask, [MORE_TO_DO])
            timer.daemon = True
            timer.start()
            undo.callback(timer.cancel)
        yield stop
