"""The flags of `run_matrix.py`."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro


@dataclass(frozen=True)
class Arguments:
    matrix: tyro.conf.Positional[str]
    """a shipped matrix (quick, classic) or the path of a TOML file"""
    seeds: int | None = None
    """run seeds 0..N-1 instead of the file's"""
    jobs: Annotated[int, tyro.conf.arg(help_behavior_hint="(default: the number of cores)")] = os.cpu_count() or 1
    """cells that run side by side, one core each"""
    out: Path | None = None
    """results directory (default: results/<matrix name>)"""
    only: str | None = None
    """run the cells that match RULE/ENV or RULE/ENV/seedN, with * as a wildcard, such as trpo/*, */Hopper-v5 or
    trpo/Hopper-v5/seed3; the plan stays whole"""
    dry_run: bool = False
    """list the cells and what they cost, run nothing, write nothing"""
    against: tuple[str, ...] = ()
    """stored runs that the matrix stands beside, which are not run again: the name of a pack in results/reference
    (quick), `reference` for all that share its environments, or the path of a pack or a results directory"""
    lane: Literal["throughput", "timing"] = "throughput"
    """timing: one cell at a time on one core, rules shuffled within each seed, so that seconds can be compared"""
    max_hours: float | None = None
    """stop at the checkpoints that follow this time, with exit code 75"""
    memory_gib: float | None = None
    """address space that one cell may use (torch alone reserves about 4)"""
    silence_minutes: float = 30.0
    """a cell without a row for so long is stopped as hung"""
    retry_failed: bool = False
    """run the cells again that ended diverged or with an error; what they left goes to the quarantine"""
    retry_changed: bool = False
    """run the cells again that other code or library versions made, and no others; these too go to the quarantine"""
    until_decided: bool = False
    """5, 10, 15, 20 seeds, until every comparison that the file declares ([compare]) has a verdict"""
    mixed: bool = False
    """accept finished cells that other code or library versions made; tables will say so"""
    report: bool = True
    """make tables and figures at the end; --no-report leaves that to analysis/report.py"""
    scheduler: str | None = None
    """address of a Dask scheduler (tcp://... or tls://...) whose workers run the cells"""
    scheduler_file: Path | None = None
    """the same, from the file that `dask scheduler --scheduler-file` wrote"""


def problem(arguments: Arguments) -> str | None:
    """What is wrong with the flags, if anything."""
    if arguments.jobs < 1 or (arguments.seeds is not None and arguments.seeds < 1):
        return f"--jobs and --seeds must be at least 1, got --jobs {arguments.jobs} --seeds {arguments.seeds}"
    if arguments.until_decided and (arguments.seeds is not None or arguments.only is not None):
        return "--until-decided chooses seeds and cells itself; leave --seeds and --only out"
    if arguments.until_decided and arguments.against:
        return "--until-decided compares rules of the matrix alone; leave --against out"
    for name in ("max_hours", "memory_gib", "silence_minutes"):
        value = getattr(arguments, name)
        if value is not None and not value > 0:
            return f"--{name.replace('_', '-')} must be positive, got {value}"
    if arguments.scheduler is not None and arguments.scheduler_file is not None:
        return "--scheduler and --scheduler-file name the same thing; give one of them"
    if arguments.lane == "timing" and (arguments.scheduler or arguments.scheduler_file):
        return "--lane timing runs one cell at a time on this machine; leave --scheduler out"
    return None
