"""Tables as LaTeX with booktabs: `\\input` them where the preamble has `\\usepackage{booktabs}`.

A rule is bold on an environment if it is better there than a rule that it was compared with, and worse than none:
significance, not the largest number, makes it so. Characters that mean something to LaTeX are escaped, and those
outside of ASCII are written as their code points.
"""

import re
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from analysis.contrasts import MEASURES
from analysis.figures.sheet import runs_of
from analysis.page.evidence import Evidence
from analysis.plots.looks import by_number
from analysis.summary import number

ESCAPES = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': "{''}", "[": "{[}", "]": "{]}", "-": "-{}",
}  # fmt: skip
COLUMNS = {"final_sampled": "final_return", "nauc": "nauc"}  # of the summary -> name of the file
INTERVAL = "Interquartile mean over runs with its 95\\,\\% interval (trimmed $t$)."
NAMES = {
    "final_sampled": "Undiscounted return of the last policy, actions sampled",
    "nauc": "Mean score while training",
}


def latex_tables(bundle: Evidence, shown_as: Callable[[str], str] = str) -> dict[str, str]:
    """Name of a file without its suffix -> a table: results by measure, and verdicts if anything was compared.

    `shown_as`: what stands for a label or an environment.
    """
    found = {COLUMNS[name]: results_table(bundle, name, shown_as) for name in COLUMNS if _known(bundle.summary, name)}
    if len(bundle.comparisons):
        found["verdicts"] = verdicts_table(bundle, shown_as)
    return found


def results_table(bundle: Evidence, measure: str, shown_as: Callable[[str], str] = str) -> str:
    """A row per rule, a column per environment: the estimate, and its interval where there is one.

    `measure` is a key of COLUMNS. A rule with missing runs has no number.
    """
    summary = bundle.summary
    environments = sorted(set(map(str, summary.env)))
    labels = sorted(set(map(str, summary.label)), key=by_number)
    bold = winners(bundle.comparisons, measure)
    by_cell = {(str(row["env"]), str(row["label"])): row for _, row in summary.iterrows()}
    rows = []
    for label in labels:
        cells = [_cell(by_cell.get((env, label)), measure, (env, label) in bold) for env in environments]
        rows.append([escaped(shown_as(label)), *cells])
    heads = ["rule", *(escaped(shown_as(env)) for env in environments)]
    caption = f"{NAMES[measure]}: {escaped(runs_of(bundle.measures))}. {INTERVAL} {_bold_means(bundle, measure)}"
    return _table(heads, rows, caption, f"tab:{COLUMNS[measure].replace('_', '-')}", "l" + "r" * len(environments))


def verdicts_table(bundle: Evidence, shown_as: Callable[[str], str] = str) -> str:
    """Every comparison: the difference with its interval, its corrected p-value, and the verdict."""
    rows = []
    for _, row in bundle.comparisons.iterrows():
        known = str(row["measure"])
        title = MEASURES[known].title if known in MEASURES else known
        verdict = escaped(str(row["verdict"]))
        rows.append(
            [
                *(escaped(shown_as(str(row[name]))) for name in ("first", "second", "env")),
                escaped(title),
                f"{row['n_first']:.0f}, {row['n_second']:.0f}",
                _estimate(row["difference"], row["low"], row["high"]),
                _plain(row["adjusted"]),
                rf"\textbf{{{verdict}}}" if verdict in ("better", "worse") else verdict,
            ]
        )
    heads = ["first", "second", "environment", "measure", "runs", "difference", "$p$ (Holm)", "first is"]
    caption = f"Comparisons: {escaped(bundle.note)} Brackets: 95\\,\\% interval of the difference."
    return _table(heads, rows, caption, "tab:verdicts", "llllrrrl")


def winners(comparisons: pd.DataFrame, measure: str) -> set[tuple[str, str]]:
    """(environment, label) of the rules that are better there than one that they met, and worse than none."""
    above: set[tuple[str, str]] = set()
    below: set[tuple[str, str]] = set()
    for _, row in comparisons[comparisons.measure == measure].iterrows():
        pair = [(str(row["env"]), str(row[side])) for side in ("first", "second")]
        if row["verdict"] in ("better", "worse"):
            better, worse = pair if row["verdict"] == "better" else pair[::-1]
            above.add(better)
            below.add(worse)
    return above - below


def escaped(text: str) -> str:
    """Text of a result file as text of LaTeX: one line, printable ASCII."""
    line = " ".join(text.split())
    return "".join(_letter(character) for character in line).replace("-{}", "-{}" if "--" in line else "-")


def _letter(character: str) -> str:
    if character in ESCAPES:
        return ESCAPES[character]
    return character if " " <= character <= "~" else rf"\textbackslash{{}}u{ord(character):04x}"


def _known(summary: pd.DataFrame, name: str) -> bool:
    return name in summary and bool(summary[name].notna().any())


def _bold_means(bundle: Evidence, measure: str) -> str:
    tested = bundle.comparisons[bundle.comparisons.measure == measure]
    if tested.empty:
        return "No comparison of this measure was made, so nothing is bold."
    kinds = ", ".join(sorted({str(test) for test in tested.test if isinstance(test, str) and test}))
    count = int(bundle.comparisons.p.notna().sum())
    how = f" ({escaped(kinds)}; Holm's correction over {count} comparisons at 5\\,\\%)" if kinds else ""
    return f"Bold: better than a rule that it was compared with{how}, and worse than none."


def _cell(row: "pd.Series | None", measure: str, bold: bool) -> str:
    if row is None or not row["complete"]:
        return "--"
    value, low, high = (float(row[f"{measure}{end}"]) for end in ("", "_low", "_high"))
    return _estimate(value, low, high, bold)


def _estimate(value: float, low: float, high: float, bold: bool = False) -> str:
    shown = _plain(value)
    shown = rf"\textbf{{{shown}}}" if bold and shown != "--" else shown
    bounded = np.isfinite([low, high]).all()
    return f"{shown} {{\\scriptsize [{_plain(low)}, {_plain(high)}]}}" if bounded else shown


def _plain(value: float) -> str:
    """A number in text, with a real minus and powers of ten as such; -- where there is none."""
    if not np.isfinite(value):
        return "--" if np.isnan(value) else r"$\infty$" if value > 0 else r"$-\infty$"
    text = number(float(value)).replace(",", r"\,")
    if power := re.fullmatch(r"(-?[\d.]+)e([-+]\d+)", text):
        return rf"${power[1]} \times 10^{{{int(power[2])}}}$"
    return f"$-${text[1:]}" if text.startswith("-") else text


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], caption: str, name: str, columns: str) -> str:
    lines = [
        r"\begin{table}[tb]", r"\centering", rf"\caption{{{caption}}}", rf"\label{{{name}}}",
        rf"\begin{{tabular}}{{{columns}}}", r"\toprule", _row(heads), r"\midrule", *map(_row, rows), r"\bottomrule",
        r"\end{tabular}", r"\end{table}", "",
    ]  # fmt: skip
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"
