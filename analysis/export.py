"""Final scores as rliable reads them, and how other tools read the tables.

python -m analysis.export results/classic --rliable scores.json

The tables are Parquet files, a row per run, update or evaluation, and load in one line:

    pd.read_parquet("results/quick/tables/evaluations.parquet")
    duckdb.sql("select label, avg(return_mean) from 'results/quick/tables/evaluations.parquet' group by all")

rliable (Agarwal et al. 2021) takes a dictionary of matrices:

    {rule: np.array(matrix) for rule, matrix in json.loads(Path("scores.json").read_bytes())["scores"].items()}

Beside the scores the file has the version of the protocol that they follow, and the names of the columns.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from numpy.typing import NDArray

from analysis import console
from analysis.load import Results, ResultsError, load
from analysis.measures import measure_runs
from experiments.records import PROTOCOL, cell_name

MEASURE = "final_sampled_z"


@dataclass(frozen=True)
class Arguments:
    results: tyro.conf.Positional[Path]
    """a results directory that run_matrix.py wrote"""
    rliable: Path
    """the JSON file to write: rule -> rows of runs, in columns of environments"""
    mixed: bool = False
    """take cells of different code or library versions"""


def scores(results: Results) -> dict[str, NDArray[np.float64]]:
    """label -> final scores [runs, environments]: runs by seed, environments by name, without those that have none.

    A failed run has a score, too (`analysis.measures.curves`). Raises ResultsError if a run is missing, no environment
    has scores, or seeds differ between environments.
    """
    measures = measure_runs(results)
    missing = measures[measures.status == "missing"]
    if len(missing):
        first = missing.iloc[0]
        raise ResultsError(
            f"{results.folder}: {len(missing)} of {len(measures)} planned runs are missing, "
            f"{cell_name(first.label, first.env, first.seed)} "
            "for one; run the matrix to its end first"
        )
    environments = sorted(results.scales)
    if not environments:
        raise ResultsError(
            f"{results.folder}: no environment has a reference; give score = [random, reference] in the matrix file"
        )
    measures, found = measures[measures.env.isin(environments)], {}
    for label, part in measures.groupby("label", sort=True):
        matrix = part.pivot(index="seed", columns="env", values=MEASURE)
        if matrix.isna().to_numpy().any() or matrix.shape[1] != len(environments):
            raise ResultsError(
                f"{results.folder}: {label} has not the same seeds on every environment, as a matrix must"
            )
        found[str(label)] = matrix.to_numpy(np.float64)
    return found


def main(arguments: Arguments) -> int:
    """The exit code: 0, or 2 if there is no such matrix."""
    try:
        results = load(arguments.results, arguments.mixed)
        found = scores(results)
        environments = sorted(results.scales)
        lists = {label: matrix.tolist() for label, matrix in found.items()}
        arguments.rliable.write_text(json.dumps({"protocol": PROTOCOL, "environments": environments, "scores": lists}))
    except (ResultsError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    left_out = sorted(set(results.planned.env) - set(environments))
    more = f"; without a score, and left out: {', '.join(left_out)}" if left_out else ""
    print(f"{arguments.rliable}: {len(found)} rules; columns {', '.join(environments)}{more}")
    return 0


if __name__ == "__main__":
    console.run(main, Arguments, __doc__)
