import json

import numpy as np
import pytest
from scipy import stats

from analysis.decide import LEVEL, Arguments, decide, look, main
from analysis.hypotheses import permutation_p
from analysis.load import ResultsError
from experiments.until_decided import LOOKS


def declare(folder, rules=(("climbs", "stays"),), **more):
    manifest = folder / "manifest.json"
    plan = json.loads(manifest.read_text()) | {"compare": {"rules": rules, "measure": "nauc", **more}}
    manifest.write_text(json.dumps(plan))


def test_holm_is_over_all_comparisons_and_a_verdict_stands():
    rng = np.random.default_rng(0)
    noise = {f"noise {k}": (rng.normal(size=5), rng.normal(size=5)) for k in range(3)}
    clear = {"clear": (np.arange(5.0) + 100, np.arange(5.0))}
    assert decide(clear, {}, None)["clear"] == (pytest.approx(2 / 252), pytest.approx(2 / 252), "better")
    among = decide(clear | noise, {}, None)
    assert among["clear"][1] == pytest.approx(4 * 2 / 252) and among["clear"][2] == "undecided"
    reversed_now = {"clear": clear["clear"][::-1]}
    assert decide(reversed_now, {"clear": "better"}, None)["clear"][2] == "better"


@pytest.mark.parametrize("draw", [stats.norm(), stats.t(3), stats.bernoulli(0.5)], ids=["normal", "heavy", "two-point"])
def test_four_looks_at_equal_rules_err_in_five_percent_at_most(draw):
    """The whole procedure, simulated: peeking at the uncorrected level would err in 13 %."""
    trials, wrong = 300, 0
    rng = np.random.default_rng(1)
    for _ in range(trials):
        a, b = (draw.rvs(size=LOOKS[-1], random_state=rng).astype(float) for _ in range(2))
        verdict = "undecided"
        for n in LOOKS:
            if verdict == "undecided" and permutation_p(a[:n], b[:n], draws=999) <= LEVEL:
                verdict = "decided"
        wrong += verdict != "undecided"
    low = stats.binomtest(wrong, trials).proportion_ci(0.99).low
    assert low <= 0.05, f"{wrong} of {trials}"


def test_a_look_reads_the_declared_measure_of_the_declared_rules(folder):
    declare(folder)
    found = look(folder, 5, {})
    assert [(c.env, c.verdict) for c in found] == [("Easy-v0", "better"), ("Hard-v0", "better")]
    assert all(c.difference > 0 and c.adjusted == pytest.approx(2 * 2 / 252) for c in found)
    assert all(c.verdict == "undecided" for c in look(folder, 3, {})), "three seeds cannot decide"


def test_without_a_declaration_or_with_a_missing_run_nothing_is_decided(folder, capsys):
    with pytest.raises(ResultsError, match="declares no comparison"):
        look(folder, 5, {})
    declare(folder)
    (folder / "cells" / "climbs-Easy-v0-3" / "record.json").unlink()
    assert main(Arguments(folder, 5)) == 2
    assert "a run is missing" in capsys.readouterr().err
