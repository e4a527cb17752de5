"""Products with the Fisher matrix, and the solver that needs nothing else."""

from algos.curvature.cg import Solution, conjugate_gradient
from algos.curvature.fisher import fisher_vector_product
from algos.curvature.metrics import EmpiricalFisher, Fisher, Identity, Metric, OneScore, SubsampledFisher
from algos.curvature.preconditioners import Kronecker, Preconditioner, Subsampled, Unpreconditioned

__all__ = [
    "EmpiricalFisher",
    "Fisher",
    "Identity",
    "Kronecker",
    "Metric",
    "OneScore",
    "Preconditioner",
    "Solution",
    "Subsampled",
    "SubsampledFisher",
    "Unpreconditioned",
    "conjugate_gradient",
    "fisher_vector_product",
]
