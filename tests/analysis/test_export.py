import json
import shutil

import numpy as np
import pandas as pd
import pytest
from analysis_cases import SCORES, write_cell

from analysis import export
from analysis.export import Arguments, main, scores
from analysis.load import ResultsError, load
from analysis.page.evidence import gather
from analysis.report import report
from experiments.records import PROTOCOL


def test_scores_are_runs_by_environments(results):
    found = scores(results)
    assert list(found) == ["climbs", "stays"]
    # final return of `climbs` is 81 + seed; the columns are Easy-v0 (0 to 100) and Hard-v0 (-10 to 10)
    expected = [[(81 + seed) / 100, (91 + seed) / 20] for seed in range(5)]
    np.testing.assert_allclose(found["climbs"], expected)


def test_a_failed_run_scores_at_the_random_level(folder):
    write_cell(folder, "Easy-v0", "climbs", 2, status="diverged", reached=3)
    assert scores(load(folder))["climbs"][2, 0] == 0


def test_a_missing_run_is_refused(folder):
    shutil.rmtree(folder / "cells" / "climbs-Hard-v0-3")
    with pytest.raises(ResultsError, match="1 of 20 planned runs are missing, climbs/Hard-v0/seed3"):
        scores(load(folder))


def test_an_environment_without_a_reference_is_left_out_and_named(folder, tmp_path, capsys):
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"Hard-v0": [-10.0', '"X": [-10.0'))
    assert scores(load(folder))["climbs"].shape == (5, 1)
    assert main(Arguments(folder, tmp_path / "scores.json")) == 0
    assert "columns Easy-v0; without a score, and left out: Hard-v0" in capsys.readouterr().out
    manifest.write_text(manifest.read_text().replace('"Easy-v0": [0.0', '"Y": [0.0'))
    with pytest.raises(ResultsError, match="no environment has a reference; give score"):
        scores(load(folder))


@pytest.mark.parametrize("left_out", [{"seed": 4}, {}], ids=["another number of seeds", "one environment only"])
def test_a_matrix_with_holes_is_refused(folder, left_out):
    plan = json.loads((folder / "manifest.json").read_text())
    wanted = {"env": "Hard-v0", "label": "stays", **left_out}
    plan["cells"] = [cell for cell in plan["cells"] if not wanted.items() <= cell.items()]
    (folder / "manifest.json").write_text(json.dumps(plan))
    with pytest.raises(ResultsError, match="stays has not the same seeds on every environment"):
        scores(load(folder))


def test_the_command_writes_what_the_docstring_reads(folder, tmp_path, capsys):
    file = tmp_path / "scores.json"
    assert main(Arguments(folder, file)) == 0
    told = json.loads(file.read_bytes())
    assert told["protocol"] == PROTOCOL and told["environments"] == list(SCORES)
    read = {rule: np.array(matrix) for rule, matrix in told["scores"].items()}
    assert {rule: matrix.shape for rule, matrix in read.items()} == {"climbs": (5, 2), "stays": (5, 2)}
    assert ", ".join(SCORES) in capsys.readouterr().out
    assert main(Arguments(tmp_path / "none", file)) == 2


def test_tables_load_in_one_line_in_pandas_and_duckdb(folder, monkeypatch):
    duckdb = pytest.importorskip("duckdb")
    monkeypatch.setattr("analysis.report.draw", lambda *_: [])
    report(gather(load(folder)))
    lines = [line.strip() for line in export.__doc__.splitlines()]
    pandas_line = next(line for line in lines if line.startswith("pd.")).replace("results/quick", str(folder))
    duckdb_line = next(line for line in lines if line.startswith("duckdb.")).replace("results/quick", str(folder))
    frame = eval(pandas_line, {"pd": pd})
    mean = frame.groupby("label").return_mean.mean()
    assert dict(eval(duckdb_line, {"duckdb": duckdb}).fetchall()) == pytest.approx(dict(mean))
