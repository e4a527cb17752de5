"""Take the step, or shrink it and try again."""

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from algos.ascent.directions import Heading
from algos.ascent.local_model import Candidate, LocalModel
from algos.ascent.step_sizes import Length
from algos.estimators.penalty import theory_penalty
from algos.types import Trial


@dataclass(frozen=True)
class Outcome:
    """theta is the model's own, bit for bit, unless the step was accepted."""

    theta: Tensor
    accepted: bool
    step_size: float
    trials: tuple[Trial, ...] = ()


class Acceptance(Protocol):
    def search(self, model: LocalModel, heading: Heading, length: Length, scale: float) -> Outcome: ...


class Condition(Protocol):
    """One question that a candidate at theta + alpha s must pass."""

    def holds(self, candidate: Candidate, alpha: float, heading: Heading, scale: float) -> bool: ...


@dataclass(frozen=True)
class Always:
    """Take the step unseen."""

    def search(self, model: LocalModel, heading: Heading, length: Length, scale: float) -> Outcome:
        return Outcome(model.theta + heading.vector * length.alpha, True, length.alpha)


@dataclass(frozen=True)
class Backtracking:
    """Shrink the step until every condition holds; after `max_trials` candidates, stay.

    Ten trials with factor 0.8: the values that Spinning Up, Tianshou and sb3-contrib share. The paper names neither.
    """

    conditions: tuple[Condition, ...]
    shrink: float = 0.8
    max_trials: int = 10

    def __post_init__(self) -> None:
        if not 0 < self.shrink < 1:
            raise ValueError(f"the backtracking factor must lie between 0 and 1, got {self.shrink}")
        if self.max_trials < 1:
            raise ValueError(f"the line search needs at least 1 trial, got {self.max_trials}")

    def search(self, model: LocalModel, heading: Heading, length: Length, scale: float) -> Outcome:
        trials: list[Trial] = []
        alpha = length.alpha
        for _ in range(self.max_trials):
            candidate = model.candidate(model.theta + heading.vector * alpha)
            accepted = all(condition.holds(candidate, alpha, heading, scale) for condition in self.conditions)
            quadratic = alpha**2 * heading.curvature / 2
            trials.append(Trial(alpha, candidate.surrogate_gain, candidate.kl, quadratic, candidate.max_kl, accepted))
            if accepted:
                return Outcome(candidate.theta, True, alpha, tuple(trials))
            alpha *= self.shrink
        return Outcome(model.theta, False, 0.0, tuple(trials))


@dataclass(frozen=True)
class SurrogateImproves:
    """The surrogate is higher than before."""

    def holds(self, candidate: Candidate, alpha: float, heading: Heading, scale: float) -> bool:
        return candidate.surrogate_gain > 0


@dataclass(frozen=True)
class SufficientIncrease:
    """Armijo: the surrogate gained at least c alpha g's. Nocedal and Wright 2006, equation 3.4 and its c = 1e-4."""

    c: float = 1e-4

    def holds(self, candidate: Candidate, alpha: float, heading: Heading, scale: float) -> bool:
        return candidate.surrogate_gain >= self.c * alpha * heading.slope and candidate.surrogate_gain > 0


@dataclass(frozen=True)
class KLWithin:
    """Mean KL(old || new) <= delta."""

    delta: float

    def holds(self, candidate: Candidate, alpha: float, heading: Heading, scale: float) -> bool:
        return candidate.kl <= self.delta * scale


@dataclass(frozen=True)
class ReverseKLWithin:
    """Mean KL(new || old) <= delta: the order that sb3-contrib and Spinning Up measure."""

    delta: float

    def holds(self, candidate: Candidate, alpha: float, heading: Heading, scale: float) -> bool:
        return candidate.reverse_kl <= self.delta * scale


@dataclass(frozen=True)
class MaxKLWithin:
    """Largest KL(old || new) of the batch <= delta: what theory asks for (Schulman et al. 2015, equation 11)."""

    delta: float

    def holds(self, candidate: Candidate, alpha: float, heading: Heading, scale: float) -> bool:
        return candidate.max_kl <= self.delta * scale


@dataclass(frozen=True)
class KeepRejected:
    """Takes the last candidate of a search that failed, as if it had been accepted.

    A bug that one widely used library had until 2026 (tianshou#1287), and that its published tables contain.
    """

    search_for: Backtracking

    def search(self, model: LocalModel, heading: Heading, length: Length, scale: float) -> Outcome:
        found = self.search_for.search(model, heading, length, scale)
        if found.accepted:
            return found
        alpha = found.trials[-1].step_size
        return Outcome(model.theta + heading.vector * alpha, True, alpha, found.trials)


@dataclass(frozen=True)
class LowerBoundImproves:
    """The penalised surrogate L - beta KL(old || new), a lower bound of the return for beta large enough, went up."""

    beta: float

    def holds(self, candidate: Candidate, alpha: float, heading: Heading, scale: float) -> bool:
        gain = candidate.surrogate_gain
        return gain > 0 and gain > self.beta / scale * candidate.kl  # rounding can make a KL of nothing negative


@dataclass(frozen=True)
class TheoryBoundImproves:
    """surrogate gain - C max KL(old || new) > 0 with theory's own C (Schulman et al. 2015, theorem 1)."""

    def holds(self, candidate: Candidate, alpha: float, heading: Heading, scale: float) -> bool:
        gain = candidate.surrogate_gain
        return gain > 0 and gain > theory_penalty(heading.model.batch) * candidate.max_kl
