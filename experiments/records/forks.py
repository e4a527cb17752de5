"""The row of a fork: one batch handed to one rule (experiments/run_forks.py)."""

from dataclasses import dataclass
from typing import ClassVar

NAN = float("nan")


@dataclass(frozen=True, kw_only=True)
class ForkRow:
    """What one rule made of a batch that every rule was given (experiments/run_forks.py).

    Gains on batches are in units of the batch's normalised advantages; times `return_unit` they are returns. nan is
    what the rule does not say, or what is not known for a rule that failed or did not move.
    """

    table: ClassVar[str] = "forks"
    run_id: str  # of the trunk, whose policy collected the batch
    env: str
    trunk: str  # its label
    settings: str  # JSON
    seed: int
    env_steps: int  # of training before the batch
    batch_size: int
    held_out_size: int  # rows of the held-out batch
    rule: str
    label: str
    hyper: str  # JSON
    status: str
    reason: str
    theta_digest: str  # of the new theta: equal where two rules made the same step
    # what the rule says (algos.types.Info)
    accepted: bool
    step_size: float
    trials: int
    discounted: bool = False  # whether its surrogate is under the discounted visitation, not the undiscounted
    predicted_gain: float  # under that visitation
    beta: float  # of the rule's own lower bound; nan where it has none
    # what is measured on the batch (algos.estimators.Change)
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
    # what the step does where its batch does not look (algos.ascent.blind_spot); the first seven are of the batch
    signal_share: float = NAN
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
    # on episodes of the same policy that no rule saw
    held_out_gain: float  # its surrogate gain
    held_out_kl: float
    held_out_max_kl: float
    # the step's cosine with
    gradient_cosine: float  # the batch's gradient
    natural_cosine: float  # the batch's natural direction, in the metric F: first-order gain per sqrt(KL) over the best
    held_out_cosine: float  # the held-out batch's gradient
    true_cosine: float  # the exact policy gradient, on problems where that is known
    # what the step was worth
    return_before: float
    return_after: float
    gain_se: float  # standard error of return_after - return_before, episodes paired by their seeds; 0 if exact
    exact: bool  # discounted return in closed form; else undiscounted, of `episodes` episodes, actions sampled
    episodes: int
    # what a surrogate gain of 1 is worth in units of the return, to first order: scales times the mass of the
    # visitation, the discounted one where returns are exact, else the mean length of an episode
    return_unit: float
    exact_surrogate_gain: float  # of the exact surrogate, in units of the return; nan where that is not known
    # cost
    gradient_evaluations: int
    fisher_products: int
    candidate_evaluations: int
    update_s: float  # the faster of two equal updates
    cpu: str
    code: str  # digest of the code that computed it
    versions: str  # JSON: python, torch, gymnasium, mujoco, numpy
