from dataclasses import replace
from math import log

import pytest
import torch
from algos_cases import on_perceptrons

from algos.ascent import LocalModel
from algos.estimators import diagnosed
from algos.rules import RULES
from algos.types import Normalization


def step(rule, problem):
    state, info = rule.update(rule.init(problem.theta), problem.batch)
    return state.theta - problem.theta, diagnosed(info)


def test_the_balance_heuristic_of_one_batch_is_the_ordinary_weight_and_of_equal_policies_too(problem):
    rule = RULES["history_pg"](problem.policy, lr=0.3)
    one = rule.mixture((problem.theta,), (problem.batch,))
    torch.testing.assert_close(one.log_probs, problem.batch.log_probs)
    twice = rule.mixture((problem.theta, problem.theta), (problem.batch, problem.batch))
    torch.testing.assert_close(twice.log_probs, problem.batch.log_probs.repeat(2))
    assert len(twice.episodes.unique()) == 2 * len(problem.batch.episodes.unique())
    vanilla, _ = step(RULES["vanilla_pg"](problem.policy, lr=0.3), problem)
    torch.testing.assert_close(step(rule, problem)[0], vanilla)


def test_history_forgets_what_is_older_than_its_batches(problem):
    rule = RULES["history_pg"](problem.policy, batches=2)
    state = rule.init(problem.theta)
    for expected in (1, 2, 2):
        state, _ = rule.update(state, problem.batch)
        assert len(state.batches) == len(state.behaviours) == expected


def test_advantages_are_pooled_at_the_scale_of_the_latest_batch(problem):
    rule, batch = RULES["history_pg"](problem.policy), problem.batch
    older = replace(batch, advantage_scale=6.0, advantage_mean=2.0, reward_scale=0.5)
    latest = replace(batch, advantage_scale=2.0, advantage_mean=-1.0, reward_scale=3.0)
    pooled = rule.mixture((problem.theta,) * 2, (older, latest))
    torch.testing.assert_close(pooled.advantages[:60], batch.advantages * (6.0 * 0.5) / (2.0 * 3.0))
    torch.testing.assert_close(pooled.advantages[60:], batch.advantages)
    assert (pooled.advantage_scale, pooled.advantage_mean, pooled.reward_scale) == (2.0, -1.0, 3.0)


@on_perceptrons
def test_every_policy_of_the_mixture_sees_the_raw_observations_through_its_own_normalisation(problem):
    policy, batch, g = problem.policy, problem.batch, torch.Generator().manual_seed(7)
    raw = [5 + 3 * torch.randn(60, 3, generator=g).double() for _ in range(2)]
    seen_by = [
        Normalization(torch.tensor([4.0, 6.0, 5.0]).double(), torch.tensor([3.0, 2.0, 4.0]).double(), 10.0),
        Normalization(torch.tensor([5.0, 5.0, 4.0]).double(), torch.tensor([2.5, 3.0, 3.5]).double(), 10.0),
    ]
    thetas = [problem.theta, problem.nearby(0.3)]

    def seen(rows, by):
        return (raw[rows] - seen_by[by].mean) / seen_by[by].std

    batches = [
        replace(
            batch,
            obs=seen(m, m),
            log_probs=policy.log_prob(thetas[m], seen(m, m), batch.actions),
            normalization=seen_by[m],
        )
        for m in range(2)
    ]
    pooled = RULES["history_pg"](policy).mixture(tuple(thetas), tuple(batches))
    torch.testing.assert_close(pooled.obs, torch.cat([seen(0, 1), seen(1, 1)]))
    expected = [
        torch.stack([policy.log_prob(thetas[m], seen(rows, m), batch.actions) - log(2) for m in range(2)]).logsumexp(0)
        for rows in range(2)
    ]
    torch.testing.assert_close(pooled.log_probs, torch.cat(expected))
    assert pooled.normalization is seen_by[1]


def test_the_mixtures_estimate_of_a_constant_is_that_constant(problem):
    """Weights against the mixture have mean 1 under it: here with the actions of every row summed out."""
    policy, other, obs = problem.policy, problem.nearby(0.5), problem.batch.obs
    if policy.family.noise != "gumbel":
        pytest.skip("actions that can be summed over")
    new, each = problem.nearby(0.2), torch.cartesian_prod(*map(torch.arange, getattr(policy.family, "sizes", (3,))))
    k = len(each)
    rows = {
        "obs": obs.repeat_interleave(k, 0),
        "actions": each.repeat(60, *[1] * (each.ndim - 1)),
        "times": torch.zeros(60 * k, dtype=torch.long),
    }
    batches = [
        replace(
            problem.batch,
            **rows,
            advantages=torch.ones(60 * k).double(),
            log_probs=policy.log_prob(theta, rows["obs"], rows["actions"]),
            episodes=torch.arange(60).repeat_interleave(k),
        )
        for theta in (problem.theta, other)
    ]
    pooled = RULES["history_pg"](policy).mixture((problem.theta, other), tuple(batches))
    ratio = (policy.log_prob(new, pooled.obs, pooled.actions) - pooled.log_probs).exp()
    collected = torch.cat([batch.log_probs for batch in batches]).exp()  # how probable the row was where it came from
    assert float((collected * ratio).sum() / 120) == pytest.approx(1.0)


def test_the_mixtures_log_probs_are_computed_in_double(problem):
    single = problem.in_single_precision()
    thetas = single.theta, single.nearby(0.3)
    batches = [
        replace(single.batch, log_probs=problem.policy.log_prob(theta, single.batch.obs, single.batch.actions))
        for theta in thetas
    ]
    found = RULES["history_pg"](problem.policy).mixture(thetas, tuple(batches)).log_probs
    outputs = [problem.policy.outputs(theta, single.batch.obs).double() for theta in thetas]
    under = torch.stack([problem.policy.family.log_prob(d, single.batch.actions) for d in outputs])
    torch.testing.assert_close(found, (under - log(2)).logsumexp(0).repeat(2), rtol=0, atol=1e-14)


def test_the_mixture_counts_the_gradients_of_all_its_batches_and_remembers_adams_moments(problem):
    rule = RULES["history_pg_adam"](problem.policy, batches=3, updates=2)
    state = rule.init(problem.theta)
    for batches in (1, 2, 3, 3):
        state, info = rule.update(state, problem.batch)
        assert info.gradient_evaluations == 2 * batches and len(info.uses) == 2
    assert state.ascent.direction.steps == 8


def test_the_first_update_is_that_of_the_rule_inside(problem):
    moved, _ = step(RULES["history_pg"](problem.policy, lr=0.2, updates=3), problem)
    reused, _ = step(RULES["reuse_pg"](problem.policy, lr=0.2, updates=3), problem)
    torch.testing.assert_close(moved, reused)
    assert float(LocalModel(problem.policy, problem.theta, problem.batch).gradient @ moved) > 0


def test_no_batches_are_refused(problem):
    with pytest.raises(ValueError, match="batches must be at least 1, got 0"):
        RULES["history_pg"](problem.policy, batches=0)
