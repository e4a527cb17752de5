"""Decide the ledger of claims from the rows that there are.

python -m analysis.claims                     writes results/reference/CLAIMS.md, and a figure per claim beside it
python -m analysis.claims --ledger mine.toml --out mine.md
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

from analysis import console
from analysis.claims.decide import decide
from analysis.claims.ledger import LEDGER, read_claims
from analysis.claims.metrics import Source
from analysis.claims.page import page
from analysis.figures.claims import draw_claims
from analysis.load import ResultsError
from analysis.plots.style import theme
from experiments.records import write_atomically


@dataclass(frozen=True)
class Arguments:
    results: Path = Path("results")
    """where the results directories of the matrices lie"""
    out: Path = Path("results/reference/CLAIMS.md")
    """the ledger's page; the figures go into a folder beside it"""
    ledger: Path = LEDGER
    """the claims"""


def main(arguments: Arguments) -> int:
    """The exit code: 0, or 2 if the ledger or results cannot be read."""
    try:
        claims = read_claims(arguments.ledger)
        folders = {claim.matrix: arguments.results / claim.matrix for claim in claims}
        found = decide(claims, {name: Source(folder) for name, folder in folders.items() if folder.is_dir()})
        folder = arguments.out.parent / arguments.out.stem.lower()
        folder.mkdir(parents=True, exist_ok=True)
        with theme():
            drawn = {claim.name: draw_claims([claim], found, folder, claim.name) for claim in claims}
        text = page(claims, found, {name: files[0] for name, files in drawn.items() if files}, arguments.out.parent)
        write_atomically(arguments.out, text.encode())
    except (ResultsError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(text)
    return 0


if __name__ == "__main__":
    console.run(main, Arguments, __doc__)
