"""How the radius (or the penalty's inverse) moves between updates: a number `scale`, 1 at the start."""

from dataclasses import dataclass
from typing import Protocol

from algos.ascent.acceptance import Outcome


class Radius(Protocol):
    def next_scale(self, scale: float, outcome: Outcome, predicted_gain: float) -> float: ...


@dataclass(frozen=True)
class Constant:
    """The radius stays as it is."""

    def next_scale(self, scale: float, outcome: Outcome, predicted_gain: float) -> float:
        return scale
