"""A matrix of ten thousand cells that have all run: how long the same command takes to see that nothing is left."""

import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from experiments.cell.train import train
from experiments.identity import columns_of
from experiments.matrix_file import Matrix, load_matrix
from experiments.records import cell_files
from experiments.store import Scan, Store

MATRIX = """
seeds = 1_000
[settings]
n_envs = 4
batch_size = 64
evaluations = 1
eval_episodes = 2
final_episodes = 2
[environments.CartPole-v1]
budget = 64
[environments.Pendulum-v1]
budget = 64
[rules.trpo]
max_kl = [0.01, 0.02, 0.03, 0.04]
[rules.npg]
"""


@pytest.fixture
def matrix(tmp_path: Path) -> Matrix:
    (tmp_path / "m.toml").write_text(MATRIX)
    return load_matrix(str(tmp_path / "m.toml"), None)


@pytest.fixture
def store(tmp_path: Path, matrix: Matrix, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Every cell is there, with empty tables."""
    made = Store(tmp_path / "m")
    run = list(train(matrix.cells[0]))[-1]
    with monkeypatch.context() as patch, made:
        patch.setattr("experiments.records.cells.packed", lambda table: b"")
        made.plan(matrix)
        for cell in matrix.cells:
            folder = made.cells / cell.run_id
            folder.mkdir()
            for name, data in cell_files(replace(run, **columns_of(cell)), []).items():
                (folder / name).write_bytes(data)
    return made


def test_ten_thousand_cells_are_validated_listed_and_resumed(benchmark: Any, matrix: Matrix, store: Store) -> None:
    benchmark.group = "overhead"

    def resume() -> Scan:
        with store:
            again = load_matrix(str(matrix.file), None)
            store.plan(again)
            return store.scan(list(again.cells))

    found = benchmark.pedantic(resume, rounds=3)
    assert len(found.finished) == len(matrix.cells) == 10_000 and not found.broken
    tracemalloc.start()
    resume()
    benchmark.extra_info.update(peak_mib=tracemalloc.get_traced_memory()[1] / 2**20)
    tracemalloc.stop()
