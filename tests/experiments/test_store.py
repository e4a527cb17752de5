import errno
import json
import os
import shutil
from dataclasses import replace

import pytest
from store_cases import finish, matrix_of

from experiments.cell.train import train
from experiments.matrix_file import Comparisons
from experiments.records import altered_files, read_manifest
from experiments.spec import defaults_of
from experiments.store import ForeignResult, Store, StoreError


def test_a_written_cell_is_finished_and_an_unwritten_one_is_not(tmp_path, make_spec):
    one, two = make_spec(seed=1), make_spec(seed=2)
    with Store(tmp_path / "r") as store:
        store.plan(matrix_of(tmp_path, one, two))
        finish(store, one)
        assert set(store.scan([one, two]).finished) == {one.run_id}


def test_a_damaged_cell_is_set_aside_and_runs_again(tmp_path, make_spec):
    spec = make_spec()
    with Store(tmp_path / "r") as store:
        store.plan(matrix_of(tmp_path, spec))
        finish(store, spec)
        file = store.cells / spec.run_id / "updates.parquet"
        file.write_bytes(file.read_bytes()[:-1])
        found = store.scan([spec])
        assert not found.finished and found.broken == [spec.run_id]
        assert (store.root / "quarantine" / f"{spec.run_id}.0" / "updates.parquet").exists()


def test_a_cell_under_the_name_of_another_is_set_aside(tmp_path, make_spec):
    one, two = make_spec(seed=1), make_spec(seed=2)
    with Store(tmp_path / "r") as store:
        store.plan(matrix_of(tmp_path, one, two))
        finish(store, one)
        shutil.copytree(store.cells / one.run_id, store.cells / two.run_id)
        found = store.scan([one, two])
        assert set(found.finished) == {one.run_id} and found.broken == [two.run_id]


@pytest.mark.parametrize(("status", "again"), [("diverged", False), ("env_error", False), ("killed", True)])
def test_only_accidents_of_the_day_run_again(tmp_path, make_spec, status, again):
    spec = make_spec()
    with Store(tmp_path / "r") as store:
        store.plan(matrix_of(tmp_path, spec))
        finish(store, spec, status=status)
        assert (spec.run_id not in store.scan([spec]).finished) is again


def test_the_plan_grows_with_more_seeds_and_never_shrinks(tmp_path, make_spec):
    one, two = make_spec(seed=1), make_spec(seed=2)
    with Store(tmp_path / "r") as store:
        for cells in ([one], [one, two], [two]):
            store.plan(matrix_of(tmp_path, *cells))
        planned = json.loads((store.root / "manifest.json").read_text())["cells"]
    assert {cell["run_id"] for cell in planned} == {one.run_id, two.run_id}


def test_the_plan_says_what_the_rules_defaults_are(tmp_path, make_spec):
    with Store(tmp_path / "r") as store:
        store.plan(matrix_of(tmp_path, make_spec()))
        told = json.loads((store.root / "manifest.json").read_text())["defaults"]
    rule = make_spec().rule
    assert told == {rule: defaults_of(rule)} and all(value is not None for value in told[rule].values())


def test_another_matrix_is_refused_and_nothing_changes(tmp_path, make_spec):
    with Store(tmp_path / "r") as store:
        store.plan(matrix_of(tmp_path, make_spec(seed=1)))
        before = (store.root / "manifest.json").read_bytes()
        for other in (matrix_of(tmp_path, make_spec(gamma=0.5)), matrix_of(tmp_path, make_spec(seed=1), name="n")):
            with pytest.raises(StoreError, match="holds another matrix"):
                store.plan(other)
        assert (store.root / "manifest.json").read_bytes() == before


def test_a_second_driver_is_turned_away(tmp_path, make_spec):
    matrix = matrix_of(tmp_path, make_spec())
    with Store(tmp_path / "r") as first, Store(tmp_path / "r") as second:
        first.plan(matrix)
        with pytest.raises(StoreError, match=f"in use by process {os.getpid()} on"):
            second.plan(matrix)
    with Store(tmp_path / "r") as third:
        third.plan(matrix)


def test_a_place_that_cannot_be_written_is_named(tmp_path, make_spec):
    (tmp_path / "file").write_text("not a folder")
    with Store(tmp_path / "file" / "r") as store, pytest.raises(StoreError, match=r"cannot write to .*--out"):
        store.plan(matrix_of(tmp_path, make_spec()))


def everything_in(folder):
    return {str(path): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def test_nothing_is_created_locked_or_swept_before_the_plan_fits(tmp_path, make_spec):
    root = tmp_path / "r"
    with Store(root) as store:
        store.plan(matrix_of(tmp_path, make_spec(seed=1)))
    (root / ".lock").unlink()
    (root / "checkpoints" / ".mine.tmp").write_text("kept")
    before = everything_in(root)
    with Store(root) as store, pytest.raises(StoreError, match="holds another matrix"):
        store.plan(matrix_of(tmp_path, make_spec(gamma=0.5)))
    assert everything_in(root) == before


def test_the_sweep_takes_what_the_store_has_named_and_nothing_else(tmp_path, make_spec):
    spec, root = make_spec(), tmp_path / "r"
    matrix = matrix_of(tmp_path, spec)
    with Store(root) as store:
        store.plan(matrix)
    mine = [root / ".mine.tmp", root / "logs" / ".x.log.tmp", root / "figures" / ".f.tmp", root / "staging" / "mine"]
    its = [root / ".manifest.json.tmp", root / "logs" / f".{spec.run_id}.log.tmp", root / "staging" / spec.run_id]
    for file in (*mine, *its):
        file.parent.mkdir(exist_ok=True)
        file.write_text("half")
    with Store(root) as store:
        store.plan(matrix)
    assert all(file.exists() for file in mine) and not any(file.exists() for file in its)


def test_a_cell_that_was_whole_when_its_writer_died_is_taken_in(tmp_path, make_spec):
    spec = make_spec()
    matrix = matrix_of(tmp_path, spec)
    with Store(tmp_path / "r") as store:
        store.plan(matrix)
        finish(store, spec)
        os.replace(store.cells / spec.run_id, store.staging / spec.run_id)
    with Store(tmp_path / "r") as store:
        store.plan(matrix)
        assert set(store.scan([spec]).finished) == {spec.run_id} and not list(store.staging.iterdir())


def test_a_cell_that_runs_again_takes_the_place_of_the_one_before(tmp_path, make_spec):
    spec = make_spec()
    with Store(tmp_path / "r") as store:
        store.plan(matrix_of(tmp_path, spec))
        finish(store, spec, status="killed")
        finish(store, spec)
        assert store.scan([spec]).finished[spec.run_id].status == "ok" and not list(store.staging.iterdir())


def test_a_checkpoint_goes_only_after_its_result_is_stored(tmp_path, make_spec, monkeypatch):
    spec = make_spec()
    with Store(tmp_path / "r") as store:
        store.plan(matrix_of(tmp_path, spec))
        checkpoint = store.checkpoint_of(spec.run_id)
        checkpoint.write_text("where it goes on")
        finish(store, spec, status="killed")
        assert checkpoint.exists(), "it is to go on from there"
        with monkeypatch.context() as patch, pytest.raises(OSError, match="full"):
            patch.setattr("experiments.store.write_through", full)
            finish(store, spec)
        assert checkpoint.exists()
        finish(store, spec)
        assert not checkpoint.exists()


def full(path, data):
    raise OSError(errno.ENOSPC, "full")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"run_id": "another"}, "its run_id came back as 'another'"),
        ({"run_id": "../../outside"}, "its run_id came back as"),
        ({"seed": 7}, "its seed came back as 7"),
        ({"code": "other"}, "its code came back as 'other'"),
        ({"status": "splendid"}, "no such status"),
    ],
)
def test_what_was_not_asked_for_is_refused_and_nothing_is_written(tmp_path, make_spec, change, message):
    spec = make_spec()
    with Store(tmp_path / "r") as store:
        store.plan(matrix_of(tmp_path, spec))
        before = everything_in(tmp_path)
        with pytest.raises(ForeignResult, match=message):
            finish(store, spec, **change)
        assert everything_in(tmp_path) == before


def test_rows_of_another_cell_are_refused(tmp_path, make_spec):
    one, two = make_spec(seed=1), make_spec(seed=2)
    *rows, run = train(one)
    *others, other = train(two)
    with Store(tmp_path / "r") as store:
        store.plan(matrix_of(tmp_path, one, two))
        for mixed in (others, [*rows, other], [*rows, run]):
            with pytest.raises(ForeignResult, match="a row of something else"):
                store.write(one, run, mixed)
        with pytest.raises(ForeignResult, match="a row that is none"):
            store.write(one, run, [replace(rows[-1], env_steps="many")])
        assert not list(store.cells.iterdir())


def test_the_files_behind_a_digest_of_code_are_in_the_manifest(tmp_path, make_spec):
    spec = make_spec()
    with Store(tmp_path / "r") as store:
        store.plan(matrix_of(tmp_path, spec))
        finish(store, spec)
        run = store.scan([spec]).finished[spec.run_id]
        assert "algos/rules/trpo.py" in read_manifest(store.root).code[run.code]


def test_cells_of_other_code_are_told_apart(tmp_path, make_spec):
    one, two = make_spec(seed=1), make_spec(seed=2)
    with Store(tmp_path / "r") as store:
        store.plan(matrix_of(tmp_path, one, two))
        for spec in (one, two):
            finish(store, spec)
        assert store.scan([one, two]).other_code == []
        assert store.scan([one, two.model_copy(update={"code": "newer"})]).other_code == [two.run_id]


def declared_after(tmp_path, store, spec, **how):
    store.plan(replace(matrix_of(tmp_path, spec), **how))
    return read_manifest(store.root).head["declared_after"]


def test_comparisons_that_are_declared_after_runs_are_marked_for_good(tmp_path, make_spec):
    spec = make_spec()
    first, second = (Comparisons(rules=(("trpo", other),)) for other in ("npg", "ppo"))
    with Store(tmp_path / "r") as store:
        assert declared_after(tmp_path, store, spec, compare=first) == 0
        finish(store, spec)
        assert declared_after(tmp_path, store, spec, compare=first) == 0, "as it was declared"
        assert declared_after(tmp_path, store, spec, compare=first, sequential=True) == 1
        assert declared_after(tmp_path, store, spec, compare=first) == 1
    with Store(tmp_path / "s") as store:
        assert declared_after(tmp_path, store, spec) == 0
        finish(store, spec)
        assert declared_after(tmp_path, store, spec, compare=first) == 1
        assert declared_after(tmp_path, store, spec, compare=first) == 1
    with Store(tmp_path / "t") as store:
        assert declared_after(tmp_path, store, spec, compare=first, sequential=True) == 0
        finish(store, spec)
        assert declared_after(tmp_path, store, spec, compare=first, sequential=True) == 0
        assert declared_after(tmp_path, store, spec, compare=second, sequential=True) == 1


def test_looks_have_a_checksum(tmp_path, make_spec):
    with Store(tmp_path / "r") as store:
        store.plan(matrix_of(tmp_path, make_spec()))
        store.write_interim(b"[]")
        assert altered_files(store.root) == []
        (store.root / "interim.json").write_bytes(b"[[]]")
        assert altered_files(store.root) == [f"{store.root / 'interim.json'}: not as it was written"]
