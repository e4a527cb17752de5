"""Figures of a landscape made by hand: a parabola of a return, and an ellipse twice as long as it is wide."""

import os
from dataclasses import fields, replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from layout_checks import faults
from matplotlib.figure import Figure

import analysis.landscape as module
from analysis.landscape import Arguments, Landscape, LandscapeError, describe, draw, load_landscape, main
from analysis.plots.landscape import BOUNDS, CURVES, along, levels_of, plane, returns_window, touching, within
from experiments.records import LandscapeLineRow, LandscapePlaneRow, LandscapeRow, frame

RADIUS = 0.02


def columns(t, quadratic_kl, norm, se):
    """A return of 10 + 2t - t^2, its models, and a divergence that grows a little faster than its quadratic model."""
    line = 10 + 2 * t
    return {
        "return_mean": line - t**2, "return_se": se * abs(t), "surrogate": line, "quadratic": line - 2 * t**2,
        "penalized": line - 2 * t**2, "bound": line - 40 * t**2, "average_bound": line - 9 * t**2,
        "kl": quadratic_kl * (1 + 0.1 * t), "max_kl": 2 * quadratic_kl, "quadratic_kl": quadratic_kl, "norm": norm,
    }  # fmt: skip


def made(exact=True):
    windows = {"radius": np.linspace(-1, 4, 41)} | ({"bound": np.linspace(-0.1, 0.1, 21)} if exact else {})
    se = 0.0 if exact else 0.1
    lines = [
        LandscapeLineRow(direction=d, window=window, t=t, **columns(t, RADIUS * t**2, abs(t), se))
        for d in ("gradient", "natural", "random") for window, ts in windows.items() for t in ts.tolist()
    ]  # fmt: skip
    rows = [
        LandscapePlaneRow(x=float(x), y=float(y), **columns(float(x), RADIUS * (x**2 + y**2 / 4), np.hypot(x, y), se))
        for y in np.linspace(-4, 4, 17) for x in np.linspace(-2, 2, 17)
    ]  # fmt: skip
    common = {"gamma": 0.9, "radius": RADIUS, "ball": 1.0, "natural_x": 0.6, "natural_y": 1.6, "exact": exact}
    empty = {str: "a", int: 7, float: 1.0, bool: True}
    landscape = LandscapeRow(**{f.name: empty[f.type] for f in fields(LandscapeRow)} | common)
    return landscape, frame(LandscapeLineRow, lines), frame(LandscapePlaneRow, rows)


@pytest.fixture
def write(tmp_path):
    def written(exact=True):
        common, lines, rows = made(exact)
        frame(LandscapeRow, [common]).to_parquet(tmp_path / "landscape.parquet")
        lines.to_parquet(tmp_path / "lines.parquet")
        rows.to_parquet(tmp_path / "plane.parquet")
        return tmp_path

    return written


@pytest.fixture
def ax():
    yield Figure().add_subplot()
    plt.close("all")


def one(lines, window="radius"):
    return lines[(lines.direction == "gradient") & (lines.window == window)]


def test_a_line_shows_every_curve_and_the_true_regions_edges(ax):
    line = one(made()[1]).sample(frac=1, random_state=0)
    along(line, ax, RADIUS)
    drawn = {curve.get_label(): curve for curve in ax.lines}
    for name, look in CURVES.items():
        t, values = drawn[look["label"]].get_data()
        np.testing.assert_array_equal(values, line.sort_values("t")[name])
        assert (np.diff(t) > 0).all()
    low, high = within(line.sort_values("t"), RADIUS)
    assert ax.patches[0].get_x() == low and ax.patches[0].get_width() == high - low


def test_the_region_ends_where_the_divergence_reaches_the_radius():
    t = np.linspace(-2, 2, 401)
    low, high = within(pd.DataFrame({"t": t, "kl": RADIUS * t**2 * np.where(t > 0, 4.0, 1.0)}), RADIUS)
    assert (low, high) == (pytest.approx(-1), pytest.approx(0.5))
    assert within(pd.DataFrame({"t": t, "kl": 0 * t}), RADIUS) == (-2, 2), "or where the line does"


def test_the_first_crossing_counts():
    line = pd.DataFrame({"t": [0.0, 1.0, 2.0, 3.0], "kl": [0.0, 0.04, 0.0, 0.04]})
    assert within(line, RADIUS) == (0.0, 0.5)


def test_near_by_gains_are_shown_and_the_bounds_best_step(ax):
    near = one(made()[1], "bound")
    touching(near, ax)
    drawn = {curve.get_label(): curve for curve in ax.lines}
    for name, look in BOUNDS.items():
        np.testing.assert_allclose(drawn[look["label"]].get_ydata(), near[name] - 10)
    best = next(curve for curve in ax.lines if curve.get_marker() == "v")
    assert (best.get_xdata()[0], best.get_ydata()[0]) == (pytest.approx(0.03), pytest.approx(0.06 - 40 * 0.0009))


def test_the_window_holds_the_return_and_not_every_model():
    low, high = returns_window(one(made()[1]))
    assert low < 2.0 and 12.0 < high < 13.0, "the quadratic model falls to -14, the surrogate rises to 18"


def test_the_plane_draws_ball_ellipse_and_contour_where_they_are(ax):
    common, _, rows = made()
    plane(rows, ax, common)
    filled, _, ball, ellipse, true = ax.collections
    extent = {}
    for name, region in (("ball", ball), ("ellipse", ellipse), ("true", true)):
        extent[name] = np.concatenate([path.vertices for path in region.get_paths()])
    np.testing.assert_allclose(np.hypot(*extent["ball"].T), 1, atol=0.06)
    assert extent["ellipse"].max(0) == pytest.approx([1, 2], abs=0.05)
    assert extent["true"][:, 0].max() < extent["ellipse"][:, 0].max() < -extent["true"][:, 0].min()
    marks = [tuple(np.ravel(mark.get_data())) for mark in ax.lines]
    assert marks == [(0, 0), (1, 0), (0.6, 1.6)]
    np.testing.assert_array_equal(filled.levels, levels_of(rows))


def test_both_columns_share_their_colours(ax):
    common, _, rows = made()
    assert rows.surrogate.max() > rows.return_mean.max()
    np.testing.assert_array_equal(plane(rows, ax, common, "surrogate").levels, levels_of(rows))
    assert levels_of(rows)[[0, -1]].tolist() == [rows.return_mean.min(), rows.return_mean.max()]


@pytest.mark.parametrize("exact", [True, False])
def test_the_command_writes_both_figures(write, exact, tmp_path, capsys):
    folder = write(exact)
    assert main(Arguments(folder, tmp_path / "figures")) == 0
    files = [tmp_path / "figures" / f"{name}.{kind}" for name in ("lines", "plane") for kind in ("png", "pdf")]
    assert capsys.readouterr().out.split() == [str(file) for file in files]
    assert all(file.stat().st_size > 10_000 for file in files)


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("shape", [1.0, 3.0], ids=["square", "tall"])
@pytest.mark.parametrize("label", ["trpo", "$\\frac{_^\u89c4" + "W" * 1000], ids=["plain", "hostile"])
def test_nothing_is_cut_off_and_no_text_lies_over_another(exact, shape, label, tmp_path, monkeypatch):
    common, lines, rows = made(exact)
    landscape = Landscape(replace(common, label=label, env=label), lines, rows.assign(y=rows.y * shape / 2))
    kept = []
    monkeypatch.setattr(module, "save", lambda figure, *_: kept.append(figure) or [])
    draw(landscape, tmp_path)
    assert [faults(figure) for figure in kept] == [[], []]
    plt.close("all")


def test_the_caption_says_which_policy_and_how_it_is_known():
    assert "exact, 7 states" in describe(made()[0]) and "7 episodes a point" in describe(made(False)[0])


def test_odd_things_in_the_place_of_a_table_are_refused(write):
    folder = write()
    frame(LandscapeRow, []).to_parquet(folder / "landscape.parquet")
    with pytest.raises(LandscapeError, match=r"landscape.parquet has no rows"):
        load_landscape(folder)
    (folder / "landscape.parquet").unlink()
    os.mkfifo(folder / "landscape.parquet")
    with pytest.raises(LandscapeError, match=r"landscape.parquet is not a table .* not a regular file"):
        load_landscape(folder)


@pytest.mark.parametrize("missing", ["landscape", "lines", "plane"])
def test_a_folder_that_is_no_landscape_is_refused(write, missing, capsys):
    folder = write()
    (folder / f"{missing}.parquet").write_bytes(b"")
    with pytest.raises(LandscapeError, match=rf"{missing}.parquet is not a table"):
        load_landscape(folder)
    assert main(Arguments(folder)) == 2
    assert f"{missing}.parquet is not" in capsys.readouterr().err
    frame(LandscapeRow, [made()[0]]).rename(columns={"beta": "alpha"}).to_parquet(folder / f"{missing}.parquet")
    with pytest.raises(LandscapeError, match="is not a table"):
        load_landscape(folder)
