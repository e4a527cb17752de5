"""Seeds in blocks until the comparisons that a matrix declares are decided.

A rule gets more seeds on an environment only while a comparison there that it is part of is undecided.
"""

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from experiments import console
from experiments.matrix_file import Matrix
from experiments.spec import RunSpec
from experiments.store import Store, StoreError

ANALYSES = (5, 10, 15, 20)  # seeds; analysis/decide.py corrects its level for four analyses


def run_until_decided(
    store: Store, load: Callable[[int], Matrix], run_cells: Callable[[list[RunSpec]], int]
) -> tuple[int, list[dict[str, Any]]]:
    """The exit code of the last block of cells, and the last analysis: a comparison each.

    load: the matrix with so many seeds; run_cells: run what is not finished of these. Raises StoreError.
    """
    verdicts: dict[str, str] = {}
    analyses: list[list[dict[str, Any]]] = []
    cells: dict[str, RunSpec] = {}
    code = 0
    for seeds in ANALYSES:
        matrix = load(seeds)
        open_pairs = {(c["env"], label) for c in (analyses[-1] if analyses else ()) if c["verdict"] == "undecided"
                      for label in (c["first"], c["second"])}  # fmt: skip
        wanted = [cell for cell in matrix.cells if not analyses or (cell.env, cell.label) in open_pairs]
        cells |= {cell.run_id: cell for cell in wanted}
        store.plan(replace(matrix, cells=tuple(cells.values()), sequential=True))
        code = run_cells(list(cells.values()))
        if code > 1:
            break
        found = _analyse(store, seeds, verdicts)
        analyses.append(found)
        store.write_interim(json.dumps(analyses, indent=1).encode())
        for comparison in found:
            verdicts[comparison["name"]] = comparison["verdict"]
            print(f"{seeds} seeds: {comparison['name']}: {comparison['verdict']} (p {comparison['adjusted']:.3g})")
        if "undecided" not in verdicts.values():
            break
    return code, analyses[-1] if analyses else []


def _analyse(store: Store, seeds: int, verdicts: dict[str, str]) -> list[dict[str, Any]]:
    decided = {name: verdict for name, verdict in verdicts.items() if verdict != "undecided"}
    line = [*console.UNSHADOWED, "-m", "analysis.decide", str(store.root), "--seeds", str(seeds)]
    done = subprocess.run([*line, "--decided", json.dumps(decided)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise StoreError(done.stderr.strip())
    return [json.loads(row) for row in done.stdout.splitlines()]
