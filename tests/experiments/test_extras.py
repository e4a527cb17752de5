"""Numbers that a rule reports under its own names become columns, all the way, without an edit of any schema."""

from dataclasses import dataclass, replace

import pandas as pd
import pyarrow as pa
import pytest

from algos.types import Info
from analysis.load import load
from analysis.page.evidence import gather
from analysis.report import frames
from experiments.cell.train import train
from experiments.management import packs
from experiments.management.export import points
from experiments.matrix_file import Matrix
from experiments.records import (
    EXTRA,
    ROWS,
    UpdateRow,
    cell_files,
    decode,
    encode,
    files_of,
    read_cell,
    read_tables,
    schema,
)
from experiments.store import Store

NAN = float("nan")
NUMBERS = {"noise": 0.1 + 0.2, "phase": NAN, "count": 3}


@dataclass(frozen=True)
class State:
    theta: object
    updates: int = 0


@dataclass(frozen=True)
class Reports:
    """A rule that stays where it is and has numbers to report, `late` only from its second update on."""

    def init(self, theta):
        return State(theta)

    def update(self, state, batch):
        late = {"late": float(state.updates)} if state.updates else {}
        return replace(state, updates=state.updates + 1), Info(extras=NUMBERS | late)


@pytest.fixture
def reporting(monkeypatch):
    monkeypatch.setattr("experiments.cell.checked_rule.build_rule", lambda *arguments: Reports())


@pytest.fixture
def rows(make_spec, reporting):
    return list(train(make_spec()))


def test_no_column_of_a_schema_can_be_taken_for_an_extra_number():
    for row in ROWS.values():
        assert not [name for name in schema(row).names if name.startswith(EXTRA)]


def test_a_row_with_extra_numbers_survives_json_exactly(rows):
    update = next(row for row in rows if isinstance(row, UpdateRow))
    assert repr(decode(encode(update)).extras) == repr(update.extras) == repr(NUMBERS)


def test_they_are_columns_of_the_cell(tmp_path, rows):
    for name, data in cell_files(rows[-1], rows[:-1]).items():
        (tmp_path / name).write_bytes(data)
    updates = read_cell(tmp_path).tables["updates"]
    assert list(updates.columns)[-4:] == ["extra_count", "extra_late", "extra_noise", "extra_phase"]
    assert (updates.extra_noise == 0.1 + 0.2).all() and updates.extra_phase.isna().all()
    assert updates.extra_late.isna().tolist() == [True] + [False] * (len(updates) - 1)


def test_a_run_resumed_from_a_checkpoint_has_all_of_them(tmp_path, make_spec, reporting):
    spec = make_spec(checkpoint_every=1)
    whole = [row for row in train(spec) if isinstance(row, UpdateRow)]
    file = tmp_path / "x.checkpoint"
    with pytest.raises(Exception, match="at a checkpoint"):
        list(train(spec, checkpoint=file, pause=lambda: file.exists()))
    resumed = [row for row in train(spec, checkpoint=file) if isinstance(row, UpdateRow)]
    assert [repr(row.extras) for row in resumed] == [repr(row.extras) for row in whole]
    assert resumed[-1].extras["late"] == len(whole) - 1


@pytest.fixture
def results(tmp_path, make_spec, monkeypatch):
    """One cell of a rule that reports, and one of a rule that does not, as from before there were extra numbers."""
    specs = (make_spec(), make_spec("Pendulum-v1", "npg"))
    with Store(tmp_path / "r") as store:
        store.plan(Matrix("m", tmp_path / "m.toml", specs, {}))
        for spec, reports in zip(specs, (True, False), strict=True):
            with monkeypatch.context() as patch:
                if reports:
                    patch.setattr("experiments.cell.checked_rule.build_rule", lambda *arguments: Reports())
                *rows, run = train(spec)
            store.write(spec, run, rows)
    return store.root


def test_the_tables_have_them_and_null_where_a_rule_reports_none(results):
    updates = load(results).updates
    mine = updates.env == "CartPole-v1"
    assert (updates.extra_noise[mine] == 0.1 + 0.2).all() and updates.extra_noise[~mine].isna().all()
    assert 0 < mine.sum() < len(updates) and "extras" not in updates
    assert {"extra_noise", "extra_late"} <= set(frames(gather(load(results)))["updates"])


def test_they_come_back_from_a_pack_and_only_to_their_own_cell(results, tmp_path):
    packs.pack(results, tmp_path / "m.pack")
    packs.unpack_results(tmp_path / "m.pack", tmp_path / "again")
    for cell in (results / "cells").iterdir():
        before, after = (read_cell(folder / "cells" / cell.name) for folder in (results, tmp_path / "again"))
        pd.testing.assert_frame_equal(before.tables["updates"], after.tables["updates"])


def test_trackers_get_them(results):
    cell = next(read_cell(path) for path in (results / "cells").iterdir() if "CartPole" in path.name)
    logged = dict(points(cell))
    assert any(values.get("train/extra_noise") == 0.1 + 0.2 for values in logged.values())


@pytest.mark.parametrize("extras", [{"a b": 1.0}, {"noise": "text"}, {"": 1.0}])
def test_a_row_from_elsewhere_with_none_of_these_is_refused(rows, extras):
    spoilt = [replace(row, extras=extras) if isinstance(row, UpdateRow) else row for row in rows[:-1]]
    with pytest.raises((ValueError, TypeError)):
        cell_files(rows[-1], spoilt)


def test_a_column_that_is_no_more_is_not_taken_for_one(tmp_path, rows):
    run = rows[-1]
    for name, data in cell_files(run, rows[:-1]).items():
        (tmp_path / name).write_bytes(data)
    _, tables = read_tables(tmp_path)
    old = tables["updates"].append_column("gone", pa.array([1.0] * len(tables["updates"])))
    for name, data in files_of(run, tables | {"updates": old}).items():
        (tmp_path / name).write_bytes(data)
    assert set(read_cell(tmp_path).tables["updates"]) == set(tables["updates"].column_names)
