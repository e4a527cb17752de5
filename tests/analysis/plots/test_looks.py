import numpy as np
import pytest
from matplotlib.colors import to_rgb

from algos.rules import RULES
from analysis.plots.looks import (
    BEGINNINGS,
    DASHES,
    FAMILIES,
    HUES,
    MARKERS,
    OUTSIDE,
    SLOTS,
    by_number,
    default_look,
    hue_of,
    style_of,
)
from analysis.plots.wall_clock import COLOURS, SHOWN

SIXTY = [f"my_rule_{i}" for i in range(60)]
MANY = {"shipped": list(RULES), "sixty": SIXTY, "sweep": [f"npg(lr={lr})" for lr in range(24)]}


def luminance(colour):
    """Relative luminance of WCAG 2.1."""
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in to_rgb(colour)]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def contrast(colour):
    return 1.05 / (luminance(colour) + 0.05)


def test_contrast_is_that_of_the_standard():
    assert (contrast("white"), contrast("black")) == (pytest.approx(1), pytest.approx(21))
    assert contrast("#767676") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize(
    "labels", [list(RULES), SIXTY, [f"npg(lr={lr})" for lr in range(40)]], ids=["all", "60", "sweep"]
)
def test_every_colour_stands_out_from_white(labels):
    assert min(contrast(look.color) for look in style_of(labels).values()) >= 3


def test_so_do_the_shades_themselves_and_the_phases_of_the_clock():
    assert min(contrast(shade) for shades in HUES.values() for shade in shades) >= 3
    assert len(COLOURS) == len(SHOWN) == len(set(COLOURS.values())) and min(map(contrast, COLOURS.values())) >= 3


@pytest.mark.parametrize(
    "labels", [list(RULES), SIXTY, [f"a(lr={lr})" for lr in range(24)]], ids=["all", "60", "sweep"]
)
def test_no_two_labels_look_alike(labels):
    assert len(set(style_of(labels).values())) == len(labels)


def test_a_shipped_rule_looks_the_same_whatever_stands_beside_it():
    everything = style_of([*RULES, *SIXTY, "npg(lr=1)", "npg(lr=2)", "mine"])
    members = [rule for family in FAMILIES.values() for rule in family]
    for rule in members:
        assert style_of([rule])[rule] == everything[rule]
    for rule in set(RULES) - set(members):
        assert style_of([rule])[rule].color == everything[rule].color, "a new rule need not be in the table"
    assert len(members) == len(set(members)) and max(map(len, FAMILIES.values())) < SLOTS


def test_a_rule_from_outside_keeps_its_hue_whatever_stands_beside_it():
    for label in SIXTY:
        hue = hue_of(label)
        assert hue in OUTSIDE and style_of(SIXTY)[label].color in HUES[hue]
        assert style_of([label])[label].color in HUES[hue]
    assert len({hue_of(label) for label in SIXTY}) == len(OUTSIDE)
    alone = {style_of([label])[label] for label in SIXTY}
    assert len(alone) > 3 * len(OUTSIDE), "also by themselves, most that share a hue have a look of their own"


def test_a_rule_that_is_new_here_has_the_hue_of_the_family_whose_name_it_begins_with():
    assert style_of(["trpo_of_mine"])["trpo_of_mine"].color in HUES["blue"]
    assert style_of(["trpo_of_mine"])["trpo_of_mine"] != style_of(["trpo"])["trpo"]
    assert set(BEGINNINGS.values()) == set(FAMILIES) - {"teal"}, "which is for those of ours that follow trpo"


def test_a_label_has_the_hue_of_the_rule_that_it_stands_for_and_not_the_rule_s_own_look():
    style = style_of(["deep", "reuse_pg"], {"deep": "reuse_pg", "reuse_pg": "reuse_pg"})
    assert (
        style["deep"].color in HUES["gold"] and style["deep"] != style["reuse_pg"] == style_of(["reuse_pg"])["reuse_pg"]
    )
    assert style_of(["deep"], {"deep": "reuse_pg"})["deep"] != style["reuse_pg"], "nor where the rule is not drawn"
    where = [style_of(["x"], {"x": f"{folder}/rules.py:mine"})["x"] for folder in ("/a", "/b")]
    assert where[0] == where[1], "a look does not depend on where the file lies"


def test_a_sweep_goes_from_light_to_dark_in_the_order_of_its_numbers():
    labels = ["npg(lr=100)", "npg(lr=10)", "npg(lr=1)", "npg(lr=3)", "trpo"]
    style = style_of(labels)
    assert list(style) == ["npg(lr=1)", "npg(lr=3)", "npg(lr=10)", "npg(lr=100)", "trpo"]
    brightness = [luminance(look.color) for look in style.values()][:4]
    assert brightness == sorted(brightness, reverse=True) and len(set(brightness)) == 4


def test_numbers_are_sorted_as_numbers():
    values = ["-inf", "-10", "-2.5", "0", "1e-05", "0.001", "3", "10", "1e+03", "inf"]
    labels = [f"a(x={value})" for value in values]
    shuffled = labels[5:] + labels[:5]
    assert sorted(shuffled, key=by_number) == labels


def test_a_style_does_not_depend_on_the_order_of_the_labels():
    assert list(style_of(SIXTY).items()) == list(style_of(SIXTY[::-1] + SIXTY[:3]).items())


def test_a_line_style_is_never_dots_and_has_a_mark_of_its_own():
    assert len(set(DASHES)) == len(DASHES) == len(set(MARKERS))
    for dash in DASHES[1:]:
        assert max(dash[1][::2]) >= 2.5, "the longest stroke, in line widths"


def test_labels_of_one_rule_stay_in_its_hue_however_many_there_are():
    labels = [f"setting {k}" for k in range(18)]
    style = style_of(labels, dict.fromkeys(labels, "npg"))
    assert all(look.color in HUES["green"] for look in style.values()) and len(set(style.values())) == len(labels)


def test_where_two_look_alike_the_rule_keeps_its_look():
    mine = default_look("mine", "mine")
    other = next(label for k in range(1_000) if default_look(label := f"a{k}", "mine") == mine)
    style = style_of([other, "mine"], {other: "mine", "mine": "mine"})
    assert style["mine"] == mine != style[other]
