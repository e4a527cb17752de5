"""The world: specifications, environments, rollouts, the clock, rows, the store, and where cells run.

From Python: `load_matrix` or `build_matrix`, then `run`, or `run_cell` for one cell in this process (api.py).
"""

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if sys.argv[:1] == ["-m"] and find_spec("tyro") is None:  # python -m experiments... by a python without our packages
    sys.exit(
        f"policy-ascent is not installed for {sys.executable}; activate its environment first: . .venv/bin/activate"
    )

from experiments.loaded import install as _keep_sources

if TYPE_CHECKING:
    from experiments.api import (
        EngineError,
        Matrix,
        MatrixError,
        RunSpec,
        StoreError,
        Unfinished,
        build_matrix,
        load_matrix,
        run,
        run_cell,
    )

_keep_sources()

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


def __getattr__(name: str) -> Any:
    """What is public, imported when it is first asked for: torch and simulators take seconds."""
    if name not in __all__:
        raise AttributeError(f"module 'experiments' has no attribute {name!r}; it has {', '.join(__all__)}")
    found = globals()[name] = getattr(import_module("experiments.api"), name)
    return found


def __dir__() -> list[str]:
    return __all__
