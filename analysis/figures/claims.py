"""The figure of what a matrix says of the claims in the ledger."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from analysis.claims.decide import Found
from analysis.claims.ledger import Claim
from analysis.claims.metrics import Source
from analysis.claims.table import of_matrix
from analysis.figures.sheet import Sheet
from analysis.plots.claims import axis, forest
from analysis.plots.style import caption, panels, save


def claims(sheet: Sheet, name: str) -> list[Path]:
    """A panel per claim that this matrix decides."""
    results = sheet.results
    return draw_claims(*of_matrix(Source(results.folder, (results, sheet.measures)), results.name), sheet.folder, name)


def draw_claims(declared: Sequence[Claim], found: Mapping[str, Found], folder: Path, name: str) -> list[Path]:
    """A panel for each of these claims that has numbers; no file if there are none."""
    shown = [claim for claim in declared if found[claim.name].parts]
    if not shown:
        return []
    rows = max(len(found[claim.name].parts) for claim in shown) + max(axis(claim).count("\n") for claim in shown)
    figure, axes = panels(len(shown), height=1.0 + 0.2 * rows, columns=2)
    for ax, claim in zip(axes, shown, strict=True):
        forest(claim, found[claim.name], ax)
    which = f"{shown[0].statement}. " if len(shown) == 1 else ""
    caption(
        figure,
        f"{which}Estimates with 95 % intervals. Shaded: the smallest effect, or where a claim puts its number.",
    )
    return save(figure, folder, name)
