"""What is said of one results directory, for the page and for the Markdown alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from analysis.page import provenance, tables
from analysis.page.evidence import Evidence, titles
from analysis.page.tables import VERDICTS, Table

NO_COMPARISON = (
    "Nothing was declared to be decided. Put a table [compare] with rules = [[FIRST, SECOND]] into the matrix file and "
    "run it again: finished runs are kept."
)
NO_CALIBRATION = (
    "Not measured here. It takes one rule under two labels, each on seeds of its own (A/A), run as a matrix: over many "
    "splits of the seeds, how often would the report see a difference where there is none?"
)
CALIBRATED = "How often each decision found a difference between runs of the same rule; 5 % is what it promises."


@dataclass(frozen=True)
class Section:
    """One directory, in words and tables; text as it came, escaped by whoever shows it."""

    title: str
    state: str
    decided: str
    note: str
    verdicts: Table | None
    summaries: Sequence[Table]
    clocks: Sequence[Table]
    calibrated: str
    calibration: Table | None
    failures: Table | None
    problems: Sequence[str]
    facts: Sequence[tuple[str, str]]
    details: Sequence[Table]
    figures: Sequence[Path]


def sections(evidence: list[Evidence], seconds: bool) -> list[Section]:
    """One per directory, in the order given."""
    return [_section(bundle, title, seconds) for bundle, title in zip(evidence, titles(evidence), strict=True)]


def _section(bundle: Evidence, title: str, seconds: bool) -> Section:
    results = bundle.results
    calibration = tables.calibration_table(bundle.calibration)
    return Section(
        title=f"Matrix {results.name} ({title})" if title != results.name else f"Matrix {results.name}",
        state=state(bundle.measures),
        decided=decided(bundle.comparisons),
        note=bundle.note,
        verdicts=tables.verdict_table(bundle.comparisons),
        summaries=tables.summary_tables(bundle.summary, seconds),
        clocks=tables.clock_tables(bundle.summary) if seconds else [],
        calibrated=CALIBRATED if calibration else NO_CALIBRATION,
        calibration=calibration,
        failures=tables.failure_table(bundle.measures, results.runs),
        problems=results.problems,
        facts=provenance.facts(results),
        details=[
            provenance.rule_table(results),
            provenance.settings_table(results),
            tables.run_table(bundle.measures),
        ],
        figures=sorted((results.folder / "figures").glob("*.png")),
    )


def state(measures: pd.DataFrame) -> str:
    """30 runs planned, 28 ok; not ok: diverged 1, missing 1."""
    failed = measures.status[measures.status != "ok"].value_counts().sort_index()
    text = f"{len(measures)} runs planned, {int((measures.status == 'ok').sum())} ok"
    return text + ("; not ok: " + ", ".join(f"{name} {n}" for name, n in failed.items()) if len(failed) else "")


def decided(comparisons: pd.DataFrame | None) -> str:
    """How the declared comparisons came out, in one line."""
    if comparisons is None or not len(comparisons):
        return NO_COMPARISON
    found = comparisons.verdict.astype(str).value_counts()
    counts = [f"{found[name]} {name}" for name in VERDICTS if name in found]
    others = int(sum(count for name, count in found.items() if name not in VERDICTS))
    return f"{len(comparisons)} declared: " + ", ".join(counts + ([f"{others} other"] if others else []))
