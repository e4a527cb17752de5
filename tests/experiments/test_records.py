import dataclasses
import math
from pathlib import Path

import pytest

from algos.estimators import Change
from algos.types import Info, Reuse, Trial
from experiments.cell.oracle import Truth
from experiments.cell.train import train
from experiments.records import (
    PAYLOAD,
    ROWS,
    BrokenCell,
    ReuseRow,
    RunRow,
    TrialRow,
    UpdateRow,
    cell_files,
    decode,
    encode,
    frame,
    read_cell,
    schema,
)


@pytest.fixture
def rows(make_spec):
    return list(train(make_spec()))


def written(folder: Path, rows) -> Path:
    for name, data in cell_files(rows[-1], rows[:-1]).items():
        (folder / name).write_bytes(data)
    return folder


def test_every_column_has_a_type_that_arrow_knows():
    for row in ROWS.values():
        assert schema(row).names == [field.name for field in dataclasses.fields(row)]


def test_what_rules_and_pipeline_report_has_a_column():
    columns = {field.name for field in dataclasses.fields(UpdateRow)}
    for reported in (Info, Change, Truth):
        assert {field.name for field in dataclasses.fields(reported)} - {"uses"} <= columns


def test_trials_and_reuses_are_rows_of_their_own():
    for reported, row in ((Trial, TrialRow), (Reuse, ReuseRow)):
        assert {field.name for field in dataclasses.fields(reported)} <= {
            field.name for field in dataclasses.fields(row)
        }


def test_a_row_survives_json_exactly(rows):
    for row in rows:
        back = decode(encode(row))
        assert type(back) is type(row)
        for field in dataclasses.fields(row):
            a, b = getattr(row, field.name), getattr(back, field.name)
            assert a == b or (math.isnan(a) and math.isnan(b)), field.name


def test_a_cell_comes_back_as_it_was_written(tmp_path, rows):
    cell = read_cell(written(tmp_path, rows))
    assert repr(cell.run) == repr(rows[-1])
    for kind in PAYLOAD:
        assert cell.tables[kind.table].equals(frame(kind, [row for row in rows if isinstance(row, kind)]))
    assert len(cell.tables["trials"]) >= len(cell.tables["updates"]) > 0


def test_a_cell_that_is_older_than_a_column_reads_as_null_there(tmp_path, rows, monkeypatch):
    newer = ("linear_gain", "implied_beta")
    old = schema(UpdateRow)
    for name in newer:
        old = old.remove(old.get_field_index(name))
    with monkeypatch.context() as patch:
        patch.setattr("experiments.records.tables.schema", lambda row: old if row is UpdateRow else schema(row))
        written(tmp_path, rows)
    updates = read_cell(tmp_path).tables["updates"]
    assert updates[list(newer)].isna().all(axis=None) and updates.kl.notna().all() and len(updates)


FILES = ["record.json", *(f"{kind.table}.parquet" for kind in PAYLOAD)]


@pytest.mark.parametrize("name", FILES)
def test_any_flipped_or_missing_byte_is_found(tmp_path, rows, name):
    file = written(tmp_path, rows) / name
    good = file.read_bytes()
    for at in range(0, len(good), max(1, len(good) // 16)):
        file.write_bytes(good[:at])
        with pytest.raises(BrokenCell):
            read_cell(tmp_path)
    middle = len(good) // 2
    file.write_bytes(good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :])
    with pytest.raises(BrokenCell):
        read_cell(tmp_path)
    file.unlink()
    with pytest.raises(BrokenCell):
        read_cell(tmp_path)


def test_a_run_row_names_every_phase_of_the_clock(rows):
    run = rows[-1]
    assert isinstance(run, RunRow)
    phases = [getattr(run, f.name) for f in dataclasses.fields(run) if f.name.endswith("_s")]
    total, cpu = run.total_s, run.cpu_s
    assert sum(phases) - total - cpu == pytest.approx(total, rel=0.01)
