"""Measures and figures that a matrix file names: checked without running, kept in the plan, handed to the report."""

import json
import subprocess
from subprocess import CompletedProcess

import pytest

from experiments.arguments import Arguments
from experiments.console import UNSHADOWED
from experiments.matrix_file import MatrixError, load_matrix
from experiments.run_matrix import main

MATRIX = """
seeds = 1
{own}
[settings]
n_envs = 4
batch_size = 64
hidden = [8, 8]
evaluations = 1
eval_episodes = 2
final_episodes = 2
[environments.CartPole-v1]
budget = 64
[rules.trpo]
"""
MINE = "def worst(results, *, better='lower'):\n    raise SystemExit\nraise SystemExit('it was run')\n"


@pytest.fixture
def written(tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "torn.py").write_text("def f(:")

    def write(own):
        (tmp_path / "m.toml").write_text(MATRIX.format(own=own))
        return tmp_path / "m.toml"

    return write


def test_the_report_gets_what_the_file_names_and_the_plan_keeps_it(written, tmp_path, monkeypatch):
    file = written('measures = ["mine.py:worst"]\nfigures = ["./mine.py:worst"]')
    called = []
    monkeypatch.setattr(subprocess, "run", lambda line, check: called.append(line) or CompletedProcess(line, 0))
    monkeypatch.setattr("experiments.run_matrix.run_cells", lambda *_: 0)
    assert main(Arguments(str(file), out=tmp_path / "r")) == 0
    own = f"{tmp_path}/mine.py:worst"
    assert called == [[*UNSHADOWED, "-m", "analysis.report", str(tmp_path / "r"), "--measures", own, "--figures", own]]
    head = json.loads((tmp_path / "r" / "manifest.json").read_text())
    assert head["measures"] == head["figures"] == [own]


@pytest.mark.parametrize(
    ("own", "problem"),
    [
        ('measures = "mine.py:worst"', "measures: expected a list of FILE.py:FUNCTION, got 'mine.py:worst'"),
        ('measures = ["mine.py:wurst"]', "no function wurst stands there; it has worst"),
        ('measures = ["nowhere.py:worst"]', "cannot be read: FileNotFoundError"),
        ('figures = ["torn.py:f"]', "cannot be read: SyntaxError"),
        ('figures = ["mine.py"]', "expected FILE.py:FUNCTION"),
        ('figures = ["mine.py:worst", "mine.py:worst"]', "figures: one of these is named twice"),
        ("figures = [3]", "figures: expected a list"),
    ],
)
def test_what_names_nothing_is_refused_before_anything_runs(written, own, problem):
    with pytest.raises(MatrixError) as refused:
        load_matrix(str(written(own)))
    assert problem in str(refused.value)
