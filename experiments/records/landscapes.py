"""The rows of a landscape: the surroundings of one policy (experiments/landscape)."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, kw_only=True)
class LandscapeRow:
    """The surroundings of one policy (experiments/landscape): what its lines and its plane have in common.

    Every t counts steps s of its direction for which s'Fs/2 = `radius`, so t = 1 is the edge of the trust region.
    """

    table: ClassVar[str] = "landscape"
    run_id: str
    env: str
    label: str
    seed: int
    env_steps: int  # training steps behind the policy
    exact: bool  # from the environment's own table; otherwise from a batch and from episodes
    gamma: float
    rows: int  # states, or rows of the batch
    episodes: int  # behind each sampled return, the same for all; 0 where exact
    radius: float  # nats of mean KL(old || new)
    beta: float  # of the quadratic model, which is highest at the natural step to the radius
    penalty: float  # C of the lower bound; nan where no bound is known
    damping: float  # of the natural direction, and how well it was solved
    cg_iterations: float
    cg_residual: float
    ball: float  # radius of the ball in parameters through the gradient's step to the KL radius
    natural_x: float  # where the natural step to the radius ends on the plane
    natural_y: float
    code: str  # digest of the code that trains (experiments/identity.py)
    versions: str  # JSON


@dataclass(frozen=True, kw_only=True)
class LandscapeLineRow:
    """One point theta + t s on the line along a direction s. Returns are discounted, in units of the reward."""

    table: ClassVar[str] = "lines"
    direction: str  # "gradient", "natural" or "random"
    window: str  # "radius": as wide as the trust region; "bound": as wide as the lower bound
    t: float
    return_mean: float
    return_se: float  # standard error of the difference from the policy's own, episode by episode; 0 where exact
    surrogate: float  # L = eta(old) + sum_s rho_old(s) sum_a new(a|s) A_old(s, a)
    quadratic: float  # eta(old) + g.d - (beta/2) d'Fd
    penalized: float  # L - beta KL(old || new)
    bound: float  # M = L - C max KL(old || new); nan where no bound is known
    average_bound: float  # Achiam et al. 2017, corollary 1; nan where no bound is known
    kl: float  # mean KL(old || new) over the old policy's discounted states
    max_kl: float
    quadratic_kl: float  # d'Fd / 2
    norm: float  # |d|


@dataclass(frozen=True, kw_only=True)
class LandscapePlaneRow:
    """One point theta + x e1 + y e2, orthonormal: e1 along the gradient, the natural step at positive y.

    The other columns are those of `LandscapeLineRow`.
    """

    table: ClassVar[str] = "plane"
    x: float
    y: float
    return_mean: float
    return_se: float
    surrogate: float
    quadratic: float
    penalized: float
    bound: float
    average_bound: float
    kl: float
    max_kl: float
    quadratic_kl: float
    norm: float


LANDSCAPE = (LandscapeRow, LandscapeLineRow, LandscapePlaneRow)  # the tables of a landscape's folder
