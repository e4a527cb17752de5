"""How long the discounted future of a policy is, where episodes can end."""

import torch
from torch import Tensor


def visitation_mass(times: Tensor, terminated: Tensor, gamma: float) -> float:
    """sum over s of rho(s) = sum over t of gamma^t Pr(no termination before t), from rows that saw part of episodes.

    times [B] are steps since an episode began, terminated [B] whether it ended right after the row. The probability is
    the product-limit estimate of Kaplan and Meier 1958: of the rows at each t, the share that went on. A batch's edges
    and time limits hide the rest of an episode and end none. After the last t seen, episodes are taken to go on for
    ever, so the mass is 1 / (1 - gamma) where none terminates.
    """
    steps = int(times.max()) + 1
    at_risk = torch.bincount(times.flatten(), minlength=steps).double()
    ended = torch.bincount(times[terminated], minlength=steps).double()
    goes_on = (1 - ended / at_risk.clamp_min(1)).cumprod(0)  # alive after step t
    alive = torch.cat([goes_on.new_ones(1), goes_on[:-1]])
    discounts = gamma ** torch.arange(steps, dtype=torch.float64, device=times.device)
    beyond = float(goes_on[-1]) * gamma**steps / (1 - gamma)
    return float(alive @ discounts) + beyond
