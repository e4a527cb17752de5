import dataclasses
import hashlib
import json
import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from algos.ascent.blind_spot import Places, Signal
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
    parquet,
    read_cell,
    schema,
)
from experiments.records.tables import unpack


@pytest.fixture
def rows(make_spec):
    return list(train(make_spec()))


def written(folder: Path, rows) -> Path:
    for name, data in cell_files(rows[-1], rows[:-1]).items():
        (folder / name).write_bytes(data)
    return folder


def test_every_column_has_a_type_that_arrow_knows():
    for row in ROWS.values():
        assert schema(row).names == [field.name for field in dataclasses.fields(row) if field.name != "extras"]


def test_what_rules_and_pipeline_report_has_a_column():
    columns = {field.name for field in dataclasses.fields(UpdateRow)}
    for reported in (Info, Change, Signal, Places, Truth):
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
    # in a record at a text: the last of a number's seventeen digits may mean nothing, and then nothing is lost
    middle = good.index(b'"status"') + 2 if name == "record.json" else len(good) // 2
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


PARTS = {  # of small files that unpack to gigabytes: rows of one long text, of zeros, and texts that are all stored
    "texts": (pa.table({"run_id": pa.DictionaryArray.from_arrays(np.zeros(8_000, np.int32), ["x" * 2**20])}), 1),
    "numbers": (pa.table({f"c{k}": np.zeros(10**6) for k in range(10)}), 20),
    "long texts": (pa.table({"run_id": ["x" * 2**24]}), 64),
}


def bomb(kind: str) -> bytes:
    part, times = PARTS[kind]
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, part.schema, compression="zstd") as writer:
        for _ in range(times):
            writer.write_table(part)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize("kind", PARTS)
def test_a_small_file_that_unpacks_to_gigabytes_is_refused_before_it_does(kind, monkeypatch):
    data, bytes_of_a_row = bomb(kind), {"texts": 2**20, "numbers": 80, "long texts": 2**24}[kind]
    assert len(data) < 2**21
    taken = []
    batches = pq.ParquetFile.iter_batches

    def watched(self, *arguments, **named):
        for batch in batches(self, *arguments, **named):
            taken.append(len(batch))
            yield batch

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", watched)
    with pytest.raises(ValueError, match="unpack to more than 536,870,912"):
        unpack(data)
    assert sum(taken) * bytes_of_a_row < 2**30, "it was given up early"


def test_a_table_of_many_rows_comes_back_whole():
    row = TrialRow(
        run_id="x",
        update=1,
        trial=0,
        step_size=0.5,
        surrogate_gain=1.0,
        kl=0.1,
        quadratic_kl=0.1,
        max_kl=0.2,
        accepted=True,
    )
    assert unpack(parquet(TrialRow, [row] * 200_000)).num_rows == 200_000


def seal(folder: Path, record: dict) -> None:
    digest = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
    (folder / "record.json").write_text(json.dumps(record | {"record_sha256": digest}))


def record_of(folder: Path) -> dict:
    record = json.loads((folder / "record.json").read_bytes())
    del record["record_sha256"]
    return record


def test_a_record_that_is_older_than_a_field_reads_as_null_there(tmp_path, rows):
    written(tmp_path, rows)
    record = record_of(tmp_path)
    del record["run"]["peak_rss_mb"], record["run"]["fisher_products"], record["run"]["attempts"]
    seal(tmp_path, record | {"run": record["run"] | {"gone_since": 3}})
    run = read_cell(tmp_path).run
    assert math.isnan(run.peak_rss_mb) and run.fisher_products is None and run.attempts == 1
    assert frame(RunRow, [run]).isna().loc[0, ["peak_rss_mb", "fisher_products"]].all()


def test_a_cell_that_is_older_than_a_table_has_it_empty(tmp_path, rows):
    written(tmp_path, rows)
    record = record_of(tmp_path)
    del record["sha256"]["policies.parquet"]
    (tmp_path / "policies.parquet").unlink()
    seal(tmp_path, record)
    cell = read_cell(tmp_path)
    assert cell.tables["policies"].empty and len(cell.tables["updates"])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda record: record["sha256"].update({"../outside": "0"}), "names '../outside', which is no table"),
        (lambda record: record["run"].update(seed="many"), "seed: expected a value of type int, got 'many'"),
        (lambda record: record["run"].pop("run_id"), "KeyError: 'run_id'"),
        (lambda record: record.update(run=[1, 2]), "BrokenCell|TypeError|KeyError"),
        (lambda record: record.update(sha256=[1, 2]), "AttributeError"),
    ],
)
def test_a_record_that_says_what_none_can_say_is_broken(tmp_path, rows, spoil, message):
    record = record_of(written(tmp_path, rows))
    spoil(record)
    seal(tmp_path, record)
    with pytest.raises(BrokenCell, match=message):
        read_cell(tmp_path)
