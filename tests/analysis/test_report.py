import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from analysis_cases import only, write_cell, write_results
from matplotlib.backends.backend_pdf import FigureCanvasPdf

from analysis.load import load
from analysis.page.evidence import gather
from analysis.report import Arguments, main, report
from experiments.records import PROTOCOL

SCRIPT = Path(__file__).parents[2] / "analysis" / "report.py"


FIGURES = {
    "learning_curves", "learning_curves_gradients", "learning_curves_products", "learning_curves_seconds", "final",
    "area_under_curve", "steps_to_threshold", "seconds_to_threshold", "profiles", "improvement", "stability", "kl",
    "radius", "agreement", "bounds", "wall_clock",
}  # fmt: skip


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A directory that the command has been run on, and what it said."""
    folder = write_results(tmp_path_factory.mktemp("written"))
    done = subprocess.run([sys.executable, SCRIPT, folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


@pytest.fixture
def undrawn(monkeypatch):
    """What reports would have said of seconds under their figures, had they drawn any."""
    clocks = []
    monkeypatch.setattr("analysis.report.draw", lambda *drawn: clocks.append(drawn[3]) or [])
    return clocks


def test_the_command_rebuilds_everything_and_says_where(written):
    folder, said = written
    assert str(folder / "tables") in said and "report.html" in said and said.count("\n") < 20
    assert "| climbs | 5/5 |" in (folder / "report.md").read_text() and "| climbs" not in said
    tables = {file.name for file in (folder / "tables").iterdir()}
    frames = {f"{name}.parquet" for name in ("runs", "updates", "trials", "reuses", "evaluations", "measures")}
    assert tables == frames | {"summary.csv", "aggregates.csv", "comparisons.csv", "failures.csv", "imputed.csv"}
    expected = {f"{name}.{suffix}" for name in FIGURES for suffix in ("png", "pdf")}
    assert {file.name for file in (folder / "figures").iterdir()} == expected


def test_the_same_cells_give_the_same_bytes(written, tmp_path):
    folder, _ = written
    first = {file.name: file.read_bytes() for part in ("tables", "figures") for file in (folder / part).iterdir()}
    copy = tmp_path / "moved"
    shutil.copytree(folder / "cells", copy / "cells")
    shutil.copy(folder / "manifest.json", copy)
    again = report(gather(load(copy)))
    assert {file.name: file.read_bytes() for file in again} == first


def test_tables_load_in_one_line(written):
    assert len(pd.read_parquet(written[0] / "tables" / "evaluations.parquet")) == 20 * 20


def test_every_table_says_which_protocol_it_follows(written):
    for file in (written[0] / "tables").iterdir():
        table = pd.read_parquet(file) if file.suffix == ".parquet" else pd.read_csv(file, dtype=str)
        recorded = "" if file.stem == "runs" else PROTOCOL  # these runs were not recorded under any
        assert "protocol" in table and (table.protocol == recorded).all(), file.name


def drop_reference(folder):
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"Easy-v0": [0.0', '"X": [0.0'))


ODD = {
    "one seed, a cell without rows": lambda f: (
        write_cell(f, "Easy-v0", "climbs", 0, status="env_error", reached=0),
        only(f, lambda cell: cell["seed"] == 0),
    ),
    "a missing cell, a rule without rows": lambda f: (
        shutil.rmtree(f / "cells" / "climbs-Easy-v0-0"),
        [write_cell(f, "Easy-v0", "stays", seed, status="killed", reached=0) for seed in range(5)],
    ),
    "one environment": lambda f: only(f, lambda cell: cell["env"] == "Easy-v0"),
    "no reference, one rule": lambda f: (drop_reference(f), only(f, lambda cell: cell["label"] == "stays")),
}


@pytest.mark.parametrize("spoil", ODD.values(), ids=ODD.keys())
def test_odd_results_are_reported_without_a_traceback(folder, spoil, monkeypatch):
    monkeypatch.setattr(FigureCanvasPdf, "print_pdf", lambda *_, **__: None)  # what draws a PNG draws the PDF
    spoil(folder)
    assert main(Arguments((folder,))) == 0


def test_a_folder_that_is_none_is_refused_in_one_line(tmp_path, capsys):
    assert main(Arguments((tmp_path,))) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("change", [{"lane": "timing"}, {"jobs": 1}, {"cpu": "another"}], ids=str)
def test_seconds_of_different_conditions_do_not_compare(folder, change):
    assert load(folder).seconds_compare is None
    write_cell(folder, "Easy-v0", "climbs", 0, **change)
    assert str(load(folder).seconds_compare).startswith("runs of different")


def told(folder: Path, **options: bool) -> str:
    assert main(Arguments((folder,), **options)) == 0
    return (folder / "report.md").read_text()


def test_seconds_that_do_not_compare_are_not_shown_unless_asked_for(folder, undrawn):
    markdown = told(folder)
    assert "Throughput lane, 2 cells at a time" in markdown
    write_cell(folder, "Easy-v0", "climbs", 0, lane="timing")
    markdown = told(folder)
    assert "No seconds are shown, for these are runs of different lanes" in markdown and "steps/s" not in markdown
    markdown = told(folder, mixed_seconds=True)
    assert "Mixed seconds: runs of different lanes" in markdown and "steps/s" in markdown
    assert [clock and clock.split()[0] for clock in undrawn] == ["Throughput", None, "Mixed"]


@pytest.mark.parametrize("change", [{"code": "new"}, {"versions": "new"}], ids=str)
def test_cells_of_different_code_are_refused_unless_asked_for(folder, change, capsys):
    write_cell(folder, "Easy-v0", "climbs", 0, **change)
    assert main(Arguments((folder,))) == 2
    assert "cells made by different versions of" in capsys.readouterr().err
    results = load(folder, mixed=True)
    assert any("are mixed here, as was asked for" in problem for problem in results.problems)
