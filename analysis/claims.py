"""The ledger of claims: declared in claims.toml before the runs, decided from the rows.

python -m analysis.claims                     decide what has run, and write results/reference/CLAIMS.md

A claim is supported, refuted, undecided or not yet run. Two labels are compared as the report compares them (paired
permutation test over all environments of the claim, Yuen's interval), with Holm's correction over the claims of a
family that have run. "better" is refuted by a difference the other way, or inside the smallest effect; "equivalent" by
a difference that is found; "above" by an interval that lies below the bound.
"""

import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis import console
from analysis.contrasts import Measure, NoContrast, column, contrast_of
from analysis.hypotheses import ERROR, Strata, difference, equivalent, holm
from analysis.inference import NAN, Interval, trimmed_t_interval
from analysis.load import ResultsError, load
from analysis.measures import measure_runs
from analysis.page.markdown import escaped
from analysis.permutation import permutation_p
from analysis.summary import number
from experiments.records import write_atomically

LEDGER = Path(__file__).with_name("claims.toml")
TESTS = {"better": 2, "equivalent": 2, "above": 1}  # -> how many labels
NOT_RUN = "not yet run"
HEADS = ("claim", "statement", "verdict", "estimate", "runs", "p (Holm)", "source", "command")


@dataclass(frozen=True)
class Arguments:
    results: Path = Path("results")
    """where run_matrix.py put the matrices"""
    out: Path = Path("results/reference/CLAIMS.md")
    """the ledger's page"""
    ledger: Path = LEDGER
    """the claims"""


@dataclass(frozen=True)
class Claim:
    """One statement, and what decides it; effects and bounds are in units of the measure."""

    name: str
    statement: str
    source: str
    matrix: str
    measure: str  # a column of measures
    test: str  # of TESTS
    labels: tuple[str, ...]
    family: str
    environments: tuple[str, ...] = ()  # all of the matrix if none is named
    better: str = "higher"
    smallest_effect: float | None = None
    bound: float | None = None

    def __post_init__(self) -> None:
        for name in ("statement", "source", "matrix", "measure", "family"):
            if not isinstance(getattr(self, name), str):
                raise ValueError(f"{name} is {getattr(self, name)!r}; expected a text")
        if not all(
            isinstance(n, tuple) and all(isinstance(x, str) for x in n) for n in (self.labels, self.environments)
        ):
            raise ValueError("labels and environments are lists of names")
        if self.test not in TESTS:
            raise ValueError(f"test is {self.test!r}; expected one of {', '.join(TESTS)}")
        if len(self.labels) != TESTS[self.test]:
            raise ValueError(f"test {self.test} takes {TESTS[self.test]} labels, got {len(self.labels)}")
        if self.better not in ("higher", "lower"):
            raise ValueError(f"better is {self.better!r}; expected higher or lower")
        needed = "bound" if self.test == "above" else "smallest_effect"
        value = getattr(self, needed)
        if not isinstance(value, int | float) or not np.isfinite(value) or (needed != "bound" and value <= 0):
            raise ValueError(f"{needed} is {value!r}; test {self.test} needs a finite number there")


@dataclass(frozen=True)
class Found:
    """What the rows say of a claim."""

    verdict: str = NOT_RUN
    estimate: float = NAN
    low: float = NAN
    high: float = NAN
    runs: str = ""
    adjusted: float = NAN


def read_claims(file: Path = LEDGER) -> list[Claim]:
    """Raises ResultsError, saying which claim is wrong and why."""
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ResultsError(f"{file} cannot be read: {error}") from error
    known = {field.name for field in fields(Claim)} - {"name"}
    claims = []
    for name, table in tables.items():
        if not isinstance(table, dict) or (odd := sorted(table.keys() - known)):
            what = f"unknown key {odd[0]}" if isinstance(table, dict) else "no table"
            raise ResultsError(f"{file}: {name}: {what}; expected {', '.join(sorted(known))}")
        values: Any = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
        try:
            claims.append(Claim(name, **values))
        except (TypeError, ValueError) as error:
            raise ResultsError(f"{file}: {name}: {str(error).replace('Claim.__init__() ', '')}") from error
    return claims


def decide(claims: list[Claim], measures: Mapping[str, pd.DataFrame]) -> dict[str, Found]:
    """Claim -> what is found in the measures of its matrix; "not yet run" where these are missing or incomplete.

    Raises ResultsError for a measure, label or environment that the matrix does not have.
    """
    strata: dict[str, Strata] = {}
    found: dict[str, Found] = {claim.name: Found() for claim in claims}
    for claim in (claim for claim in claims if claim.matrix in measures):
        rows = _rows(claim, measures[claim.matrix])
        if claim.test == "above":
            found[claim.name] = _above(claim, rows)
            continue
        try:
            strata[claim.name] = _strata(claim, rows)
        except NoContrast as reason:
            found[claim.name] = Found(NOT_RUN if str(reason) == "incomplete" else f"undecided: {reason}")
    p = {name: permutation_p(each) for name, each in strata.items()}
    adjusted: dict[str, float] = {}
    for family in {claim.family for claim in claims}:
        names = [claim.name for claim in claims if claim.family == family and claim.name in p]
        adjusted |= dict(zip(names, map(float, holm(np.array([p[name] for name in names]))), strict=True))
    for claim in (claim for claim in claims if claim.name in strata):
        tests = sum(other.family == claim.family and other.name in p for other in claims)
        found[claim.name] = _compared(claim, strata[claim.name], adjusted[claim.name], ERROR / tests)
    return found


def _rows(claim: Claim, measures: pd.DataFrame) -> pd.DataFrame:
    """The runs that a claim is about."""
    environments = claim.environments or tuple(sorted(set(map(str, measures.env))))
    for name, wanted in (("env", environments), ("label", claim.labels)):
        if absent := [each for each in wanted if each not in set(measures[name])]:
            raise ResultsError(f"{claim.name}: matrix {claim.matrix} has no {name} {absent[0]}")
    if claim.measure not in measures:
        raise ResultsError(f"{claim.name}: there is no measure {claim.measure}")
    return measures[measures.env.isin(environments) & measures.label.isin(claim.labels)]


def _strata(claim: Claim, rows: pd.DataFrame) -> Strata:
    """A contrast per environment. Raises NoContrast if one of them cannot be compared."""
    measure = Measure(claim.measure, column(claim.measure), lambda *_: 1.0)
    return [contrast_of(part, claim.labels[0], claim.labels[1], measure) for _, part in rows.groupby("env")]


def _compared(claim: Claim, strata: Strata, adjusted: float, error: float) -> Found:
    estimate, differ = difference(strata), adjusted <= ERROR
    same = equivalent(strata, claim.smallest_effect, error)
    good = (estimate.estimate > 0) == (claim.better == "higher")
    if claim.test == "equivalent":
        verdict = "supported" if same else "refuted" if differ else "undecided"
    else:
        verdict = "supported" if differ and good else "refuted" if differ or same else "undecided"
    runs = ", ".join(
        str(sum(len(side) for side in sides)) for sides in zip(*((c.first, c.second) for c in strata), strict=True)
    )
    return Found(verdict, *_ends(estimate), runs, adjusted)


def _above(claim: Claim, rows: pd.DataFrame) -> Found:
    """Of the interquartile mean over all runs; every environment must lie on the same side."""
    parts = [trimmed_t_interval(part[claim.measure].to_numpy(float)) for _, part in rows.groupby("env")]
    if (rows.status == "missing").any() or not np.isfinite([part.estimate for part in parts]).all():
        return Found()
    assert claim.bound is not None
    sides = {"supported" if p.low > claim.bound else "refuted" if p.high < claim.bound else "undecided" for p in parts}
    verdict = "supported" if sides == {"supported"} else "refuted" if "refuted" in sides else "undecided"
    nearest = min(parts, key=lambda part: part.estimate)
    return Found(verdict, *_ends(nearest), str(len(rows)))


def _ends(found: Interval) -> tuple[float, float, float]:
    return found.estimate, found.low, found.high


def page(claims: list[Claim], found: Mapping[str, Found]) -> str:
    """The ledger as Markdown."""
    lines = [
        "# Ledger of claims",
        "",
        "Declared in `analysis/claims.toml` before the runs; made by `python -m analysis.claims`. Estimates: the first",
        "label less the second, mean over environments, with a 95 % interval; of a claim about one label the",
        "interquartile mean on the environment where it is lowest.",
        "",
    ]
    lines += ["| " + " | ".join(HEADS) + " |", "|" + "---|" * len(HEADS)]
    for claim in claims:
        what = found[claim.name]
        bounds = f" [{number(what.low)}, {number(what.high)}]" if np.isfinite([what.low, what.high]).all() else ""
        cells = (
            claim.name, claim.statement, what.verdict, number(what.estimate) + bounds, what.runs, number(what.adjusted),
            claim.source, f"python experiments/run_matrix.py {claim.matrix}",
        )  # fmt: skip
        lines.append("| " + " | ".join(map(escaped, cells)) + " |")
    return "\n".join([*lines, ""])


def main(arguments: Arguments) -> int:
    """The exit code: 0, or 2 if the ledger or results cannot be read."""
    try:
        claims = read_claims(arguments.ledger)
        folders = {claim.matrix: arguments.results / claim.matrix for claim in claims}
        there = {name: folder for name, folder in folders.items() if (folder / "manifest.json").is_file()}
        text = page(claims, decide(claims, {name: measure_runs(load(folder)) for name, folder in there.items()}))
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(arguments.out, text.encode())
    except (ResultsError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(text)
    return 0


if __name__ == "__main__":
    console.run(main, Arguments, __doc__)
