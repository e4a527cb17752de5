import json
import os
import shutil
from dataclasses import replace

import pytest

from experiments.cell.train import train
from experiments.matrix_file import Matrix
from experiments.store import Store, StoreError


def matrix_of(tmp_path, *cells, name="m"):
    return Matrix(name, tmp_path / "m.toml", cells, {})


def finish(store, spec, **changes):
    *rows, run = train(spec)
    store.write(replace(run, **changes), rows)


def test_a_written_cell_is_finished_and_an_unwritten_one_is_not(tmp_path, make_spec):
    one, two = make_spec(seed=1), make_spec(seed=2)
    with Store(tmp_path / "r") as store:
        store.plan(matrix_of(tmp_path, one, two))
        finish(store, one)
        assert set(store.look([one, two]).finished) == {one.run_id}


def test_a_damaged_cell_is_set_aside_and_runs_again(tmp_path, make_spec):
    spec = make_spec()
    with Store(tmp_path / "r") as store:
        store.plan(matrix_of(tmp_path, spec))
        finish(store, spec)
        file = store.cells / spec.run_id / "updates.parquet"
        file.write_bytes(file.read_bytes()[:-1])
        found = store.look([spec])
        assert not found.finished and found.broken == [spec.run_id]
        assert (store.root / "quarantine" / f"{spec.run_id}.0" / "updates.parquet").exists()


def test_a_cell_under_the_name_of_another_is_set_aside(tmp_path, make_spec):
    one, two = make_spec(seed=1), make_spec(seed=2)
    with Store(tmp_path / "r") as store:
        store.plan(matrix_of(tmp_path, one, two))
        finish(store, one)
        shutil.copytree(store.cells / one.run_id, store.cells / two.run_id)
        found = store.look([one, two])
        assert set(found.finished) == {one.run_id} and found.broken == [two.run_id]


@pytest.mark.parametrize(("status", "again"), [("diverged", False), ("env_error", False), ("killed", True)])
def test_only_accidents_of_the_day_run_again(tmp_path, make_spec, status, again):
    spec = make_spec()
    with Store(tmp_path / "r") as store:
        store.plan(matrix_of(tmp_path, spec))
        finish(store, spec, status=status)
        assert (spec.run_id not in store.look([spec]).finished) is again


def test_the_plan_grows_with_more_seeds_and_never_shrinks(tmp_path, make_spec):
    one, two = make_spec(seed=1), make_spec(seed=2)
    with Store(tmp_path / "r") as store:
        for cells in ([one], [one, two], [two]):
            store.plan(matrix_of(tmp_path, *cells))
        planned = json.loads((store.root / "manifest.json").read_text())["cells"]
    assert {cell["run_id"] for cell in planned} == {one.run_id, two.run_id}


def test_another_matrix_is_refused_and_nothing_changes(tmp_path, make_spec):
    with Store(tmp_path / "r") as store:
        store.plan(matrix_of(tmp_path, make_spec(seed=1)))
        before = (store.root / "manifest.json").read_bytes()
        for other in (matrix_of(tmp_path, make_spec(gamma=0.5)), matrix_of(tmp_path, make_spec(seed=1), name="n")):
            with pytest.raises(StoreError, match="holds another matrix"):
                store.plan(other)
        assert (store.root / "manifest.json").read_bytes() == before


def test_a_second_driver_is_turned_away(tmp_path):
    with Store(tmp_path / "r"), pytest.raises(StoreError, match=f"in use by process {os.getpid()} on"):
        Store(tmp_path / "r").__enter__()
    with Store(tmp_path / "r"):
        pass


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match=r"cannot write to .*--out"):
        Store(tmp_path / "file" / "r").__enter__()


def test_a_manifest_that_is_not_one_is_named(tmp_path, make_spec):
    with Store(tmp_path / "r") as store:
        (store.root / "manifest.json").write_text("{")
        with pytest.raises(StoreError, match="is not a manifest"):
            store.plan(matrix_of(tmp_path, make_spec()))
