"""The algebra of ascent: direction x step size x acceptance x schedule of the radius."""

from algos.ascent.acceptance import (
    Always,
    Backtracking,
    Condition,
    KLWithin,
    LowerBoundImproves,
    SufficientIncrease,
    SurrogateImproves,
)
from algos.ascent.directions import Adam, Gradient, Natural
from algos.ascent.local_model import Candidate, LocalModel
from algos.ascent.radius import Constant
from algos.ascent.rule import AscentRule, AscentState
from algos.ascent.step_sizes import DampedKLRadius, Fixed, KLRadius, QuadraticBound

__all__ = [
    "Adam",
    "Always",
    "AscentRule",
    "AscentState",
    "Backtracking",
    "Candidate",
    "Condition",
    "Constant",
    "DampedKLRadius",
    "Fixed",
    "Gradient",
    "KLRadius",
    "KLWithin",
    "LocalModel",
    "LowerBoundImproves",
    "Natural",
    "QuadraticBound",
    "SufficientIncrease",
    "SurrogateImproves",
]
