"""A user's rule beside the stored runs of a reference, which are not run again."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from analysis.load import load
from analysis.report import Arguments as Report
from analysis.report import main as report
from experiments.against import load_against
from experiments.arguments import Arguments
from experiments.cell.train import train
from experiments.management.packs import pack
from experiments.matrix_file import MatrixError, load_matrix
from experiments.records import files_of, read_manifest, stored
from experiments.records.manifest import manifest_bytes
from experiments.records.packed import cells_of, read_members
from experiments.run_matrix import main
from experiments.store import Store

TINY = """
seeds = [0, 1]
[settings]
n_envs = 4
batch_size = 64
hidden = [8, 8]
evaluations = 2
eval_episodes = 2
final_episodes = 2
[environments.CartPole-v1]
budget = 192
[environments.Pendulum-v1]
budget = 256
gamma = 0.9
[rules.trpo]
[rules.vanilla_pg]
"""
RULE = """
from algos.rules import vanilla_pg


def my_rule(policy, *, lr: float = 0.1):
    return vanilla_pg(policy, lr=lr)
"""
MINE = '[rules."mine.py:my_rule"]\n'


def made(folder: Path, name: str, text: str) -> Path:
    """The pack of a matrix that was run."""
    (folder / f"{name}.toml").write_text(text)
    matrix = load_matrix(str(folder / f"{name}.toml"))
    with Store(folder / name) as store:
        store.plan(matrix)
        for spec in matrix.cells:
            *rows, run = train(spec)
            store.write(spec, run, rows)
    packs = folder / "results" / "reference"
    packs.mkdir(parents=True, exist_ok=True)
    pack(folder / name, packs / f"{name}.pack", compact=True)
    return packs / f"{name}.pack"


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    return made(tmp_path_factory.mktemp("reference"), "tiny", TINY)


@pytest.fixture
def here(tmp_path, monkeypatch, reference):
    """A user's folder, with the pack among those that are found by name."""
    monkeypatch.setattr(stored, "FOLDERS", (reference.parent,))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(RULE)
    return tmp_path


def write(here, text=MINE):
    (here / "mine.toml").write_text(text)
    return str(here / "mine.toml")


@pytest.fixture
def run(call):
    return partial(call, main, Arguments)


def test_a_rule_alone_runs_alone_and_stands_beside_the_stored_ones(here, run, monkeypatch):
    write(here)
    done = run("mine.toml", "--against", "tiny", "--no-report", "--jobs", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 cells, 0 already finished" in done.stdout and "beside 8 stored runs of tiny" in done.stderr
    results = here / "results" / "mine"
    plan = read_manifest(results)
    assert {cell["label"] for cell in plan.cells} == {"mine.py:my_rule"} and len(plan.cells) == 4
    assert plan.head["compare"]["rules"] == [["mine.py:my_rule", "trpo"], ["mine.py:my_rule", "vanilla_pg"]]
    monkeypatch.setattr("analysis.report.draw", lambda *drawn: [])
    assert report(Report((results,), against=("tiny",))) == 0
    runs = pd.read_parquet(results / "tables" / "runs.parquet")
    assert len(runs) == 12 and set(runs.label) == {"mine.py:my_rule", "trpo", "vanilla_pg"}
    theirs = load(stored.find_references(["tiny"])[0].file)
    evaluations = pd.read_parquet(results / "tables" / "evaluations.parquet")
    both = evaluations[evaluations.label != "mine.py:my_rule"][["run_id", "grid_step", "return_mean"]]
    pd.testing.assert_frame_equal(
        both.reset_index(drop=True), theirs.evaluations[["run_id", "grid_step", "return_mean"]].reset_index(drop=True)
    )
    page = (results / "report.md").read_text()
    assert "8 of 12 planned runs, of tiny (tiny.pack)" in page and "| trpo | 2/2 |" in page
    verdicts = pd.read_csv(results / "tables" / "comparisons.csv")
    assert set(verdicts["first"]) == {"mine.py:my_rule"} and set(verdicts["second"]) == {"trpo", "vanilla_pg"}
    assert "paired" in " ".join(verdicts.estimand.dropna()) or (verdicts.verdict == "too few runs").all()


def test_reference_alone_takes_every_pack_that_fits(here):
    matrix = load_against(write(here, '[environments.Pendulum-v1]\n[rules."mine.py:my_rule"]\n'), ["reference"])
    assert {(cell.env, cell.settings.gamma, cell.budget) for cell in matrix.cells} == {("Pendulum-v1", 0.9, 256)}
    assert sorted(cell.seed for cell in matrix.cells) == [0, 1]


def test_what_is_stored_is_not_run(here):
    matrix = load_against(write(here, MINE + "[rules.trpo]\n"), ["tiny"])
    assert {cell.label for cell in matrix.cells} == {"mine.py:my_rule"}
    with pytest.raises(MatrixError, match="there is nothing to run"):
        load_against(write(here, "[rules.trpo]\n"), ["tiny"])


def test_a_declared_comparison_may_name_stored_rules_and_no_others(here):
    matrix = load_against(write(here, MINE + '[compare]\nrules = [["mine.py:my_rule", "trpo"]]\n'), ["tiny"])
    assert matrix.compare.rules == (("mine.py:my_rule", "trpo"),)
    with pytest.raises(MatrixError, match="no rule npg"):
        load_against(write(here, MINE + '[compare]\nrules = [["mine.py:my_rule", "npg"]]\n'), ["tiny"])


OTHER = {
    "a setting": ("[settings]\nbatch_size = 32\n", "CartPole-v1: batch_size is 32, there 64"),
    "an environment's setting": ("[settings]\ngamma = 0.99\n", "Pendulum-v1: gamma is 0.99, there 0.9"),
    "a budget": ("[environments.CartPole-v1]\nbudget = 256\n", "CartPole-v1: budget is 256, there 192"),
    "arguments": (
        "[environments.Pendulum-v1]\nkwargs = { g = 9.0 }\n", "Pendulum-v1: env_kwargs is {'g': 9.0}, there {}",
    ),
    "wrappers": (
        '[environments.CartPole-v1]\nwrappers = ["gymnasium.wrappers:TimeAwareObservation"]\n',
        "CartPole-v1: wrappers is [['gymnasium.wrappers:TimeAwareObservation', {}]], there []",
    ),
    "evaluation": ("[settings]\neval_episodes = 3\n", "CartPole-v1: eval_episodes is 3, there 2"),
    "a score": ("[environments.CartPole-v1]\nscore = [0, 1]\n", "CartPole-v1: score is (0.0, 1.0), there not given"),
    "a label": ("[rules.trpo]\nmax_kl = 0.5\n", "trpo is another rule there, or has other hyper-parameters"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), OTHER.values(), ids=OTHER.keys())
def test_what_differs_is_refused_by_name(here, text, message):
    with pytest.raises(MatrixError) as refused:
        load_against(write(here, text + MINE), ["reference" if "budget" in text else "tiny"])
    assert f"tiny: {message}" in str(refused.value)


def test_settings_of_the_rules_own_are_an_ablation_and_allowed(here):
    text = '[rules.raw]\nrule = "mine.py:my_rule"\nsettings = { normalize_obs = false }\n'
    matrix = load_against(write(here, text), ["tiny"])
    assert not any(cell.settings.normalize_obs for cell in matrix.cells) and matrix.head["own_settings"] == {
        "raw": ["normalize_obs"]
    }


def changed(file: Path, target: Path, **of_runs: str) -> Path:
    """The results directory of a pack whose runs say something else of what made them."""
    found = stored.read_reference(file)
    target.mkdir()
    (target / "manifest.json").write_bytes(manifest_bytes(found.manifest.head, map(json.dumps, found.manifest.cells)))
    for run, tables in cells_of(read_members(file)):
        (target / "cells" / run.run_id).mkdir(parents=True)
        for name, data in files_of(replace(run, **of_runs), tables).items():
            (target / "cells" / run.run_id / name).write_bytes(data)
    return target


def test_other_libraries_are_refused_unless_asked_for_and_another_protocol_always(here, reference):
    versions = json.loads(stored.read_reference(reference).runs[0].versions)
    older = changed(reference, here / "older", versions=json.dumps(versions | {"mujoco": "3.1"}))
    with pytest.raises(MatrixError, match=rf"mujoco is {versions['mujoco']}, there 3\.1: install that version, or"):
        load_against(write(here), [str(older)])
    assert any("there 3.1" in note for note in load_against(write(here), [str(older)], mixed=True).notes)
    alien = changed(reference, here / "alien", protocol="9.0")
    with pytest.raises(MatrixError, match=r"protocol is 1\.0, there 9\.0"):
        load_against(write(here), [str(alien)], mixed=True)


def test_a_report_refuses_what_a_run_refuses(here, run, capfd):
    write(here, TINY.replace("[0, 1]", "1").replace("batch_size = 64", "batch_size = 32"))
    assert run("mine.toml", "--no-report", "--jobs", "1").returncode == 0
    assert report(Report((here / "results" / "mine",), against=("tiny",))) == 2
    assert "tiny: CartPole-v1: batch_size is 32, there 64" in capfd.readouterr().err


def test_where_there_is_no_pack_it_says_where_they_come_from(here, run, monkeypatch):
    write(here)
    done = run("mine.toml", "--against", "clasic")
    assert done.returncode == 2 and "no stored reference clasic; expected reference, tiny, or the path" in done.stderr
    monkeypatch.setattr(stored, "FOLDERS", (here / "none",))
    for name in ("reference", "tiny"):
        done = run("mine.toml", "--against", name)
        assert done.returncode == 2 and "not part of an installed package" in done.stderr
    (here / "torn.pack").write_bytes(b"PK")
    assert "holds no stored runs" in run("mine.toml", "--against", "torn.pack").stderr


def test_code_that_only_the_pack_names_is_not_run(here):
    (here / "maze.py").write_text("from gymnasium.envs.classic_control import CartPoleEnv as Maze\n")
    maze = '[environments.Maze]\nenvironment = "maze.py:Maze"\n'
    text = TINY.replace("[environments.Pendulum-v1]\nbudget = 256\ngamma = 0.9", "").replace("[rules.vanilla_pg]\n", "")
    text = text.replace("[environments.CartPole-v1]", f"{maze}kwargs = {{ max_episode_steps = 50 }}")
    file = str(made(here, "mazes", text))
    with pytest.raises(MatrixError, match="whose code is run if you name it here"):
        load_against(write(here), [file])
    assert len(load_against(write(here, maze + MINE), [file]).cells) == 2
    other = here / "other"
    other.mkdir()
    (other / "mine.py").write_text(RULE)
    (other / "maze.py").write_text("from gymnasium.envs.classic_control.cartpole import CartPoleEnv as Maze\n")
    with pytest.raises(MatrixError, match=r"maze\.py is another file there"):
        load_against(write(other, maze + MINE), [file])


def test_the_committed_quick_matrix_takes_a_rule_and_has_the_rows_of_its_tables(here, monkeypatch):
    monkeypatch.undo()
    monkeypatch.chdir(here)
    matrix = load_against(write(here), ["quick"])
    assert {cell.env for cell in matrix.cells} == {"CartPole-v1", "Pendulum-v1"} and len(matrix.cells) == 16
    assert ("mine.py:my_rule", "trpo") in matrix.compare.rules
    file = stored.find_references(["quick"])[0].file
    assert json.loads(read_members(file)["manifest.json"])["file"] == "quick.toml"  # and no folder of who made it
    order = ["run_id", "grid_step", "action", "final"]
    tables = pd.read_parquet(file.parent / "quick" / "tables" / "evaluations.parquet"), load(file).evaluations
    pd.testing.assert_frame_equal(
        *(table[[*order, "return_mean"]].sort_values(order, ignore_index=True) for table in tables)
    )
