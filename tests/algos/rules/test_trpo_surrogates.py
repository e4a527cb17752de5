from dataclasses import replace

import pytest
import torch
from algos_cases import dense, on_perceptrons
from exact_cases import every_episode

from algos.ascent import LocalModel
from algos.curvature import EmpiricalFisher, Fisher, SubsampledFisher
from algos.estimators import Discounted, measure_change
from algos.policies import Categorical
from algos.rules import RULES


def test_divergence_and_fisher_matrix_are_under_the_discounted_visitation():
    """On a problem whose every episode is known: sum over s of rho(s) KL(s) / sum of rho."""
    mdp, policy, theta, batch = every_episode(0.7)
    new = theta + 0.3 * torch.randn(len(theta), generator=torch.Generator().manual_seed(0)).double()
    states = torch.eye(4).double()
    old_d, new_d = (policy.outputs(t, states) for t in (theta, new))
    rho = mdp.visitation(old_d.softmax(-1))
    exact = float((rho * Categorical(2).kl(old_d, new_d)).sum() / rho.sum())
    model = LocalModel(policy, theta, batch, Discounted())
    assert model.candidate(new).kl == pytest.approx(exact)
    assert model.candidate(new).kl != pytest.approx(LocalModel(policy, theta, batch).candidate(new).kl, rel=0.01)
    step = (new - theta) * 1e-4
    exact = float((rho * Categorical(2).kl(old_d, policy.outputs(theta + step, states))).sum() / rho.sum())
    assert model.curvature(step) / 2 == pytest.approx(exact, rel=1e-3)
    assert float(step @ model.fisher(step)) == pytest.approx(model.curvature(step))


@pytest.mark.parametrize("metric", [Fisher(), SubsampledFisher(3), EmpiricalFisher()], ids=repr)
def test_weights_are_rows_that_come_more_often(problem, metric):
    """gamma 1/2: rows at t = 0 twice, those at t = 1 once, and no others; each threefold, since one part skips two."""
    first, second = order_of(problem, 0), order_of(problem, 1)
    one = problem.batch.rows(torch.cat([first, second]).repeat_interleave(3))
    twice = problem.batch.rows(torch.cat([first, first, second]).repeat_interleave(3))
    weighted = LocalModel(problem.policy, problem.theta, replace(one, gamma=0.5), Discounted()).metric_product(metric)
    repeated = LocalModel(problem.policy, problem.theta, twice).metric_product(metric)
    size = len(problem.theta)
    torch.testing.assert_close(dense(weighted, size), dense(repeated, size))


def order_of(problem, time):
    return torch.nonzero(problem.batch.times == time).squeeze(1)


def test_a_step_is_trpos_on_rows_that_come_as_often_as_they_weigh(problem):
    one = replace(problem.batch, gamma=0.5).rows(problem.batch.times < 2)
    twice = problem.batch.rows(torch.cat([order_of(problem, 0), order_of(problem, 0), order_of(problem, 1)]))
    discounted, plain = RULES["trpo_discounted"](problem.policy), RULES["trpo"](problem.policy)
    (found, info), (expected, told) = (
        rule.update(rule.init(problem.theta), batch) for rule, batch in ((discounted, one), (plain, twice))
    )
    torch.testing.assert_close(found.theta, expected.theta, rtol=1e-7, atol=1e-9)
    assert info.accepted and info.discounted and not told.discounted
    assert [trial.kl for trial in info.trials] == pytest.approx([trial.kl for trial in told.trials])


def test_blocks_of_a_large_batch_have_their_own_weights(problem):
    rows = torch.arange(60).repeat(80)  # 4,800: more than two blocks
    batch = replace(problem.batch.rows(rows), times=torch.arange(4800) // 100)
    model = LocalModel(problem.policy, problem.theta, batch, Discounted())
    v = torch.randn(len(problem.theta), generator=torch.Generator().manual_seed(0)).double()
    assert float(v @ model.fisher(v)) == pytest.approx(model.curvature(v), rel=1e-9)


@on_perceptrons
def test_the_bonus_keeps_more_entropy(problem):
    entropies = []
    for entropy in (1e-6, 0.3, 3.0):
        rule, state = RULES["trpo_entropy"](problem.policy, entropy=entropy), None
        state = rule.init(problem.theta)
        for _ in range(5):
            state, info = rule.update(state, problem.batch)
        entropies.append(measure_change(problem.policy, problem.theta, state.theta, problem.batch).entropy)
    assert entropies == sorted(entropies) and entropies[2] > entropies[0] + 0.1
    assert info.predicted_gain != info.predicted_gain, "not a gain of the return alone"
