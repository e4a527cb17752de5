"""Where cells run. An engine takes specifications and streams what happens; it neither writes results nor draws."""

from experiments.engines.events import Beat, Ended, Engine, EngineError, Event, Started
from experiments.engines.inline import Inline
from experiments.engines.supervise import Conditions

__all__ = ["Beat", "Conditions", "Ended", "Engine", "EngineError", "Event", "Inline", "Started"]
