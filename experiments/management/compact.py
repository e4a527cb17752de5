"""What a compact pack keeps of a cell, so that hundreds of long runs can be committed: 15 KB or so for 500 updates.

Whole, to the last bit: the run, its evaluations, the counts and flags of every update, and the radius. Rounded to
BITS significant bits, a relative error of at most 2^-BITS: the other numbers of updates that measures and figures use,
of re-uses, and a rule's own numbers. Left out: the last policy (so nothing can be rendered or forked), trials of line
searches, and what else an update reports; those columns are null. So tables and figures made of runs and evaluations
alone are the same as those of the whole cells; what is made of rounded numbers agrees to four digits, and whether one
exceeds its radius may differ where both are as near as that.
"""

from dataclasses import fields
from typing import Any

import numpy as np
import pyarrow as pa

from experiments.records import EvaluationRow, PolicyRow, ReuseRow, RunRow, TrialRow, UpdateRow, schema
from experiments.records.tables import is_extra

BITS = 16  # significant bits of a rounded number, of the 24 that a float32 has
LEFT_OUT = (PolicyRow.table, TrialRow.table)  # tables
EXACT = ("radius", "euclidean_radius", "beta")  # floats of updates that hardly ever change, and are limits of others
ROUNDED = (
    "train_return", "clipped_actions", "predicted_bound", "achieved_bound", "agreement", "kl", "max_kl", "quadratic_kl",
    "cg_iterations", "cg_residual", "ess", "max_weight", "true_return_before", "true_return_after", "true_cosine",
    "claimed_gain", "bound_held",
)  # fmt: skip
KEYS = ("run_id", "update", "k")
Tables = dict[str, pa.Table]


def compacted(tables: Tables) -> Tables:
    """The tables of a cell as a compact pack keeps them."""
    updates, reuses = tables[UpdateRow.table], tables[ReuseRow.table]
    extras = [name for name in updates.column_names if is_extra(name)]
    whole = {field.name for field in fields(UpdateRow) if field.type is not float} | set(EXACT)
    floats = [name for name in reuses.column_names if name not in KEYS]
    return {
        UpdateRow.table: _rounded(updates, whole, {*ROUNDED, *extras}),
        ReuseRow.table: _rounded(reuses, set(KEYS), set(floats)),
        EvaluationRow.table: tables[EvaluationRow.table],
    }


def _rounded(table: pa.Table, whole: set[str], rounded: set[str]) -> pa.Table:
    """The table with its columns rounded or kept, without the others."""
    kept = [name for name in table.column_names if name in whole | rounded]
    return pa.table({name: round_column(table[name]) if name in rounded else table[name] for name in kept})


def round_column(column: Any) -> pa.Array:
    """Floats [n] as float32 of BITS significant bits, to the nearest; nan, infinity and null stay what they are."""
    values = column.fill_null(float("nan")).to_numpy()
    with np.errstate(over="ignore"):
        bits = np.asarray(values, dtype=np.float32).view(np.uint32)
    drop = np.uint32(24 - BITS)
    half = np.uint32(1 << (24 - BITS - 1))
    near = np.where(np.isfinite(values), bits + half, bits) >> drop << drop
    return pa.array(near.astype(np.uint32).view(np.float32), mask=column.is_null().to_numpy(zero_copy_only=False))


def encodings(table: pa.Table) -> dict[str, Any]:
    """How a table is written smallest: floats byte by byte, as their first bytes are alike; counts by differences."""
    ways = {
        column.name: "BYTE_STREAM_SPLIT" if pa.types.is_floating(column.type) else "DELTA_BINARY_PACKED"
        for column in table.schema
        if column.name not in EXACT and (pa.types.is_floating(column.type) or pa.types.is_integer(column.type))
    }
    return {"use_dictionary": [name for name in table.column_names if name not in ways], "column_encoding": ways}


def note() -> dict[str, Any]:
    """What the manifest of a compact pack says of its cells."""
    kept = {field.name for field in fields(UpdateRow) if field.type is not float} | {*EXACT, *ROUNDED}
    return {
        "tables_left_out": list(LEFT_OUT),
        "columns_left_out": {"updates": [name for name in schema(UpdateRow).names if name not in kept]},
        "rounded": {
            "updates": [*ROUNDED, "extra_*"],
            "reuses": [name for name in schema(ReuseRow).names if name not in KEYS],
        },
        "significant_bits": BITS,
        "whole": [RunRow.table, EvaluationRow.table],
    }
