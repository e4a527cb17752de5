"""One row of numbers per run: how good and how soon (efficiency), how steady (stability), how far it moved (trust), how
dear (cost). Definitions stand beside each function.

A score z = (return - zero) / (one - zero) compares environments: 0 is the better of random actions and of one fixed
action, 1 the reference. These returns are pinned (`analysis.anchors`), never taken from the runs that are compared.
"""

from analysis.measures.curves import IMPUTATIONS, curves
from analysis.measures.runs import collapsed, measure_runs

__all__ = ["IMPUTATIONS", "collapsed", "curves", "measure_runs"]
