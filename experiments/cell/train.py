"""One cell: a run from specification to rows, whatever happens to it."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from experiments.cell.checked_rule import require_keepable
from experiments.cell.checkpoint import load, save
from experiments.cell.clock import Clock
from experiments.cell.failures import Paused, described, status_of, trace_of
from experiments.cell.run import Run
from experiments.cell.streams import global_generators
from experiments.cell.summary import run_row
from experiments.identity import OtherCode, require_code
from experiments.records import Row, decode, encode
from experiments.spec import RunSpec

PATIENCE_S = 10.0  # for an evaluation to end by itself once the run was asked to stop


def train(
    spec: RunSpec,
    jobs: int = 1,
    checkpoint: Path | None = None,
    pause: Callable[[], bool] = lambda: False,
    lane: str = "throughput",
) -> Iterator[Row]:
    """The rows of `train_encoded`."""
    for row, _ in train_encoded(spec, jobs, checkpoint, pause, lane):
        yield row


def train_encoded(
    spec: RunSpec,
    jobs: int,
    checkpoint: Path | None,
    pause: Callable[[], bool],
    lane: str,
    resumed: Callable[[int], None] = lambda env_steps: None,
) -> Iterator[tuple[Row, bytes]]:
    """Run one cell: its update and evaluation rows as they come, and its run row last, also if it failed.

    Each comes with its line (`encode`), which is made once, for the checkpoint and for whoever else wants it.

    jobs, lane: only recorded, how many cells shared the machine and what their seconds are for; checkpoint: a file to
    go on from and to write to; pause: asked at every checkpoint whether to stop there, and all the time in an
    evaluation, which is given up if it does not end soon: it is played again from the checkpoint; resumed: told how
    many environment steps lie behind a checkpoint that was found, before the rows of these come again.

    Raises Paused if it was asked to stop, and OtherCode, before the first row, if this process has not the code that
    the specification names. Global generators are the cell's own, seeded from its seed; whoever called gets them back
    as they were.
    """
    require_code(spec)
    with global_generators(spec.seed, "cell"):
        cell, clock = _Cell(spec, checkpoint, pause, resumed), Clock()
        status, reason, traceback = "ok", "", ""
        try:
            yield from cell.rows()
        except (OtherCode, Paused):
            cell.close()
            raise
        except Exception as error:
            status, reason, traceback = status_of(error), described(error), trace_of(error)
        if status == "diverged" and cell.run is not None:
            reason += f" after update {cell.run.updates}, {cell.run.env_steps} environment steps"
        if traceback:
            print(traceback, file=sys.stderr, flush=True)
        last = run_row(spec, cell.run, status, reason, traceback, cell.run.clock if cell.run else clock, jobs, lane)
        yield last, encode(last)
        cell.close()  # last, so that nothing is lost where an environment cannot be closed


class _Cell:
    def __init__(
        self, spec: RunSpec, checkpoint: Path | None, pause: Callable[[], bool], resumed: Callable[[int], None]
    ) -> None:
        self._spec, self._checkpoint, self._pause, self._resumed = spec, checkpoint, pause, resumed
        self._patience = Patience(pause)
        self._sent: list[bytes] = []
        self.run: Run | None = None

    def rows(self) -> Iterator[tuple[Row, bytes]]:
        """Every row but the last, with its line. Raises whatever ends the run early."""
        run = self.run = Run(self._spec)
        require_code(self._spec)  # the environment's own modules are loaded now
        kept = None if self._checkpoint is None else load(self._checkpoint, run.made_by, run.rule, run.device)
        if kept is not None:
            run.restore(kept["run"])
            self._sent = kept["rows"]
            self._resumed(run.env_steps)
        for line in list(self._sent):
            yield decode(line), line
        for row in run.rows(lambda: self._keep(run), self._patience.is_over):
            self._sent.append(encode(row))
            yield row, self._sent[-1]

    def close(self) -> None:
        """Close what was opened."""
        if self.run is not None:
            self.run.close()

    def _keep(self, run: Run) -> None:
        """Write a checkpoint, where there is a place for it; stop there if asked to."""
        if self._checkpoint is None:
            return
        require_keepable(run.rule, run.state)
        try:
            save(self._checkpoint, run.made_by, {"run": run.snapshot(), "rows": self._sent})
        except OSError as error:  # a full disk costs the checkpoint, not the run
            print(f"no checkpoint at {run.env_steps} environment steps: {error}", flush=True)
        if self._pause():
            raise Paused(f"at a checkpoint after {run.env_steps} environment steps")


class Patience:
    """How long one waits for something that was asked to stop."""

    def __init__(self, asked: Callable[[], bool]) -> None:
        self._asked, self._since = asked, float("inf")

    def is_over(self) -> bool:
        """Whether it was asked to stop, and that was PATIENCE_S ago."""
        if not self._asked():
            return False
        now = time.monotonic()
        self._since = min(self._since, now)
        return now - self._since >= PATIENCE_S
