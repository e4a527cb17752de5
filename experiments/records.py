"""Rows are the schema: a column is a field of one of the dataclasses below, stated here and nowhere else.

Also the form of one finished cell on disk, since whoever reads rows needs it: a folder with a Parquet file per table
and `record.json`, which holds the run's row and the checksums of the others. A cell is done if and only if its record
parses and the checksums match. This file imports neither torch nor a simulator.
"""

import base64
import hashlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

NAN = float("nan")
STATUSES = ("ok", "diverged", "env_error", "rule_error", "timeout", "oom", "killed")


@dataclass(frozen=True, kw_only=True)
class UpdateRow:
    """One update of one run. Seconds are of this update alone; counters run from the start of the run."""

    table: ClassVar[str] = "updates"
    run_id: str
    update: int
    env_steps: int  # training steps so far
    episodes: int  # training episodes finished so far
    train_return: float  # mean undiscounted return of the episodes that ended in this batch; nan if none
    clipped_actions: float  # share of action components outside the action space, clipped before the environment
    explained_variance: float  # of the returns by the baseline that made the advantages
    # what the rule says (algos.types.Info)
    accepted: bool
    step_size: float
    predicted_gain: float
    cg_iterations: float
    cg_residual: float
    radius: float
    beta: float
    predicted_bound: float
    achieved_bound: float
    ess: float
    max_weight: float
    trials: int  # how many; one by one in `trials`
    reuses: int  # how many; one by one in `reuses`
    # what the pipeline measures (algos.estimators.Change)
    surrogate_gain: float
    kl: float
    reverse_kl: float
    max_kl: float
    quadratic_kl: float
    step_norm: float
    agreement: float
    entropy: float
    # what is true, on problems where that is known (experiments/cell/oracle.py); nan elsewhere
    true_return_before: float  # exact discounted return of the old policy
    true_return_after: float
    true_cosine: float  # between the exact policy gradient and the batch's estimate
    claimed_gain: float  # achieved_bound in units of the return: what the rule's lower bound says was gained at least
    bound_held: float  # 1 where the true gain is no less than the claimed one, else 0
    # cost
    gradient_evaluations: int
    fisher_products: int
    candidate_evaluations: int
    rollout_s: float
    advantage_s: float
    critic_s: float
    update_s: float
    measure_s: float


@dataclass(frozen=True, kw_only=True)
class TrialRow:
    """One candidate of a line search (algos.types.Trial)."""

    table: ClassVar[str] = "trials"
    run_id: str
    update: int
    trial: int
    step_size: float
    surrogate_gain: float
    kl: float
    quadratic_kl: float
    max_kl: float
    accepted: bool


@dataclass(frozen=True, kw_only=True)
class ReuseRow:
    """One re-use of a batch (algos.types.Reuse)."""

    table: ClassVar[str] = "reuses"
    run_id: str
    update: int
    k: int
    ess: float
    max_weight: float
    truncated: float
    predicted_variance: float
    jackknife_variance: float


@dataclass(frozen=True, kw_only=True)
class EvaluationRow:
    """One evaluation of one policy, on environments and seeds of its own."""

    table: ClassVar[str] = "evaluations"
    run_id: str
    grid_step: int  # the point of the fixed grid, in environment steps
    env_steps: int  # training steps when the policy was judged: the first update at or after grid_step
    update: int
    train_s: float  # seconds of training so far, evaluation excluded
    final: bool  # the held-out judgement of the last policy
    action: str  # "sampled" from the policy, or its "mean" (the mode, where actions are discrete)
    episodes: int
    return_mean: float  # undiscounted
    return_sd: float
    length_mean: float
    gradient_evaluations: int
    fisher_products: int


@dataclass(frozen=True, kw_only=True)
class PolicyRow:
    """The last policy with what it needs to act and to go on learning; arrays by `text_of`."""

    table: ClassVar[str] = "policies"
    run_id: str
    env_steps: int
    theta: str  # [P]
    critic: str  # [P of the critic]
    obs_mean: str  # [O] of the observation normaliser
    obs_std: str  # [O]


def text_of(values: NDArray[Any]) -> str:
    """An array [n] as text: base64 of little-endian float64, exact for any float."""
    return base64.b64encode(np.asarray(values, dtype="<f8").tobytes()).decode()


def array_of(text: str) -> NDArray[np.float64]:
    """The array that `text_of` was given."""
    return np.frombuffer(base64.b64decode(text), dtype="<f8").astype(np.float64)


@dataclass(frozen=True, kw_only=True)
class RunRow:
    """One run. The phases' seconds add up to `total_s`."""

    table: ClassVar[str] = "runs"
    run_id: str
    env: str
    rule: str
    label: str  # the rule's name in the matrix, with swept hyper-parameters
    hyper: str  # JSON
    settings: str  # JSON
    seed: int
    budget: int
    status: str
    reason: str
    env_steps: int
    updates: int
    episodes: int
    gradient_evaluations: int
    fisher_products: int
    candidate_evaluations: int
    rollout_s: float
    advantage_s: float
    critic_s: float
    update_s: float
    measure_s: float
    evaluation_s: float
    other_s: float
    total_s: float
    cpu_s: float
    peak_rss_mb: float
    attempts: int = 1  # processes that were lost before, and this one
    jobs: int  # cells side by side
    lane: str  # "throughput", or "timing": one cell at a time, whose seconds may be compared
    calibration_before: float = NAN  # seconds of a fixed piece of work around the cell; timing lane only
    calibration_after: float = NAN
    threads: int
    load: float  # the machine's one-minute load average at the end
    cpu: str
    code: str  # digest of the code that computed it (experiments/identity.py)
    versions: str  # JSON: python, torch, gymnasium, mujoco, numpy


@dataclass(frozen=True, kw_only=True)
class ForkRow:
    """What one rule made of a batch that every rule was given (experiments/run_forks.py).

    Gains on batches are in units of the batch's normalised advantages; times `return_unit` they are returns. nan is
    what the rule does not say, or what is not known for a rule that failed or did not move.
    """

    table: ClassVar[str] = "forks"
    run_id: str  # of the trunk, whose policy collected the batch
    env: str
    trunk: str  # its label
    settings: str  # JSON
    seed: int
    env_steps: int  # of training before the batch
    batch_size: int
    held_out_size: int  # rows of the held-out batch
    rule: str
    label: str
    hyper: str  # JSON
    status: str
    reason: str
    theta_digest: str  # of the new theta: equal where two rules made the same step
    # what the rule says (algos.types.Info)
    accepted: bool
    step_size: float
    trials: int
    predicted_gain: float
    beta: float
    predicted_bound: float
    achieved_bound: float
    # what is measured on the batch (algos.estimators.Change)
    surrogate_gain: float
    kl: float
    reverse_kl: float
    max_kl: float
    quadratic_kl: float
    step_norm: float
    agreement: float
    entropy: float
    # on episodes of the same policy that no rule saw
    held_out_gain: float  # its surrogate gain
    held_out_kl: float
    held_out_max_kl: float
    # the step's cosine with
    gradient_cosine: float  # the batch's gradient
    natural_cosine: float  # the batch's natural direction, in the metric F: first-order gain per sqrt(KL) over the best
    held_out_cosine: float  # the held-out batch's gradient
    true_cosine: float  # the exact policy gradient, on problems where that is known
    # what the step was worth
    return_before: float
    return_after: float
    gain_se: float  # standard error of return_after - return_before, episodes paired by their seeds; 0 if exact
    exact: bool  # discounted return in closed form; else undiscounted, of `episodes` episodes, actions sampled
    episodes: int
    return_unit: float  # what a surrogate gain of 1 is worth in units of the return, to first order
    exact_surrogate_gain: float  # of the exact surrogate, in units of the return; nan where that is not known
    # cost
    gradient_evaluations: int
    fisher_products: int
    candidate_evaluations: int
    update_s: float  # the faster of two equal updates
    cpu: str
    code: str  # digest of the code that computed it
    versions: str  # JSON: python, torch, gymnasium, mujoco, numpy


Row = UpdateRow | TrialRow | ReuseRow | EvaluationRow | PolicyRow | RunRow | ForkRow
PAYLOAD: tuple[type[Row], ...] = (UpdateRow, TrialRow, ReuseRow, EvaluationRow, PolicyRow)  # the tables of a cell
ROWS: dict[str, type[Row]] = {row.table: row for row in (*PAYLOAD, RunRow, ForkRow)}
PHASES = tuple(
    field.name for field in fields(RunRow) if field.name.endswith("_s") and field.name not in ("total_s", "cpu_s")
)
CLOCKS = frozenset(
    [field.name for row in ROWS.values() for field in fields(row) if field.name.endswith("_s")]
    + ["peak_rss_mb", "jobs", "load", "cpu", "lane", "calibration_before", "calibration_after", "attempts"]
)  # columns that two runs of the same cell may differ in

_ARROW: dict[Any, pa.DataType] = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}


def schema(row: type[Row]) -> pa.Schema:
    """The Arrow schema of a row's table."""
    return pa.schema([(field.name, _ARROW[field.type]) for field in fields(row)])


def frame(row: type[Row], rows: list[Any]) -> pd.DataFrame:
    """Rows as a data frame with the row's columns and types, also when there are none."""
    table = pa.Table.from_pylist([asdict(r) for r in rows], schema=schema(row))
    return pd.DataFrame(table.to_pandas())


def parquet(row: type[Row], rows: list[Any]) -> bytes:
    """Rows as the bytes of a Parquet file."""
    sink = pa.BufferOutputStream()
    table = pa.Table.from_pylist([asdict(r) for r in rows], schema=schema(row))
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
    return sink.getvalue().to_pybytes()


def read_parquet(row: type[Row], file: Path) -> list[Any]:
    """The rows that `parquet` was given. Raises BrokenCell, also for pages that fail their checksums."""
    try:
        return [row(**values) for values in pq.read_table(file, page_checksum_verification=True).to_pylist()]
    except (OSError, ValueError, TypeError) as error:
        raise BrokenCell(f"{file}: {type(error).__name__}: {error}") from error


def encode(row: Row) -> bytes:
    """A row as one line of JSON; numbers survive exactly, nan and inf included."""
    return json.dumps({"table": row.table, **asdict(row)}).encode()


def decode(line: bytes) -> Row:
    """The row that `encode` wrote."""
    values = json.loads(line)
    return ROWS[values.pop("table")](**values)


class BrokenCell(Exception):
    """A cell's folder is incomplete, or its bytes are not the ones that were written."""


@dataclass(frozen=True)
class Cell:
    run: RunRow
    tables: dict[str, pd.DataFrame]  # by the tables of PAYLOAD


def cell_files(run: RunRow, rows: list[Row]) -> dict[str, bytes]:
    """The files of a finished cell as name -> bytes, `record.json` last: whoever writes them must keep that order."""
    payload = {}
    for kind in PAYLOAD:
        payload[f"{kind.table}.parquet"] = parquet(kind, [row for row in rows if isinstance(row, kind)])
    checksums = {name: hashlib.sha256(data).hexdigest() for name, data in payload.items()}
    body = {"run": asdict(run), "sha256": checksums}
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    payload["record.json"] = json.dumps({**body, "record_sha256": digest}, indent=1).encode()
    return payload


def read_run(folder: Path) -> RunRow:
    """The run's row, every checksum of the cell verified. Raises BrokenCell, saying what is wrong."""
    try:
        record = json.loads((folder / "record.json").read_bytes())
        digest = record.pop("record_sha256")
        if hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest() != digest:
            raise BrokenCell(f"{folder}: record.json does not match its checksum")
        for name, expected in record["sha256"].items():
            if hashlib.sha256((folder / name).read_bytes()).hexdigest() != expected:
                raise BrokenCell(f"{folder}: {name} does not match its checksum")
        return RunRow(**record["run"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BrokenCell(f"{folder}: {type(error).__name__}: {error}") from error


def read_cell(folder: Path) -> Cell:
    """A finished cell. Raises BrokenCell."""
    run = read_run(folder)
    return Cell(run, {kind.table: pd.read_parquet(folder / f"{kind.table}.parquet") for kind in PAYLOAD})
