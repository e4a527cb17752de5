"""How the radius (or the inverse of the penalty) moves between updates: a number `scale`, 1 at the start.

A schedule sees the evidence of one update and says what the scale is in the next. It multiplies a radius delta, and
divides a penalty beta. It is not asked where an update had nowhere to go, nor where theta's precision does not hold the
step that a search rejected: nothing tried, nothing learnt. And it learns from steps of the full length on rows that
they have not seen (`crossfit.py`): judged on the batch that made them, steps always look good, and a radius runs to its
bound.
"""

from dataclasses import dataclass
from math import exp, isfinite, log1p
from typing import Any, Protocol

from torch import Tensor

from algos.ascent.crossfit import CrossFit, Judged, Unseen
from algos.ascent.directions import Heading
from algos.types import NAN


@dataclass(frozen=True)
class Evidence:
    """What one update showed that had somewhere to go."""

    accepted: bool
    full: bool  # the step that was accepted has the whole length: nothing but the radius or the penalty ended it
    crossfit: CrossFit | Judged
    target: float = NAN  # the KL radius that the rule was made with
    heading: Heading | None = None
    step: Tensor | None = None  # [P] that was taken; None if none was

    @property
    def unseen(self) -> Unseen | None:
        """None where the batch shows none; it costs about as much as an update."""
        return self.crossfit.unseen


class Radius(Protocol):
    def next_scale(self, scale: float, memory: Any, evidence: Evidence) -> tuple[float, Any]:
        """The next scale, and what the schedule remembers; at first that is None."""
        ...


@dataclass(frozen=True)
class Constant:
    """The radius stays as it is."""

    def next_scale(self, scale: float, memory: Any, evidence: Evidence) -> tuple[float, Any]:
        return scale, None


@dataclass(frozen=True)
class Harmonic:
    """scale = 1 / (1 + k / half) after k updates that had somewhere to go: lengths fall as 1 / sqrt(k) in the end.

    Steps of constant length on noisy gradients wander around an optimum and do not settle (Robbins and Monro 1951).
    """

    half: float

    def __post_init__(self) -> None:
        if not self.half > 0:
            raise ValueError(f"half must be positive, got {self.half}")

    def next_scale(self, scale: float, memory: Any, evidence: Evidence) -> tuple[float, Any]:
        return 1 / (1 / scale + 1 / self.half), None


@dataclass(frozen=True)
class Tally:
    """A number that comes once per update: how many there were, their sum, and that of their squares."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    def plus(self, value: float) -> "Tally":
        return Tally(self.count + 1, self.total + value, self.squares + value**2)

    @property
    def evidence(self) -> float:
        """How much likelier the numbers are under a mean that is not zero: an anytime-valid t-test.

        The likelihood ratio of normal numbers of any spread sigma, with mean / sigma drawn from a standard normal,
        against mean 0: (1 + n)^-1/2 (1 - total^2 / ((n + 1) squares))^(-n/2). Where the mean is 0 it ever reaches
        1 / error with a probability of at most `error`, asked after every update without end (Ville 1939; Lai 1976,
        Wang and Ramdas 2024 for unknown spread), and on either side of zero with half of that.
        """
        if not self.squares:
            return 1.0
        n = self.count
        explained = min(self.total**2 / self.squares, n) / (n + 1)
        return exp(-(log1p(n) + n * log1p(-explained)) / 2)

    def is_positive(self, error: float) -> bool:
        """Whether the mean is above zero; n equal values are enough from (1 + n)^((n - 1) / 2) = 1 / error on."""
        return self.total > 0 and self.evidence >= 1 / error


@dataclass(frozen=True)
class ByAgreement:
    """Shrink where the model promised too much, grow where it kept its word.

    Agreement is the share of its slope that the surrogate of unseen rows keeps to the end of a full step: the gain over
    the linear model's. Below `low` the scale shrinks; above `high` it grows, if the step was accepted in full (Nocedal
    and Wright 2006, algorithm 4.1, with its thresholds 1/4 and 3/4 and its bound on the radius, here on `scale`). One
    batch seldom shows on which side of a threshold it is: so gains less thresholds add up over updates until a
    sequential test is sure of their sign (`Tally`), and then start over. On advantages of noise alone a scale moves at
    all with a probability of at most `error`, however long that lasts: 20 of 680 did within 100 updates (two families,
    256 and 2,048 rows), where a threshold of two standard errors moves 189. Five equal updates are enough at .05. A
    search that accepted nothing shrinks at once.
    """

    shrink: float
    grow: float
    low: float = 0.25
    high: float = 0.75
    smallest: float = 1 / 256
    largest: float = 4.0
    error: float = 0.05

    def __post_init__(self) -> None:
        if not 0 < self.shrink < 1 < self.grow:
            raise ValueError(f"shrink must lie in (0, 1) and grow above 1, got {self.shrink} and {self.grow}")
        if not 0 < self.error < 1:
            raise ValueError(f"error must lie in (0, 1), got {self.error}")

    def next_scale(self, scale: float, memory: Any, evidence: Evidence) -> tuple[float, Any]:
        shrunk = max(scale * self.shrink, self.smallest)
        if not evidence.accepted:
            return shrunk, None
        unseen = evidence.unseen
        if unseen is None:
            return scale, memory
        if not isfinite(unseen.gained):
            return shrunk, None
        above, below = memory or (Tally(), Tally())
        above = above.plus(unseen.gained - self.high * unseen.predicted)
        below = below.plus(self.low * unseen.predicted - unseen.gained)
        if below.is_positive(self.error):
            return shrunk, None
        if above.is_positive(self.error) and evidence.full:
            return min(scale * self.grow, self.largest), None
        return scale, (above, below)


@dataclass(frozen=True)
class ByDivergence:
    """Halve where full steps went too far, double where they did not go far enough and one was accepted in full.

    How far: the mean KL(old || new) on unseen rows, outside [target / 1.5, 1.5 target], by a factor of 2 (Schulman et
    al. 2017, section 4, for a penalty). The target is the radius that the rule was made with.
    """

    tolerance: float = 1.5
    factor: float = 2.0
    smallest: float = 1 / 256
    largest: float = 256.0

    def next_scale(self, scale: float, memory: Any, evidence: Evidence) -> tuple[float, Any]:
        unseen = evidence.unseen
        if unseen is None:
            return scale, None
        if not unseen.kl <= evidence.target * self.tolerance:
            return max(scale / self.factor, self.smallest), None
        if unseen.kl < evidence.target / self.tolerance and evidence.full:
            return min(scale * self.factor, self.largest), None
        return scale, None
