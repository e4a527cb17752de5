"""Schedules of the radius that act on every batch: on its agreement, the signal in its gradient, or the last step."""

from dataclasses import dataclass
from math import exp
from typing import Any

from torch import Tensor

from algos.ascent.radius import Evidence


@dataclass(frozen=True)
class ByEveryAgreement:
    """Nocedal and Wright 2006, algorithm 4.1, to the letter: one batch decides.

    Agreement is the gain of a full step on unseen rows over its slope there. Below `low`, or where nothing was
    accepted, the scale shrinks; above `high` it grows, if the step was accepted in full. Noise moves it, as it must
    where nobody waits for evidence: on advantages of noise alone it moves at four batches in five, about as often down
    as up (twelve runs of 25 batches of 2,048 rows, four families), where `ByAgreement` stays.
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

    def next_scale(self, scale: float, memory: Any, evidence: Evidence) -> tuple[float, Any]:
        unseen = evidence.unseen
        if unseen is None:
            return scale, None
        if not evidence.accepted or not unseen.gained >= self.low * unseen.predicted or unseen.predicted <= 0:
            return max(scale * self.shrink, self.smallest), None
        if unseen.gained > self.high * unseen.predicted and evidence.full:
            return min(scale * self.grow, self.largest), None
        return scale, None


@dataclass(frozen=True)
class Power:
    """Of gradients so far, decayed sums in one unit: of what halves of batches share, and of all."""

    signal: float = 0.0
    total: float = 0.0

    @property
    def share(self) -> float:
        return self.signal / self.total if self.total > 0 else 0.0


@dataclass(frozen=True)
class BySignal:
    """scale = the share of the batch's natural gradient that is signal, not below `floor`.

    With a and b the gradients of two halves of a batch, g = (a + b) / 2 and d = (a - b) / 2, the share is
    E[g'F^-1 g - d'F^-1 d] / E[g'F^-1 g], and g'F^-1 g - d'F^-1 d = a'F^-1 b: noise of the halves is independent. It is
    read from a full step of each half: its slope on the other half's rows is a'F^-1 b and on its own a'F^-1 a, in the
    unit of the step's length, and g'F^-1 g is the mean of the two. The expectations are moving averages.
    """

    decay: float = 0.95
    floor: float = 1e-3

    def __post_init__(self) -> None:
        if not 0 <= self.decay < 1 or not 0 < self.floor <= 1:
            raise ValueError(f"decay must lie in [0, 1) and floor in (0, 1], got {self.decay} and {self.floor}")

    def next_scale(self, scale: float, memory: Any, evidence: Evidence) -> tuple[float, Any]:
        unseen = evidence.unseen
        if unseen is None:
            return scale, memory
        before = memory or Power()
        power = Power(
            self.decay * before.signal + unseen.predicted,
            self.decay * before.total + (unseen.predicted + unseen.promised) / 2,
        )
        return max(min(power.share, 1.0), self.floor), power


@dataclass(frozen=True)
class ByHypergradient:
    """The scale grows while steps agree with the gradient where they led, and shrinks where they went too far.

    scale *= exp(rate * c), c the cosine in the Fisher metric between the last step d and the natural gradient s of the
    batch that it led to: c = g'd / sqrt(s'g d'Fd). g'd is the derivative of the return by the last step's length, the
    hypergradient of Baydin et al. 2018, section 3, here of a radius and in its multiplicative form. A batch moves the
    radius of the update after its own. A rejected step says nothing.
    """

    rate: float = 0.1
    smallest: float = 1 / 256
    largest: float = 4.0

    def __post_init__(self) -> None:
        if not self.rate > 0 or not 0 < self.smallest <= 1 <= self.largest:
            raise ValueError(
                "rate must be positive and 1 lie between smallest and largest, got "
                f"{self.rate}, {self.smallest}, {self.largest}"
            )

    def next_scale(self, scale: float, memory: Tensor | None, evidence: Evidence) -> tuple[float, Any]:
        if memory is not None and evidence.heading is not None:
            heading, model = evidence.heading, evidence.heading.model
            lengths = heading.slope * model.curvature(memory)
            cosine = float(model.gradient @ memory) / lengths**0.5 if lengths > 0 else 0.0
            scale = scale * exp(self.rate * min(max(cosine, -1.0), 1.0))
        return min(max(scale, self.smallest), self.largest), evidence.step
