"""The rows of one run: its updates, trials, re-uses, evaluations and policies, and the run itself."""

import base64
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

NAN = float("nan")
STATUSES = (  # whose fault it is
    "ok",
    "diverged",  # numbers of the policy or the critic that are not finite, or absurd
    "env_error",  # whatever the environment raised, or returned and should not have
    "rule_error",  # likewise the rule
    "internal_error",  # raised by the pipeline itself
    "timeout",
    "oom",
    "killed",
)
RETRIED = frozenset({"killed", "timeout", "oom"})  # facts about that day and that machine, not about the cell


@dataclass(frozen=True, kw_only=True)
class UpdateRow:
    """One update of one run. Seconds are of this update alone; counters run from the start of the run."""

    table: ClassVar[str] = "updates"
    run_id: str
    update: int
    env_steps: int  # training steps so far
    episodes: int  # training episodes finished so far
    train_return: float  # mean undiscounted return of the episodes that ended in this batch; nan if none
    clipped_actions: float  # share of action components outside the action space, clipped before the environment
    explained_variance: float  # of the returns by the baseline that made the advantages
    # what the rule says (algos.types.Info)
    accepted: bool
    step_size: float
    discounted: bool = False  # whether its surrogate is under the discounted visitation, not the undiscounted
    predicted_gain: float  # under that visitation
    cg_iterations: float
    cg_residual: float
    radius: float  # of KL, nats
    euclidean_radius: float = NAN  # of the parameters
    beta: float  # of the rule's own lower bound; nan where it has none
    ess: float
    max_weight: float
    trials: int  # how many; one by one in `trials`
    reuses: int  # how many; one by one in `reuses`
    extras: dict[str, float] = field(default_factory=dict)  # of the rule's own; a column `extra_NAME` each
    # what the pipeline measures (algos.estimators.Change)
    surrogate_gain: float  # under the undiscounted visitation
    kl: float
    reverse_kl: float
    max_kl: float
    quadratic_kl: float
    step_norm: float
    agreement: float  # the gain under the rule's visitation / predicted_gain
    discounted_gain: float = NAN  # surrogate gain under the discounted visitation
    linear_gain: float = NAN  # this and the next three are under the rule's visitation
    implied_beta: float = NAN
    predicted_bound: float
    achieved_bound: float
    entropy: float
    # what it measures where it is asked to, every `diagnose_every` updates (algos.ascent.blind_spot); nan elsewhere
    signal_share: float = NAN  # of the batch's gradient
    gradient_square: float = NAN
    natural_signal_share: float = NAN
    natural_square: float = NAN
    noise_scale: float = NAN  # rows
    start_rows: float = NAN
    start_advantage: float = NAN
    start_kl: float = NAN
    early_kl: float = NAN
    middle_kl: float = NAN
    late_kl: float = NAN
    hindsight_gain: float = NAN  # of the update before, by this batch, in the unit of that update's surrogate_gain
    # what is true, on problems where that is known (experiments/cell/oracle.py); nan elsewhere
    true_return_before: float  # exact discounted return of the old policy
    true_return_after: float
    true_cosine: float  # between the exact policy gradient and the batch's (undiscounted) estimate
    claimed_gain: float  # achieved_bound times scales and mass of the discounted visitation: a gain of the return
    bound_held: float  # 1 where the true gain is no less than the claimed one, else 0
    # cost
    gradient_evaluations: int
    fisher_products: int
    candidate_evaluations: int
    rollout_s: float
    advantage_s: float
    critic_s: float
    update_s: float
    measure_s: float


@dataclass(frozen=True, kw_only=True)
class TrialRow:
    """One candidate of a line search (algos.types.Trial)."""

    table: ClassVar[str] = "trials"
    run_id: str
    update: int
    trial: int
    step_size: float
    surrogate_gain: float
    kl: float
    quadratic_kl: float
    max_kl: float
    accepted: bool


@dataclass(frozen=True, kw_only=True)
class ReuseRow:
    """One re-use of a batch (algos.types.Reuse)."""

    table: ClassVar[str] = "reuses"
    run_id: str
    update: int
    k: int
    ess: float
    max_weight: float
    truncated: float
    predicted_variance: float
    jackknife_variance: float


@dataclass(frozen=True, kw_only=True)
class EvaluationRow:
    """One evaluation of one policy, on environments and seeds of its own."""

    table: ClassVar[str] = "evaluations"
    run_id: str
    grid_step: int  # the point of the fixed grid, in environment steps
    env_steps: int  # training steps when the policy was judged: the first update at or after grid_step
    update: int
    train_s: float  # seconds of training so far, evaluation excluded
    final: bool  # the held-out judgement of the last policy
    action: str  # "sampled" from the policy, or its "mean" (the mode, where actions are discrete)
    episodes: int
    return_mean: float  # undiscounted
    return_sd: float
    length_mean: float
    cut: int = 0  # episodes that had not ended after `eval_max_steps` of the settings
    extras: dict[str, float] = field(default_factory=dict)  # means over the episodes of what `info` said at their last
    # step, under the names that the matrix file gives; nan if an episode's did not; a column `extra_NAME` each
    gradient_evaluations: int
    fisher_products: int


@dataclass(frozen=True, kw_only=True)
class PolicyRow:
    """The last policy with what it needs to act and to go on learning; arrays by `text_of`."""

    table: ClassVar[str] = "policies"
    run_id: str
    env_steps: int
    theta: str  # [P]
    critic: str  # [P of the critic]
    obs_mean: str  # [O] of the observation normaliser
    obs_std: str  # [O]


def text_of(values: NDArray[Any]) -> str:
    """An array [n] as text: base64 of little-endian float64, exact for any float."""
    return base64.b64encode(np.asarray(values, dtype="<f8").tobytes()).decode()


def array_of(text: str) -> NDArray[np.float64]:
    """The array that `text_of` was given."""
    return np.frombuffer(base64.b64decode(text), dtype="<f8").astype(np.float64)


@dataclass(frozen=True, kw_only=True)
class RunRow:
    """One run. The phases' seconds add up to `total_s`."""

    table: ClassVar[str] = "runs"
    run_id: str
    env: str
    rule: str
    label: str  # the rule's name in the matrix, with swept hyper-parameters
    hyper: str  # JSON
    settings: str  # JSON
    seed: int
    budget: int
    status: str  # one of STATUSES
    reason: str
    env_steps: int
    updates: int
    episodes: int
    gradient_evaluations: int
    fisher_products: int
    candidate_evaluations: int
    compile_s: float = 0.0  # to make environments, and compile what is not in numba's cache: once per installation
    rollout_s: float
    advantage_s: float
    critic_s: float
    update_s: float
    measure_s: float
    evaluation_s: float
    other_s: float
    total_s: float
    cpu_s: float
    peak_rss_mb: float
    attempts: int = 1  # processes that were lost before, and this one
    jobs: int  # cells side by side
    lane: str  # "throughput", or "timing": one cell at a time, whose seconds may be compared
    calibration_before: float = NAN  # seconds of a fixed piece of work around the cell; timing lane only
    calibration_after: float = NAN
    threads: int
    load: float  # the machine's one-minute load average at the end
    cpu: str
    protocol: str = ""  # version of the protocol (experiments/records/protocol.py); empty where it was not recorded
    code: str  # digest of the code that computed it (experiments/identity.py)
    versions: str  # JSON: python, torch, gymnasium, mujoco, numpy
    traceback: str = ""  # of what was raised, its last lines


PAYLOAD = (UpdateRow, TrialRow, ReuseRow, EvaluationRow, PolicyRow)  # the tables of a cell
PHASES = tuple(
    field.name for field in fields(RunRow) if field.name.endswith("_s") and field.name not in ("total_s", "cpu_s")
)
