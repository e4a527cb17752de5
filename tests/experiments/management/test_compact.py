"""A compact pack: what it keeps is what it was, what it leaves out it names, and the matrix goes on from it."""

import json
from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from analysis.load import load
from analysis.measures import measure_runs
from analysis.page.provenance import facts
from experiments.cell.train import train
from experiments.manage_results import Command, main
from experiments.management.compact import BITS, EXACT, ROUNDED, note, round_column
from experiments.matrix_file import Matrix
from experiments.records import PAYLOAD, UpdateRow, read_cell, read_manifest, schema
from experiments.records.manifest import THINNED
from experiments.store import Store

NAN = float("nan")
WHOLE = ("nauc", "final_", "dispersion", "risk", "drawdown", "collapse", "steps_to", "seconds_to", "_share", "accepted")


@pytest.fixture
def manage(call):
    return partial(call, main, Command)


@pytest.fixture
def planned(tmp_path, make_spec):
    cells = (make_spec(budget=384), make_spec("CliffWalking-v1", "reuse_pg"), make_spec("Pendulum-v1", "npg", seed=1))
    return Matrix("m", tmp_path / "m.toml", cells, {"Pendulum-v1": (-1500.0, 0.0), "CartPole-v1": (20.0, 500.0)})


@pytest.fixture
def both(tmp_path, planned, manage):
    """Two of three cells, and the same from a compact pack."""
    with Store(tmp_path / "r") as store:
        store.plan(planned)
        for spec in planned.cells[:2]:
            *rows, run = train(spec)
            store.write(spec, run, rows)
    assert manage("pack", store.root, tmp_path / "m.pack", "--compact").returncode == 0
    assert manage("unpack", tmp_path / "m.pack", tmp_path / "again").returncode == 0
    return store.root, tmp_path / "again"


def cells(root):
    return [read_cell(path) for path in sorted((root / "cells").iterdir())]


def test_runs_and_evaluations_come_back_to_the_last_bit(both):
    for whole, thin in zip(*map(cells, both), strict=True):
        assert repr(thin.run) == repr(whole.run)
        pd.testing.assert_frame_equal(thin.tables["evaluations"], whole.tables["evaluations"])
        assert len(thin.tables["updates"]) == len(whole.tables["updates"]) > 0
        assert len(thin.tables["reuses"]) == len(whole.tables["reuses"])


def test_numbers_of_updates_are_whole_or_rounded_or_left_out_as_the_manifest_says(both):
    said = read_manifest(both[1]).head[THINNED]
    assert said == json.loads(json.dumps(note()))
    for whole, thin in zip(*map(cells, both), strict=True):
        assert all(thin.tables[name].empty for name in said["tables_left_out"])
        for name in schema(UpdateRow).names:
            before, after = (cell.tables["updates"][name] for cell in (whole, thin))
            if name in said["columns_left_out"]["updates"]:
                assert after.isna().all()
            elif name in said["rounded"]["updates"]:
                np.testing.assert_allclose(after, before, rtol=2.0**-BITS, atol=0)
            else:
                pd.testing.assert_series_equal(after, before)


def test_every_number_of_an_update_has_its_place_and_what_measures_use_is_kept():
    floats = {name for name in schema(UpdateRow).names if pa.types.is_floating(schema(UpdateRow).field(name).type)}
    said = note()
    assert floats == {*EXACT, *ROUNDED, *said["columns_left_out"]["updates"]}
    assert {"kl", "max_kl", "agreement", "cg_residual", "ess", "max_weight"} <= set(ROUNDED)


def test_measures_of_runs_and_evaluations_are_the_same_and_others_agree_to_four_digits(both):
    before, after = (measure_runs(load(root)) for root in both)
    assert list(after) == list(before)
    for name in before:
        if before[name].dtype == float and not any(part in name for part in WHOLE):
            np.testing.assert_allclose(after[name], before[name], rtol=1e-4, err_msg=name)
        else:
            pd.testing.assert_series_equal(after[name], before[name])
    there = before[before.status == "ok"]
    assert there.kl_median.notna().all() and there.ess_median.notna().any() and there.true_loss_share.notna().any()


def test_the_matrix_goes_on_from_there_and_says_for_ever_what_was_thinned(both, planned, manage):
    thin = both[1]
    assert manage("verify", thin).returncode == 0
    with Store(thin) as store:
        store.plan(planned)
        found = store.scan(list(planned.cells))
        assert set(found.finished) == {spec.run_id for spec in planned.cells[:2]}
        assert not found.broken and not found.other_code
        spec = planned.cells[2]
        *rows, run = train(spec)
        store.write(spec, run, rows)
    assert read_manifest(thin).head[THINNED] == json.loads(json.dumps(note()))
    results = load(thin)
    assert "compact pack" in dict(facts(results))["rows"] and "rows" not in dict(facts(load(both[0])))
    assert len(results.updates.dropna(subset="entropy")) == len(
        read_cell(thin / "cells" / spec.run_id).tables["updates"]
    )


def test_a_compact_pack_packs_again_to_the_same_bytes(both, manage, tmp_path):
    assert manage("pack", both[1], tmp_path / "twice", "--compact").returncode == 0
    assert (tmp_path / "twice").read_bytes() == (tmp_path / "m.pack").read_bytes()
    whole = manage("pack", both[0], tmp_path / "whole")
    assert whole.returncode == 0 and (tmp_path / "whole").stat().st_size > (tmp_path / "m.pack").stat().st_size


def test_what_needs_the_policy_says_that_there_is_none(both, manage, planned):
    done = manage("render", both[1], planned.cells[0].run_id)
    assert done.returncode == 2 and "came from a compact pack, which keeps no policy; run the cell again" in done.stderr


@pytest.mark.parametrize("value", [0.0, -0.0, NAN, float("inf"), -float("inf"), 1.0, -3.5, 1e-30, 2.0**-15, 65_535.0])
def test_what_needs_few_bits_or_is_no_number_stays_as_it_is(value):
    (found,) = round_column(pa.chunked_array([[value]])).to_pylist()
    assert repr(found) == repr(value) or found == pytest.approx(value, rel=2.0**-BITS)
    assert value in (1e-30,) or repr(found) == repr(value)


def test_rounding_is_to_the_nearest_and_null_stays_null():
    rng = np.random.default_rng(0)
    values = rng.normal(size=10_000) * 10.0 ** rng.integers(-20, 20, 10_000)
    found = round_column(pa.chunked_array([values])).to_numpy()
    assert np.abs(found / values - 1).max() <= 2.0**-BITS * (1 + 1e-6)
    assert abs((found / values - 1).mean()) < 1e-7, "neither up nor down"
    assert round_column(pa.chunked_array([[None, 2.0]])).to_pylist() == [None, 2.0]


def test_tables_of_a_cell_are_all_there_though_some_are_empty(both):
    for cell in cells(both[1]):
        assert set(cell.tables) == {row.table for row in PAYLOAD}
