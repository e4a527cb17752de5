"""Odd things in the place of what a store has named: set aside or refused in a line, never a hang or a traceback."""

import json
import os
import shutil

import pytest
from store_cases import finish, matrix_of

from experiments.store import Store, StoreError


def fifo(path):
    os.mkfifo(path)


def loop(path):
    path.symlink_to(path)


def dangling(path):
    path.symlink_to(path.with_name("nowhere"))


def folder(path):
    (path / "inside").mkdir(parents=True)


def number_list(path):
    path.write_text("[1, 2]")


def deep(path):
    path.write_text('{"run": ' + "[" * 10_000 + "]" * 10_000 + "}")


ODD = (fifo, loop, dangling, folder, number_list, deep)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("place", ["cell", "record.json", "updates.parquet"])
def test_odd_things_in_the_place_of_a_cell_are_set_aside_in_a_line(tmp_path, make_spec, odd, place):
    spec = make_spec()
    with Store(tmp_path / "r") as store:
        store.plan(matrix_of(tmp_path, spec))
        finish(store, spec)
        path = store.cells / spec.run_id
        if place == "cell":
            shutil.rmtree(path)
        else:
            path /= place
            path.unlink()
        odd(path)
        found = store.scan([spec])
        assert found.broken == [spec.run_id] and not found.finished and len(found.set_aside) == 1
        assert "quarantine" in found.set_aside[0]
        finish(store, spec)
        assert set(store.scan([spec]).finished) == {spec.run_id}


@pytest.mark.parametrize("odd", ODD[:4])
@pytest.mark.parametrize("place", ["log", "checkpoint"])
def test_odd_things_in_the_place_of_a_log_or_checkpoint_are_set_aside(tmp_path, make_spec, odd, place):
    spec = make_spec()
    with Store(tmp_path / "r") as store:
        store.plan(matrix_of(tmp_path, spec))
        file = getattr(store, f"{place}_of")(spec.run_id)
        odd(file)
        found = store.scan([spec])
        assert not os.path.lexists(file) and len(found.set_aside) == 1 and "no regular file" in found.set_aside[0]


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_manifest_is_refused_in_a_line(tmp_path, make_spec, odd):
    root = tmp_path / "r"
    root.mkdir()
    odd(root / "manifest.json")
    with Store(root) as store, pytest.raises(StoreError, match="is not a manifest"):
        store.plan(matrix_of(tmp_path, make_spec()))
    assert [path.name for path in root.iterdir()] == ["manifest.json"]


def test_a_manifest_that_was_altered_is_refused(tmp_path, make_spec):
    with Store(tmp_path / "r") as store:
        store.plan(matrix_of(tmp_path, make_spec()))
        file = store.root / "manifest.json"
        file.write_text(file.read_text().replace('"seed": 0', '"seed": 1'))
        with pytest.raises(StoreError, match="not as it was written"):
            store.plan(matrix_of(tmp_path, make_spec()))


@pytest.mark.parametrize("name", ["../outside", "a/b", "", "..", 3, None])
def test_a_manifest_that_names_a_cell_elsewhere_is_refused(tmp_path, make_spec, name):
    (tmp_path / "manifest.json").write_text(json.dumps({"matrix": "m", "cells": [{"run_id": name}]}))
    with Store(tmp_path) as store, pytest.raises(StoreError, match="is no name of a cell"):
        store.plan(matrix_of(tmp_path, make_spec()))


def test_numbers_of_the_quarantine_may_have_gaps(tmp_path, make_spec):
    spec = make_spec()
    with Store(tmp_path / "r") as store:
        store.plan(matrix_of(tmp_path, spec))
        for _ in range(3):
            finish(store, spec)
            store.forget(spec.run_id)
        quarantine = store.root / "quarantine"
        shutil.rmtree(quarantine / f"{spec.run_id}.0")
        (quarantine / f"{spec.run_id}.x").write_text("mine")
        finish(store, spec)
        store.forget(spec.run_id)
        assert {path.name.removeprefix(spec.run_id) for path in quarantine.iterdir()} == {".1", ".2", ".3", ".x"}
