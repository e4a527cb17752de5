import hashlib
import io
import os
import random
from contextlib import suppress
from dataclasses import asdict
from itertools import cycle

import numpy as np
import pytest
import torch

from algos.rules import RULES
from experiments.cell.checkpoint import load, save
from experiments.cell.failures import Paused
from experiments.cell.train import train
from experiments.identity import Code
from experiments.records import CLOCKS, RunRow, UpdateRow

OFTEN = {"budget": 512, "evaluations": 4, "checkpoint_every": 64}


def untimed(rows):
    return [repr({k: v for k, v in asdict(row).items() if k not in CLOCKS}) for row in rows]


def first_piece(spec, file):
    """The rows of a run that is stopped at its first checkpoint."""
    rows = []
    with pytest.raises(Paused):
        rows.extend(train(spec, checkpoint=file, pause=lambda: True))
    return rows


def in_pieces(spec, file):
    """Every row of a run that is stopped at each of its checkpoints, and how many pieces it took."""
    for pieces in range(1, 20):
        with suppress(Paused):
            return list(train(spec, checkpoint=file, pause=lambda: True)), pieces
    raise AssertionError("never ends")


@pytest.mark.parametrize(("rule", "env"), [*zip(RULES, cycle(["Pendulum-v1", "CartPole-v1"]), strict=False)])
def test_a_run_in_pieces_equals_one_that_was_never_stopped(tmp_path, make_spec, env, rule):
    """Of every rule, on one kind of actions or the other: what a rule remembers is the same on both."""
    spec = make_spec(env, rule, **OFTEN)
    rows, pieces = in_pieces(spec, tmp_path / "run.checkpoint")
    assert untimed(rows) == untimed(train(spec)) and pieces == 5


@pytest.mark.parametrize("env", ["HalfCheetah-v5", "InvertedDoublePendulum-v5", "FrozenLake-v1", "Acrobot-v1"])
def test_so_it_does_where_the_simulator_has_more_state(tmp_path, make_spec, env):
    spec = make_spec(env, "trpo", **OFTEN)
    assert untimed(in_pieces(spec, tmp_path / "run.checkpoint")[0]) == untimed(train(spec))


@pytest.mark.parametrize(("env", "distribution"), [("Choices-v0", "gaussian"), ("Reach-v0", "squashed_gaussian")])
def test_so_it_does_with_uncommon_spaces(tmp_path, make_spec, fakes, env, distribution):
    spec = make_spec(f"space_environments:{env}", "trpo", action_distribution=distribution, **OFTEN)
    rows, pieces = in_pieces(spec, tmp_path / "run.checkpoint")
    assert untimed(rows) == untimed(train(spec)) and pieces == 5 and rows[-1].status == "ok"


def test_so_it_does_with_images(tmp_path, make_spec, fakes):
    spec = make_spec("space_environments:Photographs-v0", "trpo", network="cnn", **OFTEN)
    rows, pieces = in_pieces(spec, tmp_path / "run.checkpoint")
    assert untimed(rows) == untimed(train(spec)) and pieces == 5 and rows[-1].status == "ok"


def test_a_critic_with_a_memory_keeps_it(tmp_path, make_spec):
    spec = make_spec(**OFTEN, critic="adam", critic_epochs=2)
    assert untimed(in_pieces(spec, tmp_path / "run.checkpoint")[0]) == untimed(train(spec))


def test_an_environment_that_draws_from_global_generators_does_not_notice_the_pieces(tmp_path, make_spec, fakes):
    random.seed(), np.random.seed(), torch.seed()  # noqa: NPY002
    spec = make_spec(fakes + "Gambling-v0", "trpo", **OFTEN)
    whole = untimed(train(spec))
    random.seed(), np.random.seed(), torch.seed()  # noqa: NPY002
    rows, pieces = in_pieces(spec, tmp_path / "run.checkpoint")
    assert untimed(rows) == whole and pieces == 5
    other = untimed(train(make_spec(fakes + "Gambling-v0", "trpo", seed=1, **OFTEN)))
    numbers = [[row.partition("'update'")[2] for row in part] for part in (whole, other)]
    assert len(set(numbers[0]) & set(numbers[1])) <= 1, "another seed, other numbers (the run's own row has none)"


def test_a_rule_that_draws_from_global_generators_does_not_either(tmp_path, make_spec):
    (tmp_path / "mine.py").write_text("""
import random
from dataclasses import dataclass, replace
import numpy as np
import torch
from algos.rules import vanilla_pg
from algos.types import Info

@dataclass(frozen=True)
class Rule:
    def init(self, theta):
        return vanilla_pg(None).init(theta)
    def update(self, state, batch):
        noise = 0.01 * torch.randn_like(state.theta) + 0.01 * random.random() + 0.01 * float(np.random.random())
        return replace(state, theta=state.theta + noise), Info()

def rule(policy):
    return Rule()
""")
    spec = make_spec(rule=f"{tmp_path / 'mine.py'}:rule", **OFTEN)
    whole = untimed(train(spec))
    assert untimed(train(spec)) == whole
    assert untimed(in_pieces(spec, tmp_path / "run.checkpoint")[0]) == whole


class Asked:
    """Asks to stop from the n-th question on."""

    def __init__(self, after):
        self.after = after

    def __call__(self):
        self.after -= 1
        return self.after < 0


@pytest.mark.parametrize("after", [0, 1, 4, 15, 25, 32])  # 7 questions in each evaluation, 1 at a checkpoint
def test_a_run_that_gives_up_an_evaluation_loses_nothing_that_counts(tmp_path, make_spec, monkeypatch, after):
    monkeypatch.setattr("experiments.cell.train.PATIENCE_S", 0.0)
    spec, file = make_spec("Pendulum-v1", **OFTEN, eval_mean="always"), tmp_path / "c"
    with pytest.raises(Paused, match="in an evaluation"):
        list(train(spec, checkpoint=file, pause=Asked(after)))
    assert untimed(train(spec, checkpoint=file)) == untimed(train(spec))


def test_the_last_evaluation_begins_with_a_checkpoint(tmp_path, make_spec, monkeypatch):
    spec, file = make_spec(**OFTEN), tmp_path / "c"
    list(train(spec, checkpoint=file))
    monkeypatch.setattr("experiments.cell.run.Run.step", lambda *a: pytest.fail("it was trained again"))
    assert list(train(spec, checkpoint=file))[-1].status == "ok"


def test_a_rule_from_outside_keeps_its_state_too(tmp_path, make_spec):
    file = tmp_path / "mine.py"
    file.write_text("""
from dataclasses import dataclass
from typing import Any
from algos.types import Info

@dataclass(frozen=True)
class Mine:
    theta: Any
    steps: int

@dataclass(frozen=True)
class Rule:
    def init(self, theta):
        return Mine(theta, 0)
    def update(self, state, batch):
        return Mine(state.theta + 0.01 * state.steps, state.steps + 1), Info()

def rule(policy):
    return Rule()
""")
    spec = make_spec(rule=f"{file}:rule", **OFTEN)
    assert untimed(in_pieces(spec, tmp_path / "run.checkpoint")[0]) == untimed(train(spec))


def test_seconds_add_up_over_the_pieces(tmp_path, make_spec):
    spec = make_spec(**OFTEN)
    rows, _ = in_pieces(spec, tmp_path / "c")
    run, updates = rows[-1], [row for row in rows if isinstance(row, UpdateRow)]
    assert isinstance(run, RunRow) and run.rollout_s == pytest.approx(sum(row.rollout_s for row in updates))
    parts = [getattr(run, name) for name in ("rollout_s", "critic_s", "update_s", "evaluation_s", "other_s")]
    assert all(part >= 0 for part in parts) and sum(parts) <= run.total_s


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: b"x" + data[1:], lambda data: b""])
def test_a_damaged_checkpoint_is_a_start_from_zero(tmp_path, make_spec, damage):
    spec, file = make_spec(**OFTEN), tmp_path / "c"
    first_piece(spec, file)
    file.write_bytes(damage(file.read_bytes()))
    assert untimed(train(spec, checkpoint=file)) == untimed(train(spec))


def test_a_full_disk_costs_the_checkpoint_and_not_the_run(tmp_path, make_spec, capsys):
    spec = make_spec(**OFTEN)
    rows = list(train(spec, checkpoint=tmp_path / "no such folder" / "c"))
    assert untimed(rows) == untimed(train(spec)) and "no checkpoint at 128 environment steps" in capsys.readouterr().out


def test_a_checkpoint_of_another_run_is_not_gone_on_from(tmp_path, make_spec):
    first_piece(make_spec(**OFTEN), tmp_path / "c")
    other = make_spec(seed=1, **OFTEN)
    assert untimed(train(other, checkpoint=tmp_path / "c")) == untimed(train(other))


def test_a_checkpoint_of_other_code_is_not_gone_on_from(tmp_path, make_spec, monkeypatch):
    spec = make_spec(**OFTEN)
    first_piece(spec, tmp_path / "c")
    monkeypatch.setattr("experiments.cell.run.code_of", lambda spec: Code((("other.py", ""),)))
    monkeypatch.setattr("experiments.cell.run.Run.restore", lambda *a: pytest.fail("it was gone on from"))
    assert list(train(spec, checkpoint=tmp_path / "c"))[-1].status == "ok"


def test_no_code_comes_out_of_a_checkpoint(tmp_path):
    save(tmp_path / "c", [], {"run": Sneaky(tmp_path / "was here")})
    assert load(tmp_path / "c", [], RULES["trpo"]) is None and not (tmp_path / "was here").exists()


def sealed(payload):
    return hashlib.sha256(payload).digest() + payload


def saved(value):
    sink = io.BytesIO()
    torch.save(value, sink)
    return sealed(sink.getvalue())


@pytest.mark.parametrize(
    "data",
    [
        b"[1, 2]",
        sealed(b"[" * 10_000 + b"]" * 10_000),
        sealed(b"PK no archive"),
        saved([1, 2]),
        saved({"run": {}, "rows": []}),
        saved({"made_by": "others", "run": {}, "rows": []}),
        saved(None),
    ],
    ids=["list", "deep", "archive", "torch list", "nobody", "others", "nothing"],
)
def test_a_checkpoint_of_another_layout_is_a_start_from_zero_and_a_line(tmp_path, make_spec, data, capsys):
    (tmp_path / "c").write_bytes(data)
    assert untimed(train(make_spec(), checkpoint=tmp_path / "c")) == untimed(train(make_spec()))
    told = capsys.readouterr().out.splitlines()
    assert len(told) == 1 and told[0].startswith("c is of no use, it starts from 0: ")


@pytest.mark.parametrize(
    "odd", [os.mkfifo, os.mkdir, lambda path: path.symlink_to(path)], ids=["fifo", "folder", "loop of links"]
)
def test_an_odd_thing_in_the_place_of_a_checkpoint_does_not_hang(tmp_path, make_spec, odd, capsys):
    odd(tmp_path / "c")
    assert list(train(make_spec(), checkpoint=tmp_path / "c"))[-1].status == "ok"
    assert "c is of no use, it starts from 0" in capsys.readouterr().out


def test_a_run_that_went_on_elsewhere_says_so(tmp_path, make_spec, monkeypatch):
    spec = make_spec(**OFTEN)
    here = list(train(spec))[-1].cpu
    with pytest.raises(Paused):
        list(train(spec, checkpoint=tmp_path / "c", pause=lambda: True))
    monkeypatch.setattr("experiments.cell.run.cpu_model", lambda: "another (AVX2)")
    assert list(train(spec, checkpoint=tmp_path / "c"))[-1].cpu == f"{here}, then another (AVX2)"


class Sneaky:
    def __init__(self, file):
        self.file = str(file)

    def __reduce__(self):
        return os.mkdir, (self.file,)
