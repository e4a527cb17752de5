import math
from dataclasses import replace

import pytest
import torch
from algos_cases import make_problem
from exact_cases import every_episode

from algos.ascent.blind_spot import Signal, hindsight_gain, measure_places, measure_signal
from algos.policies import Categorical

DRAWN = 1000  # batches


def row_gradients(problem, batch):
    """Every row's own gradient [B, P] of log pi times its advantage, one by one."""
    rows = []
    for i in range(len(batch.obs)):
        theta = problem.theta.clone().requires_grad_()
        log_prob = problem.policy.log_prob(theta, batch.obs[i : i + 1], batch.actions[i : i + 1])
        rows.append(torch.autograd.grad(log_prob.sum() * batch.advantages[i], theta)[0])
    return torch.stack(rows)


def dense_fisher(problem, batch):
    """The Hessian [P, P] of the mean KL(theta || .) at theta."""
    old = problem.policy.outputs(problem.theta, batch.obs).detach()

    def kl(theta):
        return problem.policy.family.kl(old, problem.policy.outputs(theta, batch.obs)).mean()

    return torch.autograd.functional.hessian(kl, problem.theta)


@pytest.mark.parametrize("n_envs", [4, 3], ids=["equal halves", "one half twice the other"])
def test_the_shares_of_signal_are_those_of_their_definition(problem, n_envs):
    batch = replace(problem.batch, n_envs=n_envs)
    rows, odd = row_gradients(problem, batch), torch.arange(60) % n_envs % 2 == 1
    a, b = rows[~odd].mean(0), rows[odd].mean(0)
    g = (a + b) / 2
    found = measure_signal(problem.policy, problem.theta, batch, cg_iterations=400, damping=0.1)
    assert found.gradient_square == pytest.approx(float(g @ g), rel=1e-9)
    assert found.signal_share == pytest.approx(float(a @ b / (g @ g)), rel=1e-9)
    inverse = torch.linalg.inv(dense_fisher(problem, batch) + 0.1 * torch.eye(len(g), dtype=torch.float64))
    assert found.natural_square == pytest.approx(float(g @ inverse @ g), rel=1e-5)
    assert found.natural_signal_share == pytest.approx(float(a @ inverse @ b / (g @ inverse @ g)), abs=1e-5)
    assert float(a @ b / (g @ g)) != pytest.approx(float(a @ inverse @ b / (g @ inverse @ g)), rel=0.01)
    few = measure_signal(problem.policy, problem.theta, batch)
    assert 0 < few.natural_square < found.natural_square, "ten iterations are not all"


def test_the_noise_scale_of_equal_halves_is_the_published_estimate(problem):
    batch = replace(problem.batch, n_envs=4)
    rows, odd = row_gradients(problem, batch), torch.arange(60) % 4 % 2 == 1
    small = (rows[odd].mean(0).square().sum() + rows[~odd].mean(0).square().sum()) / 2
    big = rows.mean(0).square().sum()
    squared_gradient = (60 * big - 30 * small) / (60 - 30)
    trace = (small - big) / (1 / 30 - 1 / 60)
    found = measure_signal(problem.policy, problem.theta, batch)
    assert found.noise_scale == pytest.approx(float(trace / squared_gradient), rel=1e-9)
    assert found.signal_share == pytest.approx(1 / (1 + found.noise_scale / 60), rel=1e-9)


@pytest.mark.parametrize("lanes", [4, 3])
def test_noise_scale_and_share_are_right_on_average(lanes):
    """Rows drawn one by one from a problem of which every row is known, and so tr(S) and |G|^2."""
    _, policy, theta, whole = every_episode(0.9)
    problem = replace(make_problem(Categorical(2)), policy=policy, theta=theta)
    rows = row_gradients(problem, whole)
    scale = float(rows.var(0, correction=0).sum() / rows.mean(0).square().sum())
    g, size = torch.Generator().manual_seed(0), 60 * lanes
    signals = []
    for _ in range(DRAWN):
        drawn = torch.randint(len(whole.obs), (size,), generator=g)
        batch = replace(whole.rows(drawn), n_envs=lanes)
        signals.append(measure_signal(policy, theta, batch, cg_iterations=1))
    square = sum(s.gradient_square for s in signals) / DRAWN
    signal = sum(s.gradient_square * s.signal_share for s in signals) / DRAWN
    assert signal == pytest.approx(float(rows.mean(0).square().sum()), rel=0.05)
    parts = size / 2 if lanes == 4 else size * 4 / 9  # 1 / parts: the mean of 1 / rows of a half, over 2
    assert square / signal - 1 == pytest.approx(scale / (2 * parts), rel=0.08)
    trace = sum(s.noise_scale * s.gradient_square * s.signal_share for s in signals) / DRAWN
    assert trace / signal == pytest.approx(scale, rel=0.08)


def test_starts_and_what_they_weigh_are_counted(problem):
    batch = problem.batch
    of_starts = sum(float(a) ** 2 for a, t in zip(batch.advantages, batch.times, strict=True) if t == 0)
    found = measure_signal(problem.policy, problem.theta, batch)
    assert found.start_rows == pytest.approx(8 / 60)
    assert found.start_advantage == pytest.approx(of_starts / sum(float(a) ** 2 for a in batch.advantages))
    middle = measure_signal(problem.policy, problem.theta, replace(batch, times=batch.times + 5))
    assert middle.start_rows == middle.start_advantage == 0


def test_what_cannot_be_halved_or_is_not_finite_has_no_signal(problem):
    alone = replace(problem.batch, episodes=torch.zeros(60, dtype=torch.long))
    found = measure_signal(problem.policy, problem.theta, alone)
    assert math.isnan(found.signal_share) and math.isnan(found.noise_scale) and found.start_rows > 0
    broken = problem.with_advantages(problem.batch.advantages * math.nan)
    assert math.isnan(measure_signal(problem.policy, problem.theta, broken).signal_share)
    still = measure_signal(problem.policy, problem.theta, problem.with_advantages(torch.zeros(60).double()))
    assert still.gradient_square == 0 and math.isnan(still.signal_share) and math.isnan(still.start_advantage)
    assert all(map(math.isnan, vars(Signal()).values()))


def test_divergences_are_told_apart_by_the_time_in_the_episode(problem):
    policy, old, new, batch = problem.policy, problem.theta, problem.nearby(0.2), problem.batch
    starts = batch.obs[:3] + 0.5
    found = measure_places(policy, old, new, batch, starts, horizon=10)

    def kl(obs):
        one = obs.unsqueeze(0)
        return float(policy.family.kl(policy.outputs(old, one), policy.outputs(new, one)))

    parts: list[list[float]] = [[], [], []]
    for obs, time in zip(batch.obs, batch.times.tolist(), strict=True):
        parts[0 if time < 10 / 3 else 1 if time < 20 / 3 else 2].append(kl(obs))
    assert all(len(part) > 5 for part in parts)
    means = [sum(part) / len(part) for part in parts]
    assert [found.early_kl, found.middle_kl, found.late_kl] == pytest.approx(means)
    assert found.start_kl == pytest.approx(sum(kl(obs) for obs in starts) / 3)
    back = measure_places(policy, new, old, batch, starts, horizon=10)
    assert found.early_kl != pytest.approx(back.early_kl, rel=1e-3), "old comes first"


def test_where_there_are_no_rows_there_is_no_divergence(problem):
    found = measure_places(problem.policy, problem.theta, problem.nearby(), problem.batch, problem.batch.obs[:0], 100)
    assert found.early_kl > 0 and all(map(math.isnan, (found.middle_kl, found.late_kl, found.start_kl)))


def test_hindsight_is_the_exact_gain_to_first_order():
    """On every episode of a problem, as often as it is probable; hardly discounted, as a batch's rows are."""
    mdp, policy, theta, batch = every_episode(1 - 1e-9)
    pi = policy.outputs(theta, torch.eye(4, dtype=torch.float64)).softmax(-1)
    length, advantage, visits = len(batch.obs) / 256, mdp.advantage(pi), mdp.visitation(pi)
    step = torch.randn(len(theta), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    errors = []
    for size in (1e-2, 1e-3):
        before = theta - size * step
        earlier = policy.outputs(before, torch.eye(4, dtype=torch.float64)).softmax(-1)
        found = hindsight_gain(policy, before, theta, batch) * length
        exact = -float((visits.unsqueeze(-1) * (earlier - pi) * advantage).sum())
        assert found == pytest.approx(exact, rel=1e-6)
        gain = float(mdp.eta(pi) - mdp.eta(earlier))
        errors.append(abs(found - gain) / abs(gain))
    assert errors[0] < 0.1 and errors[1] < errors[0] / 5


def test_a_step_on_noise_gains_on_its_own_batch_and_not_in_hindsight():
    """300 batches whose advantages say nothing, and the next batches likewise."""
    problem, g = make_problem(Categorical(3)), torch.Generator().manual_seed(2)
    own, later = [], []
    for _ in range(300):
        noise, other = torch.randn(2, 60, generator=g, dtype=torch.float64)
        batch = problem.with_advantages(noise)
        step = row_means(problem, batch)
        new = problem.theta + step
        log_probs = problem.policy.log_prob(new, batch.obs, batch.actions)
        own.append(float(((log_probs - batch.log_probs).exp() - 1) @ noise) / 60)
        after = replace(problem.with_advantages(other), log_probs=log_probs)  # as if drawn by the new policy
        later.append(hindsight_gain(problem.policy, problem.theta, new, after))
    own_t, later_t = (torch.tensor(values) for values in (own, later))
    assert float(own_t.mean() / own_t.std()) > 1
    assert abs(float(later_t.mean() / later_t.std())) * 300**0.5 < 3
    assert float(later_t.mean()) < float(own_t.mean()) / 4


def row_means(problem, batch):
    theta = problem.theta.clone().requires_grad_()
    log_probs = problem.policy.log_prob(theta, batch.obs, batch.actions)
    return torch.autograd.grad((log_probs * batch.advantages).mean(), theta)[0]
