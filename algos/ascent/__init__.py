"""The algebra of ascent: direction x step size x acceptance x schedule of the radius."""

from algos.ascent.acceptance import (
    Always,
    Backtracking,
    Condition,
    KeepRejected,
    KLWithin,
    LowerBoundImproves,
    MaxKLBoundImproves,
    MaxKLWithin,
    ReverseKLWithin,
    SufficientIncrease,
    SurrogateImproves,
)
from algos.ascent.crossfit import CrossFit, Unseen
from algos.ascent.directions import Adam, Gradient, Natural, WarmStarted
from algos.ascent.local_model import Candidate, LocalModel
from algos.ascent.radius import ByAgreement, ByDivergence, Constant, Evidence, Harmonic
from algos.ascent.rule import AscentRule, AscentState
from algos.ascent.step_sizes import DampedKLRadius, EuclideanRadius, Fixed, KLRadius, QuadraticBound, TheoryBound

__all__ = [
    "Adam",
    "Always",
    "AscentRule",
    "AscentState",
    "Backtracking",
    "ByAgreement",
    "ByDivergence",
    "Candidate",
    "Condition",
    "Constant",
    "CrossFit",
    "DampedKLRadius",
    "EuclideanRadius",
    "Evidence",
    "Fixed",
    "Gradient",
    "Harmonic",
    "KLRadius",
    "KLWithin",
    "KeepRejected",
    "LocalModel",
    "LowerBoundImproves",
    "MaxKLBoundImproves",
    "MaxKLWithin",
    "Natural",
    "QuadraticBound",
    "ReverseKLWithin",
    "SufficientIncrease",
    "SurrogateImproves",
    "TheoryBound",
    "Unseen",
    "WarmStarted",
]
