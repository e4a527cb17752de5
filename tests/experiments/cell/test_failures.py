"""Whose fault it is: what an environment or a rule raises or returns ends the run with a status, a reason, a trace."""

import pytest
import torch

from algos.finite import NonFinite
from experiments.cell.failures import Diverged, EnvironmentFailed, RuleFailed, raised_as, status_of
from experiments.cell.train import train
from experiments.records import STATUSES, RunRow, UpdateRow, decode, encode


def last(spec) -> RunRow:
    *_, run = train(spec)
    assert isinstance(run, RunRow) and repr(decode(encode(run))) == repr(run)
    return run


@pytest.mark.parametrize(
    ("how", "status", "reason"),
    [
        ("raises", "env_error", "RuntimeError: no licence"),
        ("exits", "env_error", "SystemExit: 3"),
        ("starves", "oom", "MemoryError: "),
    ],
)
def test_what_a_constructor_raises_is_in_the_record_and_in_the_log(make_spec, fakes, capfd, how, status, reason):
    run = last(make_spec(fakes + "Awkward-v0", env_kwargs={"how": how}))
    assert (run.status, run.reason.partition(" was raised")[0].strip()) == (status, reason.strip())
    assert (run.env_steps, run.updates, run.budget) == (0, 0, 192)
    for text in (run.traceback, capfd.readouterr().err):
        assert "fake_environments.py" in text and "in __init__" in text


def test_what_a_step_raises_is_too(make_spec, fakes, capfd):
    run = last(make_spec(fakes + "Raises-v0"))
    assert (run.status, run.reason) == ("env_error", "RuntimeError: the simulator is on fire")
    assert 'raise RuntimeError("the simulator is on fire")' in run.traceback
    assert run.traceback in capfd.readouterr().err


def test_one_that_cannot_be_closed_loses_nothing(make_spec, fakes):
    rows = list(train(make_spec(fakes + "Stuck-v0")))
    assert rows[-1].status == "ok" and sum(isinstance(row, UpdateRow) for row in rows) == 3


def test_what_the_pipeline_itself_raises_is_nobody_elses_fault(make_spec, monkeypatch):
    def broken(*arguments):
        raise KeyError("ours")

    monkeypatch.setattr("experiments.cell.run.measure_change", broken)
    run = last(make_spec())
    assert (run.status, run.reason) == ("internal_error", "KeyError: 'ours'") and "in broken" in run.traceback


def raises(error):
    raise error


def test_texts_are_bounded_and_can_be_stored(make_spec, monkeypatch):
    class Unreadable(Exception):
        def __str__(self):
            raise ValueError

    for error, begins in ((RuntimeError("x" * 10**6), "RuntimeError: xxx"), (RuntimeError("\ud800"), "RuntimeError: ?"),
                          (Unreadable(), "Unreadable: (its text cannot be read)")):  # fmt: skip
        monkeypatch.setattr("experiments.cell.checked_rule.build_rule", lambda *a, error=error: raises(error))
        run = last(make_spec())
        assert run.status == "rule_error" and run.reason.startswith(begins)
        assert len(run.reason) < 2_000 and len(run.traceback) < 20_000 and run.reason.encode()


@pytest.mark.parametrize("rule", ["vanilla_pg", "trpo", "ppo", "mm_adaptive"])
def test_equal_rewards_over_episodes_of_one_step_end_no_run_and_have_no_scale(make_spec, fakes, rule):
    moved = []
    for reward in (1.0, 2.0**-20, 2.0**20):
        spec = make_spec(fakes + "Generous-v0", rule, env_kwargs={"reward": reward, "length": 1}, budget=640)
        rows = list(train(spec))
        assert rows[-1].status == "ok", rows[-1].reason
        moved.append([row.kl for row in rows if isinstance(row, UpdateRow)])
    assert moved[0] == moved[1] == moved[2] and max(moved[0]) > 0


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (MemoryError(), "oom"),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
            "oom",
        ),
        (OSError(12, "Cannot allocate memory"), "oom"),
        (torch.OutOfMemoryError("CUDA out of memory"), "oom"),
        (Diverged("theta not finite"), "diverged"),
        (NonFinite("gradient is nan"), "diverged"),
        (RuleFailed("x"), "rule_error"),
        (EnvironmentFailed("x"), "env_error"),
        (RuntimeError("x"), "internal_error"),
    ],
)
def test_every_error_has_a_status_that_a_table_knows(error, status):
    assert status_of(error) == status and status in STATUSES


def test_blame_is_laid_once_and_want_of_memory_on_nobody():
    @raised_as(RuleFailed)
    def outer(error):
        return inner(error)

    @raised_as(EnvironmentFailed)
    def inner(error):
        raise error

    for error, expected in (
        (KeyError("x"), EnvironmentFailed), (SystemExit(), EnvironmentFailed), (Diverged("x"), Diverged),
        (MemoryError(), MemoryError), (KeyboardInterrupt(), KeyboardInterrupt),
    ):  # fmt: skip
        with pytest.raises(expected):
            outer(error)
