"""The commands on a small matrix with one cell of every kind."""

import json
import shutil
import sys
from dataclasses import replace
from functools import partial

import pytest
from PIL import Image

from analysis.load import load
from analysis.page.evidence import gather
from analysis.report import report
from experiments.cell.train import train
from experiments.manage_results import Command, main
from experiments.matrix_file import Matrix
from experiments.records import read_cell
from experiments.store import Store


@pytest.fixture
def manage(call):
    return partial(call, main, Command)


@pytest.fixture
def specs(make_spec):
    return {
        "ok": make_spec("InvertedPendulum-v5"),
        "diverged": make_spec("Pendulum-v1", "vanilla_pg", hyper={"lr": 1e30}),
        "begun": make_spec("Pendulum-v1", budget=512, evaluations=4, checkpoint_every=64),
        "waiting": make_spec("Pendulum-v1", seed=1),
    }


@pytest.fixture
def results(tmp_path, specs):
    with Store(tmp_path / "r") as store:
        store.plan(Matrix("m", tmp_path / "m.toml", tuple(specs.values()), {}))
        for name in ("ok", "diverged"):
            *rows, run = train(specs[name])
            store.write(specs[name], replace(run, total_s=3600.0), rows, log=b"hello from the cell\n")
        checkpoint = store.checkpoints / f"{specs['begun'].run_id}.checkpoint"
        list(train(specs["begun"], checkpoint=checkpoint, pause=lambda: True))
    return store.root


def test_status_tells_what_is_done_failed_begun_and_left(manage, results, specs):
    done = manage("status", results)
    assert done.returncode == 1, "a cell failed"
    row = next(line for line in done.stdout.splitlines() if " all " in line)
    cells = [cell.strip() for cell in row.split("│")[1:-1]]
    assert cells[2:] == ["4", "1", "1 diverged", "1", "1", "704", "?"], "no cell like the open ones has ended well"
    assert f"begun: {specs['begun'].run_id}" in done.stdout and "not running" in done.stdout


def test_a_directory_that_is_being_run_says_so(manage, results, specs):
    with Store(results) as store:
        store.plan(Matrix("m", results / "m.toml", tuple(specs.values()), {}))
        assert "running (process" in manage("status", results).stdout


def test_show_tells_what_became_of_a_cell(manage, results, specs):
    done = manage("show", results, specs["diverged"].run_id)
    assert done.returncode == 1 and "theta beyond 2e+06" in done.stdout and "hello from the cell" in done.stdout
    done = manage("show", results, "InvertedPendulum")
    assert done.returncode == 0 and '"max_kl": 0.02' in done.stdout and "return_mean" in done.stdout
    assert manage("show", results, specs["waiting"].run_id).returncode == 0


@pytest.mark.parametrize(("part", "message"), [("trpo", "3 cells in"), ("xyz", "no cell in")])
def test_a_name_that_is_not_one_cells_lists_those_that_there_are(manage, results, part, message):
    done = manage("show", results, part)
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr


def test_verify_finds_a_flipped_byte_in_a_cell_and_in_a_table(manage, results, specs, monkeypatch):
    monkeypatch.setattr("analysis.report.draw", lambda *_: [])  # figures are nothing to verify
    report(gather(load(results)))
    whole = manage("verify", results)
    assert whole.returncode == 0 and "2 of 4 planned cells are there and whole" in whole.stdout
    table = results / "tables" / "runs.parquet"
    table.write_bytes(table.read_bytes()[:-1] + b"x")
    assert manage("verify", results).returncode == 1
    shutil.rmtree(results / "tables")
    file = results / "cells" / specs["ok"].run_id / "updates.parquet"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    done = manage("verify", results)
    assert done.returncode == 1 and "does not match its checksum" in done.stdout


def test_verify_finds_a_cell_under_the_name_of_another(manage, results, specs):
    shutil.copytree(results / "cells" / specs["ok"].run_id, results / "cells" / specs["waiting"].run_id)
    done = manage("verify", results)
    assert done.returncode == 1 and f"holds another run, {specs['ok'].run_id}" in done.stdout


def test_verify_finds_a_cell_that_nobody_planned(manage, results, specs):
    manifest = results / "manifest.json"
    plan = json.loads(manifest.read_text())
    plan["cells"] = [cell for cell in plan["cells"] if cell["run_id"] != specs["diverged"].run_id]
    manifest.write_text(json.dumps(plan))
    done = manage("verify", results)
    assert done.returncode == 1 and "nobody planned it" in done.stdout


def test_render_writes_an_animation_of_the_last_policy(manage, results, tmp_path):
    done = manage("render", results, "InvertedPendulum", "--out", tmp_path / "a.webp", "--steps", "5")
    if done.returncode == 2 and "cannot be drawn here" in done.stderr:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "a.webp") as image:
        assert image.n_frames > 1 and image.size[0] > 100


def test_render_says_why_there_is_nothing_to_show(manage, results, specs):
    done = manage("render", results, specs["diverged"].run_id)
    assert done.returncode == 2 and "has no policy to show" in done.stderr


def test_the_doctor_looks_at_everything(manage, tmp_path):
    done = manage("doctor", "--results", tmp_path)
    for what in ("python", "torch", "cores", "rendering", "free memory", str(tmp_path)):
        assert what in done.stdout
    assert done.returncode == int("! " in done.stdout)


def test_a_folder_that_is_none_is_refused_in_one_line(manage, tmp_path):
    done = manage("status", tmp_path)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "manifest.json" in done.stderr


def test_curves_go_to_tensorboard(manage, results, specs):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", exc_type=ImportError)
    assert manage("export", results, "--to", "tensorboard").returncode == 0
    events = accumulator.EventAccumulator(str(results / "tensorboard" / specs["ok"].run_id))
    events.Reload()
    told = {event.step: event.value for event in events.Scalars("train/kl")}
    kl = read_cell(results / "cells" / specs["ok"].run_id).tables["updates"].set_index("env_steps").kl
    assert told == pytest.approx(dict(kl), rel=1e-6) and len(events.Scalars("evaluation/sampled")) == 3


def test_curves_go_to_an_offline_run_of_wandb(manage, results):
    pytest.importorskip("wandb")
    assert manage("export", results, "--to", "wandb").returncode == 0
    assert len(list((results / "wandb").rglob("*.wandb"))) == 2


def test_without_the_tracker_the_extra_is_named(manage, results, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    done = manage("export", results, "--to", "wandb")
    assert done.returncode == 2 and "pip install 'policy-ascent[wandb]'" in done.stderr
