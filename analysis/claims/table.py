"""The ledger as a table, and the part of it that one matrix decides."""

from collections.abc import Mapping, Sequence

import numpy as np

from analysis.claims.decide import Found, decide
from analysis.claims.ledger import COMPARED, Claim, read_claims
from analysis.claims.metrics import Source
from analysis.inference import NAN
from analysis.load import ResultsError
from analysis.page.cells import Cell, Head, Table
from analysis.summary import number

HEADS = ("claim", "statement", "verdict", "estimate", "metric", "n", "p (Holm)", "source", "made by")
EXPLAINED = (
    "Estimates: the first label less the second, mean over environments, with a 95 % interval; of a claim about one "
    "label the interquartile mean on the environment nearest to refuting it, or, where everything is exact, the "
    "worst case."
)
VERDICTS = {"supported": "better", "refuted": "worse", "undecided": "undecided"}  # -> how a page shows them


def ledger_table(claims: Sequence[Claim], found: Mapping[str, Found]) -> Table:
    """A row per claim."""
    heads = tuple(Head(head, head == "verdict") for head in HEADS)
    return Table("Claims", heads, tuple(_row(claim, found[claim.name]) for claim in claims))


def of_matrix(source: Source, name: str) -> tuple[list[Claim], dict[str, Found]]:
    """The claims that a matrix decides, and what it says of them.

    None if its labels or environments are not those that the claims are about, as in a user's matrix of the same name.
    """
    claims = [claim for claim in read_claims() if claim.matrix == name and not claim.command]
    try:
        return claims, decide(claims, {name: source})
    except ResultsError:
        return [], {}


def decided_by(claim: Claim) -> str:
    """The test in a few words: nauc: higher in trpo than in npg; smallest effect 0.05."""
    metric = named(claim)
    if claim.test in COMPARED:
        first, second = claim.labels
        here, there = ", ".join(claim.environments), ", ".join(claim.than)
        words = {
            "better": f"{claim.better} in {first} than in {second}",
            "equivalent": f"{first} as {second}",
            "more": f"{first} less {second}, {claim.better} in {here} than in {there}",
        }
        return f"{metric}: {words[claim.test]}; smallest effect {claim.smallest_effect:g}"
    low, high = claim.limits
    words = {"within": f"between {low:g} and {high:g}", "above": f"above {low:g}", "below": f"below {high:g}"}
    return f"{metric}: {claim.labels[0]} {words.get(claim.test, f'never above {high:g}')}"


def named(claim: Claim) -> str:
    """The metric with its arguments, lists left out."""
    values = [str(value) for value in claim.arguments.values() if not isinstance(value, list)]
    return claim.metric + (f"({', '.join(values)})" if values else "")


def _row(claim: Claim, found: Found) -> tuple[Cell, ...]:
    estimate = found.estimate
    bounded = np.isfinite([estimate.low, estimate.high]).all()
    bounds = f" [{number(estimate.low)}, {number(estimate.high)}]" if bounded else ""
    texts = (
        claim.name, claim.statement, found.verdict, number(estimate.estimate) + bounds, decided_by(claim), found.runs,
        number(found.adjusted), claim.source, claim.made_by,
    )  # fmt: skip
    verdict = found.verdict.partition(":")[0]
    place = float(list(VERDICTS).index(verdict)) if verdict in VERDICTS else NAN
    return tuple(
        Cell(text, place, VERDICTS.get(verdict, "")) if head == "verdict" else Cell(text)
        for head, text in zip(HEADS, texts, strict=True)
    )
