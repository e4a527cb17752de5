"""What is said of one results directory, for the page and for the Markdown alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from analysis.claims.metrics import Source
from analysis.claims.table import ledger_table, of_matrix
from analysis.contrasts import FEWEST_PAIRS
from analysis.figures import FIGURES
from analysis.page import provenance, tables
from analysis.page.cells import Table
from analysis.page.evidence import Evidence, titles
from analysis.page.tables import NO_VERDICTS, VERDICTS
from experiments.records import PROTOCOL

NO_COMPARISON = (
    "Nothing is compared. Put a table [compare] with rules = [[FIRST, SECOND]] into the matrix file and run it again: "
    "finished runs are kept."
)
CALIBRATED = (
    "How often each decision found a difference between runs of one and the same rule under two labels, on disjoint "
    "blocks of our own runs (matrix calibration); 5 % is what it promises. Power: how often it found the difference "
    "between that rule and the same one with steps of half the length."
)


@dataclass(frozen=True)
class Section:
    """One directory, in words and tables; text as it came, escaped by whoever shows it."""

    title: str
    state: str
    decided: str
    note: str
    verdicts: Table | None
    claims: Table | None
    summaries: Sequence[Table]
    clocks: Sequence[Table]
    steadiness: Sequence[Table]
    trust: Sequence[Table]
    imputed: Table | None
    own: Sequence[Table]
    calibrated: str
    calibration: Table
    failures: Table | None
    problems: Sequence[str]
    facts: Sequence[tuple[str, str]]
    details: Sequence[Table]
    references: Table | None
    figures: Sequence[Path]


def sections(evidence: list[Evidence], seconds: bool) -> list[Section]:
    """One per directory, in the order given."""
    return [_section(bundle, title, seconds) for bundle, title in zip(evidence, titles(evidence), strict=True)]


def _section(bundle: Evidence, title: str, seconds: bool) -> Section:
    results = bundle.results
    declared = results.declared is not None
    return Section(
        title=f"Matrix {results.name} ({title})" if title != results.name else f"Matrix {results.name}",
        state=f"{state(bundle.measures)}; protocol {PROTOCOL}",
        decided=decided(bundle.comparisons, declared),
        note=bundle.note,
        verdicts=tables.verdict_table(_worth_a_row(bundle.comparisons, declared)),
        claims=claim_table(bundle),
        summaries=[*tables.summary_tables(bundle.summary, seconds), *tables.aggregate_tables(bundle.aggregates)],
        clocks=tables.clock_tables(bundle.summary) if seconds else [],
        steadiness=tables.stability_tables(bundle.summary),
        trust=tables.trust_tables(bundle.summary),
        imputed=tables.imputation_table(bundle.imputed),
        own=own_tables(bundle),
        calibrated=CALIBRATED,
        calibration=tables.calibration_table(bundle.calibration),
        failures=tables.failure_table(bundle.measures, results.runs),
        problems=[*results.problems, *tables.clipping(bundle.summary)],
        references=tables.reference_table(results.anchors),
        facts=provenance.facts(results),
        details=[
            provenance.rule_table(results),
            provenance.settings_table(results),
            tables.run_table(bundle.measures),
        ],
        figures=sorted((results.folder / "figures").glob("*.png"), key=_in_order),
    )


def claim_table(bundle: Evidence) -> Table | None:
    """What the matrix says of the claims in the ledger, if it decides any."""
    results = bundle.results
    claims, found = of_matrix(Source(results.folder, (results, bundle.measures)), results.name)
    return ledger_table(claims, found) if claims else None


def own_tables(bundle: Evidence) -> list[Table]:
    """A user's measures: of every rule, and every pair."""
    pairs = tables.verdict_table(_worth_a_row(bundle.own_comparisons, bundle.results.declared is not None))
    return [*tables.own_tables(bundle.own), *([pairs] if pairs else [])]


def _in_order(figure: Path) -> tuple[int, str]:
    """Figures as they are drawn, others after them."""
    names = list(FIGURES)
    return names.index(figure.stem) if figure.stem in names else len(names), figure.stem


def state(measures: pd.DataFrame) -> str:
    """30 runs planned, 28 ok; not ok: diverged 1, missing 1."""
    failed = measures.status[measures.status != "ok"].value_counts().sort_index()
    text = f"{len(measures)} runs planned, {int((measures.status == 'ok').sum())} ok"
    return text + ("; not ok: " + ", ".join(f"{name} {n}" for name, n in failed.items()) if len(failed) else "")


def _worth_a_row(comparisons: pd.DataFrame, declared: bool) -> pd.DataFrame:
    """All that was declared; of an exploration, where there was something to test."""
    return comparisons if declared else comparisons[~comparisons.verdict.isin(NO_VERDICTS)]


def decided(comparisons: pd.DataFrame, declared: bool) -> str:
    """How the comparisons came out, in one line."""
    if not len(comparisons):
        return NO_COMPARISON
    found = comparisons.verdict.astype(str).value_counts()
    counts = [f"{found[name]} {name}" for name in (*VERDICTS, *NO_VERDICTS) if name in found]
    others = int(sum(count for name, count in found.items() if name not in (*VERDICTS, *NO_VERDICTS)))
    outcomes = ", ".join(counts + ([f"{others} other"] if others else []))
    outcomes = outcomes.replace("too few runs", f"too few runs for a test ({FEWEST_PAIRS} seeds are needed in pairs)")
    return f"{len(comparisons)} {'declared' if declared else 'explored'}: {outcomes}"
