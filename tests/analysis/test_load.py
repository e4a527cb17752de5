import json

import pandas as pd
import pytest
from analysis_cases import write_cell

from analysis.load import REFERENCES, ResultsError, load


def test_frames_hold_every_planned_cell_with_its_names(results):
    assert len(results.planned) == len(results.runs) == 20
    assert len(results.updates) == 20 * 4 and len(results.evaluations) == 20 * 12
    assert {"env", "label", "seed"} <= set(results.updates) & set(results.evaluations)
    assert results.scores["Hard-v0"] == (-10.0, 10.0) and "CartPole-v1" in results.scores
    assert not results.problems


def test_a_broken_cell_is_missing_and_named(folder):
    file = folder / "cells" / "climbs-Easy-v0-3" / "updates.parquet"
    file.write_bytes(file.read_bytes()[:-1])
    results = load(folder)
    assert len(results.runs) == 19 and len(results.planned) == 20
    assert "climbs-Easy-v0-3" in results.problems[0] and "checksum" in results.problems[0]


def test_a_cell_that_nobody_planned_is_left_out_and_named(folder):
    write_cell(folder, "Easy-v0", "climbs", 99)
    results = load(folder)
    assert len(results.runs) == 20 and results.problems == ("climbs-Easy-v0-99: not in the plan, left out",)


EMPTY = json.dumps({"matrix": "m", "scores": {}, "cells": []})


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: (f / "manifest.json").unlink(), "is not a results directory"),
        (lambda f: (f / "manifest.json").write_text("[]"), "is not a manifest"),
        (lambda f: (f / "manifest.json").write_text(EMPTY), "no finished cell"),
    ],
)
def test_a_directory_that_holds_no_results_is_refused(folder, spoil, message):
    spoil(folder)
    with pytest.raises(ResultsError, match=message):
        load(folder)


def test_pinned_references_tell_where_they_come_from():
    table = pd.read_csv(REFERENCES)
    assert table.env.is_unique and table.source.notna().all()
    known = table.dropna(subset=["reference"])
    assert (known.random < known.reference).all()
    assert (table.random_n >= 100).all() and (table.random_ci_low <= table.random).all()
    assert not table.source.str.contains("placeholder").any()
