"""One row of numbers per run: how good and how soon (efficiency), how steady (stability), how far it moved (trust), how
dear (cost). Definitions stand beside each function.

A score z = (return - random) / (reference - random) compares environments: 0 is a policy that acts at random, 1 the
reference. Both returns are pinned (`references.csv`, or the matrix file), never taken from the runs that are compared.
"""

from analysis.measures.runs import IMPUTATIONS, measure_runs

__all__ = ["IMPUTATIONS", "measure_runs"]
