"""same_tables.py A B: whether two results directories hold the same cells with the same rows, clocks apart."""

import sys
from pathlib import Path

import pandas as pd

from experiments.records import CLOCKS, PAYLOAD, RunRow


def tables(folder: Path) -> dict[str, pd.DataFrame]:
    """The rebuilt tables without what a clock or the machine decides."""
    names = [kind.table for kind in (*PAYLOAD, RunRow) if kind.table != "policies"]
    found = {name: pd.read_parquet(folder / "tables" / f"{name}.parquet") for name in names}
    return {name: table.drop(columns=[c for c in table if c in CLOCKS]) for name, table in found.items()}


if __name__ == "__main__":
    first, second = (tables(Path(folder)) for folder in sys.argv[1:3])
    different = [name for name in first if not first[name].equals(second[name])]
    rows = sum(len(table) for table in first.values())
    print(f"different tables: {', '.join(different)}" if different else f"the same tables, {rows} rows")
    sys.exit(bool(different))
