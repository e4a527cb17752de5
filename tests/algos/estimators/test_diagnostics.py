import math
from dataclasses import replace

import pytest
import torch
from surrogate_cases import EPISODES, RATIOS, WEIGHTS, every_surrogate

from algos.estimators import WEIGHTINGS, Clipped, Discounted, Used, diagnosed
from algos.estimators.diagnostics import effective_sample_size, jackknife_variance, predicted_variance
from algos.types import Info

ONES = torch.ones(4000).double()


def diagnose(k, surrogate, log_ratio, batch):
    return Used(k, surrogate, log_ratio, batch).diagnose()


def test_the_effective_sample_size_by_hand():
    ess, largest = effective_sample_size(torch.tensor([3.0, 1.0]).log())
    assert ess == pytest.approx(16 / (2 * 10)) and largest == pytest.approx(0.75)
    assert effective_sample_size(torch.zeros(7)) == (pytest.approx(1.0), pytest.approx(1 / 7))


def test_the_effective_sample_size_does_not_overflow():
    ess, largest = effective_sample_size(torch.tensor([500.0, 0.0]))
    assert ess == pytest.approx(0.5) and largest == pytest.approx(1.0)


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_sample_size_and_largest_share_are_of_the_estimators_own_weights(name):
    found, weights = diagnose(3, WEIGHTINGS[name], RATIOS.log(), EPISODES), torch.tensor(WEIGHTS[name]).double()
    assert found.ess == pytest.approx(float(weights.sum() ** 2 / (5 * weights.square().sum())))
    assert found.max_weight == pytest.approx(float(weights.max() / weights.sum())) and found.k == 3
    assert found.truncated == pytest.approx(0.4 if name == "truncated" else 0.0)


@every_surrogate
def test_at_the_old_policy_nothing_of_the_sample_is_lost(surrogate, problem):
    assert diagnose(0, surrogate, torch.zeros(60).double(), problem.batch).ess == pytest.approx(1.0)


def test_discounted_weights_count_for_less_the_later_they_are():
    late = torch.tensor([0.0, 0.0, 0.0, 0.0, math.log(2)]).double()  # episode 7, times 0, 1, 2
    early = late.flip(0)
    batch = replace(EPISODES, gamma=0.1, episodes=torch.full((5,), 7), times=torch.arange(5))
    first, last = (diagnose(1, Discounted(), log_ratio, batch) for log_ratio in (early, late))
    assert last.ess > 0.999 > first.max_weight > last.max_weight


@every_surrogate
def test_the_jackknife_leaves_each_episode_out_of_the_whole_estimate(surrogate, problem):
    log_ratio, batch = torch.linspace(-1, 1, 60).double(), problem.batch
    without = torch.stack(
        [
            surrogate.value(log_ratio[keep], batch.rows(keep))
            for keep in (batch.episodes != e for e in batch.episodes.unique())
        ]
    )
    expected = (len(without) - 1) * float(without.var(correction=0))
    assert diagnose(1, surrogate, log_ratio, batch).jackknife_variance == pytest.approx(expected, rel=1e-9)


def test_self_normalised_weights_know_a_constant_for_sure(problem):
    batch = problem.with_advantages(torch.full((60,), 3.0).double())
    found = diagnose(1, WEIGHTINGS["self_normalised"], torch.linspace(-1, 1, 60).double(), batch)
    assert found.jackknife_variance == pytest.approx(0, abs=1e-25)
    assert found.predicted_variance == pytest.approx(0, abs=1e-25)
    assert diagnose(1, WEIGHTINGS["ordinary"], torch.linspace(-1, 1, 60).double(), batch).jackknife_variance > 1e-3


@pytest.mark.parametrize("surrogate", [*WEIGHTINGS.values(), Clipped(0.2)], ids=repr)
def test_the_predicted_variance_is_that_of_independent_draws(surrogate):
    """Every row an episode of its own: what 5,000 batches do against what one large one says."""
    g = torch.Generator().manual_seed(0)
    n, trials = 100, 5_000
    values = torch.tensor([1.0, -2.0, 3.0]).double()
    p, q = torch.tensor([0.5, 0.3, 0.2]).double(), torch.tensor([0.3, 0.3, 0.4]).double()
    draws = torch.multinomial(q, n * trials, True, generator=g)
    log_ratio = (p / q).log()[draws]
    many = len(draws)
    whole = replace(
        EPISODES, obs=draws, actions=draws, advantages=values[draws], log_probs=draws, episodes=torch.arange(many),
        times=torch.zeros(many),
    )  # fmt: skip
    numerators, denominators = surrogate.terms(log_ratio, whole)
    numerators, denominators = numerators.view(trials, n).sum(1), denominators.view(trials, n).sum(1)
    truth = float((numerators / denominators).var())
    found = diagnose(1, surrogate, log_ratio, whole)
    assert found.predicted_variance * many / n == pytest.approx(truth, rel=0.06)
    assert found.jackknife_variance * many / n == pytest.approx(truth, rel=0.06)


def test_the_predicted_variance_of_a_mean_is_the_importance_samplers_formula():
    ratio, f = RATIOS, EPISODES.advantages
    expected = (float((ratio**2 * f**2).mean()) - float((ratio * f).mean()) ** 2) / 5
    assert predicted_variance(ratio * f, torch.ones(5).double()) == pytest.approx(expected)


def test_the_jackknife_takes_episodes_for_independent_and_rows_not():
    g = torch.Generator().manual_seed(0)
    offsets = torch.randn(400, generator=g).double().repeat_interleave(10)
    episodes = torch.arange(400).repeat_interleave(10)
    assert jackknife_variance(offsets, ONES, episodes) == pytest.approx(1 / 400, rel=0.2)
    assert jackknife_variance(offsets, ONES, torch.arange(4000)) == pytest.approx(1 / 4000, rel=0.2)
    assert math.isnan(jackknife_variance(offsets, ONES, torch.zeros(4000)))


def test_single_precision_is_left_before_anything_is_summed(problem):
    log_ratio = torch.linspace(-1, 1, 60)
    single = replace(problem.batch, advantages=problem.batch.advantages.float())
    double = replace(single, advantages=single.advantages.double())
    for surrogate in WEIGHTINGS.values():
        assert diagnose(1, surrogate, log_ratio, single) == diagnose(1, surrogate, log_ratio.double(), double)


def test_every_tensor_is_made_on_the_device_of_the_batch(problem):
    log_ratio = torch.linspace(-1, 1, 60).double()
    expected = diagnose(1, WEIGHTINGS["per_decision"], log_ratio, problem.batch)
    with torch.device("meta"):
        assert diagnose(1, WEIGHTINGS["per_decision"], log_ratio, problem.batch) == expected


def test_what_a_rule_used_becomes_what_it_was_worth():
    uses = tuple(Used(k, WEIGHTINGS["ordinary"], k * RATIOS.log(), EPISODES) for k in range(3))
    info = diagnosed(Info(uses=uses, step_size=0.5))
    assert info.reuses == tuple(use.diagnose() for use in uses) and info.uses == () and info.step_size == 0.5
    assert info.ess == uses[2].ess() == info.reuses[2].ess and info.max_weight == info.reuses[2].max_weight
    alone = Info(ess=0.3)
    assert diagnosed(alone) is alone, "a rule may know its weights itself"
