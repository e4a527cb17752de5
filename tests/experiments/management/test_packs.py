"""A results directory in one file, and back."""

import json
import os
import zipfile
from dataclasses import replace
from functools import partial

import pytest

from experiments.cell.train import train
from experiments.manage_results import Command, main
from experiments.management import packs
from experiments.matrix_file import Matrix
from experiments.records import read_cell, read_run
from experiments.store import Store


@pytest.fixture
def manage(call):
    return partial(call, main, Command)


@pytest.fixture
def matrix(tmp_path, make_spec):
    specs = [make_spec(seed=0), make_spec(seed=1), make_spec("Pendulum-v1", "npg"), make_spec(seed=2)]
    return Matrix("m", tmp_path / "m.toml", tuple(specs), {})


@pytest.fixture
def results(tmp_path, matrix, monkeypatch):
    """Three of four planned cells."""
    monkeypatch.setattr(packs, "BLOCK", 2)
    with Store(tmp_path / "r") as store:
        store.plan(matrix)
        for spec in matrix.cells[:3]:
            *rows, run = train(spec)
            store.write(spec, run, rows, log=b"hello")
    return store.root


def content(results):
    """run_id -> the row and tables of a cell, nan equal to nan."""
    cells = {path.name: read_cell(path) for path in (results / "cells").iterdir()}
    return {name: (repr(c.run), {k: t.to_csv() for k, t in c.tables.items()}) for name, c in cells.items()}


def test_a_directory_comes_back_and_is_gone_on_from(manage, results, matrix, tmp_path):
    assert manage("pack", results, tmp_path / "m.pack").returncode == 0
    done = manage("unpack", tmp_path / "m.pack", tmp_path / "again")
    assert done.returncode == 0 and "3 of 4 planned cells are finished" in done.stdout
    assert content(tmp_path / "again") == content(results)
    assert manage("verify", tmp_path / "again").returncode == 0
    with Store(tmp_path / "again") as store:
        store.plan(matrix)
        found = store.scan(list(matrix.cells))
        assert set(found.finished) == {spec.run_id for spec in matrix.cells[:3]}
        assert not found.broken and not found.other_code


def test_equal_cells_give_equal_files_and_fewer_bytes(manage, results, tmp_path, monkeypatch):
    monkeypatch.setattr(packs, "BLOCK", 64)
    for name in ("one", "two"):
        manage("pack", results, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    apart = sum(file.stat().st_size for file in (results / "cells").rglob("*.*"))
    assert (tmp_path / "one").stat().st_size < apart


def test_a_cell_that_is_not_whole_is_not_packed(manage, results, matrix, tmp_path):
    file = results / "cells" / matrix.cells[0].run_id / "updates.parquet"
    file.write_bytes(file.read_bytes()[:-1])
    done = manage("pack", results, tmp_path / "m.pack")
    assert done.returncode == 2 and "does not match its checksum" in done.stderr and not (tmp_path / "m.pack").exists()


@pytest.fixture
def members(manage, results, tmp_path):
    manage("pack", results, tmp_path / "m.pack")
    with zipfile.ZipFile(tmp_path / "m.pack") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def sealed(members):
    index = {name: packs._digest(data) for name, data in members.items() if name != packs.INDEX}
    return members | {packs.INDEX: json.dumps(index).encode()}


def renamed(members, run_id):
    """A pack whose first cell has another name."""
    run, _ = next(packs.cells_of({k: v for k, v in members.items() if k != packs.INDEX}))
    run = replace(run, run_id=run_id)
    table = packs.pa.Table.from_pylist([vars(run)], schema=packs.schema(packs.RunRow))
    return sealed(members | {"0000-runs.parquet": packs.packed(table)})


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda m: m | {"0000-updates.parquet": b"torn"}, "0000-updates.parquet does not match its checksum"),
        (lambda m: {k: v for k, v in m.items() if k != "0000-updates.parquet"}, "other members than pack.json names"),
        (lambda m: m | {"../outside": b"x"}, "other members than pack.json names"),
        (lambda m: m | {packs.INDEX: b"[" * 10_000 + b"]" * 10_000}, "nested too deep"),
        (lambda m: sealed(m | {"manifest.json": b"[]"}), "expected a JSON object"),
        (lambda m: renamed(m, "../../outside"), "nobody planned '../../outside'"),
        (lambda m: sealed(m | {"0000-runs.parquet": b"PAR1"}), "cannot be unpacked"),
    ],
)
def test_a_file_that_is_no_pack_is_refused_in_a_line_and_nothing_is_left(manage, members, tmp_path, spoil, message):
    (tmp_path / "bad.pack").write_bytes(packs._archive(spoil(members)))
    before = set(tmp_path.iterdir())
    done = manage("unpack", tmp_path / "bad.pack", tmp_path / "again")
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr
    assert set(tmp_path.iterdir()) == before


def test_a_small_file_that_unpacks_to_gigabytes_is_refused(manage, tmp_path):
    with zipfile.ZipFile(tmp_path / "bad.pack", "w", zipfile.ZIP_DEFLATED) as archive:
        for k in range(5):
            archive.writestr(f"{k}.parquet", bytes(2**28))
    assert (tmp_path / "bad.pack").stat().st_size < 2**21
    done = manage("unpack", tmp_path / "bad.pack", tmp_path / "again")
    assert done.returncode == 2 and "bytes that unpack to 1,342,177,280, more than" in done.stderr


@pytest.mark.parametrize("data", [b"", b"no archive"])
def test_any_other_file_is_refused(manage, tmp_path, data):
    (tmp_path / "bad.pack").write_bytes(data)
    assert manage("unpack", tmp_path / "bad.pack", tmp_path / "again").returncode == 2
    os.mkfifo(tmp_path / "fifo")
    assert "not a regular file" in manage("unpack", tmp_path / "fifo", tmp_path / "again").stderr


def test_what_is_there_is_not_overwritten(manage, results, tmp_path, matrix):
    manage("pack", results, tmp_path / "m.pack")
    done = manage("unpack", tmp_path / "m.pack", results)
    assert done.returncode == 2 and "exists; unpack to a place where nothing is" in done.stderr
    assert read_run(results / "cells" / matrix.cells[0].run_id).status == "ok"
