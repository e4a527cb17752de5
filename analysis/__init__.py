"""The evidence: result directories become measures, intervals, tables and figures, without torch or a simulator.

From Python: `load_results`, then `measure_runs`, `summarize`, `compare_rules`, `plot_...`, `latex_table` (api.py).
"""

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if sys.argv[:1] == ["-m"] and find_spec("tyro") is None:  # python -m analysis... by a python without our packages
    sys.exit(
        f"policy-ascent is not installed for {sys.executable}; activate its environment first: . .venv/bin/activate"
    )

if TYPE_CHECKING:
    from analysis.api import (
        Results,
        ResultsError,
        compare_rules,
        latex_table,
        load_results,
        measure_runs,
        plot_learning_curves,
        plot_scores,
        short_table,
        summarize,
        theme,
    )

__all__ = [
    "Results",
    "ResultsError",
    "compare_rules",
    "latex_table",
    "load_results",
    "measure_runs",
    "plot_learning_curves",
    "plot_scores",
    "short_table",
    "summarize",
    "theme",
]


def __getattr__(name: str) -> Any:
    """What is public, imported when it is first asked for."""
    if name not in __all__:
        raise AttributeError(f"module 'analysis' has no attribute {name!r}; it has {', '.join(__all__)}")
    found = globals()[name] = getattr(import_module("analysis.api"), name)
    return found


def __dir__() -> list[str]:
    return __all__
