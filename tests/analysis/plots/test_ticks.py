import numpy as np
import pytest
from matplotlib.figure import Figure

from analysis.plots.ticks import alike, linear_ticks, log_places, log_ticks, one_notation, powers, short

MINUS = "\u2212"


def test_numbers_are_short_and_have_no_mathematics():
    assert [short(x) for x in (0, 500, 1500, 2e6, 0.25, -0.2, 0.1 + 0.2)] == [
        "0", "500", "1.5k", "2M", "0.25", f"{MINUS}0.2", "0.3",
    ]  # fmt: skip
    assert [short(x) for x in (1e-5, -2e-7, 1e12, np.nan, np.inf)] == ["10⁻⁵", f"{MINUS}2·10⁻⁷", "10¹²", "", ""]
    assert [powers(x) for x in (100, 1e-3, -0.02, 0)] == ["10²", "10⁻³", f"{MINUS}2·10⁻²", "0"]


@pytest.mark.parametrize("view", [(1e-9, 10), (0.02, 0.5), (0.2, 0.35), (1.0, 1.2), (5e-4, 2e3), (1e-7, 1e7)], ids=str)
def test_a_logarithmic_axis_has_three_to_eight_labels_inside_its_view(view):
    places = log_places(*view)
    assert 3 <= len(places) <= 8 and min(places) >= view[0] and max(places) <= view[1]


def test_labels_of_one_logarithmic_axis_are_of_one_kind():
    ax = Figure().add_subplot()
    ax.set(yscale="log", ylim=(1e-6, 1))
    log_ticks(ax.yaxis)
    assert {text[:2] for text in ax.yaxis.get_major_formatter().format_ticks(ax.yaxis.get_majorticklocs())} == {"10"}


def test_panels_of_one_quantity_have_one_view_and_the_same_ticks():
    axes = list(Figure().subplots(1, 2))
    for ax, high in zip(axes, (10.0, 1000.0), strict=True):
        ax.set(xscale="log", xlim=(0.1, high), ylim=(high, -high))
        log_ticks(ax.xaxis)
        linear_ticks(ax.yaxis)
    alike(axes, "x")
    assert [ax.get_xlim() for ax in axes] == [(0.1, 1000.0)] * 2
    assert list(axes[0].get_xticks()) == list(axes[1].get_xticks())
    alike([], "x")


def test_panels_with_views_of_their_own_write_numbers_alike():
    axes = list(Figure().subplots(1, 3))
    for ax, low in zip(axes, (1e-5, 1e-2, 1e-2), strict=True):
        ax.set(xscale="log", xlim=(low, 1))
        log_ticks(ax.xaxis)
    axes[2].set_xscale("linear")
    one_notation(axes, "x")
    texts = [[text.get_text() for text in ax.get_xticklabels()] for ax in axes]
    assert "10\u207b\u00b2" in texts[1] and "10\u207b\u00b2" in texts[0] and not any("10" in text for text in texts[2])
