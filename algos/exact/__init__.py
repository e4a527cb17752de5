"""Finite problems on which everything that is estimated elsewhere is known: the oracle for theory."""

from algos.exact.bounds import average_divergence_bound, minorizer, theory_penalty
from algos.exact.mdp import FiniteMDP, random_mdp

__all__ = ["FiniteMDP", "average_divergence_bound", "minorizer", "random_mdp", "theory_penalty"]
