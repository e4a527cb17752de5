"""What was planned: the manifest of a results directory."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.anchors import Variant, anchors_of
from experiments.records import Listings, parse_json, read_regular

WHO = ["run_id", "env", "rule", "label", "seed", "budget"]
DECIDED = ("nauc", "final_sampled")  # what a matrix file can declare to compare by
APART = "they cannot stand in one table; run them into directories of their own (--out)"


class ResultsError(Exception):
    """The directory holds nothing that could be analysed; the message says why."""


@dataclass(frozen=True)
class Declared:
    """What the matrix file said it would decide."""

    pairs: tuple[tuple[str, str], ...]  # of labels
    measure: str
    smallest_effect: float | None  # smaller differences are practically none
    after: int = 0  # cells that had ended when it was declared, or when seeds were first run until it is decided


@dataclass(frozen=True)
class Manifest:
    """A plan, in an order that does not depend on that of its cells."""

    name: str
    planned: pd.DataFrame  # WHO: one row per cell
    anchors: pd.DataFrame  # analysis.anchors: of its environments
    declared: Declared | None
    listings: Listings  # the files of the code that the cells were planned with
    defaults: dict[str, dict[str, Any]]  # rule -> hyper-parameter -> its value where none is given
    file: str = ""  # that the plan was read from, as it was given
    thinned: bool = False  # whether its cells came from a compact pack
    named: tuple[str, ...] = ()  # FILE.py:FUNCTION of a user's measures and figures: never run because of this alone


def read_manifest(file: Path) -> Manifest:
    """The plan that `run_matrix.py` wrote. Raises ResultsError."""
    if not file.is_file():
        raise ResultsError(f"{file.parent} is not a results directory: expected {file}, as run_matrix.py writes it")
    try:
        return manifest_of(read_regular(file), file)
    except OSError as error:
        raise ResultsError(f"{file} is not a manifest: {type(error).__name__}: {error}") from error


def manifest_of(data: bytes, file: Path) -> Manifest:
    """The plan that these bytes are, from `file` or a pack of that name. Raises ResultsError."""
    try:
        plan = parse_json(data)
        planned = pd.DataFrame([{name: cell[name] for name in WHO} for cell in plan["cells"]], columns=WHO)
        given = {env: (float(low), float(high)) for env, (low, high) in plan["scores"].items()}
        for env, (low, high) in given.items():
            if not (low < high and np.isfinite(high - low)):
                raise ValueError(f"the score of {env} is [{low}, {high}]; expected two returns, the second above")
        compare = plan.get("compare")
        found = Manifest(
            name=str(plan["matrix"]),
            planned=planned.sort_values(["env", "label", "seed"], ignore_index=True),
            anchors=anchors_of(_variants(plan["cells"]), given),
            declared=None if compare is None else _declared(compare, int(plan.get("declared_after", 0))),
            listings=dict(plan.get("code", {})),
            defaults={str(rule): dict(values) for rule, values in plan.get("defaults", {}).items()},
            file=str(plan.get("file", "")),
            thinned="thinned" in plan,
            named=tuple(str(name) for kind in ("measures", "figures") for name in plan.get(kind, [])),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ResultsError(f"{file} is not a manifest: {type(error).__name__}: {error}") from error
    _check(file, planned)
    return found


def _check(file: Path, planned: pd.DataFrame) -> None:
    """Raises ResultsError for a run that is planned twice, and for different budgets on one environment."""
    for same in ("run_id", ["env", "label", "seed"]):
        if planned.duplicated(same).any():
            twice = planned[planned.duplicated(same)].iloc[0]
            raise ResultsError(f"{file} plans a run twice: {twice.label} on {twice.env}, seed {twice.seed}")
    for env, part in planned.groupby("env", sort=True):
        budgets = sorted(set(part.budget))
        if len(budgets) > 1:
            raise ResultsError(f"{file} plans different budgets on {env!s}: {budgets}; {APART}")


def _variants(cells: list[dict[str, Any]]) -> list[Variant]:
    """Every environment of the plan once, and how it differs from the registered one."""
    found: dict[str, Variant] = {}
    for cell in cells:
        env = str(cell["env"])
        changed = dict(cell.get("env_kwargs") or {})
        limit = changed.pop("max_episode_steps", None)
        cap = (cell.get("settings") or {}).get("eval_max_steps")
        altered = bool(changed or cell.get("wrappers")) or cell.get("environment", env) != env
        variant = Variant(env, limit, altered, cap)
        if found.setdefault(variant.env, variant) != variant:
            found[variant.env] = Variant(variant.env, None, True)
    return [found[env] for env in sorted(found)]


def _declared(compare: dict[str, Any], after: int) -> Declared:
    if compare["measure"] not in DECIDED:
        raise ValueError(f"it compares by {compare['measure']!r}; expected {' or '.join(DECIDED)}")
    effect = compare.get("smallest_effect")
    pairs = tuple((str(first), str(second)) for first, second in compare["rules"])
    return Declared(pairs, str(compare["measure"]), None if effect is None else float(effect), after)
