"""How the radius (or the inverse of the penalty) moves between updates: a number `scale`, 1 at the start.

A schedule sees the evidence of one update and says what the scale is in the next. It multiplies a radius delta, and
divides a penalty beta.
"""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Evidence:
    """What one update showed; nan where nothing was tried."""

    accepted: bool
    agreement: float  # what the accepted candidate gained / what the model had promised for it
    kl: float  # mean KL(old || new) of the first candidate, before any shrinking


class Radius(Protocol):
    def next_scale(self, scale: float, evidence: Evidence) -> float: ...


@dataclass(frozen=True)
class Constant:
    """The radius stays as it is."""

    def next_scale(self, scale: float, evidence: Evidence) -> float:
        return scale


@dataclass(frozen=True)
class Harmonic:
    """scale = 1 / (1 + k / half) after k updates: half at update `half`, and lengths fall as 1 / sqrt(k) in the end.

    Steps of constant length on noisy gradients wander around an optimum and do not settle (Robbins and Monro 1951).
    """

    half: float

    def __post_init__(self) -> None:
        if not self.half > 0:
            raise ValueError(f"half must be positive, got {self.half}")

    def next_scale(self, scale: float, evidence: Evidence) -> float:
        return 1 / (1 / scale + 1 / self.half)


@dataclass(frozen=True)
class ByAgreement:
    """Shrink where the model promised too much, grow where it kept its word.

    Thresholds 1/4 and 3/4: Nocedal and Wright 2006, algorithm 4.1. The factors act on `scale`, which stays within
    [smallest, largest], as the algorithm's radius stays below an overall bound.
    """

    shrink: float
    grow: float
    low: float = 0.25
    high: float = 0.75
    smallest: float = 1 / 256
    largest: float = 4.0

    def __post_init__(self) -> None:
        if not 0 < self.shrink < 1 < self.grow:
            raise ValueError(f"shrink must lie in (0, 1) and grow above 1, got {self.shrink} and {self.grow}")

    def next_scale(self, scale: float, evidence: Evidence) -> float:
        if not evidence.accepted or evidence.agreement < self.low:
            return max(scale * self.shrink, self.smallest)
        return min(scale * self.grow, self.largest) if evidence.agreement > self.high else scale


@dataclass(frozen=True)
class ByDivergence:
    """Halve where the first candidate went too far, double where it did not go far enough.

    Outside [target / 1.5, 1.5 target], by a factor of 2: Schulman et al. 2017, section 4, for a penalty.
    """

    target: float
    tolerance: float = 1.5
    factor: float = 2.0
    smallest: float = 1 / 256
    largest: float = 256.0

    def next_scale(self, scale: float, evidence: Evidence) -> float:
        if evidence.kl > self.target * self.tolerance:
            return max(scale / self.factor, self.smallest)
        return min(scale * self.factor, self.largest) if evidence.kl < self.target / self.tolerance else scale
