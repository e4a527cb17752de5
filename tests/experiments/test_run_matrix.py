"""The command line, in a process of its own where that matters."""

import errno
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from subprocess import CompletedProcess

import pandas as pd
import pytest

from algos.rules import RULES
from analysis.load import load
from analysis.page.evidence import gather
from analysis.report import conditions
from experiments.arguments import Arguments
from experiments.cell.train import train
from experiments.engines import Ended
from experiments.exit_codes import IO_ERROR, MORE_TO_DO
from experiments.records import EvaluationRow, cell_files, read_cell
from experiments.records.files import write_through
from experiments.run_matrix import in_random_blocks, main

SCRIPT = Path(__file__).parents[2] / "experiments" / "run_matrix.py"
TINY = """
seeds = 2
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
budget = 192
[rules.trpo]
[rules.vanilla_pg]
"""


@pytest.fixture
def run(tmp_path, monkeypatch, call):
    (tmp_path / "tiny.toml").write_text(TINY)
    monkeypatch.chdir(tmp_path)
    return partial(call, main, Arguments)


def start(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, str(SCRIPT), *arguments]
    return subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False)


def test_a_matrix_leaves_tables_and_figures_and_is_not_run_twice(run, tmp_path):
    first = start(tmp_path, "tiny.toml", "--jobs", "2")
    assert first.returncode == 0, first.stdout + first.stderr
    results = tmp_path / "results" / "tiny"
    runs = pd.read_parquet(results / "tables" / "runs.parquet")
    assert len(runs) == 8 and (runs.status == "ok").all()
    assert (results / "report.md").stat().st_size > 0
    assert list((results / "figures").glob("*.png")) and list((results / "figures").glob("*.pdf"))
    assert str(Path("results/tiny/tables")) in first.stdout
    before = {f: f.stat().st_mtime_ns for f in (results / "cells").rglob("*.*")}
    again = run("tiny.toml", "--no-report")
    assert again.returncode == 0 and "8 already finished" in again.stdout
    assert before == {f: f.stat().st_mtime_ns for f in (results / "cells").rglob("*.*")}


def test_only_runs_some_and_the_plan_stays_whole(run, tmp_path):
    done = run("tiny.toml", "--only", "trpo/CartPole-v1", "--seeds", "1", "--out", "here", "--no-report")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 of the matrix's 4 cells were asked for; of the others 3 are not stored" in done.stdout
    assert len(list((tmp_path / "here" / "cells").iterdir())) == 1
    summary = gather(load(tmp_path / "here")).summary
    assert len(summary) == 4 and (summary.n_planned == 1).all() and summary.n_ok.sum() == 1


def test_one_cell_is_named_as_it_is_shown(run, tmp_path):
    done = run("tiny.toml", "--only", "trpo/CartPole-v1/seed1", "--no-report")
    assert done.returncode == 0 and "1 cells, 0 already" in done.stdout
    assert "ok       trpo/CartPole-v1/seed1 in" in done.stdout


def test_a_diverging_rule_ends_its_cell_and_not_the_others(run, tmp_path):
    text = TINY.replace("[rules.vanilla_pg]", "[rules.vanilla_pg]\nlr = 1e30").replace("seeds = 2", "seeds = 1")
    (tmp_path / "cliff.toml").write_text(text)
    done = run("cliff.toml", "--no-report")
    assert done.returncode == 1
    runs = load(tmp_path / "results" / "cliff").runs.set_index(["label", "env"])
    assert runs.loc[("trpo", "Pendulum-v1"), "status"] == runs.loc[("trpo", "CartPole-v1"), "status"] == "ok"
    assert runs.loc[("vanilla_pg", "Pendulum-v1"), "status"] == "diverged"
    assert "after update" in runs.loc[("vanilla_pg", "Pendulum-v1"), "reason"]


def test_failed_cells_run_again_when_asked_and_what_they_left_is_kept(run, tmp_path):
    text = TINY.replace("[rules.vanilla_pg]", "[rules.vanilla_pg]\nlr = 1e30").replace("seeds = 2", "seeds = 1")
    (tmp_path / "cliff.toml").write_text(text)
    line = ("cliff.toml", "--only", "vanilla_pg/Pendulum-v1", "--no-report")
    assert run(*line).returncode == 1
    assert "1 cells, 1 already finished" in run(*line).stdout
    assert "1 cells, 0 already finished" in run(*line, "--retry-failed").stdout
    assert len(list((tmp_path / "results" / "cliff" / "quarantine").iterdir())) == 1


def test_a_full_disk_is_said_in_one_line_and_the_same_command_goes_on(run, tmp_path, monkeypatch):
    line = ("tiny.toml", "--only", "trpo/CartPole-v1", "--jobs", "1", "--no-report")

    def write(path, data):
        if path.name == "record.json" and "seed1" in str(path):
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        write_through(path, data)

    with monkeypatch.context() as patch:
        patch.setattr("experiments.store.write_through", write)
        done = run(*line)
    assert done.returncode == IO_ERROR and "No space left on device" in done.stderr and "Traceback" not in done.stderr
    done = run(*line)
    assert done.returncode == 0 and "2 cells, 1 already finished" in done.stdout, done.stdout


@pytest.mark.parametrize("changes", [{"run_id": "../../evil"}, {"seed": 7}, {"rule": "ppo"}])
def test_what_belongs_to_another_cell_is_refused_and_its_own_is_missing(run, tmp_path, monkeypatch, changes):
    class Rogue:
        """Answers with a row of something else."""

        def submit(self, specs):
            self.specs = list(specs)

        def events(self):
            for spec in self.specs:
                *rows, last = train(spec)
                yield Ended(spec, replace(last, **changes), rows)

        def close(self):
            pass

        pause = close

    monkeypatch.setattr("experiments.run_matrix._engine", lambda store, arguments: Rogue())
    done = run("tiny.toml", "--only", "trpo/CartPole-v1", "--seeds", "1", "--no-report")
    assert done.returncode == MORE_TO_DO and "refused" in done.stderr
    assert not list(tmp_path.rglob("*evil*")) and not list((tmp_path / "results" / "tiny" / "cells").iterdir())


def test_the_timing_lane_runs_one_cell_at_a_time_and_calibrates(run, tmp_path):
    done = run("tiny.toml", "--lane", "timing", "--only", "*/CartPole-v1", "--no-report")
    assert done.returncode == 0, done.stdout + done.stderr
    results = load(tmp_path / "results" / "tiny")
    runs = results.runs[results.runs.status != "missing"]
    assert set(runs.lane) == {"timing"} and set(runs.jobs) == {1}
    assert (runs.calibration_before > 0).all() and (runs.calibration_after > 0).all()
    assert "Timing lane: one cell at a time" in conditions(results)


def test_cells_of_other_code_are_refused_unless_asked_for(run, tmp_path, monkeypatch):
    line = ("tiny.toml", "--only", "trpo/CartPole-v1", "--seeds", "2")
    assert run(*line, "--no-report").returncode == 0
    cells = tmp_path / "results" / "tiny" / "cells"
    folder = sorted(cells.iterdir())[0]
    cell = read_cell(folder)
    rows = [EvaluationRow(**row) for row in cell.tables["evaluations"].to_dict("records")]
    for name, data in cell_files(replace(cell.run, code="older"), rows).items():
        (folder / name).write_bytes(data)
    done = run(*line)
    assert done.returncode == 2 and "1 finished cells" in done.stderr and "--mixed" in done.stderr
    reported = []
    monkeypatch.setattr(subprocess, "run", lambda line, check: reported.append(line) or CompletedProcess(line, 0))
    assert run(*line, "--mixed").returncode == 0
    assert reported == [[sys.executable, "-P", "-m", "analysis.report", str(Path("results/tiny")), "--mixed"]]


def test_rules_are_shuffled_within_each_seed_and_environment(make_spec):
    cells = [make_spec(env, rule, seed=s) for env in ("CartPole-v1", "Pendulum-v1") for rule in RULES for s in (0, 1)]
    order = in_random_blocks(cells)
    assert sorted(c.run_id for c in order) == sorted(c.run_id for c in cells) and order == in_random_blocks(cells[::-1])
    blocks = [order[k : k + len(RULES)] for k in range(0, len(order), len(RULES))]
    assert all(len({(c.seed, c.env) for c in block}) == 1 for block in blocks)
    assert len({tuple(c.rule for c in block) for block in blocks}) == len(blocks)


def test_dry_run_lists_cells_and_costs_and_writes_nothing(run, tmp_path):
    done = run("tiny.toml", "--dry-run")
    assert done.returncode == 0 and "trpo/Pendulum-v1" in done.stdout
    total = done.stdout.splitlines()[-1].split()
    assert total[:4] == ["8", "0", "1,536", "128"], "8 cells of 2 (3 x 2 + 2) episodes"
    assert [f.name for f in tmp_path.iterdir()] == ["tiny.toml"] and "?" in done.stdout


def test_dry_run_estimates_hours_from_cells_that_have_run(run):
    assert run("tiny.toml", "--only", "trpo/CartPole-v1", "--seeds", "1", "--no-report").returncode == 0
    told = run("tiny.toml", "--dry-run").stdout
    assert "as in the finished cells under results" in told
    *rows, total = [line.split() for line in told.splitlines()[1:6]]
    assert [row[4] for row in rows].count("?") == 2, "nothing is known of Pendulum-v1"
    assert total[0] == "8" and total[1] == "1" and total[4] == ">", "one cell is finished, part of the rest is unknown"
    for column in (0, 1, 2, 3):
        assert sum(int(row[column].replace(",", "")) for row in rows) == int(total[column].replace(",", ""))
    assert total[2] == "1,344", "7 cells of 192 steps are to run"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["quik"], "did you mean quick?"),
        (["bad.toml"], "bad.toml: rules.trop: unknown rule trop; did you mean trpo?"),
        (["tiny.toml", "--seeds", "0"], "--jobs and --seeds must be at least 1"),
        (["tiny.toml", "--jobs", "0"], "--jobs and --seeds must be at least 1"),
        (["tiny.toml", "--only", "ppo/Mars-v0"], "matches no cell"),
        (["tiny.toml", "--out", "tiny.toml/results"], "cannot write to tiny.toml/results"),
        (["tiny.toml", "--jbos", "2"], "--jobs"),
        (["tiny.toml", "--max-hours", "0"], "--max-hours must be positive, got 0.0"),
        (["tiny.toml", "--lane", "timing", "--scheduler", "tcp://x:1"], "--lane timing runs one cell at a time"),
    ],
)
def test_bad_input_is_one_clear_error_and_nothing_is_written(run, tmp_path, arguments, message):
    (tmp_path / "bad.toml").write_text(TINY + "[rules.trop]")
    done = run(*arguments)
    assert done.returncode == 2 and message in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(f.name for f in tmp_path.iterdir()) == ["bad.toml", "tiny.toml"]


def test_a_directory_of_another_matrix_is_refused_and_kept(run, tmp_path):
    line = ("tiny.toml", "--only", "trpo/CartPole-v1", "--seeds", "1", "--out", "here", "--no-report")
    assert run(*line).returncode == 0
    manifest = (tmp_path / "here" / "manifest.json").read_bytes()
    (tmp_path / "other.toml").write_text(TINY.replace("budget = 192", "budget = 256"))
    done = run("other.toml", "--out", "here")
    assert done.returncode == 2 and "holds another matrix (tiny" in done.stderr
    assert (tmp_path / "here" / "manifest.json").read_bytes() == manifest


def test_help_tells_what_the_flags_do(tmp_path):
    text = start(tmp_path, "--help").stdout
    for word in ("--seeds", "--jobs", "--out", "--only", "--dry-run", "Exit code", "TOML"):
        assert word in text
