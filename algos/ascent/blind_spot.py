"""What a trust region does not see: how much of a gradient is noise, where in episodes a step moves the policy, and
what the step is worth on rows that it was not made from.

All of it is under the undiscounted visitation, for every rule alike, and none of it is needed to make a step.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from algos.ascent.crossfit import halves
from algos.ascent.local_model import LocalModel
from algos.curvature import conjugate_gradient
from algos.finite import NonFinite
from algos.policies.policy import Policy
from algos.types import NAN, Batch


@dataclass(frozen=True)
class Signal:
    """Of a batch, at the policy that collected it. a and b are the gradients of two halves of its environments, of
    single episodes where there is one environment; g = (a + b) / 2 and d = (a - b) / 2. Noise of the halves is
    independent, so E[g'g - d'd] = E[a'b] is the square of the true gradient.

    Shares are of one batch, and negative where its halves disagree. What holds on average is a ratio of means: of
    share times square, over squares. nan where a batch cannot be halved.
    """

    signal_share: float = NAN  # (g'g - d'd) / g'g
    gradient_square: float = NAN  # g'g
    natural_signal_share: float = NAN  # (g's - d't) / g's, s = (F + damping I)^-1 g and t likewise of d
    natural_square: float = NAN  # g's
    # tr(S) / |G|^2 in rows, S the covariance of one row's gradient and G the true gradient: the batch in which noise
    # is as long as signal. The simple noise scale of McCandlish et al. 2018 (appendix A.1), from halves and whole:
    # |G|^2 = a'b and tr(S) = 4 d'd / (1/rows of a + 1/rows of b)
    noise_scale: float = NAN
    start_rows: float = NAN  # share of rows that begin an episode
    start_advantage: float = NAN  # their share of the sum of squared advantages


@dataclass(frozen=True)
class Places:
    """Mean KL(old || new) in nats, by time in the episode; nan where there is no such row."""

    start_kl: float = NAN  # at observations that begin an episode
    early_kl: float = NAN  # in the first third of the longest episode known so far
    middle_kl: float = NAN
    late_kl: float = NAN


@torch.no_grad()
def measure_signal(
    policy: Policy, theta: Tensor, batch: Batch, cg_iterations: int = 10, damping: float = 0.1
) -> Signal:
    """The signal in the gradient of `batch` at the `theta` [P] that collected it.

    cg_iterations and damping: as `trpo` has them. The plain share costs two gradients of half a batch; the natural one
    twice `cg_iterations` Fisher products more. Squares are summed in double; shares are nan where numbers overflow.
    """
    starts, squares = batch.times == 0, batch.advantages.double().square()
    total = float(squares.sum())
    at_starts = float(starts.double().mean()), float(squares[starts].sum()) / total if total > 0 else NAN
    try:
        found = _shares(policy, theta, batch, cg_iterations, damping)
    except NonFinite:
        found = {}
    return Signal(**found, start_rows=at_starts[0], start_advantage=at_starts[1])


def _shares(policy: Policy, theta: Tensor, batch: Batch, cg_iterations: int, damping: float) -> dict[str, float]:
    parts = halves(batch)
    if not parts:
        return {}
    a, b = (LocalModel(policy, theta, part).gradient for part in parts)
    g, d = (a + b) / 2, (a - b) / 2
    product = LocalModel(policy, theta, batch).fisher
    squares = []  # g'g, d'd, g's, d't
    for v in (g, d):
        solved = conjugate_gradient(lambda x: product(x).add_(x, alpha=damping), v, cg_iterations).x
        squares.append((float(v.double() @ v.double()), float(v.double() @ solved.double())))
    (gg, gs), (dd, dt) = squares
    covariance = 4 * dd / sum(1 / len(part.obs) for part in parts)
    signal = gg - dd
    return {
        "signal_share": signal / gg if gg > 0 else NAN,
        "gradient_square": gg,
        "natural_signal_share": (gs - dt) / gs if gs > 0 else NAN,
        "natural_square": gs,
        "noise_scale": covariance / signal if signal else NAN,
    }


@torch.no_grad()
def measure_places(policy: Policy, old: Tensor, new: Tensor, batch: Batch, starts: Tensor, horizon: int) -> Places:
    """Where the step from `old` to `new` [P] moves the policy: on the batch that made it, and at `starts` [n, ...].

    starts: observations that begin an episode, normalised as the batch's; a batch in the middle of long episodes has
    none of its own. horizon: steps of the longest episode known.
    """

    def kl(obs: Tensor) -> Tensor:
        return policy.family.kl(policy.outputs(old, obs).double(), policy.outputs(new, obs).double())

    third = (batch.times * 3 // horizon).clamp(max=2)
    by_row = kl(batch.obs)
    thirds = [_mean(by_row[third == k]) for k in range(3)]
    return Places(_mean(kl(starts)) if len(starts) else NAN, *thirds)


def _mean(values: Tensor) -> float:
    return float(values.mean()) if len(values) else NAN


@torch.no_grad()
def hindsight_gain(policy: Policy, before: Tensor, now: Tensor, batch: Batch) -> float:
    """What a batch that `now` [P] has collected says of the step from `before` [P] that led to it.

    It is the loss of going back: - (L(before) - L(now)), L the importance-sampled surrogate of this batch, in units of
    its advantages. The rows were drawn after the step was made and owe it nothing, so the noise that the step followed
    does not flatter it; and they come from the states that the step led to. To first order it is the gain that the
    surrogate of the step's own batch promises.
    """
    weights = [(policy.log_prob(theta, batch.obs, batch.actions) - batch.log_probs).exp() for theta in (now, before)]
    return float(((weights[0] - weights[1]) * batch.advantages.double()).mean())
