"""The penalty that makes the surrogate a lower bound of the return, from a batch."""

from algos.types import Batch


def theory_penalty(batch: Batch) -> float:
    """C for which surrogate gain - C max KL(old || new) bounds the gain of the return from below, in the batch's units.

    Schulman et al. 2015, theorem 1: eta(new) >= L(new) - 4 epsilon gamma / (1 - gamma)^2 max KL, epsilon = max |A|.
    Their L sums over the discounted visitation, of mass 1 / (1 - gamma), where the batch's surrogate is a mean: one
    factor 1 / (1 - gamma) is shared by both sides and cancels. Dividing by the advantages' scale puts C into the units
    of the normalised advantages. epsilon is the largest advantage *seen*: a batch cannot know the largest there is.
    """
    seen = batch.advantages * batch.advantage_scale + batch.advantage_mean
    return 4 * float(seen.abs().max()) * batch.gamma / (1 - batch.gamma) / batch.advantage_scale
