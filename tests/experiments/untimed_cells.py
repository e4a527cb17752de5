"""untimed_cells.py A B: whether two results directories hold the same cells with the same rows, clocks apart."""

import sys
from pathlib import Path

import pandas as pd

from experiments.records import CLOCKS, read_cell


def cells(results: Path) -> dict[str, dict[str, str]]:
    """run_id -> table -> its columns that are no clocks. Raises BrokenCell."""
    found = {}
    for path in (results / "cells").iterdir():
        cell = read_cell(path)
        tables = {"runs": pd.DataFrame([vars(cell.run)]), **cell.tables}
        found[path.name] = {n: t.drop(columns=list(CLOCKS & set(t.columns))).to_csv() for n, t in tables.items()}
    return found


if __name__ == "__main__":
    first, second = (cells(Path(folder)) for folder in sys.argv[1:3])
    different = sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))
    print(f"different cells: {', '.join(different)}" if different else f"the same {len(first)} cells, row by row")
    sys.exit(bool(different))
