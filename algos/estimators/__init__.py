"""From a batch to numbers: advantages, the value baseline, surrogates, and the one yardstick for a change of policy."""

from algos.estimators.advantages import gae
from algos.estimators.baseline import ValueBaseline
from algos.estimators.change import Change, measure_change
from algos.estimators.regression import Fitted, GaussNewton, MinibatchAdam, Regression
from algos.estimators.surrogates import ImportanceSampled, Surrogate, effective_sample_size

__all__ = [
    "Change",
    "Fitted",
    "GaussNewton",
    "ImportanceSampled",
    "MinibatchAdam",
    "Regression",
    "Surrogate",
    "ValueBaseline",
    "effective_sample_size",
    "gae",
    "measure_change",
]
