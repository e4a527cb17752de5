"""Lower bounds of the true return that touch it at the old policy: what minorize-maximize stands on.

All take a FiniteMDP and two policies pi [S, A] and are in units of the return. Divergences are KL(old || new), in nats.

They are bounds of exact quantities: what improves one of them improves the return. With advantages and visitation
estimated from a batch that is no longer sure; how often it fails is stated in `algos/rules/mm_theory.py`.
"""

import torch
from torch import Tensor

from algos.exact.mdp import FiniteMDP


def state_kl(old: Tensor, new: Tensor) -> Tensor:
    """KL(old || new) of every state [S]."""
    terms: Tensor = torch.special.xlogy(old, old) - torch.special.xlogy(old, new)
    return terms.sum(-1)


def theory_penalty(mdp: FiniteMDP, old: Tensor) -> float:
    """C = 4 epsilon gamma / (1 - gamma)^2 with epsilon = max |A_old(s, a)| (Schulman et al. 2015, theorem 1)."""
    epsilon = float(mdp.advantage(old).abs().max())
    return 4 * epsilon * mdp.gamma / (1 - mdp.gamma) ** 2


def minorizer(mdp: FiniteMDP, old: Tensor, new: Tensor) -> Tensor:
    """M [] = L_old(new) - C max_s KL(old || new): equal to eta at new = old, and nowhere above it."""
    return mdp.surrogate(old, new) - theory_penalty(mdp, old) * state_kl(old, new).max()


def average_divergence_bound(mdp: FiniteMDP, old: Tensor, new: Tensor) -> Tensor:
    """L_old(new) - 2 gamma eps_new / (1 - gamma)^2 * E_s[TV(old, new)] with eps_new = max_s |E_new[A_old(s, .)]|.

    Achiam et al. 2017, corollary 1 (their returns are unnormalised, as here); the expectation is over the normalised
    visitation of the old policy. Tighter than `minorizer`, and it touches eta at new = old as well.
    """
    epsilon = (new * mdp.advantage(old)).sum(-1).abs().max()
    visitation = (1 - mdp.gamma) * mdp.visitation(old)
    total_variation = (old - new).abs().sum(-1) / 2
    average = visitation @ total_variation
    return mdp.surrogate(old, new) - 2 * mdp.gamma * epsilon / (1 - mdp.gamma) ** 2 * average
