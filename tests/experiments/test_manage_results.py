"""The commands on a small matrix with one cell of every kind."""

import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from analysis.load import load
from analysis.page.evidence import gather
from analysis.report import Arguments as ReportArguments
from analysis.report import main as report_main
from analysis.report import report
from experiments import owner
from experiments.cell.train import train
from experiments.heartbeat import NAME, Heartbeat
from experiments.management import inspect
from experiments.matrix_file import Matrix
from experiments.records import cell_files, read_cell, write_checksums
from experiments.store import Store


def test_status_tells_what_is_done_failed_begun_and_left(manage, results, specs):
    done = manage("status", results)
    assert done.returncode == 1, "a cell failed"
    row = next(line for line in done.stdout.splitlines() if " all " in line)
    cells = [cell.strip() for cell in row.split("│")[1:-1]]
    assert cells[2:] == ["4", "1", "1 diverged", "0", "1", "1", "704", "?"], "no cell like the open ones has ended well"
    assert "begun: trpo/Acrobot-v1/seed0" in done.stdout and "not running" in done.stdout


def test_a_running_cell_is_shown_with_its_last_return_and_not_when_its_driver_was_lost(manage, results, specs):
    with Store(results) as store:
        store.plan(Matrix("m", results / "m.toml", tuple(specs.values()), {}))
        heartbeat = Heartbeat(store.write_running, every_s=0.0)
        heartbeat.beat(specs["begun"].run_id, 128, -93.25)
        heartbeat.beat(specs["waiting"].run_id, 0, float("nan"))
        listed = manage("status", results).stdout
        assert (
            "running: trpo/Acrobot-v1/seed0, 128 of 512 steps, last return -93.2" in listed and "begun:" not in listed
        )
        assert "trpo/Pendulum-v1/seed1, 0 of 192 steps, no evaluation yet" in listed
        row = next(line for line in listed.splitlines() if " all " in line)
        assert [cell.strip() for cell in row.split("│")[1:-1]][2:-1] == ["4", "1", "1 diverged", "2", "0", "0", "576"]
        shown = manage("show", results, "trpo/Acrobot-v1")
        assert shown.returncode == 0 and "running (128 of 512 steps, last return -93.2" in shown.stdout
        heartbeat.end(specs["begun"].run_id)
        assert "last checkpoint" in manage("status", results).stdout
        left = (results / NAME).read_bytes()
    assert not (results / NAME).exists(), "the file goes with the driver"
    (results / NAME).write_bytes(left)
    assert "running:" not in manage("status", results).stdout


def test_a_directory_that_is_being_run_says_so(manage, results, specs):
    with Store(results) as store:
        store.plan(Matrix("m", results / "m.toml", tuple(specs.values()), {}))
        assert "running (process" in manage("status", results).stdout


def test_show_tells_the_traceback_of_what_was_raised(manage, tmp_path, make_spec, fakes):
    spec = make_spec(fakes + "Raises-v0")
    with Store(tmp_path / "r") as store:
        store.plan(Matrix("m", tmp_path / "m.toml", (spec,), {}))
        *rows, run = train(spec)
        store.write(spec, run, rows)
    done = manage("show", store.root, "Raises")
    assert done.returncode == 1 and "env_error (RuntimeError: the simulator is on fire)" in done.stdout
    assert "Traceback (most recent call last)" in done.stdout and "fake_environments.py" in done.stdout


def test_show_tells_what_became_of_a_cell(manage, results, specs):
    done = manage("show", results, specs["diverged"].run_id)
    assert done.returncode == 1 and "theta beyond 2e+06" in done.stdout and "hello from the cell" in done.stdout
    done = manage("show", results, "InvertedPendulum")
    assert done.returncode == 0 and '"max_kl": 0.02' in done.stdout and "return_mean" in done.stdout
    assert manage("show", results, specs["waiting"].run_id).returncode == 0


@pytest.mark.parametrize("name", ["vanilla_pg/Pendulum-v1/seed0", "vanilla_pg", "van*/*/seed0", "vanilla_pg-Pend"])
def test_a_cell_goes_by_its_name_a_pattern_or_a_part_of_its_folders(manage, results, name):
    assert "vanilla_pg/Pendulum-v1/seed0: diverged" in manage("show", results, name).stdout


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


@pytest.mark.parametrize(
    "name", ["tables/summary.csv", "tables/runs.parquet", "report.md", "report.html", "figures/final.png"]
)
def test_verify_names_what_is_missing_or_altered(manage, results, name, monkeypatch):
    made = [results / other for other in ("tables/summary.csv", "report.md", "report.html", "figures/final.png")]
    for file in (*made, results / "tables/runs.parquet"):
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"as it was")
    write_checksums(results, [*made, results / "tables/runs.parquet"])
    monkeypatch.setattr(inspect, "_tables_agree", lambda folder: True)
    assert manage("verify", results).returncode == 0
    (results / name).write_bytes(b"as it is")
    done = manage("verify", results)
    assert done.returncode == 1 and f"{results / name}: not as it was written" in done.stdout
    (results / name).unlink()
    done = manage("verify", results)
    assert done.returncode == 1 and f"{results / name}: missing" in done.stdout
    os.mkfifo(results / name)
    assert f"{results / name}: cannot be read: not a regular file" in manage("verify", results).stdout


def test_a_report_notes_everything_that_it_writes(results, monkeypatch):
    assert report_main(ReportArguments((results,))) == 0
    noted = set(json.loads((results / "checksums.json").read_bytes())["files"])
    folders = [results, results / "tables", results / "figures"]
    written = {str(file.relative_to(results)) for folder in folders for file in folder.iterdir() if file.is_file()}
    assert written - {"checksums.json", "manifest.json", ".lock"} == noted and "report.html" in noted


def test_verify_finds_checksums_and_a_plan_that_were_altered(manage, results):
    (results / "report.md").write_text("# Report")
    write_checksums(results, [results / "report.md"])
    for name in ("checksums.json", "manifest.json"):
        file = results / name
        before = file.read_bytes()
        file.write_bytes(before.replace(b"report.md", b"report.mx").replace(b"Pendulum", b"Pendulun"))
        done = manage("verify", results)
        assert done.returncode == 1 and f"{file}: not as it was written" in done.stdout
        file.write_bytes(before)
    assert manage("verify", results).returncode == 0


def test_verify_flags_cells_of_mixed_code(manage, results, specs):
    folder = results / "cells" / specs["ok"].run_id
    for name, data in cell_files(replace(read_cell(folder).run, code="older"), []).items():
        (folder / name).write_bytes(data)
    done = manage("verify", results)
    assert done.returncode == 1 and "different versions of code of which no files are known (older)" in done.stdout


def test_status_takes_no_lock_and_works_where_nothing_can_be_written(results, monkeypatch):
    watching, written = [True], []

    def note(event, arguments):  # a hook stays for good; it notes for as long as this test has its list
        flags = arguments[2] if event == "open" else 0
        writes = event in ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate") or (
            isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        )
        if watching and writes and str(results) in str(arguments[0]):
            written.append(f"{event} {arguments[0]}")

    sys.addaudithook(note)
    monkeypatch.setattr("filelock.FileLock.acquire", lambda *_, **__: pytest.fail("the lock was taken"))
    assert inspect.status(results) == 1
    assert inspect.show(results, "InvertedPendulum", 20) == 0
    watching.clear()
    assert written == []


@pytest.mark.parametrize("locks", [owner.LOCKS, Path("/nowhere")])
def test_who_is_at_it_is_known_with_and_without_a_list_of_locks(results, specs, monkeypatch, locks):
    monkeypatch.setattr(owner, "LOCKS", locks)
    assert owner.running(results) == "not running"
    with Store(results) as store:
        store.plan(Matrix("m", results / "m.toml", tuple(specs.values()), {}))
        assert owner.running(results) == f"running (process {os.getpid()} on {platform.node()})"
    (results / ".owner").write_text("process 1 on another machine")
    assert owner.running(results) == "running, or lost (process 1 on another machine)"


def test_status_needs_neither_torch_nor_a_simulator(results):
    code = f"""
import sys
from experiments.manage_results import Status, main
from pathlib import Path
main(Status(Path({str(results)!r})))
assert not sys.modules.keys() & {{"torch", "gymnasium", "mujoco"}}
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


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


def test_a_format_that_there_is_not_is_refused_before_anything_is_drawn(manage, results, tmp_path):
    done = manage("render", results, "InvertedPendulum", "--out", tmp_path / "a.avi")
    assert done.returncode == 2 and ".webp, .gif, .mp4" in done.stderr


def test_render_says_why_there_is_nothing_to_show(manage, results, specs):
    done = manage("render", results, specs["diverged"].run_id)
    assert done.returncode == 2 and "has no policy to show" in done.stderr


def test_what_cannot_be_written_is_said_in_a_line(manage, results, tmp_path):
    done = manage("pack", results, tmp_path / "nowhere" / "a.pack")
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "nowhere" in done.stderr


@pytest.mark.parametrize("kind", ["dangling", "loop"])
def test_a_link_in_the_place_of_checksums_is_no_report_that_was_never_made(manage, results, kind):
    (results / "checksums.json").symlink_to("nowhere" if kind == "dangling" else "checksums.json")
    done = manage("verify", results)
    assert done.returncode == 1 and "checksums.json: not as it was written" in done.stdout


def test_the_doctor_looks_at_everything(manage, tmp_path):
    done = manage("doctor", "--results", tmp_path)
    for what in ("python", "torch", "cores", "rendering: classic control", "MP4", "free memory", str(tmp_path)):
        assert what in done.stdout
    assert done.returncode == int("! " in done.stdout)


def test_a_folder_that_is_none_is_refused_in_one_line(manage, tmp_path):
    done = manage("status", tmp_path)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "manifest.json" in done.stderr
