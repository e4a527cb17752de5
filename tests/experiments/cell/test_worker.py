"""A cell's own process, without one above it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.records import RunRow, decode
from experiments.spec import RunSpec

FULL = Path("/dev/full")  # a disk without room
BOOT = """
import json, sys
from experiments.cell.worker import run_cell
run_cell(json.loads(sys.argv[1]), int(sys.argv[2]))
"""


def rows_of(spec: RunSpec, **request: object):
    """What the process sends, and how it ends."""
    source, sink = os.pipe()
    whole = {
        "spec": spec.model_dump_json(), "path": sys.path, "folder": str(Path.cwd()), "log": None, "checkpoint": None,
        "jobs": 1, "lane": "throughput", "memory_gib": None, "sources": None, **request,
    }  # fmt: skip
    process = subprocess.Popen([sys.executable, "-c", BOOT, json.dumps(whole), str(sink)], pass_fds=[sink])
    os.close(sink)
    with open(source, "rb") as lines:
        rows = [decode(line) for line in lines]
    return rows, process.wait()


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_no_room_for_the_log_and_the_checkpoint_costs_these_and_nothing_else(make_spec, tmp_path):
    spec = make_spec(budget=512, evaluations=4, checkpoint_every=64)
    rows, code = rows_of(spec, log=str(FULL), checkpoint=str(tmp_path / "no such folder" / "c"))
    assert isinstance(rows[-1], RunRow) and rows[-1].status == "ok" and code == 0


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_nor_does_a_traceback_that_finds_no_room(make_spec, fakes):
    rows, code = rows_of(make_spec(f"{fakes}Raises-v0"), log=str(FULL))
    assert rows[-1].status == "env_error" and "on fire" in rows[-1].traceback and code == 0


def test_what_is_printed_goes_to_the_log(make_spec, fakes, tmp_path):
    rows_of(make_spec(f"{fakes}Raises-v0"), log=str(tmp_path / "log"))
    assert "the simulator is on fire" in (tmp_path / "log").read_text()
