"""The penalty that makes the surrogate a lower bound of the return, from a batch."""

from algos.types import Batch


def theory_penalty(batch: Batch) -> float:
    """C for which surrogate gain - C max KL(old || new) bounds the gain of the return from below, in the batch's units.

    Schulman et al. 2015, theorem 1: eta(new) >= L(new) - 4 epsilon gamma / (1 - gamma)^2 max KL, epsilon = max |A|.
    Their L sums over the discounted visitation, where the batch's surrogate is a mean: its mass divides both sides. It
    is 1 / (1 - gamma) where no episode ends, and the less the sooner they do. Dividing by the advantages' scale puts C
    into the units of the normalised advantages.

    That makes no sure bound of a batch: epsilon is the largest advantage *seen*, and advantages, visitation and mass
    are estimates.
    """
    seen = batch.advantages * batch.advantage_scale + batch.advantage_mean
    horizon = 1 / (1 - batch.gamma)
    mass = horizon if batch.visitation_mass is None else batch.visitation_mass
    return 4 * float(seen.abs().max()) * batch.gamma * horizon**2 / mass / batch.advantage_scale
