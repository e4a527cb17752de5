"""The manifest of a results directory: which cells are planned, so that a missing one is seen to be missing.

One JSON object: the matrix's name, its scores and comparisons, the files behind each digest of code, a line per planned
cell, and, last, the SHA-256 of all the text before.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.records.files import parse_json, read_regular
from experiments.records.names import cell_name

NAME = "manifest.json"
THINNED = "thinned"  # key of a head: what cells that came from a compact pack lack, or have rounded
SEAL = b',\n"sha256": "'


@dataclass(frozen=True)
class Manifest:
    matrix: str
    head: dict[str, Any]  # all but the cells: scores, compare, code
    cells: list[dict[str, Any]]  # run_id and the specification's fields
    whole: bool | None  # whether it is as it was written; None for one from before it had a checksum

    @property
    def code(self) -> dict[str, dict[str, str]]:
        """Digest of a run's code -> file -> digest of what it means."""
        return dict(self.head.get("code", {}))


def manifest_bytes(head: dict[str, Any], lines: Iterable[str]) -> bytes:
    """The file, of a head and a line of JSON per cell."""
    cells = ",\n".join(lines)
    body = f'{json.dumps(head)[:-1]}, "cells": [\n{cells}\n]'.encode()
    return body + SEAL + hashlib.sha256(body).hexdigest().encode() + b'"}\n'


def read_manifest(folder: Path) -> Manifest:
    """Raises OSError if there is none that can be read, ValueError if it is none."""
    return manifest_of(read_regular(folder / NAME))


def manifest_of(data: bytes) -> Manifest:
    """The manifest that these bytes are. Raises ValueError if they are none."""
    head = parse_json(data)
    try:
        cells = head.pop("cells")
        for cell in cells:
            _require_name(cell["run_id"])
            cell_name(cell["label"], cell["env"], cell["seed"])
        matrix = str(head["matrix"])
        dict(head.get("code", {}))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error
    body, seal, digest = data.rpartition(SEAL)
    whole = None if "sha256" not in head else seal != b"" and digest[:64].decode() == hashlib.sha256(body).hexdigest()
    return Manifest(matrix, head, cells, whole)


def _require_name(run_id: object) -> None:
    """Raise ValueError for a name that is none of a file in one folder."""
    if not isinstance(run_id, str) or run_id in ("", ".", "..") or "/" in run_id or "\0" in run_id:
        raise ValueError(f"{run_id!r} is no name of a cell")
