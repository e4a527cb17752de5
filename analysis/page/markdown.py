"""The report for a pull request: the page's tables as Markdown, and its figures by their relative paths."""

import html
import os
import re
from pathlib import Path
from urllib.parse import quote

from analysis.claims.table import EXPLAINED
from analysis.measures.efficiency import WINDOW
from analysis.page.cells import Table
from analysis.page.evidence import Evidence
from analysis.page.sections import Section, sections
from analysis.summary import REACHED
from experiments.records import write_atomically

NUMBERS = re.compile(r"[-+\d ,.%/]*(e[-+]\d+)?( \[[-+e\d ,.]*\])?")  # with an interval; nothing that Markdown reads
CAPTION = f"""A run that failed counts as random actions do, or as its own last evaluation if that is worse, from its
failure on ("imputed"), and has reached no threshold. Brackets: 95 % intervals, of the interquartile mean over runs
(trimmed t; with few runs or ties at least Student's) and Clopper's and Pearson's for rates. Final: undiscounted return
of the last policy on held-out episodes, actions sampled. nAUC: mean score while training, 0 the better of random
actions and of one fixed action, 1 the reference. Reached: share of runs whose score had {REACHED:g} and held it over
{WINDOW} evaluations on average; steps and seconds to it are means of min(time, end of the budget), evaluation left out
of the seconds; median time: when half of the runs had got there. Stability is in scores, larger is worse; in
parentheses what is left without the noise of evaluating. Verdicts are of the first rule against the second. Intervals
are not corrected for how many stand in a table; p (Holm) and the verdicts are.
"""
SHOWN = ("learning_curves", "final", "area_under_curve")  # figures that stand in the text; the rest is in the folder


def write_markdown(evidence: list[Evidence], file: Path, seconds: bool, clock: str) -> str:
    """Writes the file, and gives back its text; `seconds` and `clock` as in `write_page`."""
    parts = [section for part in sections(evidence, seconds) for section in _section(part, file.parent)]
    text = "\n".join([*parts, CAPTION, *([escaped(clock), ""] if clock else [])])
    write_atomically(file, text.encode("utf-8", "replace"))
    return text


def escaped(text: str) -> str:
    """Text of a result file on one line of Markdown, where it is nothing but text."""
    if NUMBERS.fullmatch(text):
        return text
    line = re.sub(r"\s+", " ", text).strip()
    return re.sub(r"([\\`*_\[\]|~#!])", r"\\\1", html.escape(line, quote=False))


def markdown_table(table: Table) -> list[str]:
    """Lines of a table, an empty one after it."""
    lines = [[head.text for head in table.heads], ["---:" if head.numeric else "---" for head in table.heads]]
    lines += [[escaped(cell.text) for cell in row] for row in table.rows]
    return [*("| " + " | ".join(line) + " |" for line in lines), ""]


def _section(section: Section, beside: Path) -> list[str]:
    lines = [f"# {escaped(section.title)}", "", escaped(section.state), "", "## Verdicts", ""]
    lines += [*map(escaped, filter(None, [section.decided, section.note])), ""]
    lines += markdown_table(section.verdicts) if section.verdicts else []
    lines += ["## Claims", "", EXPLAINED, "", *markdown_table(section.claims)] if section.claims else []
    figures = {figure.stem: figure for figure in section.figures}
    for name in filter(figures.__contains__, SHOWN):
        where = quote(os.path.relpath(figures[name].resolve(), beside.resolve()).replace(os.sep, "/"))
        lines += [f"![{name.replace('_', ' ')}]({where})", ""]
    for title, tables in (
        ("Results", section.summaries),
        ("Stability", section.steadiness),
        ("Trust region and importance weights", section.trust),
        ("Where the seconds went", section.clocks),
        ("Own measures", section.own),
    ):
        for table in tables:
            lines += [f"## {title}: {escaped(table.title)}", "", *markdown_table(table)]
    lines += ["## References", "", *(markdown_table(section.references) if section.references else ["None.", ""])]
    lines += ["## Calibration", "", escaped(section.calibrated), "", *markdown_table(section.calibration)]
    lines += ["## Failures", "", *([] if section.failures else ["Every planned run is ok.", ""])]
    lines += markdown_table(section.failures) if section.failures else []
    lines += markdown_table(section.imputed) if section.imputed else []
    lines += [*(f"- {escaped(problem)}" for problem in section.problems), *([""] if section.problems else [])]
    lines += ["## Provenance", "", *(f"- {name}: {escaped(value)}" for name, value in section.facts), ""]
    return lines
