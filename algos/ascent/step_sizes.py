"""How far to go along a heading, before anything is tried.

`scale` is the schedule's number (`radius.py`): it multiplies a radius or a learning rate, and divides a penalty. The
step lengths use the *true* quadratic form s'Fs, not the damped one that conjugate gradient solved with: then a
radius of delta means a quadratic KL of exactly delta. `DampedKLRadius` is the other convention of the field.
"""

from dataclasses import dataclass
from math import isnan, sqrt
from typing import Protocol

from algos.ascent.directions import Heading
from algos.ascent.local_model import LocalModel
from algos.estimators.penalty import theory_penalty
from algos.types import NAN


@dataclass(frozen=True)
class Length:
    """The multiple of the heading's vector to try first, with the radius or penalty in force."""

    alpha: float
    radius: float = NAN  # of KL(old || new), nats
    beta: float = NAN
    euclidean_radius: float = NAN

    def in_force(self, name: str, reader: object) -> float:
        """The radius or penalty of that name. Raises ValueError where the step size has none."""
        value: float = getattr(self, name)
        if isnan(value):
            raise ValueError(f"{reader} needs a step size with a {name}, and this one has none")
        return value


class StepSize(Protocol):
    def length(self, model: LocalModel, heading: Heading, scale: float) -> Length: ...


def _positive(name: str, value: float) -> None:
    if not value > 0:
        raise ValueError(f"{name} must be positive, got {value}")


@dataclass(frozen=True)
class Fixed:
    """A learning rate."""

    lr: float

    def __post_init__(self) -> None:
        _positive("lr", self.lr)

    def length(self, model: LocalModel, heading: Heading, scale: float) -> Length:
        return Length(self.lr * scale)


@dataclass(frozen=True)
class KLRadius:
    """alpha = sqrt(2 delta / s'Fs): the quadratic model of the mean KL(old || new) is delta at the step's end.

    Schulman et al. 2015, appendix C, with the undamped form.
    """

    delta: float

    def __post_init__(self) -> None:
        _positive("max_kl", self.delta)

    def length(self, model: LocalModel, heading: Heading, scale: float) -> Length:
        return _to_radius(self.delta * scale, heading.curvature)


@dataclass(frozen=True)
class DampedKLRadius:
    """alpha = sqrt(2 delta / s'(F + damping I)s): shorter steps; what the authors' code and most ports compute."""

    delta: float

    def __post_init__(self) -> None:
        _positive("max_kl", self.delta)

    def length(self, model: LocalModel, heading: Heading, scale: float) -> Length:
        s = heading.vector
        return _to_radius(self.delta * scale, heading.curvature + heading.damping * float(s @ s))


def _to_radius(delta: float, curvature: float) -> Length:
    return Length(sqrt(2 * delta / curvature) if curvature > 0 else 0.0, radius=delta)


@dataclass(frozen=True)
class WholeStep:
    """alpha = 1: the direction is a step already, no longer than the radius that it was made for."""

    delta: float

    def __post_init__(self) -> None:
        _positive("max_kl", self.delta)

    def length(self, model: LocalModel, heading: Heading, scale: float) -> Length:
        return Length(1.0, radius=self.delta * scale)


@dataclass(frozen=True)
class EuclideanRadius:
    """alpha = radius / |s|: a ball in parameter space, which knows nothing of how far the policy moves.

    delta: the KL radius that conditions are to hold it to; it does not enter the length.
    """

    euclidean: float
    delta: float = NAN

    def __post_init__(self) -> None:
        _positive("radius", self.euclidean)
        if not isnan(self.delta):
            _positive("max_kl", self.delta)

    def length(self, model: LocalModel, heading: Heading, scale: float) -> Length:
        norm, radius = float(heading.vector.norm()), self.euclidean * scale
        return Length(radius / norm if norm > 0 else 0.0, self.delta * scale, euclidean_radius=radius)


@dataclass(frozen=True)
class TheoryBound:
    """As `QuadraticBound`, with the penalty C that theory demands of this batch (`theory_penalty`)."""

    def length(self, model: LocalModel, heading: Heading, scale: float) -> Length:
        penalty = theory_penalty(model.batch)
        return QuadraticBound(penalty).length(model, heading, scale) if penalty > 0 else Length(0.0, beta=penalty)


@dataclass(frozen=True)
class QuadraticBound:
    """The maximiser along s of g.d - (beta/2) d'Fd: alpha = g's / (beta s'Fs).

    For s = F^-1 g, alpha is 1/beta: the closed-form maximiser of the minorising quadratic.
    """

    beta: float

    def __post_init__(self) -> None:
        _positive("beta", self.beta)

    def length(self, model: LocalModel, heading: Heading, scale: float) -> Length:
        beta = self.beta / scale
        return Length(heading.slope / (beta * heading.curvature) if heading.curvature > 0 else 0.0, beta=beta)
