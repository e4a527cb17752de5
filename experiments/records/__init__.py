"""Rows are the schema: a column is a field of one of these dataclasses, stated there and nowhere else.

Whoever reads results needs this package and nothing else of the project; it imports neither torch nor a simulator.
"""

from experiments.records.cells import Cell, cell_files, files_of, read_cell, read_record, read_run, read_tables
from experiments.records.checksums import altered_files, write_checksums
from experiments.records.code import Listings, mixed_code
from experiments.records.extras import EXTRA, extras_problem
from experiments.records.files import parse_json, read_regular, write_atomically
from experiments.records.forks import ForkRow
from experiments.records.landscapes import LANDSCAPE, LandscapeLineRow, LandscapePlaneRow, LandscapeRow
from experiments.records.manifest import Manifest, read_manifest
from experiments.records.names import cell_name
from experiments.records.protocol import PROTOCOL, major
from experiments.records.runs import (
    NAN,
    PAYLOAD,
    PHASES,
    RETRIED,
    STATUSES,
    EvaluationRow,
    PolicyRow,
    ReuseRow,
    RunRow,
    TrialRow,
    UpdateRow,
    array_of,
    text_of,
)
from experiments.records.tables import (
    CLOCKS,
    ROWS,
    BrokenCell,
    Row,
    Table,
    decode,
    encode,
    frame,
    parquet,
    read_parquet,
    schema,
)

__all__ = [
    "CLOCKS",
    "EXTRA",
    "LANDSCAPE",
    "NAN",
    "PAYLOAD",
    "PHASES",
    "PROTOCOL",
    "RETRIED",
    "ROWS",
    "STATUSES",
    "BrokenCell",
    "Cell",
    "EvaluationRow",
    "ForkRow",
    "LandscapeLineRow",
    "LandscapePlaneRow",
    "LandscapeRow",
    "Listings",
    "Manifest",
    "PolicyRow",
    "ReuseRow",
    "Row",
    "RunRow",
    "Table",
    "TrialRow",
    "UpdateRow",
    "altered_files",
    "array_of",
    "cell_files",
    "cell_name",
    "decode",
    "encode",
    "extras_problem",
    "files_of",
    "frame",
    "major",
    "mixed_code",
    "parquet",
    "parse_json",
    "read_cell",
    "read_manifest",
    "read_parquet",
    "read_record",
    "read_regular",
    "read_run",
    "read_tables",
    "schema",
    "text_of",
    "write_atomically",
    "write_checksums",
]
