"""Running from Python: build a matrix, run one cell in this process, or all cells as the command does.

from experiments import build_matrix, run, run_cell

matrix = build_matrix({
    "seeds": 3,
    "environments": {"CartPole-v1": {"budget": 20_000}},
    "rules": {"npg": {}, "trpo": {"max_kl": [0.01, 0.02]}},
})
for row in run_cell(matrix.cells[0]): ...     # rows of one cell as they come
folder = run(matrix, "results/mine")          # all cells, side by side; a Path for analysis.load_results
"""

import inspect
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, redirect_stdout
from pathlib import Path
from typing import Any

from experiments.arguments import Arguments, problem
from experiments.cell.train import train
from experiments.engines import EngineError
from experiments.exit_codes import NOTHING_RUN, SIGNALLED
from experiments.matrix_file import Matrix, load_matrix, matrix_of
from experiments.matrix_source import MatrixError, Source
from experiments.names import Pattern
from experiments.records import Row
from experiments.run_matrix import run_cells
from experiments.spec import RunSpec
from experiments.stopping import Output
from experiments.store import Store, StoreError

__all__ = [
    "EngineError",
    "Matrix",
    "MatrixError",
    "RunSpec",
    "StoreError",
    "Unfinished",
    "build_matrix",
    "load_matrix",
    "run",
    "run_cell",
]


class Unfinished(Exception):
    """Cells are missing when a run has ended; the same call goes on with them. `code`: as the command's exit code."""

    def __init__(self, folder: Path, code: int) -> None:
        super().__init__(
            f"cells are missing in {folder} (code {code}, see experiments/README.md); the same call goes on"
        )
        self.code = code


def build_matrix(
    tables: Mapping[str, Any], name: str = "matrix", *, seeds: int | None = None, folder: str | Path = "."
) -> Matrix:
    """A matrix from what a matrix file would hold, checked whole.

    tables: the tables and keys of a TOML file, as `tomllib` gives them. A function or class that is defined in a file
    stands for FILE.py:NAME: cells run in processes of their own, which import it from there. name: of the matrix;
    seeds: in place of the tables'; folder: what paths in the tables are relative to.

    Raises MatrixError with everything that is wrong, ValueError for a function that is in no file.
    """
    return matrix_of(Source(Path(name), Path(folder), _plain(tables)), seeds)


def _plain(value: Any) -> Any:
    """Mappings as dictionaries, tuples and ranges as lists, and functions as the files that they are in."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | range):
        return [_plain(each) for each in value]
    return _in_file(value) if callable(value) else value


def _in_file(function: Callable[..., Any]) -> str:
    name = getattr(function, "__qualname__", repr(function))
    try:
        file = inspect.getsourcefile(function)
    except TypeError:
        file = None
    if file is None or not Path(file).is_file() or not name.isidentifier():
        raise ValueError(
            f"{name} is at the top level of no file; cells run in processes of their own: write it into a .py file and "
            "import it, or name it FILE.py:NAME"
        )
    return f"{Path(file).resolve()}:{name}"


def run_cell(cell: RunSpec, checkpoint: str | Path | None = None) -> Iterator[Row]:
    """The rows of one cell as they come, computed in this process; the last is its RunRow, also if it failed.

    checkpoint: a file to go on from and to write to. Nothing else is written.
    """
    return train(cell, checkpoint=None if checkpoint is None else Path(checkpoint))


def run(
    matrix: Matrix,
    folder: str | Path | None = None,
    *,
    jobs: int | None = None,
    only: str = "*",
    max_hours: float | None = None,
    retry_failed: bool = False,
    quiet: bool = False,
) -> Path:
    """Run the cells that are not finished, each in a process of its own, and return the results directory.

    folder: results/NAME by default; jobs: cells side by side, by default one for each core; only: cells that match
    RULE/ENVIRONMENT/seedN, with * as a wildcard; max_hours: after which cells stop at their next checkpoints;
    retry_failed: cells that failed run again; quiet: print nothing.

    A cell that fails is recorded with its reason, and is no error here. Raises StoreError for a directory that holds
    something else, EngineError where no cell can be run, Unfinished if cells are missing in the end, KeyboardInterrupt.
    """
    out = Path("results", matrix.name) if folder is None else Path(folder)
    flags = Arguments(
        matrix.name, jobs=jobs or os.cpu_count() or 1, max_hours=max_hours, retry_failed=retry_failed, report=False
    )
    if found := problem(flags):
        raise ValueError(found)
    pattern = Pattern(only)
    cells = [cell for cell in matrix.cells if pattern.matches(cell.rule, cell.label, cell.env, cell.seed)]
    if not cells:
        raise ValueError(f"{only} matches no cell of {matrix.name}")
    with ExitStack() as closing:
        if quiet:
            closing.enter_context(redirect_stdout(closing.enter_context(open(os.devnull, "w", encoding="utf-8"))))
        store = closing.enter_context(Store(out))
        store.plan(matrix)
        code = run_cells(store, cells, flags, Output())
    if code == SIGNALLED + signal.SIGINT:
        raise KeyboardInterrupt
    if code >= NOTHING_RUN:
        raise Unfinished(out, code)
    return out
