"""Take the step, or shrink it and try again."""

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from algos.ascent.directions import Heading
from algos.ascent.local_model import Candidate, LocalModel
from algos.ascent.step_sizes import Length
from algos.finite import NonFinite
from algos.types import Trial


@dataclass(frozen=True)
class Outcome:
    """theta is the model's own, bit for bit, unless the step was accepted."""

    theta: Tensor
    accepted: bool
    step_size: float
    trials: tuple[Trial, ...] = ()


class Acceptance(Protocol):
    def search(self, model: LocalModel, heading: Heading, length: Length) -> Outcome:
        """`length` is not 0, nor is the heading's vector."""
        ...


class Condition(Protocol):
    """One question that a candidate at theta + alpha s must pass.

    It reads the radius or penalty in force from the length that it judges, so that the two cannot differ.
    """

    def holds(self, candidate: Candidate, alpha: float, heading: Heading, length: Length) -> bool: ...


@dataclass(frozen=True)
class Always:
    """Take the step unseen."""

    def search(self, model: LocalModel, heading: Heading, length: Length) -> Outcome:
        return Outcome(model.theta + heading.vector * length.alpha, True, length.alpha)


@dataclass(frozen=True)
class Backtracking:
    """Shrink the step until every condition holds; after `max_trials` candidates, stay.

    Ten trials, so nine times shorter at most, with factor 0.8: the values that Spinning Up, Tianshou and sb3-contrib
    share. The paper names neither. A candidate with a number that is not finite is one that went too far; if no
    candidate is better, the search raises NonFinite.
    """

    conditions: tuple[Condition, ...]
    shrink: float = 0.8
    max_trials: int = 10

    def __post_init__(self) -> None:
        if not 0 < self.shrink < 1:
            raise ValueError(f"the backtracking factor must lie between 0 and 1, got {self.shrink}")
        if self.max_trials < 1:
            raise ValueError(f"the line search needs at least 1 trial, got {self.max_trials}")

    def search(self, model: LocalModel, heading: Heading, length: Length) -> Outcome:
        trials: list[Trial] = []
        alpha, any_finite = length.alpha, False
        for _ in range(self.max_trials):
            candidate = model.candidate(model.theta + heading.vector * alpha)
            answers = [condition.holds(candidate, alpha, heading, length) for condition in self.conditions]
            accepted = candidate.is_finite and all(answers)
            any_finite |= candidate.is_finite
            quadratic = alpha * alpha * heading.known_curvature / 2
            trials.append(Trial(alpha, quadratic_kl=quadratic, accepted=accepted, **candidate.asked))
            if accepted:
                return Outcome(candidate.theta, True, alpha, tuple(trials))
            alpha *= self.shrink
        if not any_finite:
            raise NonFinite(f"none of the {self.max_trials} candidates of the line search is finite")
        return Outcome(model.theta, False, 0.0, tuple(trials))


@dataclass(frozen=True)
class SurrogateImproves:
    """The surrogate is higher than before."""

    def holds(self, candidate: Candidate, alpha: float, heading: Heading, length: Length) -> bool:
        return candidate.surrogate_gain > 0


@dataclass(frozen=True)
class ConfidentlyImproves:
    """The surrogate's gain is above zero by so many of its standard errors: a lower confidence bound of it is positive.

    After Thomas et al. 2015, "High confidence policy improvement", who test on rows that the step has not seen.
    """

    errors: float

    def __post_init__(self) -> None:
        if not self.errors > 0:
            raise ValueError(f"errors must be positive, got {self.errors}")

    def holds(self, candidate: Candidate, alpha: float, heading: Heading, length: Length) -> bool:
        gain = candidate.surrogate_gain
        return gain > 0 and gain > self.errors * candidate.gain_error


@dataclass(frozen=True)
class SufficientIncrease:
    """Armijo: the surrogate gained at least c alpha g's. Nocedal and Wright 2006, equation 3.4 and its c = 1e-4."""

    c: float = 1e-4

    def holds(self, candidate: Candidate, alpha: float, heading: Heading, length: Length) -> bool:
        return candidate.surrogate_gain >= self.c * alpha * heading.slope and candidate.surrogate_gain > 0


@dataclass(frozen=True)
class KLWithin:
    """Mean KL(old || new) <= factor * the length's radius."""

    factor: float = 1.0

    def holds(self, candidate: Candidate, alpha: float, heading: Heading, length: Length) -> bool:
        return candidate.kl <= self.factor * length.in_force("radius", self)


@dataclass(frozen=True)
class ReverseKLWithin:
    """Mean KL(new || old) <= factor * the length's radius: the order that sb3-contrib and Spinning Up measure."""

    factor: float = 1.0

    def holds(self, candidate: Candidate, alpha: float, heading: Heading, length: Length) -> bool:
        return candidate.reverse_kl <= self.factor * length.in_force("radius", self)


@dataclass(frozen=True)
class MaxKLWithin:
    """Largest KL(old || new) of the batch <= factor * the length's radius (Schulman et al. 2015, equation 11)."""

    factor: float = 1.0

    def holds(self, candidate: Candidate, alpha: float, heading: Heading, length: Length) -> bool:
        return candidate.max_kl <= self.factor * length.in_force("radius", self)


@dataclass(frozen=True)
class KeepRejected:
    """Takes the last candidate of a search that failed, as if it had been accepted.

    A bug that one widely used library had until 2026 (tianshou#1287), and that its published tables contain.
    """

    search_for: Backtracking

    def search(self, model: LocalModel, heading: Heading, length: Length) -> Outcome:
        outcome = self.search_for.search(model, heading, length)
        if outcome.accepted:
            return outcome
        alpha = outcome.trials[-1].step_size
        return Outcome(model.theta + heading.vector * alpha, True, alpha, outcome.trials)


@dataclass(frozen=True)
class LowerBoundImproves:
    """L - beta KL(old || new), a lower bound of the return for beta large enough, went up; beta is the length's."""

    def holds(self, candidate: Candidate, alpha: float, heading: Heading, length: Length) -> bool:
        gain = candidate.surrogate_gain
        return gain > 0 and gain > length.in_force("beta", self) * candidate.kl  # rounding can make no KL negative


@dataclass(frozen=True)
class MaxKLBoundImproves:
    """L - beta max KL(old || new) went up, the form that theory demands (Schulman et al. 2015, theorem 1)."""

    def holds(self, candidate: Candidate, alpha: float, heading: Heading, length: Length) -> bool:
        gain = candidate.surrogate_gain
        return gain > 0 and gain > length.in_force("beta", self) * candidate.max_kl
