"""The nouns that every update rule speaks.

Sizes, here and everywhere: T steps, N environments, B = T*N samples, O observation, A action, D policy outputs,
P parameters. A rule is a pure function of (state, batch); `theta` is one flat vector [P].
"""

from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

import torch
from torch import Tensor

NAN = float("nan")
COLUMNS = ("obs", "actions", "advantages", "log_probs", "episodes", "times")  # of a Batch: a value per row


@dataclass(frozen=True)
class Normalization:
    """How observations were made of raw ones: (raw - mean) / std, clipped to +-clip; mean and std are [O], float64."""

    mean: Tensor
    std: Tensor
    clip: float

    def convert(self, obs: Tensor, to: "Normalization") -> Tensor:
        """Observations [B, ...] made this way, as the other would have made them of the same raw ones.

        Exact but for rounding, and for components that the clip has cut: they count as if they lay at its edge.
        """
        raw = obs.double().flatten(1) * self.std + self.mean
        return ((raw - to.mean) / to.std).clamp(-to.clip, to.clip).to(obs.dtype).view_as(obs)

    def to(self, device: torch.device | str) -> "Normalization":
        """The same on another device."""
        return Normalization(self.mean.to(device), self.std.to(device), self.clip)


@dataclass(frozen=True)
class Batch:
    """One rollout, flattened time-major: row t*N + n is step t of environment n.

    `log_probs` are those of the behaviour policy at collection time: importance weights are exact only if that holds.
    `advantages` are what the rule ascends on; the un-normalised ones are `advantages * advantage_scale +
    advantage_mean`, of rewards that had been divided by `reward_scale`. `normalization` is how `obs` were made, None
    where they are raw.
    """

    obs: Tensor  # [B, O], or [B, *shape] where the network takes it; pixels are bytes
    actions: Tensor  # [B] integers, or [B, A]
    advantages: Tensor  # [B]
    log_probs: Tensor  # [B]
    episodes: Tensor  # [B] which episode of this batch the row belongs to
    times: Tensor  # [B] steps since that episode began
    gamma: float
    n_envs: int = 1  # N: rows t*N to (t+1)*N - 1 are one step of all environments
    advantage_mean: float = 0.0
    advantage_scale: float = 1.0
    reward_scale: float = 1.0
    visitation_mass: float | None = None  # sum over s of the discounted rho(s); None where no episode ends
    normalization: Normalization | None = None

    def __post_init__(self) -> None:
        size = self.obs.shape[0]
        for name in COLUMNS:
            rows = getattr(self, name).shape[0]
            if rows != size:
                raise ValueError(f"Batch.{name} has {rows} rows, expected {size}, as many as obs")

    def rows(self, index: Tensor | slice) -> "Batch":
        """The batch of these rows only."""
        return replace(self, **{name: getattr(self, name)[index] for name in COLUMNS})

    def to(self, device: torch.device | str) -> "Batch":
        """The same batch on another device."""
        moved = {name: getattr(self, name).to(device) for name in COLUMNS}
        return replace(self, **moved, normalization=self.normalization and self.normalization.to(device))


@dataclass(frozen=True)
class Trial:
    """One candidate that a line search looked at; divergences in nats, old policy first.

    nan is what the search had no use for: an update's clock holds only what the rule needs.
    """

    step_size: float
    surrogate_gain: float
    kl: float
    quadratic_kl: float
    max_kl: float
    accepted: bool


@dataclass(frozen=True)
class Reuse:
    """One re-use of a batch: how good the estimate in use still is before the k-th step (k = 0 is on policy)."""

    k: int
    ess: float  # effective sample size of the estimator's own weights, over that at k = 0
    max_weight: float  # largest share of the sum of weights
    truncated: float  # share of rows whose weight is cut
    predicted_variance: float  # of the estimate, rows taken for independent
    jackknife_variance: float  # of the estimate, episodes taken for independent


class Use(Protocol):
    """One use of a batch by a rule; the pipeline looks into it, outside the update's clock."""

    def diagnose(self) -> Reuse: ...


@dataclass(frozen=True)
class Info:
    """What only the rule knows about its update; nan where the rule has no such quantity."""

    accepted: bool = True
    step_size: float = NAN
    trials: tuple[Trial, ...] = ()
    uses: tuple[Use, ...] = field(default=(), repr=False)  # of the batch, in place of the next, ess and max_weight
    reuses: tuple[Reuse, ...] = ()
    discounted: bool = False  # whether the rule's surrogate is under the discounted visitation
    predicted_gain: float = NAN  # of the surrogate, by the rule's own model, for the whole step from old to new
    cg_iterations: float = NAN
    cg_residual: float = NAN
    radius: float = NAN  # of KL(old || new), nats
    euclidean_radius: float = NAN  # of the ball in parameter space, where the rule has one
    beta: float = NAN  # the penalty of the rule's own lower bound L - beta KL(old || new)
    ess: float = NAN
    max_weight: float = NAN
    gradient_evaluations: int = 0
    fisher_products: int = 0
    candidate_evaluations: int = 0
    extras: dict[str, float] = field(default_factory=dict)  # numbers of the rule's own: a column `extra_NAME` each


class HasTheta(Protocol):
    """The only thing the pipeline asks of a rule's state."""

    @property
    def theta(self) -> Tensor: ...


S = TypeVar("S", bound=HasTheta)


class UpdateRule(Protocol[S]):
    """Pure and deterministic: the same arguments give the same result, and are left untouched.

    A rule that samples has a keyword `seed`, which each run fills from its own seed, and counts its draws in its state.
    """

    def init(self, theta: Tensor) -> S: ...

    def update(self, state: S, batch: Batch) -> tuple[S, Info]: ...
