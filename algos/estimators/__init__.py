"""From a batch to numbers: advantages, the value baseline, surrogates, and the one yardstick for a change of policy."""

from algos.estimators.advantages import gae
from algos.estimators.baseline import ValueBaseline
from algos.estimators.change import Change, measure_change
from algos.estimators.diagnostics import Used, diagnosed
from algos.estimators.regression import Fitted, GaussNewton, MinibatchAdam, Regression
from algos.estimators.surrogates import WEIGHTINGS, Clipped, Discounted, ImportanceSampled, Surrogate, Truncated
from algos.estimators.visitation import visitation_mass

__all__ = [
    "WEIGHTINGS",
    "Change",
    "Clipped",
    "Discounted",
    "Fitted",
    "GaussNewton",
    "ImportanceSampled",
    "MinibatchAdam",
    "Regression",
    "Surrogate",
    "Truncated",
    "Used",
    "ValueBaseline",
    "diagnosed",
    "gae",
    "measure_change",
    "visitation_mass",
]
