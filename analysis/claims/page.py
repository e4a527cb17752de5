"""The ledger's own page, in Markdown."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from analysis.claims.decide import NOT_RUN, Found
from analysis.claims.ledger import Claim
from analysis.claims.table import EXPLAINED, VERDICTS, ledger_table
from analysis.page.markdown import escaped, markdown_table


def page(claims: Sequence[Claim], found: Mapping[str, Found], figures: Mapping[str, Path], beside: Path) -> str:
    """The page's text; `figures` of claims by their names, linked from the folder `beside`."""
    counts = [sum(found[claim.name].verdict.startswith(word) for claim in claims) for word in (*VERDICTS, NOT_RUN)]
    lines = [
        "# Ledger of claims",
        "",
        "Declared in `analysis/claims/claims.toml` before the runs; made by `python -m analysis.claims`.",
        "{} supported, {} refuted, {} undecided, {} not yet run.".format(*counts),
        "",
        EXPLAINED,
        "",
        *markdown_table(ledger_table(claims, found)),
    ]
    for claim in claims:
        if claim.name in figures:
            where = quote(os.path.relpath(figures[claim.name].resolve(), beside.resolve()).replace(os.sep, "/"))
            lines += [f"![{escaped(claim.name)}: {escaped(claim.statement)}]({where})", ""]
    return "\n".join(lines)
