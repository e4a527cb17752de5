import itertools
import re
import time
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

import experiments.cell.run as run_module
from algos.estimators import ValueBaseline
from algos.finite import NonFinite, require_finite
from algos.rules import RULES
from experiments.cell.failures import Diverged, EnvironmentFailed, require_within
from experiments.cell.train import train
from experiments.records import CLOCKS, EvaluationRow, ReuseRow, RunRow, TrialRow, UpdateRow


def untimed(rows, *kinds):
    return [repr({k: v for k, v in asdict(r).items() if k not in CLOCKS}) for r in rows if isinstance(r, kinds)]


def of(kind, rows):
    return [row for row in rows if isinstance(row, kind)]


@pytest.mark.parametrize(("eval_mean", "on_the_way", "last"), [("always", 1, 1), ("final", 0, 1), ("never", 0, 0)])
def test_rows_come_on_the_grid_and_end_with_the_run(make_spec, eval_mean, on_the_way, last):
    rows = list(train(make_spec(budget=192, evaluations=2, eval_mean=eval_mean)))
    assert [r.env_steps for r in of(UpdateRow, rows)] == [64, 128, 192]
    told = [(r.grid_step, r.env_steps, r.final, r.action, r.episodes) for r in of(EvaluationRow, rows)]
    expected = []
    for where, mean in (((0, 0, False), on_the_way), ((96, 128, False), on_the_way), ((192, 192, False), on_the_way)):
        expected += [(*where, action, 2) for action in ("sampled", "mean")[: 1 + mean]]
    assert told == expected + [(192, 192, True, action, 3) for action in ("sampled", "mean")[: 1 + last]]
    run = rows[-1]
    assert isinstance(run, RunRow) and run.status == "ok" and run.updates == 3 and run.env_steps == 192


def test_the_same_seed_gives_the_same_rows_and_another_seed_does_not(make_spec):
    every = (UpdateRow, EvaluationRow, RunRow)
    first, again = (untimed(train(make_spec("Pendulum-v1")), *every) for _ in range(2))
    assert first == again
    other = untimed(train(make_spec("Pendulum-v1", seed=1)), UpdateRow)
    assert other != untimed(train(make_spec("Pendulum-v1")), UpdateRow)


def test_every_use_of_a_batch_is_a_row(make_spec):
    rows = list(train(make_spec(rule="reuse_pg")))
    uses, updates = of(ReuseRow, rows), of(UpdateRow, rows)
    assert [(use.update, use.k) for use in uses] == [(update, k) for update in (1, 2, 3) for k in range(4)]
    assert all(use.ess == pytest.approx(1.0, abs=1e-6) for use in uses if use.k == 0)
    assert [row.ess for row in updates] == [use.ess for use in uses if use.k == 3]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("env", ["CartPole-v1", "Pendulum-v1"])
def test_every_rule_runs_to_the_end_of_its_budget(make_spec, env, rule):
    rows = list(train(make_spec(env, rule)))
    run, updates = rows[-1], of(UpdateRow, rows)
    assert (run.status, run.reason, len(updates)) == ("ok", "", 3)
    assert len(of(TrialRow, rows)) == sum(row.trials for row in updates) <= run.candidate_evaluations
    assert len(of(ReuseRow, rows)) == sum(row.reuses for row in updates)
    assert run.gradient_evaluations >= 3 and all(row.kl >= -1e-6 for row in updates)


def test_how_often_and_how_long_it_is_judged_cannot_change_training(make_spec):
    few = untimed(train(make_spec(evaluations=1, eval_episodes=2, final_episodes=2)), UpdateRow)
    many = untimed(train(make_spec(evaluations=3, eval_episodes=5, final_episodes=7)), UpdateRow)
    strip = lambda rows: [row.split("'update'", 1)[1] for row in rows]  # the run id differs  # noqa: E731
    assert strip(few) == strip(many)


def test_the_global_generators_do_not_matter(make_spec):

    reference = untimed(train(make_spec()), UpdateRow)
    torch.manual_seed(123)
    np.random.seed(5)  # noqa: NPY002
    assert untimed(train(make_spec()), UpdateRow) == reference


def test_the_phases_add_up_to_the_whole(make_spec):
    run = list(train(make_spec("HalfCheetah-v5", budget=640)))[-1]
    assert run.rollout_s > 0 and run.evaluation_s > 0 and run.update_s > 0
    assert 0 <= run.other_s < run.total_s


def test_a_clock_that_jumps_changes_no_seconds(make_spec, monkeypatch):
    jumps = itertools.cycle((0.0, 1e9))
    monkeypatch.setattr(time, "time", lambda: next(jumps))
    run = list(train(make_spec()))[-1]
    assert run.status == "ok" and 0 < run.total_s < 100


class Broken:
    """A rule that goes wrong in its second update."""

    def __init__(self, policy, how):
        self.how = how

    def init(self, theta):
        return RULES["vanilla_pg"](None).init(theta)

    def update(self, state, batch):
        from algos.types import Info

        if not hasattr(self, "seen"):
            self.seen = True
            return state, Info()
        if self.how == "raises":
            raise ZeroDivisionError("no curvature")
        if self.how == "masked":
            require_finite(gradient=state.theta * float("nan"))
        return replace(state, theta=state.theta * {"nan": float("nan"), "absurd": 1e9}[self.how]), Info()


@pytest.mark.parametrize(
    ("how", "status", "reason"),
    [
        ("nan", "diverged", "theta not finite after update 1, 64 environment steps"),
        ("absurd", "diverged", r"theta beyond 1e\+06: \S+ after update 1, 64 environment steps"),
        ("masked", "diverged", "update: gradient holds nan or infinity after update 1, 64 environment steps"),
        ("raises", "rule_error", "ZeroDivisionError: no curvature"),
    ],
)
def test_a_rule_that_goes_wrong_ends_its_run_with_a_status_and_a_reason(monkeypatch, make_spec, how, status, reason):
    monkeypatch.setattr(
        "experiments.cell.checked_rule.build_rule", lambda rule, hyper, policy, seed: Broken(policy, how)
    )
    rows = list(train(make_spec()))
    assert rows[-1].status == status and re.fullmatch(reason, rows[-1].reason)
    assert len(of(UpdateRow, rows)) == 1 and rows[-1].env_steps == 64


@pytest.mark.parametrize(
    ("reward", "reason"),
    [(-2e9, r"rewards beyond 1e\+09: 2e\+09"), (1e8, r"returns beyond 1e\+09: 2e\+09"), (1e7, "")],
)
def test_a_return_that_no_task_pays_is_not_believed(make_spec, fakes, reward, reason):
    spec = make_spec(fakes + "Generous-v0", env_kwargs={"reward": reward}, batch_size=128, budget=256)
    run = list(train(spec))[-1]  # which begins with an evaluation
    assert run.status == ("diverged" if reason else "ok") and run.reason.startswith(
        "evaluated_returns" if reason else ""
    )
    if reason:
        with pytest.raises(Diverged, match=reason):
            list(run_module.Run(spec).step())


def test_rewards_that_are_no_numbers_are_the_environments_fault(make_spec, fakes):
    with pytest.raises(EnvironmentFailed, match="the environment's reward is nan"):
        list(run_module.Run(make_spec(fakes + "NanReward-v0")).step())


@pytest.mark.parametrize(("reward", "limit"), [(0.0, "1e+06"), (100.0, "1e+08")])
def test_a_critic_that_went_astray_ends_the_run_and_how_far_that_is_depends_on_what_it_learns(
    make_spec, fakes, monkeypatch, reward, limit
):
    spec = make_spec(
        fakes + "Generous-v0", env_kwargs={"reward": reward, "length": 1}, scale_rewards=False, normalize_obs=False
    )
    fresh = run_module.Run(spec).critic_state
    for factor, status in ((0.5, "ok"), (2.0, "diverged")):
        astray = replace(fresh, theta=torch.full_like(fresh.theta, factor * float(limit)))
        monkeypatch.setattr(ValueBaseline, "fit", lambda *arguments, astray=astray: astray)
        monkeypatch.setattr(ValueBaseline, "predict", lambda self, state, obs: obs[..., 0] * 0)
        run = list(train(spec))[-1]
        assert run.status == status, run.reason
    assert run.reason.startswith(f"critic beyond {limit}: ")


def test_a_critic_whose_fit_overflows_ends_the_run(make_spec, monkeypatch):
    def fit(*arguments):
        raise NonFinite("squared right hand side is inf")

    monkeypatch.setattr(ValueBaseline, "fit", fit)
    run = list(train(make_spec()))[-1]
    assert run.status == "diverged" and run.reason.startswith("critic not to be fitted: squared right hand side is inf")


def test_a_number_is_within_a_limit_or_named():
    require_within(5.0, a=np.array([-5.0, 5.0]), b=torch.tensor([1.0]), none=np.empty((3, 0)), whole=np.array([-5, 5]))
    with pytest.raises(Diverged, match=r"b beyond 5: 6$"):
        require_within(5.0, a=np.array([5.0]), b=torch.tensor([-6.0]))
    with pytest.raises(Diverged, match="a not finite"):
        require_within(5.0, a=np.array([float("nan")]))
