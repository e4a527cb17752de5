"""Notebooks run as they are, and outputs are committed; numbers may differ, as another processor rounds otherwise."""

import os
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")

FOLDER = Path(__file__).parents[2] / "experiments" / "notebooks"
UPDATE = "POLICY_ASCENT_UPDATE_NOTEBOOKS"  # set: keep what they give


def kinds(notebook):
    """What each code cell gives, such as a picture or a table."""
    return [
        [sorted(output.data) if "data" in output else output.output_type for output in cell.outputs]
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.ipynb")), ids=lambda file: file.stem)
def test_a_notebook_runs_and_gives_what_is_committed(file, tmp_path, monkeypatch):
    committed = nbformat.read(file, as_version=4)
    again = nbformat.from_dict(committed)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    where = {"metadata": {"path": tmp_path}}
    nbclient.NotebookClient(again, timeout=300, kernel_name="python3", coalesce_streams=True, resources=where).execute()
    for cell in again.cells:
        cell.metadata.pop("execution", None)
    if os.environ.get(UPDATE):
        nbformat.write(again, file)
        committed = again
    hint = f"run it again and commit it: {UPDATE}=1 python -m pytest tests/experiments/test_notebooks.py"
    assert kinds(again) == kinds(committed), hint
    assert [["image/png", "text/plain"]] in kinds(committed), "there is a figure among the outputs"
