"""The algebra of ascent: direction x step size x acceptance x schedule of the radius."""

from algos.ascent.acceptance import (
    Always,
    Backtracking,
    Condition,
    ConfidentlyImproves,
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
from algos.ascent.directions import Adam, Factored, Gradient, Natural, Steihaug, WarmStarted
from algos.ascent.local_model import Candidate, LocalModel
from algos.ascent.radius import ByAgreement, ByDivergence, Constant, Evidence, Harmonic
from algos.ascent.rule import AscentRule, AscentState
from algos.ascent.schedules import ByEveryAgreement, ByHypergradient, BySignal
from algos.ascent.split import HoldOut, InSample, NoSplit
from algos.ascent.step_sizes import (
    DampedKLRadius,
    EuclideanRadius,
    Fixed,
    KLRadius,
    QuadraticBound,
    TheoryBound,
    WholeStep,
)

__all__ = [
    "Adam",
    "Always",
    "AscentRule",
    "AscentState",
    "Backtracking",
    "ByAgreement",
    "ByDivergence",
    "ByEveryAgreement",
    "ByHypergradient",
    "BySignal",
    "Candidate",
    "Condition",
    "ConfidentlyImproves",
    "Constant",
    "CrossFit",
    "DampedKLRadius",
    "EuclideanRadius",
    "Evidence",
    "Factored",
    "Fixed",
    "Gradient",
    "Harmonic",
    "HoldOut",
    "InSample",
    "KLRadius",
    "KLWithin",
    "KeepRejected",
    "LocalModel",
    "LowerBoundImproves",
    "MaxKLBoundImproves",
    "MaxKLWithin",
    "Natural",
    "NoSplit",
    "QuadraticBound",
    "ReverseKLWithin",
    "Steihaug",
    "SufficientIncrease",
    "SurrogateImproves",
    "TheoryBound",
    "Unseen",
    "WarmStarted",
    "WholeStep",
]
