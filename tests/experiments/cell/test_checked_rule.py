"""A rule at arm's length: whatever it raises, or returns and should not have, ends the run as a rule_error."""

import re
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from algos.rules import RULES
from algos.types import Info, Trial
from experiments.cell.checkpoint import is_serializable
from experiments.cell.run import Run
from experiments.cell.train import train
from experiments.records import UpdateRow


def last(spec):
    *_, run = train(spec)
    return run


@dataclass(frozen=True)
class State:
    theta: torch.Tensor
    more: Any = None


@dataclass(frozen=True)
class Odd:
    """A rule that does something odd, in `init` or in its second update."""

    how: Any
    in_init: bool = False

    def init(self, theta):
        return self.how(State(theta, 0))[0] if self.in_init else State(theta, 0)

    def update(self, state, batch):
        return self.how(state) if state.more else (State(state.theta, 1), Info())


def raises(error):
    raise error


SHAPE = r"theta is \[1, 130\] of float32 on cpu; expected \[130\] of float32 on cpu"
ODD = {
    "raises": (lambda s: raises(ZeroDivisionError("no curvature")), "ZeroDivisionError: no curvature"),
    "exits": (lambda s: raises(SystemExit("bye")), "SystemExit: bye"),
    "theta in double": (
        lambda s: (State(s.theta.double(), 1), Info()),
        r"theta is \[130\] of float64 on cpu; expected",
    ),
    "theta of another shape": (lambda s: (State(s.theta[None], 1), Info()), SHAPE),
    "theta in numpy": (lambda s: (State(s.theta.numpy(), 1), Info()), "a theta of ndarray; expected a tensor"),
    "theta with a graph": (lambda s: (State(s.theta * torch.ones(1, requires_grad=True), 1), Info()), "detach it"),
    "no theta": (lambda s: (SimpleNamespace(), Info()), "a theta of NoneType"),
    "no tuple": (lambda s: State(s.theta, 1), r"update returned State; expected \(state, Info\)"),
    "a dict for Info": (lambda s: (State(s.theta, 1), {"kl": 0.1}), "update returned dict in place of an Info"),
    "a tensor for Info": (lambda s: (State(s.theta, 1), torch.ones(1)), "update returned Tensor in place of an Info"),
    "a tensor in Info": (
        lambda s: (State(s.theta, 1), Info(step_size=torch.tensor(0.1))),
        r"Info.step_size is a <class 'torch.Tensor'>; expected float\(step_size\)",
    ),
    "a tensor in a trial": (
        lambda s: (State(s.theta, 1), Info(trials=(Trial(torch.tensor(1.0), 0.0, 0.0, 0.0, 0.0, True),))),
        "Trial.step_size is a <class 'torch.Tensor'>",
    ),
    "an extra number that is a tensor": (
        lambda s: (State(s.theta, 1), Info(extras={"noise": torch.tensor(1.0)})),
        r"Info.extras: noise is a <class 'torch.Tensor'>; expected float\(noise\)",
    ),
    "an extra number that is infinite": (
        lambda s: (State(s.theta, 1), Info(extras={"noise": float("inf")})),
        "Info.extras: noise is inf; expected a finite number, or nan",
    ),
    "an extra flag": (lambda s: (State(s.theta, 1), Info(extras={"good": True})), "good is a <class 'bool'>"),
    "an extra number with a name of ours": (
        lambda s: (State(s.theta, 1), Info(extras={"kl": 0.1})),
        "'kl' is the name of a column that every run has; choose another",
    ),
    "an extra number without a name": (lambda s: (State(s.theta, 1), Info(extras={"a b": 0.1})), "'a b' is no name"),
    "an extra number with a number for a name": (lambda s: (State(s.theta, 1), Info(extras={1: 0.1})), "1 is no name"),
    "a list for extras": (lambda s: (State(s.theta, 1), Info(extras=[0.1])), "a list; expected a dict of at most 100"),
    "a thousand extra numbers": (
        lambda s: (State(s.theta, 1), Info(extras={f"x{i}": 0.1 for i in range(1_000)})),
        "1000 numbers; expected a dict of at most 100",
    ),
    "something else for trials": (lambda s: (State(s.theta, 1), Info(trials=(1,))), r"Info.trials is \(1,\)"),
}


@pytest.mark.parametrize("case", ODD)
def test_what_no_rule_may_do_is_the_rules_fault(make_spec, monkeypatch, case):
    how, reason = ODD[case]
    monkeypatch.setattr("experiments.cell.checked_rule.build_rule", lambda *arguments: Odd(how))
    rows = list(train(make_spec()))
    assert rows[-1].status == "rule_error" and rows[-1].traceback, rows[-1].reason
    assert re.search(reason, rows[-1].reason), rows[-1].reason
    assert sum(isinstance(row, UpdateRow) for row in rows) == 1


def test_so_it_is_in_init_and_in_the_factory(make_spec, monkeypatch):
    monkeypatch.setattr("experiments.cell.checked_rule.build_rule", lambda *a: Odd(ODD["theta in double"][0], True))
    assert last(make_spec()).reason.startswith("theta is [130] of float64")
    monkeypatch.setattr("experiments.cell.checked_rule.build_rule", lambda *a: raises(TypeError("only Gaussian")))
    run = last(make_spec())
    assert (run.status, run.reason, run.updates) == ("rule_error", "TypeError: only Gaussian", 0)


@pytest.mark.parametrize("more", [lambda: 0, SimpleNamespace(a=1), torch.nn.Linear(1, 1)])
def test_a_state_that_no_checkpoint_can_keep_is_found_at_the_first_update(make_spec, monkeypatch, more):
    how = Odd(None)
    monkeypatch.setattr(Odd, "update", lambda self, state, batch: (State(state.theta, more), Info()))
    monkeypatch.setattr("experiments.cell.checked_rule.build_rule", lambda *arguments: how)
    run = last(make_spec())
    assert (run.status, run.env_steps) == ("rule_error", 0)
    assert run.reason.startswith("a checkpoint cannot keep a State; expected tensors, plain values")


def test_every_rule_of_ours_has_a_state_that_is_kept(make_spec):
    for rule in RULES:
        run = Run(make_spec(rule=rule))
        list(run.step())
        assert is_serializable(run.state, run.rule), rule
        run.close()
