"""What is no claim is refused by name; ours are about what their matrices have."""

from functools import cache

import pytest

from analysis.claims.ledger import read_claims
from analysis.claims.metrics import METRICS, settings_of
from analysis.load import ResultsError
from experiments.exact import CHECKS
from experiments.matrix_file import load_matrix

GOOD = (
    'statement = "s"\nsource = "s"\nmatrix = "m"\nmetric = "nauc"\ntest = "better"\nlabels = ["a", "b"]\n'
    'smallest_effect = 0.1\nfamily = "f"\n'
)
ONE = GOOD.replace('["a", "b"]', '["a"]')
TUNED = GOOD.replace('"nauc"', '"tuned"')


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD.replace('"better"', '"best"'), "X: test is 'best'; expected one of better, equivalent, more, above"),
        (ONE, "X: test better takes 2 labels, got 1"),
        (GOOD.replace("0.1", "0"), "X: smallest_effect is 0; test better needs a finite number"),
        (ONE.replace('"better"', '"above"'), "X: bound is None; test above needs"),
        (ONE.replace('"better"', '"within"') + "bounds = [1, 0]", r"X: bounds is \(1, 0\); test within needs two"),
        (ONE.replace('"better"', '"within"') + "bounds = [1]", r"X: bounds is \(1,\); test within needs two"),
        (GOOD + 'better = "left"', "X: better is 'left'; expected higher or lower"),
        (GOOD + "effect = 1", "X: unknown key effect; expected arguments, better, bound"),
        (GOOD.replace('family = "f"\n', ""), "X: missing 1 required positional argument: 'family'"),
        (GOOD.replace('statement = "s"', "statement = 3"), "X: statement is 3; expected a text"),
        (GOOD.replace('["a", "b"]', '["a", 1]'), "X: labels, environments and than are lists of names"),
        (GOOD.replace('["a", "b"]', "7"), "X: labels, environments and than are lists of names"),
        (GOOD + 'than = ["E"]', "X: test more compares"),
        (GOOD.replace('"better"', '"more"'), "X: test more compares"),
        (GOOD + "arguments = { of = 1 }", "X: a column of measures takes no arguments, and 'nauc' is no other metric"),
        (TUNED + 'arguments = { of = "nauc" }', "X: metric tuned: missing a required argument: 'over'"),
        (TUNED + 'arguments = { of = "nauc", over = "lr", by = 1 }', "X: metric tuned: .*'by'"),
        ("x", "cannot be read"),
    ],
)
def test_what_is_no_claim_is_refused_by_name(tmp_path, text, message):
    (tmp_path / "c.toml").write_text(f"[X]\n{text}")
    with pytest.raises(ResultsError, match=message):
        read_claims(tmp_path / "c.toml")


@cache
def planned(matrix):
    return load_matrix(matrix).cells


def labels_of(claim, labels):
    """The labels that a claim's metric makes of those that are planned."""
    if claim.metric == "window_shift":
        return {label.partition("(")[0] for label in labels if len(settings_of(label)) == 1}
    gone = {claim.arguments.get(key) for key in ("over", "along")} - {None}
    kept = set()
    for label in labels:
        settings = {name: value for name, value in settings_of(label).items() if name not in gone}
        inside = ",".join(f"{name}={value}" for name, value in settings.items())
        kept.add(label.partition("(")[0] + (f"({inside})" if inside else ""))
    return kept


@pytest.mark.parametrize("claim", read_claims(), ids=lambda claim: claim.name)
def test_every_claim_of_ours_is_about_what_its_matrix_plans(claim, shared_measures):
    assert claim.metric in METRICS or claim.metric in shared_measures
    if claim.metric == "exact":
        assert claim.arguments["check"] in CHECKS
    if claim.command:
        return
    if claim.matrix == "pixels":
        pytest.importorskip("minatar", reason="the extra minatar")
    cells = planned(claim.matrix)
    assert {*claim.environments, *claim.than, *claim.arguments.get("environments", ())} <= {cell.env for cell in cells}
    assert claim.arguments.get("of", "nauc") in shared_measures
    assert set(claim.labels) <= labels_of(claim, {cell.label for cell in cells})
    seeds = {cell.seed for cell in cells}
    assert len(seeds) >= 6 and max(seeds) < 100, "an exact test needs six pairs, of seeds that judge"


def test_a_family_is_of_one_matrix_so_that_its_page_can_decide_it():
    matrices: dict[str, set[str]] = {}
    for claim in read_claims():
        matrices.setdefault(claim.family, set()).add(claim.matrix)
    assert all(len(each) == 1 for each in matrices.values())


def test_the_ledger_has_every_claim_of_the_plan():
    numbers = {int("".join(filter(str.isdigit, claim.name))) for claim in read_claims()}
    assert numbers == set(range(1, 21))
