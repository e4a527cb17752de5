"""The ledger: rows with known answers give the verdicts that they must; what is no claim is refused by name."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from analysis_cases import write_results

from analysis.claims import LEDGER, NOT_RUN, Arguments, Claim, decide, main, page, read_claims
from analysis.load import ResultsError
from experiments.matrix_file import load_matrix

BETTER = Claim("X1", "a is better", "made", "m", "nauc", "better", ("a", "b"), "f", smallest_effect=0.1)
EQUAL = replace(BETTER, name="X2", test="equivalent")
ABOVE = replace(BETTER, name="X3", test="above", labels=("a",), bound=0.5, measure="share", smallest_effect=None)


def rows(shift, noise=0.02, n=10, share=0.9, envs=("E-v0", "F-v0"), status="ok"):
    """Runs of two rules whose nAUC differ by `shift`, each with its own noise."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {"env": env, "label": label, "seed": seed, "status": status, "budget": 100,
         "share": share + noise * rng.normal(), "nauc": 0.5 + (shift if label == "a" else 0) + noise * rng.normal()}
        for env in envs for label in ("a", "b") for seed in range(n)
    )  # fmt: skip


def verdict(claim, measures):
    return decide([claim], {"m": measures})[claim.name].verdict


@pytest.mark.parametrize(
    ("claim", "measures", "expected"),
    [
        (BETTER, rows(0.3), "supported"),
        (BETTER, rows(-0.3), "refuted"),
        (BETTER, rows(0.0), "refuted"),  # inside the smallest effect
        (BETTER, rows(0.05, noise=0.4), "undecided"),
        (replace(BETTER, better="lower"), rows(-0.3), "supported"),
        (replace(BETTER, better="lower"), rows(0.3), "refuted"),
        (EQUAL, rows(0.0), "supported"),
        (EQUAL, rows(0.3), "refuted"),
        (EQUAL, rows(0.0, noise=0.4), "undecided"),
        (ABOVE, rows(0.0, share=0.9), "supported"),
        (ABOVE, rows(0.0, share=0.1), "refuted"),
        (ABOVE, rows(0.0, share=0.5), "undecided"),
        (BETTER, rows(0.3, n=3), "undecided: too few runs"),
        (BETTER, rows(0.3, status="missing"), NOT_RUN),
        (ABOVE, rows(0.3, status="missing"), NOT_RUN),
        (BETTER, rows(np.nan), "undecided: no score"),
    ],
)
def test_known_answers(claim, measures, expected):
    assert verdict(claim, measures) == expected


def test_a_claim_about_one_label_must_hold_on_every_environment():
    mixed = pd.concat([rows(0, share=0.9, envs=("E-v0",)), rows(0, share=0.1, envs=("F-v0",))])
    assert verdict(ABOVE, mixed) == "refuted"
    assert verdict(replace(ABOVE, environments=("E-v0",)), mixed) == "supported"


def test_what_has_not_run_says_so_and_costs_the_others_nothing():
    later = replace(BETTER, name="X9", matrix="later")
    found = decide([BETTER, later], {"m": rows(0.3)})
    assert found["X9"].verdict == NOT_RUN
    assert found["X1"].adjusted == decide([BETTER], {"m": rows(0.3)})["X1"].adjusted


def test_claims_of_a_family_share_a_correction_and_others_do_not():
    alone = decide([BETTER], {"m": rows(0.3, envs=("E-v0",))})["X1"].adjusted
    for family, times in (("f", 2), ("g", 1)):
        other = replace(EQUAL, family=family, labels=("b", "a"))
        found = decide([BETTER, other], {"m": rows(0.3, envs=("E-v0",))})
        assert found["X1"].adjusted == pytest.approx(times * alone) and alone == pytest.approx(2 / 2**10)


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        (replace(BETTER, labels=("a", "c")), "X1: matrix m has no label c"),
        (replace(BETTER, environments=("G-v0",)), "X1: matrix m has no env G-v0"),
        (replace(BETTER, measure="fame"), "X1: there is no measure fame"),
    ],
)
def test_what_the_matrix_does_not_have_is_no_verdict(claim, message):
    with pytest.raises(ResultsError, match=message):
        verdict(claim, rows(0.3))


GOOD = (
    'statement = "s"\nsource = "s"\nmatrix = "m"\nmeasure = "nauc"\ntest = "better"\nlabels = ["a", "b"]\n'
    'smallest_effect = 0.1\nfamily = "f"\n'
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD.replace('"better"', '"best"'), "X: test is 'best'; expected one of better, equivalent, above"),
        (GOOD.replace('["a", "b"]', '["a"]'), "X: test better takes 2 labels, got 1"),
        (GOOD.replace("0.1", "0"), "X: smallest_effect is 0; test better needs a finite number"),
        (GOOD.replace('"better"', '"above"').replace('["a", "b"]', '["a"]'), "X: bound is None; test above needs"),
        (GOOD + 'better = "left"', "X: better is 'left'; expected higher or lower"),
        (GOOD + "effect = 1", "X: unknown key effect; expected better, bound"),
        (GOOD.replace('family = "f"\n', ""), "X: missing 1 required positional argument: 'family'"),
        (GOOD.replace('statement = "s"', "statement = 3"), "X: statement is 3; expected a text"),
        (GOOD.replace('["a", "b"]', '["a", 1]'), "X: labels and environments are lists of names"),
        (GOOD.replace('["a", "b"]', "7"), "X: labels and environments are lists of names"),
        ("x", "cannot be read"),
    ],
)
def test_what_is_no_claim_is_refused_by_name(tmp_path, text, message):
    (tmp_path / "c.toml").write_text(f"[X]\n{text}")
    with pytest.raises(ResultsError, match=message):
        read_claims(tmp_path / "c.toml")


def test_every_claim_of_ours_is_about_rules_and_environments_of_a_shipped_matrix(shared_measures):
    claims = read_claims(LEDGER)
    matrices = {name: load_matrix(name) for name in {claim.matrix for claim in claims}}
    for claim in claims:
        cells = matrices[claim.matrix].cells
        assert set(claim.labels) <= {cell.label for cell in cells} and claim.measure in shared_measures
        assert set(claim.environments) <= {cell.env for cell in cells}
        assert min(sum(c.label == label for c in cells) for label in claim.labels) >= 6, "an exact test needs six pairs"


def test_the_command_writes_the_page_from_what_has_run(tmp_path, capsys):
    (tmp_path / "m").mkdir()
    write_results(tmp_path / "m")
    ledger = tmp_path / "c.toml"
    good = GOOD.replace('["a", "b"]', '["climbs", "stays"]')
    ledger.write_text(f"[X1]\n{good}\n[X2]\n{good.replace(chr(34) + 'm' + chr(34), chr(34) + 'later' + chr(34))}")
    arguments = Arguments(tmp_path, tmp_path / "out" / "CLAIMS.md", ledger)
    assert main(arguments) == 0
    text = arguments.out.read_text()
    assert "| X1 | s | supported |" in text and f"| X2 | s | {NOT_RUN} |" in text
    assert "python experiments/run\\_matrix.py later" in text
    assert main(replace(arguments, ledger=tmp_path / "none.toml")) == 2 and "cannot be read" in capsys.readouterr().err


def test_the_committed_page_has_every_claim():
    text = (LEDGER.parents[1] / "results" / "reference" / "CLAIMS.md").read_text()
    assert [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| C")] == [
        f"| {claim.name}" for claim in read_claims()
    ]


def test_text_of_a_claim_is_text():
    claim = replace(BETTER, statement="a | b <script>")
    assert "a \\| b &lt;script&gt;" in page([claim], decide([claim], {}))
