"""The disk says no, at every call that can fail."""

import builtins
import contextlib
import errno
import os
from dataclasses import replace

import pytest

from experiments.cell.train import train
from experiments.matrix_file import Matrix
from experiments.records import write_atomically
from experiments.store import Store

CALLS = {"open": (builtins, "open"), "fsync": (os, "fsync"), "replace": (os, "replace")}


class Failing:
    """A function whose k-th call raises what a full disk raises."""

    def __init__(self, function, k):
        self.function, self.k, self.calls = function, k, 0

    def __call__(self, *arguments, **keywords):
        self.calls += 1
        if self.calls == self.k:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self.function(*arguments, **keywords)


@pytest.mark.parametrize("call", CALLS)
def test_the_old_file_stays_whole(tmp_path, monkeypatch, call):
    file = tmp_path / "f"
    write_atomically(file, b"old")
    place, name = CALLS[call]
    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr(place, name, Failing(getattr(place, name), 1))
        write_atomically(file, b"new")
    assert file.read_bytes() == b"old"
    write_atomically(file, b"new")
    assert file.read_bytes() == b"new"


@pytest.mark.parametrize("odd", ["link", "fifo"])
def test_nothing_is_written_through_what_lies_in_the_temporary_place(tmp_path, odd):
    file, other = tmp_path / "f", tmp_path / "other"
    other.write_bytes(b"precious")
    temporary = tmp_path / ".f.tmp"
    temporary.symlink_to(other) if odd == "link" else os.mkfifo(temporary)
    write_atomically(file, b"new")
    assert file.read_bytes() == b"new" and not file.is_symlink()
    assert other.read_bytes() == b"precious" and not os.path.lexists(temporary)


def test_whichever_rename_fails_a_cell_that_takes_anothers_place_is_found_again(tmp_path, monkeypatch, make_spec):
    spec = make_spec()
    *rows, run = train(spec)
    matrix = Matrix("m", tmp_path / "m.toml", (spec,), {})
    for k in (1, 2):
        with Store(tmp_path / str(k)) as store:
            store.plan(matrix)
            store.write(spec, replace(run, status="killed"), rows)
            with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
                patch.setattr(os, "replace", Failing(os.replace, k))
                store.write(spec, run, rows)
        with Store(tmp_path / str(k)) as store:
            store.plan(matrix)
            found = store.scan([spec])
            assert not found.broken and (spec.run_id in found.finished) is (k == 2)
            assert (store.cells / spec.run_id).is_dir()


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_cell_is_whole_or_not_there_whichever_call_fails(tmp_path, monkeypatch, make_spec, call):
    spec = make_spec()
    *rows, run = train(spec)
    place, name = CALLS[call]
    with Store(tmp_path / "r") as store:
        store.plan(Matrix("m", tmp_path / "m.toml", (spec,), {}))
        k, failed = 0, True
        while failed:
            k += 1
            with monkeypatch.context() as patch:
                failing = Failing(getattr(place, name), k)
                patch.setattr(place, name, failing)
                with contextlib.suppress(OSError):
                    store.write(spec, run, rows)
            failed = failing.calls >= k
            found = store.scan([spec])
            whole = spec.run_id in found.finished
            assert whole or not found.broken, "never a torn one"
            assert whole or failed
        assert k > {"fsync": 6, "replace": 1}[call], "every call has failed once"
    with Store(tmp_path / "r") as store:
        store.plan(Matrix("m", tmp_path / "m.toml", (spec,), {}))
        assert not list((tmp_path / "r").rglob(".*.tmp")), "what was left half written is swept"
        assert set(store.scan([spec]).finished) == {spec.run_id}
