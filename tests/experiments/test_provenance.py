"""Code that is edited while a matrix runs, or between its starts: every cell is of the code that its record names."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from experiments.records import read_run

SCRIPT = Path(__file__).parents[2] / "experiments" / "run_matrix.py"
RULE = """
from algos.rules.vanilla_pg import vanilla_pg

def {name}(policy, *, lr: float = 0.01):
    return vanilla_pg(policy, lr={lr})
"""
MATRIX = """
seeds = 4
[settings]
n_envs = 4
batch_size = 128
hidden = [8, 8]
evaluations = 5
eval_episodes = 2
final_episodes = 2
[environments.Pendulum-v1]
budget = 6_400
[rules.one]
rule = "one.py:one"
[rules.two]
rule = "two.py:two"
"""


@pytest.fixture
def folder(tmp_path):
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text(RULE.format(name=name, lr="lr"))
    (tmp_path / "m.toml").write_text(MATRIX)
    return tmp_path


def command(folder, *flags):
    line = [sys.executable, str(SCRIPT), "m.toml", "--jobs", "1", "--no-report", *flags]
    return subprocess.Popen(line, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def codes(folder):
    """rule -> the code that its finished cells name, by seed."""
    found = {"one": {}, "two": {}}
    for cell in (folder / "results" / "m" / "cells").iterdir():
        run = read_run(cell)
        found[run.label][run.seed] = run.code
    return found


def test_a_rule_that_is_edited_while_its_matrix_runs(folder):
    process = command(folder)
    cells = folder / "results" / "m" / "cells"
    until = time.monotonic() + 120
    while not (cells.is_dir() and list(cells.iterdir())):
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.01)
    (folder / "one.py").write_text(RULE.format(name="one", lr="2 * lr"))
    told = process.communicate(timeout=120)[0]
    assert process.returncode not in (0, 2), told
    assert "a file was edited after the matrix was started" in told
    found = codes(folder)
    assert 0 < len(found["one"]) < 4 and len(set(found["one"].values())) == 1, "all by what was started"
    assert len(found["two"]) == 4, "to which nothing was done"

    refused = command(folder)
    told = refused.communicate(timeout=120)[0]
    assert refused.returncode == 2 and "finished cells" in told and "--retry-changed" in told
    before = found["two"], {path.name: path.stat().st_mtime_ns for path in cells.iterdir() if "two" in path.name}
    again = command(folder, "--retry-changed")
    told = again.communicate(timeout=120)[0]
    assert again.returncode == 0, told
    new = codes(folder)
    assert len(new["one"]) == 4 and not set(new["one"].values()) & set(found["one"].values())
    after = new["two"], {path.name: path.stat().st_mtime_ns for path in cells.iterdir() if "two" in path.name}
    assert after == before, "editing one rule disowns no other"
