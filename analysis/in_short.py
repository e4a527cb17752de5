"""The results in a few lines, for whoever has just run a matrix; the report says the rest."""

import shlex
from collections import Counter
from collections.abc import Sequence

from analysis.page.evidence import Evidence
from analysis.summary import with_interval

MOST = 40  # rows
WIDEST = 34  # letters of an environment or a rule


def in_short(bundle: Evidence) -> str:
    """A row per environment and rule: runs that are ok of those planned, final return and nAUC with their intervals.

    Then how many verdicts there are of each kind, and what went wrong.
    """
    summary, name = bundle.summary, bundle.results.name
    heads = ("environment", "rule", "ok", "final return", "nAUC")
    rows = [
        (
            _cut(str(row.env)),
            _cut(str(row.label)),
            f"{row.n_ok}/{row.n_planned}",
            with_interval(row, "final_sampled"),
            with_interval(row, "nauc"),
        )
        for row in summary.itertuples()
    ]
    lines = [name, *_table(heads, rows[:MOST])]
    if len(rows) > MOST:
        lines.append(f"... and {len(rows) - MOST} rows more")
    verdicts = Counter(bundle.comparisons.verdict)
    if verdicts:
        lines.append("verdicts: " + ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common()))
    if len(bundle.failures):
        kinds = bundle.failures.groupby("status").n.sum().sort_values(ascending=False)
        lines.append("failed:   " + ", ".join(f"{n} {status}" for status, n in kinds.items()))
    lines += _without_score(bundle)
    return "\n".join([*lines, *(f"note:     {problem}" for problem in bundle.results.problems[:5])])


def _without_score(bundle: Evidence) -> list[str]:
    """The environments without a score, and the command that measures what one begins with."""
    results = bundle.results
    lacking = sorted(set(results.planned.env) - set(results.scores))
    if not lacking:
        return []
    words = ["policy-ascent", "references", "--matrix", results.file or "MATRIX.toml", "--environments", *lacking]
    return [f"no score: {', '.join(lacking)}; what random actions return: {shlex.join(words)}"]


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Columns as wide as they need be; names to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = []
    for row in (heads, *rows):
        cells = [
            f"{cell:<{width}}" if k < 2 else f"{cell:>{width}}"
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines


def _cut(text: str) -> str:
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 3]}..."
