"""Products with the Fisher matrix, and the solver that needs nothing else."""

from algos.curvature.cg import Solution, conjugate_gradient
from algos.curvature.fisher import fisher_vector_product

__all__ = ["Solution", "conjugate_gradient", "fisher_vector_product"]
