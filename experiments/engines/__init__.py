"""Where cells run. An engine takes specifications and streams what happens; it neither writes results nor draws."""

from experiments.engines.events import (
    NOT_BEGUN,
    Beat,
    Ended,
    Engine,
    EngineError,
    EngineLost,
    Event,
    Paused,
    Resumed,
    Started,
)
from experiments.engines.inline import Inline
from experiments.engines.supervise import Conditions, Files

__all__ = [
    "NOT_BEGUN",
    "Beat",
    "Conditions",
    "Ended",
    "Engine",
    "EngineError",
    "EngineLost",
    "Event",
    "Files",
    "Inline",
    "Paused",
    "Resumed",
    "Started",
]
