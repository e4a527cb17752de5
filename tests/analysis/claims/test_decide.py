"""Rows with known answers give the verdicts that they must."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from claim_cases import BETTER, rows, source

from analysis.claims.decide import NOT_RUN, decide
from analysis.claims.metrics import Source
from analysis.load import ResultsError

EQUAL = replace(BETTER, name="X2", test="equivalent")
ABOVE = replace(BETTER, name="X3", test="above", labels=("a",), bound=0.5, metric="share", smallest_effect=None)
BELOW = replace(ABOVE, test="below")
WITHIN = replace(ABOVE, test="within", bounds=(0.4, 0.6), bound=None)
NEVER = replace(ABOVE, test="never_above")
MORE = replace(BETTER, name="X4", test="more", environments=("E-v0",), than=("F-v0",))


def verdict(claim, measures):
    return decide([claim], {"m": source(measures)})[claim.name].verdict


def apart(on_e, on_f, noise=0.02):
    """`a` is better than `b` by one difference on E and by another on F."""
    return pd.concat([rows(on_e, noise, envs=("E-v0",)), rows(on_f, noise, envs=("F-v0",), draw=1)])


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
        (ABOVE, rows(0.0, share=0.6, noise=0.2), "undecided"),  # both estimates lie above, no interval does
        (BELOW, rows(0.0, share=0.1), "supported"),
        (BELOW, rows(0.0, share=0.9), "refuted"),
        (WITHIN, rows(0.0, share=0.5), "supported"),
        (WITHIN, rows(0.0, share=0.9), "refuted"),
        (WITHIN, rows(0.0, share=0.1), "refuted"),
        (WITHIN, rows(0.0, share=0.6), "undecided"),
        (NEVER, rows(0.0, share=0.3), "supported"),
        (NEVER, rows(0.0, share=0.47), "refuted"),  # the mean is below, one run is not
        (MORE, apart(0.4, 0.1), "supported"),
        (MORE, apart(0.1, 0.4), "refuted"),
        (MORE, apart(0.3, 0.3), "refuted"),  # on both alike
        (MORE, apart(0.3, 0.2, noise=0.5), "undecided"),
        (BETTER, rows(0.3, n=3), "undecided: too few runs"),
        (BETTER, rows(0.3, status="missing"), NOT_RUN),
        (ABOVE, rows(0.3, status="missing"), NOT_RUN),
        (MORE, rows(0.3, status="missing"), NOT_RUN),
        (BETTER, rows(np.nan), "undecided: no score"),
        (ABOVE, rows(0.0, share=np.nan), "undecided: no number"),
    ],
)
def test_known_answers(claim, measures, expected):
    assert verdict(claim, measures) == expected


def test_more_needs_the_same_seeds_on_all_environments():
    uneven = pd.concat([rows(0.4, envs=("E-v0",)), rows(0.1, n=8, envs=("F-v0",))])
    assert verdict(MORE, uneven) == "undecided: seeds differ"


def test_what_is_estimated_is_the_mean_over_environments_or_their_difference():
    found = decide([BETTER, MORE], {"m": source(apart(0.4, 0.1))})
    for name, expected in (("X1", 0.25), ("X4", 0.3)):
        assert found[name].estimate.estimate == pytest.approx(expected, abs=0.03)
        assert dict(found[name].parts)["E-v0"].estimate == pytest.approx(0.4, abs=0.03)
    assert found["X1"].runs == "20, 20" and found["X4"].runs == "10, 10"


def test_a_claim_about_one_label_must_hold_on_every_environment():
    mixed = pd.concat([rows(0, share=0.9, envs=("E-v0",)), rows(0, share=0.1, envs=("F-v0",))])
    assert verdict(ABOVE, mixed) == "refuted"
    assert verdict(replace(ABOVE, environments=("E-v0",)), mixed) == "supported"
    found = decide([ABOVE], {"m": source(mixed)})[ABOVE.name]
    assert found.estimate.estimate == pytest.approx(0.1, abs=0.03), "the environment that tells most against it"


def test_what_has_not_run_says_so_and_costs_the_others_nothing():
    later = replace(BETTER, name="X9", matrix="later")
    found = decide([BETTER, later], {"m": source(rows(0.3))})
    assert found["X9"].verdict == NOT_RUN
    assert found["X1"].adjusted == decide([BETTER], {"m": source(rows(0.3))})["X1"].adjusted


def test_what_a_command_makes_piece_by_piece_has_not_run_until_all_of_it_has(tmp_path):
    (tmp_path / "exact.csv").write_text("check,seed,value\nmm_loss,0,-0.5\n")
    claim = replace(NEVER, metric="exact", arguments={"check": "mm_loss"}, labels=("exact",), command="make it")
    assert decide([claim], {"m": Source(tmp_path)})[claim.name].verdict == "supported"
    other = replace(claim, arguments={"check": "bound_gap"})
    assert decide([other], {"m": Source(tmp_path)})[claim.name].verdict == NOT_RUN


def test_claims_of_a_family_share_a_correction_and_others_do_not():
    measures = source(rows(0.3, envs=("E-v0",)))
    alone = decide([BETTER], {"m": measures})["X1"].adjusted
    for family, times in (("f", 2), ("g", 1)):
        other = replace(EQUAL, family=family, labels=("b", "a"))
        found = decide([BETTER, other], {"m": measures})
        assert found["X1"].adjusted == pytest.approx(times * alone) and alone == pytest.approx(2 / 2**10)


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        (replace(BETTER, labels=("a", "c")), "X1: matrix m has no label c"),
        (replace(BETTER, environments=("G-v0",)), "X1: matrix m has no env G-v0"),
        (replace(BETTER, metric="fame"), "X1: there is no measure fame"),
    ],
)
def test_what_the_matrix_does_not_have_is_no_verdict(claim, message):
    with pytest.raises(ResultsError, match=message):
        verdict(claim, rows(0.3))
