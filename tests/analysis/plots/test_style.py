import matplotlib.pyplot as plt
import numpy as np
import pytest

from analysis.plots.looks import style_of
from analysis.plots.style import CROWD, GAP, chunks, label_ends, spread, theme


@pytest.mark.parametrize(("count", "sizes"), [(3, [3]), (7, [7]), (8, [4, 4]), (20, [7, 7, 6])])
def test_more_rules_than_a_panel_can_show_are_split_evenly(count, sizes):
    style = style_of([f"rule{i:02}" for i in range(count)])
    groups = chunks(style)
    assert [len(group) for group in groups] == sizes
    assert {label: look for group in groups for label, look in group.items()} == style


def test_a_sweep_stays_in_one_panel_if_it_can():
    style = style_of([f"{rule}(lr={i})" for rule in "abc" for i in range(5)])
    assert [{label[0] for label in group} for group in chunks(style)] == [{"a"}, {"b"}, {"c"}]
    assert max(map(len, chunks(style_of([f"a(lr={i})" for i in range(40)])))) <= CROWD


def test_labels_are_spread_and_stay_in_order():
    places = spread([0.0, 0.01, 0.5, 0.99, 1.0])
    assert np.diff(places).min() >= GAP - 1e-9 and min(places) >= 0 and max(places) <= 1
    assert places[2] == 0.5, "who has room stays"


def test_a_line_s_name_stands_at_its_end_in_its_colour():
    with theme():
        figure, ax = plt.subplots()
        style = style_of(["a", "b", "absent"])
        for label, end in (("a", 1.0), ("b", 3.0)):
            ax.plot([0, 1], [0, end], label=label, **style[label].line)
        label_ends(ax, style)
    found = {text.get_text(): text for text in ax.texts}
    assert set(found) == {"a", "b"} and found["a"].get_position()[1] < found["b"].get_position()[1]
    assert all(text.get_color() == style[label].color for label, text in found.items())
    plt.close(figure)
