"""One cell: a run from specification to rows, whatever happens to it. Nothing here is global."""

from collections.abc import Callable, Iterator
from pathlib import Path

from experiments.cell.checkpoint import load, save
from experiments.cell.failures import Diverged, Paused, RuleFailed, is_out_of_memory
from experiments.cell.run import Run
from experiments.identity import code_of, library_versions, require_code
from experiments.records import Row, decode, encode
from experiments.spec import RunSpec


def train(
    spec: RunSpec,
    jobs: int = 1,
    checkpoint: Path | None = None,
    pause: Callable[[], bool] = lambda: False,
    lane: str = "throughput",
) -> Iterator[Row]:
    """Run one cell: its update and evaluation rows as they come, and its run row last, also if it failed.

    jobs, lane: only recorded, how many cells shared the machine and what their seconds are for; checkpoint: a file to
    go on from and to write to; pause: asked at every checkpoint whether to stop there, with the status "paused".
    Raises OtherCode, before the first row, if this process has not the code that the specification names.
    """
    require_code(spec)
    run = Run(spec)
    require_code(spec)  # the environment's own modules are loaded now
    status, reason = "ok", ""
    told: list[Row] = []
    kept = None if checkpoint is None else load(checkpoint, run.rule, run.device)
    if kept is not None and kept["run"]["made_by"] == [spec.run_id, code_of(spec).digest, library_versions()]:
        run.restore(kept["run"])
        told = [decode(line) for line in kept["rows"]]

    def rest() -> None:
        if checkpoint is not None:
            try:
                save(checkpoint, {"run": run.snapshot(), "rows": [encode(row) for row in told]})
            except OSError as error:  # a full disk costs the checkpoint, not the run
                print(f"no checkpoint at {run.env_steps} environment steps: {error}", flush=True)
            if pause():
                raise Paused

    try:
        yield from list(told)
        for row in run.rows(rest):
            told.append(row)
            yield row
    except Paused:
        status, reason = "paused", f"at a checkpoint after {run.env_steps} environment steps"
    except Diverged as error:
        status, reason = "diverged", f"{error} after update {run.updates}, {run.env_steps} environment steps"
    except RuleFailed as error:
        status, reason = "rule_error", str(error)
    except Exception as error:  # the rule and its numbers are accounted for above: what is left is the environment
        status = "oom" if is_out_of_memory(error) else "env_error"
        reason = f"{type(error).__name__}: {error}"
    finally:
        run.close()
    yield run.summary(status, reason, jobs, lane)
