import json
import shutil

import numpy as np
import pytest
from analysis_cases import curve_of, only, write_cell

from analysis.compare import COLUMNS, MEASURES, compare, restricted_steps
from analysis.hypotheses import detectable
from analysis.load import load
from analysis.measures import measure_runs


def table(folder):
    results = load(folder)
    frame, note = compare(results, measure_runs(results))
    return frame.set_index(["env", "first", "second", "measure"]), note


def change(file, **values):
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def test_without_a_declaration_every_pair_and_measure_is_explored(folder):
    found, note = table(folder)
    assert len(found) == 2 * len(MEASURES) and "exploration" in note
    assert list(found.reset_index().columns) == list(COLUMNS)
    row = found.loc[("Easy-v0", "climbs", "stays", "nauc")]
    assert row.verdict == "better" and row.p == pytest.approx(2 / 252)
    assert row.difference == pytest.approx(0.3) and row.low < 0.3 < row.high
    assert row.adjusted == pytest.approx(4 * 2 / 252), "Holm over six rows, of which two have a smaller p"


def test_fewer_steps_are_better_and_their_ratio_is_told(folder):
    for seed in range(5):
        write_cell(folder, "Easy-v0", "climbs", seed, returns=[0.0, 10, 20, 60, 60, 60, 60, 70, 80])
    row = table(folder)[0].loc[("Easy-v0", "climbs", "stays", "steps_to_half")]
    assert row.ratio == pytest.approx(150 / 400) and row.verdict == "better" and row.difference < 0


def test_a_threshold_never_reached_counts_the_whole_budget(results):
    measures = measure_runs(results)
    stays = measures[(measures.label == "stays") & (measures.env == "Easy-v0")]
    assert restricted_steps(stays).tolist() == [400] * 5


def test_declared_comparisons_alone_are_tested(folder):
    change(folder / "manifest.json", compare={"rules": [["stays", "climbs"]], "measure": "nauc"})
    found, note = table(folder)
    assert len(found) == 2 and note.startswith("Declared")
    assert set(found.verdict) == {"worse"} and found.adjusted.max() == pytest.approx(2 * 2 / 252)


def test_equal_rules_are_undecided_with_what_it_would_take_or_practically_equivalent(folder):
    rng = np.random.default_rng(0)
    for seed in range(5):
        for label in ("climbs", "stays"):
            returns = np.array(curve_of("stays", 0)) + rng.normal(size=9)
            write_cell(folder, "Easy-v0", label, seed, returns=returns.tolist())
    only(folder, lambda cell: cell["env"] == "Easy-v0")
    declared = {"rules": [["climbs", "stays"]], "measure": "final_sampled"}
    change(folder / "manifest.json", compare=declared)
    row = table(folder)[0].iloc[0]
    assert row.verdict == "undecided" and row.detectable > 0 and row.seeds_needed > 5
    change(folder / "manifest.json", compare=declared | {"smallest_effect": 10.0})
    assert table(folder)[0].iloc[0].verdict == "practically equivalent"


def test_a_verdict_points_where_the_tested_centre_does_and_not_where_an_outlier_pulls_the_mean(folder):
    for seed in range(5):
        write_cell(folder, "Easy-v0", "climbs", seed, returns=[30.0 + seed / 10 if seed else -900.0] * 9)
    only(folder, lambda cell: cell["env"] == "Easy-v0")
    change(folder / "manifest.json", compare={"rules": [["climbs", "stays"]], "measure": "final_sampled"})
    row = table(folder)[0].iloc[0]
    assert row.difference > 0 and row.verdict == "better"


def test_what_is_detectable_allows_for_the_family_of_tests(folder):
    for label in ("climbs", "stays"):
        for seed in range(5):
            write_cell(folder, "Easy-v0", label, seed, returns=[10.0 + seed] * 9)
    found, _ = table(folder)
    row = found.loc[("Easy-v0", "climbs", "stays", "final_sampled")]
    values = 11 + np.arange(5.0)
    assert row.verdict == "undecided" and row.detectable == pytest.approx(detectable(values, values, 0.05 / 6))


def test_a_missing_run_leaves_no_verdict(folder):
    shutil.rmtree(folder / "cells" / "climbs-Easy-v0-0")
    found, _ = table(folder)
    assert (found.loc["Easy-v0"].verdict == "incomplete").all() and found.loc["Easy-v0"].p.isna().all()
    assert (found.loc["Hard-v0"].verdict != "incomplete").all()


def test_three_runs_cannot_decide_and_no_reference_is_no_score(folder):
    only(folder, lambda cell: cell["seed"] < 3)
    assert set(table(folder)[0].verdict) == {"too few runs"}
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"Easy-v0": [0.0', '"X": [0.0'))
    assert table(folder)[0].loc[("Easy-v0", "climbs", "stays", "nauc")].verdict == "no score"


def test_the_verdicts_of_looks_stand(folder):
    change(folder / "manifest.json", compare={"rules": [["climbs", "stays"]], "measure": "nauc"})
    said = {"name": "climbs against stays on Easy-v0", "verdict": "undecided", "p": 0.3, "adjusted": 0.4}
    (folder / "looks.json").write_text(json.dumps([[said]]))
    found, note = table(folder)
    assert found.loc["Easy-v0"].iloc[0].verdict == "undecided" and found.loc["Easy-v0"].iloc[0].p == 0.3
    assert found.loc["Hard-v0"].iloc[0].verdict == "better" and "allows for four" in note


def test_too_many_pairs_are_not_explored(folder):
    manifest = folder / "manifest.json"
    plan = json.loads(manifest.read_text())
    first = plan["cells"][0]
    plan["cells"] += [first | {"label": f"r{k}", "run_id": f"r{k}"} for k in range(10)]
    manifest.write_text(json.dumps(plan))
    found, note = table(folder)
    assert found.empty and "name those of interest" in note
