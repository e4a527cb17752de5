"""Running from Python."""

import subprocess
import sys
import threading
from importlib.util import module_from_spec, spec_from_file_location

import pytest

import experiments
from experiments import MatrixError, StoreError, Unfinished, build_matrix, load_matrix, run, run_cell
from experiments.records import EvaluationRow, RunRow, UpdateRow

TABLES = {
    "seeds": 2,
    "settings": {
        "n_envs": 4, "batch_size": 64, "hidden": (8, 8), "evaluations": 2, "eval_episodes": 2, "final_episodes": 2,
    },
    "environments": {"CartPole-v1": {"budget": 192}},
    "rules": {"npg": {}, "trpo": {"max_kl": [0.01, 0.02]}},
}  # fmt: skip


def test_every_public_name_is_there_and_importing_is_light():
    for name in experiments.__all__:
        assert getattr(experiments, name).__doc__, name
    with pytest.raises(AttributeError, match="has no attribute 'launch'; it has"):
        _ = experiments.launch
    code = "import sys, experiments, analysis; print(sorted({'torch', 'pandas', 'matplotlib'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_matrix_from_tables_is_that_of_the_file(tmp_path):
    lines = [
        "seeds = 2",
        "environments.CartPole-v1.budget = 192",
        "rules = {npg = {}, trpo = {max_kl = [0.01, 0.02]}}",
        "[settings]",
        *(f"{key} = {list(value) if key == 'hidden' else value}" for key, value in TABLES["settings"].items()),
    ]
    (tmp_path / "same.toml").write_text("\n".join(lines))
    built, read = build_matrix(TABLES, "same"), load_matrix(str(tmp_path / "same.toml"))
    assert built.cells == read.cells and built.name == read.name == "same" and len(built.cells) == 6


def test_what_is_wrong_with_tables_is_said_like_that_of_a_file():
    with pytest.raises(MatrixError, match=r"mine: rules\.trop: unknown rule trop; did you mean trpo"):
        build_matrix(TABLES | {"rules": {"trop": {}}}, "mine")


def test_one_cell_gives_its_rows_as_they_come_and_goes_on_from_a_checkpoint(tmp_path):
    cell = build_matrix(TABLES).cells[0]
    rows = list(run_cell(cell))
    assert isinstance(rows[-1], RunRow) and rows[-1].status == "ok"
    assert sum(isinstance(row, UpdateRow) for row in rows) == 3
    assert [row.final for row in rows if isinstance(row, EvaluationRow)][-1]
    assert list(tmp_path.iterdir()) == []
    first = next(iter(run_cell(cell, tmp_path / "cell.checkpoint")))
    assert isinstance(first, EvaluationRow) and first.grid_step == 0


def test_a_matrix_runs_and_goes_on_and_failures_are_no_errors(tmp_path, capsys):
    tables = TABLES | {
        "rules": {"npg": {}, "vanilla_pg": {"lr": 1e30}},
        "environments": {"Pendulum-v1": {"budget": 192}},
    }
    matrix = build_matrix(tables, "mine")
    folder = run(matrix, tmp_path / "r", jobs=1, only="npg/*/seed0", quiet=True)
    assert folder == tmp_path / "r" and len(list((folder / "cells").iterdir())) == 1
    assert capsys.readouterr().out == ""
    run(matrix, folder, jobs=1)
    assert "4 cells, 1 already finished" in capsys.readouterr().out
    from analysis import load_results

    assert load_results(folder).runs.groupby("label").status.first().to_dict() == {
        "npg": "ok",
        "vanilla_pg": "diverged",
    }
    with pytest.raises(StoreError, match="holds another matrix"):
        run(build_matrix(TABLES, "other"), folder)
    with pytest.raises(ValueError, match="matches no cell"):
        run(matrix, folder, only="nothing")
    with pytest.raises(ValueError, match="--jobs"):
        run(matrix, folder, jobs=-1)


def test_missing_cells_are_said_with_the_commands_code(tmp_path):
    with pytest.raises(Unfinished, match="the same call goes on") as ended:
        run(build_matrix(TABLES), tmp_path / "r", jobs=1, max_hours=1e-9, quiet=True)
    assert ended.value.code == 75
    assert len(list((run(build_matrix(TABLES), tmp_path / "r", quiet=True) / "cells").iterdir())) == 6


def test_a_matrix_runs_in_another_thread_too(tmp_path):
    done = []
    thread = threading.Thread(
        target=lambda: done.append(run(build_matrix(TABLES), tmp_path / "r", only="npg/*/seed0", quiet=True))
    )
    thread.start()
    thread.join()
    assert done == [tmp_path / "r"]


def test_a_function_stands_for_its_file(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("from algos.rules import RULES\n\n\ndef mine(policy, *, lr: float = 0.5):\n"
                    "    return RULES['npg'](policy, lr=lr)\n")  # fmt: skip
    spec = spec_from_file_location("mine_of_a_test", file)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    matrix = build_matrix(TABLES | {"rules": {"a": {"rule": module.mine}}})
    assert {cell.rule for cell in matrix.cells} == {f"{file}:mine"}
    assert {row.status for row in run_cell(matrix.cells[0]) if isinstance(row, RunRow)} == {"ok"}
    with pytest.raises(ValueError, match=r"write it into a \.py file"):
        build_matrix(TABLES | {"rules": {"a": {"rule": lambda policy: None}}})
