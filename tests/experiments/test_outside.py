"""A rule from a user's own file: in a matrix, in the tables, and under the laws."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from analysis.load import load
from analysis.page.evidence import gather
from experiments.matrix_file import MatrixError, load_matrix
from experiments.outside import OutsideRuleError, factory_of
from experiments.run_matrix import Arguments, main

ROOT = Path(__file__).parents[2]
RULE = (ROOT / "README.md").read_text(encoding="utf-8").split("```python\n# sign_pg.py\n")[1].split("```")[0]
MATRIX = """
seeds = 1
[settings]
n_envs = 4
batch_size = 64
evaluations = 1
eval_episodes = 2
final_episodes = 2
[environments.CartPole-v1]
budget = 128
[rules.mine]
rule = "sign_pg.py:sign_pg"
lr = [0.01, 0.02]
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sign_pg.py").write_text(RULE)
    (tmp_path / "mine.toml").write_text(MATRIX)
    return tmp_path


def test_the_readmes_rule_is_complete_and_short():
    assert len(RULE.strip().splitlines()) <= 30


def test_it_runs_in_a_matrix_and_stands_in_the_tables(folder, call):
    done = call(main, Arguments, folder / "mine.toml", "--out", folder / "mine", "--no-report")
    assert done.returncode == 0, done.stdout + done.stderr
    summary = gather(load(folder / "mine")).summary.set_index("label")
    assert summary.n_ok.to_dict() == {"mine(lr=0.01)": 1, "mine(lr=0.02)": 1}


def test_it_is_put_through_the_laws_by_one_command(folder):
    command = [sys.executable, "-m", "pytest", "-q", "tests/algos/rules/test_laws.py", "-p", "no:cacheprovider"]
    environment = os.environ | {"POLICY_ASCENT_RULE": f"{folder / 'sign_pg.py'}:sign_pg"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    (folder / "sign_pg.py").write_text(RULE.replace("sign = model", "model.theta.add_(0.01)\n        sign = model"))
    command += ["-k", "untouched"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "test_update_leaves_its_arguments_untouched" in done.stdout


def test_another_version_of_the_file_is_the_same_cell_by_other_code(folder, monkeypatch):
    before = load_matrix(str(folder / "mine.toml")).cells[0]
    (folder / "sign_pg.py").write_text(RULE + "\nMORE = 1\n")
    assert load_matrix(str(folder / "mine.toml")).cells[0] == before, "a process has loaded one version"
    monkeypatch.setattr("experiments.loaded.SOURCES", {})
    after = load_matrix(str(folder / "mine.toml")).cells[0]
    assert after.run_id == before.run_id and after.code != before.code


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (MATRIX.replace("sign_pg.py:", "nowhere.py:"), "cannot be imported: FileNotFoundError"),
        (MATRIX.replace(":sign_pg", ":sine_pg"), "has no function sine_pg"),
        (MATRIX.replace("lr =", "rate ="), "rules.mine.rate: not a hyper-parameter"),
    ],
)
def test_what_is_wrong_with_it_is_said_before_anything_runs(folder, text, message):
    (folder / "mine.toml").write_text(text)
    with pytest.raises(MatrixError, match=message):
        load_matrix(str(folder / "mine.toml"))


def test_a_file_that_does_not_import_is_named(tmp_path):
    (tmp_path / "broken.py").write_text("1 / 0")
    with pytest.raises(OutsideRuleError, match=r"broken.py cannot be imported: ZeroDivisionError"):
        factory_of(f"{tmp_path / 'broken.py'}:rule")
