import json
import os
import shutil

import numpy as np
import pytest
from analysis_cases import curve_of, only, write_cell, write_results

from analysis.compare import COLUMNS, compare, out_of_reach, verdict
from analysis.contrasts import MEASURES
from analysis.load import ResultsError, load
from analysis.measures import measure_runs
from analysis.permutation import Contrast

RUNS = 10
ALL = "all 2 environments"
RULES = ("climbs", "stays")


@pytest.fixture
def folder(tmp_path):
    """The small directory with ten seeds instead of five."""
    write_results(tmp_path)
    more_seeds(tmp_path, RUNS)
    return tmp_path


def more_seeds(folder, n):
    plan = json.loads((folder / "manifest.json").read_text())
    plan["cells"] += [
        write_cell(folder, env, label, seed)
        for env in ("Easy-v0", "Hard-v0") for label in RULES for seed in range(5, n)
    ]  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(plan))


def noisy(folder, env="Easy-v0", size=1.0, shift=0.0, runs=RUNS):
    """Both rules stay where they are, but for noise of that size, and `climbs` is `shift` better."""
    rng = np.random.default_rng(0)
    for seed in range(runs):
        for label in RULES:
            returns = np.array(curve_of("stays", 0)) + size * rng.normal(size=9) + shift * (label == "climbs")
            write_cell(folder, env, label, seed, returns=returns.tolist())


def table(folder):
    results = load(folder)
    frame, note = compare(results, measure_runs(results))
    return frame.set_index(["env", "first", "second", "measure"]), note


def change(file, **values):
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def declare(folder, rules=(("climbs", "stays"),), measure="final_sampled", **more):
    change(folder / "manifest.json", compare={"rules": rules, "measure": measure, **more})


def test_without_a_declaration_every_pair_and_measure_is_explored(folder):
    found, note = table(folder)
    assert len(found) == 3 * len(MEASURES) and "exploration" in note
    assert list(found.reset_index().columns) == list(COLUMNS)
    row = found.loc[("Easy-v0", "climbs", "stays", "nauc")]
    assert row.verdict == "better" and row.p == row.smallest_p == 2 / 2**RUNS
    assert (row.test, row.estimand) == ("sign-flip permutation", "mean of paired differences")
    assert row.difference == pytest.approx(0.3)
    assert row.adjusted == pytest.approx(7 * 2 / 2**RUNS), "Holm over nine rows, of which two have a smaller p"


def test_fewer_steps_are_better_and_their_ratio_is_told(folder):
    for seed in range(RUNS):
        write_cell(folder, "Easy-v0", "climbs", seed, returns=[0.0, 10, 20, 60, 60, 60, 60, 70, 80])
    row = table(folder)[0].loc[("Easy-v0", "climbs", "stays", "steps_to_half")]
    assert row.ratio == pytest.approx(150 / 400) and row.verdict == "better" and row.difference < 0


def test_declared_comparisons_alone_are_tested(folder):
    declare(folder, rules=[["stays", "climbs"]], measure="nauc")
    found, note = table(folder)
    assert len(found) == 3 and note.startswith("Declared")
    assert set(found.verdict) == {"worse"} and found.adjusted.max() == pytest.approx(2 * 2 / 2**RUNS)


def test_test_difference_and_interval_are_of_one_estimand(folder):
    """One run that fails takes the mean with it, not the interquartile mean."""
    write_cell(folder, "Easy-v0", "climbs", 0, returns=[-9000.0] * 9)
    only(folder, lambda cell: cell["env"] == "Easy-v0")
    found = table(folder)[0].reset_index().set_index("measure")
    final, nauc = found.loc["final_sampled"], found.loc["nauc"]
    assert final.estimand.startswith("IQM") and final.difference == 70 and final.p < 0.1
    assert nauc.estimand.startswith("mean") and nauc.difference < -5 and nauc.p > 0.5
    assert nauc.low < nauc.difference < nauc.high and final.low <= final.difference <= final.high


def test_a_verdict_points_where_its_estimate_does_and_not_where_an_outlier_pulls_the_mean():
    differences = np.append(np.linspace(1, 2, 9), -900.0)
    contrast = Contrast(differences, np.zeros(10), True, 0.25)
    assert verdict([contrast], MEASURES["final_sampled"], True, None, 0.05) == "better"
    assert verdict([contrast], MEASURES["steps_to_half"], True, None, 0.05) == "worse"
    tied = Contrast(np.append(np.zeros(9), -900.0), np.zeros(10), True, 0.25)
    assert verdict([tied], MEASURES["final_sampled"], True, None, 0.05) == "undecided", "an IQM of 0 points nowhere"


def test_equal_rules_are_undecided_with_what_it_would_take_or_practically_equivalent(folder):
    noisy(folder)
    only(folder, lambda cell: cell["env"] == "Easy-v0")
    declare(folder)
    row = table(folder)[0].iloc[0]
    assert row.verdict == "undecided" and row.detectable > 0
    assert np.isnan(row.seeds_needed), "nothing is declared that seeds could be needed for"
    declare(folder, smallest_effect=0.005)
    assert table(folder)[0].iloc[0].seeds_needed > RUNS
    declare(folder, smallest_effect=0.1)
    assert table(folder)[0].iloc[0].verdict == "practically equivalent"


def test_a_smallest_effect_is_in_scores_whatever_the_measure(folder):
    """Noise of one return: a tenth of a score is 10 returns on Easy-v0, and 2 on Hard-v0; .04 of it less than 1."""
    for env in ("Easy-v0", "Hard-v0"):
        noisy(folder, env)
    declare(folder, smallest_effect=0.04)
    found = table(folder)[0].reset_index().set_index("env").verdict
    assert found["Easy-v0"] == "practically equivalent" and found["Hard-v0"] == "undecided"


def test_the_seeds_needed_are_for_the_declared_effect_not_for_what_was_seen(folder):
    only(folder, lambda cell: cell["env"] == "Easy-v0")
    declare(folder, smallest_effect=0.005)
    needed = []
    for shift in (0.0, 0.3):
        noisy(folder, shift=shift)
        needed.append(table(folder)[0].iloc[0].seeds_needed)
    assert needed[0] == needed[1] > RUNS


def test_two_rules_at_the_ceiling_are_equivalent_or_no_number_of_seeds_helps(folder):
    for seed in range(RUNS):
        for label in RULES:
            write_cell(folder, "Easy-v0", label, seed, returns=[99.0] * 9)
    only(folder, lambda cell: cell["env"] == "Easy-v0")
    declare(folder, smallest_effect=0.05)
    assert table(folder)[0].iloc[0].verdict == "practically equivalent"
    only(folder, lambda cell: cell["seed"] < 6)
    row = table(folder)[0].iloc[0]
    assert row.verdict == "undecided" and row.detectable == row.seeds_needed == np.inf and np.isnan(row.low)


def test_what_is_detectable_allows_for_the_family_of_tests(folder):
    noisy(folder)
    alone = table(folder)[0].loc[("Easy-v0", "climbs", "stays", "final_sampled")].detectable
    declare(folder)
    only(folder, lambda cell: cell["env"] == "Easy-v0")
    assert table(folder)[0].iloc[0].detectable < 0.9 * alone


def test_over_all_environments_there_is_a_verdict_beside_those_of_each(folder):
    """Neither environment is decided by six seeds among three comparisons, and both together are."""
    only(folder, lambda cell: cell["seed"] < 6)
    declare(folder, smallest_effect=0.05)
    found = table(folder)[0].reset_index().set_index("env")
    assert found.verdict.to_dict() == {"Easy-v0": "undecided", "Hard-v0": "undecided", ALL: "better"}
    whole = found.loc[ALL]
    assert whole.difference == pytest.approx((0.7 + 3.5) / 2), "in scores"
    assert whole.n_first == 12 and found.loc["Easy-v0"].p == 2 / 2**6 and whole.p < 0.001


def test_an_environment_without_a_score_leaves_the_others_together(folder):
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"Easy-v0": [0.0', '"X": [0.0'))
    found = table(folder)[0].reset_index()
    assert ALL not in set(found.env), "one environment alone is not several"
    row = found[(found.env == "Easy-v0") & (found.measure == "nauc")].iloc[0]
    assert row.verdict == "no score" and row.n_first == RUNS
    assert found[(found.env == "Hard-v0") & (found.measure == "nauc")].iloc[0].verdict == "better"


def test_rules_of_other_seeds_are_not_paired(folder):
    plan = json.loads((folder / "manifest.json").read_text())
    plan["cells"] = [cell for cell in plan["cells"] if (cell["seed"] < 5) == (cell["label"] == "climbs")]
    (folder / "manifest.json").write_text(json.dumps(plan))
    row = table(folder)[0].loc[("Easy-v0", "climbs", "stays", "final_sampled")]
    assert (row.test, row.estimand) == ("permutation", "difference of IQMs") and row.p == pytest.approx(2 / 252)


def test_a_table_that_cannot_decide_anything_says_so_first(folder):
    only(folder, lambda cell: cell["seed"] < 5 and cell["env"] == "Easy-v0")
    found, note = table(folder)
    assert set(found.verdict) == {"undecided"} and note.startswith("Nothing in this table can be better or worse")
    assert "no p below 0.062, and 3 comparisons ask for 0.017. 7 seeds can reach it" in note
    assert found.detectable.iloc[0] == np.inf
    only(folder, lambda cell: cell["seed"] < 5)
    declare(folder, measure="nauc")
    more_seeds(folder, 8)
    found, note = table(folder)
    assert note.startswith("Declared") and out_of_reach(found.reset_index()) == ""


def test_a_missing_run_leaves_no_verdict(folder):
    shutil.rmtree(folder / "cells" / "climbs-Easy-v0-0")
    found, _ = table(folder)
    assert (found.loc["Easy-v0"].verdict == "incomplete").all() and found.loc["Easy-v0"].p.isna().all()
    assert (found.loc["Hard-v0"].verdict != "incomplete").all()


def test_three_runs_cannot_decide(folder):
    only(folder, lambda cell: cell["seed"] < 3)
    assert set(table(folder)[0].verdict) == {"too few runs"}


def test_the_table_says_that_what_was_declared_after_runs_is_exploration(folder):
    declare(folder, measure="nauc")
    assert table(folder)[1].endswith("Declared in the matrix file before the runs.")
    change(folder / "manifest.json", declared_after=3)
    assert table(folder)[1].endswith("Declared after 3 runs had ended: exploration.")


def test_the_verdicts_of_interim_analyses_stand_and_nothing_is_pooled_over_them(folder):
    declare(folder, measure="nauc")
    said = {"name": "climbs against stays on Easy-v0", "verdict": "undecided", "p": 0.3, "adjusted": 0.4}
    (folder / "interim.json").write_text(json.dumps([[said]]))
    found, note = table(folder)
    assert found.loc["Easy-v0"].iloc[0].verdict == "undecided" and found.loc["Easy-v0"].iloc[0].p == 0.3
    assert found.loc["Hard-v0"].iloc[0].verdict == "better" and "corrected for four" in note
    assert ALL not in found.index.get_level_values("env")


@pytest.mark.parametrize("odd", ["fifo", "folder", "deep"])
def test_odd_things_in_the_place_of_looks_are_refused(folder, odd):
    file = folder / "interim.json"
    {"fifo": os.mkfifo, "folder": os.mkdir, "deep": lambda path: path.write_text("[" * 100_000)}[odd](file)
    with pytest.raises(ResultsError, match=r"interim.json is not what --until-decided writes"):
        load(folder)


def test_too_many_pairs_are_not_explored(folder):
    manifest = folder / "manifest.json"
    plan = json.loads(manifest.read_text())
    first = plan["cells"][0]
    plan["cells"] += [first | {"label": f"r{k}", "run_id": f"r{k}"} for k in range(10)]
    manifest.write_text(json.dumps(plan))
    found, note = table(folder)
    assert found.empty and "name those of interest" in note
