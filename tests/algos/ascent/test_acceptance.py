from dataclasses import replace
from math import isfinite, isnan

import pytest

from algos.ascent import (
    Always,
    Backtracking,
    Fixed,
    Gradient,
    KLWithin,
    LocalModel,
    LowerBoundImproves,
    MaxKLBoundImproves,
    MaxKLWithin,
    Natural,
    ReverseKLWithin,
    SufficientIncrease,
    SurrogateImproves,
)
from algos.ascent.step_sizes import Length
from algos.finite import NonFinite


def search(problem, acceptance, alpha, direction=None, **in_force):
    model = LocalModel(problem.policy, problem.theta, problem.batch)
    heading, _ = (direction or Natural()).head(model, None)
    return (
        acceptance.search(
            model,
            heading,
            Length(alpha, **in_force),
        ),
        model,
        heading,
    )


def test_always_takes_the_step_unseen(problem):
    outcome, model, heading = search(problem, Always(), 0.3)
    assert outcome.accepted and outcome.theta.equal(problem.theta + heading.vector * 0.3)
    assert model.candidate_evaluations == 0


def test_backtracking_shrinks_until_all_conditions_hold_and_records_every_trial(problem):
    conditions = (KLWithin(), SurrogateImproves(), MaxKLWithin(factor=100.0))
    outcome, model, heading = search(problem, Backtracking(conditions, shrink=0.5), 4.0, radius=0.01)
    *rejected, last = outcome.trials
    assert outcome.accepted and last.accepted and last.kl <= 0.01 and last.surrogate_gain > 0
    assert rejected and all(not t.accepted and (t.kl > 0.01 or t.surrogate_gain <= 0) for t in rejected)
    assert [t.step_size for t in outcome.trials] == [4.0 * 0.5**i for i in range(len(outcome.trials))]
    assert model.candidate_evaluations == len(outcome.trials)
    step = heading.vector * last.step_size
    assert last.max_kl >= last.kl > 0
    assert heading.curvature * last.step_size**2 == pytest.approx(float(step @ model.fisher(step)))


def test_a_search_that_fails_stays_exactly_where_it_was(problem):
    outcome, _, _ = search(problem, Backtracking((KLWithin(),), max_trials=3), 1.0, radius=1e-12)
    assert not outcome.accepted and outcome.theta is problem.theta and outcome.step_size == 0.0
    assert len(outcome.trials) == 3


def test_armijo_wants_a_share_of_the_promised_gain(problem):
    outcome, _, heading = search(problem, Backtracking((SufficientIncrease(0.9),), 0.5, 30), 50.0, Gradient())
    last, before = outcome.trials[-1], outcome.trials[-2]
    assert last.surrogate_gain >= 0.9 * last.step_size * heading.slope
    assert before.surrogate_gain < 0.9 * before.step_size * heading.slope


def test_the_lower_bound_counts_the_divergence_against_the_gain(problem):
    outcome, _, _ = search(problem, Backtracking((LowerBoundImproves(),), 0.5, 30), 4.0, beta=20.0)
    for trial in outcome.trials:
        assert trial.accepted == (trial.surrogate_gain > 20.0 * trial.kl)
    assert len(outcome.trials) > 1


def test_without_conditions_the_first_trial_is_taken(problem):
    outcome, _, _ = search(problem, Backtracking(()), 0.1)
    assert outcome.accepted and len(outcome.trials) == 1


@pytest.mark.parametrize(("field", "value"), [("shrink", 1.0), ("shrink", 0.0), ("max_trials", 0)])
def test_searches_that_cannot_end_are_refused(field, value):
    with pytest.raises(ValueError, match=f"{value}"):
        Backtracking((), **{field: value})


def test_a_fixed_step_is_a_length_too():
    assert Fixed(0.1).lr == 0.1


def test_conditions_read_the_radius_or_the_penalty_of_the_length(problem):
    model = LocalModel(problem.policy, problem.theta, problem.batch)
    heading, _ = Natural().head(model, None)
    candidate = model.candidate(problem.theta + 0.1 * heading.vector)
    tight = candidate.surrogate_gain / candidate.kl
    limits = {
        KLWithin(): ("radius", candidate.kl),
        KLWithin(factor=1.5): ("radius", candidate.kl / 1.5),
        ReverseKLWithin(): ("radius", candidate.reverse_kl),
        MaxKLWithin(): ("radius", candidate.max_kl),
        LowerBoundImproves(): ("beta", tight),
        MaxKLBoundImproves(): ("beta", candidate.surrogate_gain / candidate.max_kl),
    }
    for condition, (name, limit) in limits.items():
        generous, strict = (1.01, 0.99) if name == "radius" else (0.99, 1.01)
        assert condition.holds(candidate, 0.1, heading, Length(0.1, **{name: generous * limit})), condition
        assert not condition.holds(candidate, 0.1, heading, Length(0.1, **{name: strict * limit})), condition
        with pytest.raises(ValueError, match=f"needs a step size with a {name}"):
            condition.holds(candidate, 0.1, heading, Length(0.1))


def test_what_a_search_has_no_use_for_is_not_computed(problem):
    outcome, _, heading = search(problem, Backtracking((SurrogateImproves(),)), 0.1, Gradient())
    trial = outcome.trials[-1]
    assert trial.surrogate_gain > 0 and isnan(trial.kl) and isnan(trial.max_kl) and isnan(trial.quadratic_kl)
    assert "curvature" not in vars(heading)


def test_a_candidate_that_overflows_is_one_that_went_too_far(problem):
    model = LocalModel(problem.policy, problem.theta, problem.batch)
    heading, _ = Gradient().head(model, None)
    far = replace(heading, vector=heading.vector * 1e10)
    found = Backtracking((SurrogateImproves(),), shrink=1e-160).search(model, far, Length(1e308))
    assert found.accepted and not found.trials[0].accepted and isfinite(found.trials[-1].surrogate_gain)
    assert found.theta.isfinite().all()
    with pytest.raises(NonFinite, match="none of the 2 candidates"):
        Backtracking((), 0.9, 2).search(model, far, Length(1e308))


def test_standing_still_is_no_improvement(problem):
    model = LocalModel(problem.policy, problem.theta, problem.batch)
    heading, _ = Gradient().head(model, None)
    for condition in (SurrogateImproves(), SufficientIncrease()):
        assert not condition.holds(model.candidate(problem.theta), 0.0, heading, Length(0.0)), condition


def test_standing_still_does_not_improve_the_lower_bound_whatever_the_rounding_of_its_kl(problem):
    model = LocalModel(problem.policy, problem.theta, problem.batch)
    heading, _ = Gradient().head(model, None)
    still = model.candidate(problem.theta)
    assert not LowerBoundImproves().holds(still, 0.0, heading, Length(0.0, beta=1.0)), (still.surrogate_gain, still.kl)
