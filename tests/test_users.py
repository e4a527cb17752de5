"""Problems of other people's, each a folder of `users/` that knows no more of this project than its READMEs say.

A folder is copied to a place of its own and run there by the command line, as its author would.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

from analysis import load_results
from experiments.console import UNSHADOWED

USERS = Path(__file__).with_name("users")


def command(folder, *words):
    """What it prints; it must end well."""
    done = subprocess.run([*UNSHADOWED, *map(str, words)], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def run(tmp_path):
    """A folder's results, of one of its matrices."""

    def of(name, matrix="matrix", *flags):
        folder = tmp_path / name
        if not folder.exists():
            shutil.copytree(USERS / name, folder)
        command(folder, "-m", "experiments", "run", f"{matrix}.toml", *flags)
        return folder / "results" / matrix

    return of


def test_an_environment_with_nested_observations_and_several_choices(run):
    results = run("environment")
    loaded = load_results(results)
    assert set(loaded.runs.status) == {"ok"} and set(loaded.runs.env) == {"rescue"}
    success = loaded.evaluations.extra_success
    assert success.between(0, 1).all() and success.max() > 0
    assert "success" in (results / "report.md").read_text()


def test_a_network(run):
    loaded = load_results(run("network", "matrix", "--no-report"))
    assert set(loaded.runs.status) == {"ok"} and loaded.updates.groupby("label").accepted.any().all()


def test_a_rule_and_its_tuning(run):
    runs = load_results(run("rule", "matrix", "--no-report")).runs
    assert set(runs.status) == {"ok"}
    assert set(runs.label) == {"momentum(decay=0.5)", "momentum(decay=0.9)", "vanilla_pg"}
    tuning = run("rule", "tune")
    assert (tuning / "choices.json").is_file() and "momentum" in (tuning / "tuning.md").read_text()


def test_a_measure_and_a_figure(run):
    results = run("report")
    assert "late_kl" in (results / "tables" / "own_measures.csv").read_text()
    assert any((results / "figures").glob("*surrogate*.png"))
    assert "late_kl" in (results / "report.md").read_text()


def test_wrappers(run):
    loaded = load_results(run("wrappers", "matrix", "--no-report"))
    assert set(loaded.runs.status) == {"ok"}
    assert loaded.evaluations.groupby("env").length_mean.max().to_dict() == {"held Pendulum": 40, "Pendulum-v1": 200}
