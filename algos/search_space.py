"""What a hyper-parameter may be while it is tuned: written in a rule's signature, as an annotation beside the default.

    def rule(policy: Policy, *, max_kl: MaxKL = 0.02) -> ...

A range belongs to the quantity and not to the rule, so that every rule with a KL radius is tuned over the same radii.
`at` maps a quasi-random number to a value, so that points are spread evenly over what a range calls even.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import signature
from typing import Annotated, Any, Protocol, get_args, get_origin

__all__ = [
    "AdamRate",
    "Beta",
    "Choice",
    "Clip",
    "Damping",
    "Epochs",
    "EssFloor",
    "Integer",
    "LogUniform",
    "MaxKL",
    "Minibatch",
    "MinibatchRate",
    "Range",
    "Rate",
    "Shrink",
    "Uniform",
    "Updates",
    "search_space",
]

DIGITS = 3  # significant ones of a number that is tried: it stands in labels and files, and is exactly what ran


class Range(Protocol):
    """The values that one hyper-parameter may take; `source` says where the bounds come from."""

    @property
    def source(self) -> str: ...

    def at(self, u: float) -> Any:
        """The value at u in [0, 1), in the unit of the hyper-parameter."""
        ...

    def position(self, value: Any) -> float:
        """Where a value lies, in [0, 1] if the range contains it: the inverse of `at`, but for rounding."""
        ...

    def __contains__(self, value: Any) -> bool: ...


@dataclass(frozen=True)
class Uniform:
    """Any number from low to high."""

    low: float
    high: float
    source: str

    def at(self, u: float) -> float:
        return _rounded(self.low + u * (self.high - self.low))

    def position(self, value: float) -> float:
        return (value - self.low) / (self.high - self.low)

    def __contains__(self, value: Any) -> bool:
        return isinstance(value, int | float) and self.low <= value <= self.high


@dataclass(frozen=True)
class LogUniform:
    """Any number from low > 0 to high, every decade alike."""

    low: float
    high: float
    source: str

    def at(self, u: float) -> float:
        return _rounded(self.low * (self.high / self.low) ** u)

    def position(self, value: float) -> float:
        return math.log(value / self.low) / math.log(self.high / self.low)

    def __contains__(self, value: Any) -> bool:
        return isinstance(value, int | float) and self.low <= value <= self.high


@dataclass(frozen=True)
class Integer:
    """Any whole number from low > 0 to high, both included; every doubling alike."""

    low: int
    high: int
    source: str

    def at(self, u: float) -> int:
        return min(self.high, int(self.low * ((self.high + 1) / self.low) ** u))

    def position(self, value: int) -> float:
        return math.log(value / self.low) / math.log((self.high + 1) / self.low)

    def __contains__(self, value: Any) -> bool:
        return isinstance(value, int) and self.low <= value <= self.high


@dataclass(frozen=True)
class Choice:
    """One of a few values."""

    values: tuple[Any, ...]
    source: str

    def at(self, u: float) -> Any:
        return self.values[min(int(u * len(self.values)), len(self.values) - 1)]

    def position(self, value: Any) -> float:
        return (self.values.index(value) + 0.5) / len(self.values)

    def __contains__(self, value: Any) -> bool:
        return value in self.values


def search_space(factory: Callable[..., Any]) -> Mapping[str, Range]:
    """Hyper-parameter -> its range, of those that a rule's factory (policy, *, ...) annotates with one."""
    found: dict[str, Range] = {}
    for parameter in signature(factory, eval_str=True).parameters.values():
        ranges = [part for part in get_args(parameter.annotation)[1:] if isinstance(part, _RANGES)]
        if get_origin(parameter.annotation) is Annotated and ranges:
            found[parameter.name] = ranges[0]
    return found


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


_RANGES = (Uniform, LogUniform, Integer, Choice)

# What several rules share. A decade on either side of a default holds every value that its sources use.
MaxKL = Annotated[
    float,
    LogUniform(2e-3, 0.2, "a decade on either side of 0.02; Schulman et al. 2015 use 0.01, Engstrom et al. 2020 tune "
    "to 0.04-0.13"),
]  # fmt: skip
Damping = Annotated[float, LogUniform(1e-3, 1.0, "modular_rl has 1e-3 in its code and 0.1 in its experiments")]
Beta = Annotated[float, LogUniform(0.2, 20.0, "a decade on either side of 2")]
Rate = Annotated[float, LogUniform(0.03, 3.0, "a decade on either side of 0.3, of advantages of unit scale")]
AdamRate = Annotated[float, LogUniform(3e-4, 3e-2, "a decade on either side of 3e-3")]
Shrink = Annotated[float, Uniform(0.3, 0.9, "0.5 (Schulman et al. 2015) and 0.8 (Baselines and its descendants)")]
Updates = Annotated[int, Integer(1, 16, "two doublings on either side of 4")]
Clip = Annotated[float, LogUniform(0.05, 0.5, "0.1 to 0.3 in Schulman et al. 2017, and beyond")]
Epochs = Annotated[int, Integer(1, 20, "3 and 10 in Schulman et al. 2017, and beyond")]
Minibatch = Annotated[int, Choice((32, 64, 128, 256, 512), "64 in Schulman et al. 2017, doublings")]
MinibatchRate = Annotated[float, LogUniform(3e-5, 3e-3, "a decade on either side of 3e-4, Schulman et al. 2017")]
EssFloor = Annotated[float, Uniform(0.0, 0.9, "no floor, to a step or two per batch")]
