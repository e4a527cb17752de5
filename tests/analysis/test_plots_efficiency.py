import json

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from analysis.across import improvements, profiles
from analysis.plots.efficiency import threshold_handles, time_to_thresholds
from analysis.plots.improvement import improvement_matrix
from analysis.plots.looks import style_of
from analysis.plots.profiles import performance_profile
from analysis.plots.sensitivity import FLOOR, finite_sweeps, sensitivity, sweeps


@pytest.fixture
def results(shared):
    return shared


@pytest.fixture
def measures(shared_measures):
    return shared_measures.copy()


def dots(ax):
    return [tuple(map(float, at)) for marks in ax.collections for at in marks.get_offsets()]


def test_a_run_that_never_reached_a_threshold_is_a_cross_at_its_end(measures, ax, style):
    time_to_thresholds(measures[measures.env == "Easy-v0"], ax, style)
    crosses, circles = sorted(ax.collections, key=lambda marks: len(marks.get_paths()[0].vertices))
    assert len(circles.get_offsets()) + len(crosses.get_offsets()) == 2 * 5 * 4, "rules x runs x thresholds"
    never = np.asarray(crosses.get_offsets())
    assert (never[:, 0] == 400).all() and {round(y) for y in never[:, 1]} == {0, 1}
    assert set(threshold_handles()) == {
        "score 0.25",
        "score 0.5",
        "score 0.75",
        "score 0.9",
        "never",
        "restricted mean",
    }


def test_the_bar_is_the_mean_of_what_is_cut_at_the_end(ax):
    runs = {"label": "a", "budget": 100, "status": "ok", **{f"steps_to_{at:g}": [40, np.inf] for at in (0.25, 0.5)}}
    measures = pd.DataFrame(runs | {"steps_to_0.75": [np.inf] * 2, "steps_to_0.9": [np.inf] * 2})
    time_to_thresholds(measures, ax, style_of(["a"]))
    assert list(ax.lines[0].get_xdata()) == [70, 70, 100, 100]


def test_runs_at_one_place_show_their_number(ax):
    times = {"steps_to_0.25": [40, 40, 60], "steps_to_0.5": [40, 50, 60], "steps_to_0.75": [np.inf] * 3}
    runs = {"label": "a", "budget": 100, "status": "ok", **times, "steps_to_0.9": [40, np.inf, np.inf]}
    time_to_thresholds(pd.DataFrame(runs), ax, style_of(["a"]))
    printed = sorted((float(text.xy[0]), text.get_text()) for text in ax.texts)
    assert printed == [(40, "2"), (100, "2"), (100, "3")]


def test_a_profile_has_a_step_and_a_band_per_rule(measures, ax, style):
    frame = profiles(measures, points=11)
    performance_profile(frame, ax, style)
    steps = [line for line in ax.lines if len(line.get_xdata()) > 2]
    assert [line.get_color() for line in steps] == [look.color for look in style.values()]
    assert list(steps[0].get_ydata()) == list(frame.share[frame.label == "climbs"]) and len(ax.collections) == 2


def test_the_matrix_prints_each_probability_and_its_interval(measures, ax, style):
    found = improvements(measures)
    improvement_matrix(found.assign(low=found.probability - 0.2, high=found.probability + 0.2), ax, style)
    printed = {(round(text.get_position()[0]), text.get_text()) for text in ax.texts}
    assert {(1, "1.00"), (0, "0.00"), (1, "0.80 to 1.00"), (0, "0.00 to 0.20")} == printed, (
        "climbs is row 0, stays row 1"
    )
    values = np.ma.getdata(ax.images[0].get_array())
    assert values[0, 1] == 1 and values[1, 0] == 0 and np.isnan(values[0, 0])
    assert ax.images[0].get_clim() == (0, 1), "one half is in the middle of the colours"


def runs(scores: dict[str, list[float]], lost: str = "") -> pd.DataFrame:
    """A row per label and score; the runs of `lost` collapsed."""
    return pd.DataFrame(
        {"env": "E", "label": label, "status": "ok", "collapse": "terminal" if label == lost else "none",
         "final_sampled_z": z}
        for label, row in scores.items() for z in row
    )  # fmt: skip


SWEPT = {
    "a(lr=10.0)": [-3.0, 0.5],
    "a(lr=1.0)": [1.0, 0.8],
    "a(lr=0.1)": [0.2, 0.4],
    "b(size=3)": [0.3, 0.3],
    "c": [1, 1],
}
DEFAULTS = {"a": {"lr": 1.0}}


def hyper(labels, **fixed):
    """The runs' `hyper` as their labels say it."""
    rows = []
    for label in labels:
        tags = dict(tag.split("=") for tag in label.partition("(")[2].rstrip(")").split(",") if tag)
        values = {name: json.loads(value) if value[0].isdigit() else value for name, value in tags.items()}
        rows.append({"label": label, "rule": label[0], "hyper": json.dumps(values | fixed)})
    return pd.DataFrame(rows)


def test_a_sweep_is_a_number_of_which_a_label_s_family_has_several():
    found = sweeps(runs(SWEPT), hyper(SWEPT), DEFAULTS)
    assert set(found.line) == {"a"} and set(found.parameter) == {"lr"}
    assert list(dict.fromkeys(found["value"])) == [0.1, 1.0, 10.0], "in the order of their numbers"
    assert sweeps(runs({"c": [1.0]}), hyper(["c"]), {}).empty


def test_a_sweep_is_read_from_what_ran_not_from_its_label():
    told = pd.DataFrame({"label": ["x", "x(lr=9)"], "rule": "r", "hyper": ['{"lr": 0.5, "n": 2}', '{"lr": 2, "n": 2}']})
    found = sweeps(runs({"x": [0.0], "x(lr=9)": [1.0]}), told, {"r": {"lr": 2}})
    assert list(zip(found.label, found["value"], found.default, strict=True)) == [
        ("x", 0.5, False), ("x(lr=9)", 2.0, True),
    ]  # fmt: skip


@pytest.mark.parametrize("odd", ["not json", "[1]", '{"lr": true}', '{"lr": "fast"}', "{}"])
def test_what_is_no_number_is_no_point_of_a_sweep(odd):
    told = pd.DataFrame({"label": ["x(1)", "x(2)", "x(3)"], "rule": "r", "hyper": ['{"lr": 1}', '{"lr": 2}', odd]})
    found = sweeps(runs({label: [0.0] for label in told.label}), told, {})
    assert list(found["value"]) == [1.0, 2.0]


def test_what_is_swept_besides_makes_a_line_of_its_own():
    labels = [f"a(lr={lr},size={size},way=up)" for lr in (1.0, 2.0) for size in (3, 4)]
    found = sweeps(runs({label: [0.0] for label in labels}), hyper(labels), DEFAULTS)
    assert set(found.line[found.parameter == "lr"]) == {"a(size=3)", "a(size=4)"}
    assert set(found.parameter) == {"lr", "size"}


def test_sensitivity_has_a_dot_per_run_a_cross_per_collapse_the_iqm_and_a_ring_at_the_default(ax):
    frame = finite_sweeps(runs(SWEPT, lost="a(lr=10.0)"), "final_sampled_z", hyper(SWEPT), DEFAULTS)
    style = style_of(["a", "b"])
    sensitivity(frame, ax, style)
    whole, crosses = ax.collections
    assert len(whole.get_offsets()) == 4 and sorted(np.asarray(crosses.get_offsets())[:, 1]) == [FLOOR, 0.5]
    line, ring = ax.lines[:2]
    assert list(line.get_xdata()) == [0.1, 1, 10] and list(line.get_ydata()) == pytest.approx([0.3, 0.9, FLOOR])
    assert (list(ring.get_xdata()), list(ring.get_ydata())) == ([1.0], pytest.approx([0.9]))
    assert ring.get_markerfacecolor() == "none" and ring.get_color() == style["a"].color
    assert ax.get_xscale() == "log" and ax.get_xlabel() == "lr"
    assert to_rgb(line.get_color()) == to_rgb(style["a"].color) == tuple(whole.get_facecolor()[0][:3])


def test_nothing_is_drawn_of_nothing(ax, style):
    sensitivity(finite_sweeps(runs({"c": [1.0]}), "final_sampled_z", hyper(["c"]), {}), ax, style)
    assert not ax.collections and not dots(ax)
