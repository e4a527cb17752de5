from dataclasses import replace

import pytest
import torch
from algos_cases import on_perceptrons

from algos.estimators import measure_change
from algos.rules import RULES
from algos.types import Normalization


def remembering(policy, **changes):
    return replace(RULES["trpo_memory"](policy, share=0.8, max_kl=0.01), **changes)


def at(batch, times):
    return replace(batch, times=torch.full_like(batch.times, times))


def test_the_first_step_is_trpos(problem):
    found, expected = (
        rule.update(rule.init(problem.theta), problem.batch)[0].theta
        for rule in (remembering(problem.policy), RULES["trpo"](problem.policy, max_kl=0.01))
    )
    assert found.equal(expected)


def test_states_come_as_often_as_the_discounted_visitation_has_them(problem):
    rule = remembering(problem.policy, one_in=4)
    start = rule.init(problem.theta)
    early, _ = rule.update(start, at(problem.batch, 0))
    assert early.memory.obs.equal(problem.batch.obs[3::4])
    half, _ = rule.update(start, replace(at(problem.batch, 1), gamma=0.5))
    assert half.memory.obs.equal(problem.batch.obs[7::8])
    late, _ = rule.update(start, at(problem.batch, 100_000))
    assert late.memory is None


def test_the_region_is_of_both_by_share(problem):
    """Old states do not resemble the new ones: what the policy may do at them is seen by the memory alone."""
    rule = remembering(problem.policy, one_in=1)
    first, _ = rule.update(rule.init(problem.theta), at(problem.batch, 0))
    later = replace(at(problem.batch, 100_000), obs=problem.batch.obs + 3)
    later = replace(later, log_probs=problem.policy.log_prob(first.theta, later.obs, later.actions))
    second, info = rule.update(first, later)
    kl = [measure_change(problem.policy, first.theta, second.theta, b).kl for b in (later, problem.batch)]
    assert info.accepted and info.trials[-1].kl <= 0.01
    assert 0.2 * kl[0] + 0.8 * kl[1] == pytest.approx(info.trials[-1].kl)
    assert kl[0] != pytest.approx(info.trials[-1].kl, rel=0.01)
    assert second.memory.obs.equal(problem.batch.obs), "nothing late was added"


@on_perceptrons
def test_the_last_states_are_kept_as_the_present_normaliser_makes_them(problem):
    rule, size = remembering(problem.policy, one_in=1, states=70), problem.batch.obs.shape[1]
    old, new = (Normalization(torch.full((size,), m).double(), torch.ones(size).double(), 1e3) for m in (0.0, 1.0))
    first, _ = rule.update(rule.init(problem.theta), replace(at(problem.batch, 0), normalization=old))
    second, _ = rule.update(first, replace(at(problem.batch, 0), normalization=new))
    assert len(second.memory.obs) == 70 and second.memory.normalization is new
    torch.testing.assert_close(second.memory.obs[:10], problem.batch.obs[-10:] - 1)
    assert second.memory.obs[10:].equal(problem.batch.obs)
