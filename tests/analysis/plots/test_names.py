import warnings

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from analysis.plots.names import MOST, drawable, em, file_name, names, wrapped
from analysis.plots.style import theme

HOSTILE = [
    "a$b", "$x$", "$\\frac{$", "a_b^c", "\u89c4\u5219", "\U0001f600\U0001f9ea", "x" * 1000, "a\nb\tc", "\x00\x1b",
    "\ud800", "\u202eabc", "e\u0301", "a" + "\u0301" * 50, "\u0627\u0644", "", "  ", "\u2028", "W" * 60, "%s {x} \\n",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_whatever_its_name_it_is_drawn_in_one_line_of_bounded_width_without_a_warning(text):
    shown = drawable(text)
    assert em(shown) <= MOST + 0.5 and "\n" not in shown, "kerning between the pieces is not counted"
    with theme(), warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = Figure()
        figure.text(0.5, 0.5, shown)
        FigureCanvasAgg(figure).draw()


def test_what_can_be_drawn_is_left_as_it_is():
    assert [drawable(text) for text in ("trpo", "a$b_^", "\u03b2 \u2265 0.5")] == ["trpo", "a$b_^", "\u03b2 \u2265 0.5"]


def test_what_the_font_has_not_is_written_as_its_code():
    assert drawable("\u89c4a\x00") == "\\u89c4a\\u0000"


def test_a_long_name_keeps_its_ends():
    shown = drawable("trpo(max_kl=0.01," + "x" * 1000 + "damping=0.1)")
    assert shown.startswith("trpo(max") and "\u2026" in shown and shown.endswith("0.1)")


def test_names_that_would_be_drawn_alike_are_numbered():
    texts = ["x" * 1000 + "a" + "y" * 1000, "x" * 1000 + "b" + "y" * 1000, "trpo", "trpo\n", "", "(no name)"]
    shown = names(texts)
    assert len(set(shown.values())) == len(texts) and shown["trpo"] == "trpo" and shown["trpo\n"] == "trpo (2)"
    assert all(em(name) <= MOST + 0.5 for name in shown.values())
    assert names(texts[::-1]) == shown


def test_lines_are_broken_between_words():
    text = wrapped("one two three\nfour", em("one two"))
    assert text.splitlines() == ["one two", "three", "four"]


@pytest.mark.parametrize("text", [*HOSTILE, "../../x", "a/b"], ids=ascii)
def test_a_file_s_name_is_short_plain_and_its_own(text):
    name = file_name(text)
    assert name.isascii() and "/" not in name and len(name) < 100
    assert name == text.replace("/", "_") or name != file_name(text + "x")


def test_a_file_s_name_is_the_text_where_it_can_be():
    assert file_name("trpo(max_kl=0.1)-CartPole-v1") == "trpo(max_kl=0.1)-CartPole-v1"
