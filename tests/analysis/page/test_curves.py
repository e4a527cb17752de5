import json
from dataclasses import replace

import numpy as np
import pytest
from analysis_cases import write_cell, write_results
from page_cases import PUBLISHED, whole

from analysis.inference import iqm
from analysis.load import load
from analysis.page import curves
from analysis.page.curves import UNKNOWN, curve_data, numbers
from analysis.plots.curves import COSTS
from analysis.plots.looks import HUES, style_of
from analysis.published import read_published


@pytest.fixture
def data(results):
    return curve_data([whole(results)], None, seconds=True)


def of(data, env, rule):
    names = [rule["name"] for rule in data["rules"]]
    where = (data["environments"].index(env), names.index(rule))
    return next(curve for curve in data["curves"] if (curve["env"], curve["rule"]) == where)


def test_numbers_keep_five_digits_counts_all_of_them():
    assert numbers([1_024_007, 3.14159265, -0.000123456, np.nan, np.inf, 0.0]) == [
        1_024_007, 3.1416, -0.00012346, None, None, 0,
    ]  # fmt: skip


def test_every_run_and_the_mean_over_them_are_there(data):
    curve = of(data, "Easy-v0", "climbs")
    assert curve["seeds"] == [0, 1, 2, 3, 4] and curve["sizes"] == [9] * 5
    assert curve["y"][:5] == [0, 10, 20, 30, 40] and curve["x"]["grid_step"][:5] == [0, 50, 100, 150, 200]
    band = curve["band"]["grid_step"]
    assert band["centre"] == [iqm(np.array([10 * k + seed for seed in range(5)])) for k in range(9)]
    assert all(low < centre < high for low, centre, high in zip(band["low"], band["centre"], band["high"], strict=True))
    assert curve["score"] == [0.0, 100.0] or curve["score"] == (0.0, 100.0)


def test_an_axis_that_a_rule_does_not_move_along_has_no_mean(data):
    assert set(of(data, "Easy-v0", "climbs")["band"]) == set(data["axes"])
    assert set(of(data, "Easy-v0", "stays")["band"]) == set(data["axes"]) - {"fisher_products"}


def test_seconds_are_left_out_where_they_do_not_compare(results):
    data = curve_data([whole(results)], None, seconds=False)
    assert "train_s" not in data["axes"] and "train_s" not in json.dumps(data["curves"])


def test_colours_are_those_of_the_figures(data):
    style = style_of(["climbs", "stays"], dict.fromkeys(["climbs", "stays"], "trpo"))
    assert len(data["rules"]) == 2
    for rule in data["rules"]:
        assert rule["colour"] == style[rule["name"]].color


def test_a_run_that_failed_is_named_and_goes_on_at_what_it_counts_as(folder):
    write_cell(folder, "Easy-v0", "climbs", 2, status="diverged", reached=3)
    curve = of(curve_data([whole(load(folder))], None, seconds=True), "Easy-v0", "climbs")
    assert curve["status"] == {"2": "diverged"} and curve["sizes"] == [9] * 5
    assert curve["lived"] == [9, 9, 3, 9, 9] and curve["y"][18:27] == [2, 12, 22, 0, 0, 0, 0, 0, 0]
    assert curve["band"]["grid_step"]["x"][-1] == 400 and len(curve["band"]["grid_step"]["low"]) == 9


def test_single_runs_are_thinned_when_they_are_too_many(results, monkeypatch):
    monkeypatch.setattr(curves, "MOST_POINTS", 90)
    data = curve_data([whole(results)], None, seconds=True)
    curve = of(data, "Easy-v0", "climbs")
    assert data["every"] == 2 and curve["sizes"] == [5] * 5 and curve["y"][:3] == [0, 20, 40]
    assert len(curve["band"]["grid_step"]["x"]) == 9


def test_published_curves_of_the_same_task_are_drawn_in_the_rules_colour(results, tmp_path):
    (tmp_path / "p.csv").write_text(PUBLISHED)
    results = replace(results, planned=results.planned.assign(rule="trpo"))
    drawn = curve_data([whole(results)], read_published(tmp_path / "p.csv"), seconds=True)["published"]
    assert [curve["name"] for curve in drawn] == ["TRPO(mpi), EASY-v0, them@1", "A2C, Easy-v5, them@1"]
    assert [curve["colour"] for curve in drawn] == [HUES["blue"][0], UNKNOWN]
    assert [curve["shown"] for curve in drawn] == [True, False]
    assert [curve["same"] for curve in drawn] == [[True], [False]]
    assert drawn[0]["x"] == [0, 300] and drawn[0]["y"] == [1, 70] and drawn[0]["sd"] == [None, 5]


def test_below_five_runs_there_is_a_mean_and_no_band(results):
    few = replace(results, **{name: getattr(results, name).query("seed < 4") for name in ("runs", "evaluations")})
    curve = of(curve_data([replace(whole(results), results=few)], None, seconds=True), "Easy-v0", "climbs")
    assert set(curve["band"]["grid_step"]) == {"x", "centre"}


def test_curves_of_two_directories_that_would_look_alike_are_told_apart(results, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    first, second = whole(results), whole(load(write_results(other)))
    rules = curve_data([first, second], None, seconds=True)["rules"]
    looks = {(rule["colour"], rule["dash"]) for rule in rules}
    assert len(looks) == len(rules) == 4 and [rule["label"] for rule in rules] == ["climbs", "stays"] * 2
    for label in ("climbs", "stays"):
        assert len({rule["colour"] for rule in rules if rule["label"] == label}) == 1, "the line style alone moves"


def test_axes_and_seeds_are_those_of_the_figures_and_the_plan(data):
    assert data["axes"] == COSTS and data["seeds"] == [0, 1, 2, 3, 4] and set(data["vertical"]) == {"return", "score"}
