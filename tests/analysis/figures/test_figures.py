from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from analysis import figures
from analysis.figures import FIGURES, draw
from analysis.figures.sheet import runs_of, sheet_of
from analysis.plots.looks import style_of

RULES = {"climbs", "stays"}


@pytest.fixture
def sheet(shared, shared_measures, tmp_path):
    return sheet_of(shared, shared_measures, tmp_path, "The clock.")


@pytest.fixture
def kept(monkeypatch):
    """Figures by their names, instead of files."""
    found = {}
    for module in ("sheet", "efficiency"):
        monkeypatch.setattr(
            f"analysis.figures.{module}.save", lambda figure, _, name: found.__setitem__(name, figure) or [name]
        )
    yield found
    plt.close("all")


def test_every_caption_states_n_and_every_legend_the_rules_own_colours(sheet, kept):
    for name, figure in FIGURES.items():
        assert bool(figure(sheet, name)) == (name in kept)
    assert set(FIGURES) - set(kept) == {"sensitivity", "reuse", "blind_spot", "published", "claims"}, (
        "nothing is swept, re-used, watched, published or claimed here"
    )
    for name, figure in kept.items():
        assert figure.get_suptitle().startswith("n = 5 runs"), name
        for legend in figure.legends:
            entries = zip(legend.get_texts(), legend.legend_handles, strict=True)
            colours = {text.get_text(): to_rgb(handle.get_color()) for text, handle in entries}
            mine = {rule: to_rgb(sheet.style[rule].color) for rule in RULES & set(colours)}
            assert mine.items() <= colours.items(), name


NO_TEST = ["profiles", "improvement", "final", "steps_to_threshold"]


@pytest.mark.parametrize("name", NO_TEST)
def test_what_is_no_test_says_so(sheet, kept, name):
    FIGURES[name](sheet, name)
    caption = kept[name].get_suptitle().replace("\n", " ").lower()
    assert "not a test" in caption or "no test" in caption


def test_rules_without_fisher_products_are_left_out_and_the_caption_says_it(sheet, kept):
    FIGURES["learning_curves_products"](sheet, "products")
    assert "left out" in kept["products"].get_suptitle().replace("\n", " ")
    assert [text.get_text() for text in kept["products"].legends[0].get_texts()] == ["climbs"]


@pytest.mark.parametrize("name", ["learning_curves_seconds", "seconds_to_threshold", "wall_clock"])
def test_without_a_clock_no_seconds_are_drawn(sheet, kept, name):
    assert FIGURES[name](replace(sheet, clock=None), name) == [] and not kept


@pytest.mark.parametrize("name", sorted(set(FIGURES) - {"wall_clock", "kl"}))
def test_nothing_is_drawn_where_there_are_no_numbers(sheet, kept, name):
    tables = ("updates", "reuses", "evaluations")
    empty = replace(sheet.results, **{table: getattr(sheet.results, table).iloc[:0] for table in tables})
    bare = sheet.measures.drop(columns="nauc")
    nothing = replace(sheet, results=empty, measures=bare, curves=sheet.curves.iloc[:0])
    assert FIGURES[name](nothing, name) == [] and not kept


def test_a_figure_that_is_no_more_is_removed(shared, shared_measures, tmp_path, monkeypatch):
    for name in ("gone.png", "gone.pdf", "mine.png"):
        (tmp_path / name).touch()
    monkeypatch.setattr(figures, "FIGURES", {"gone": lambda *_: []})
    assert draw(shared, shared_measures, tmp_path, None) == []
    assert [file.name for file in tmp_path.iterdir()] == ["mine.png"]


def test_many_rules_share_several_panels_and_stand_beside_their_lines(sheet, kept):
    one = sheet.results.updates[sheet.results.updates.label == "climbs"]
    many = [f"rule{i:02}" for i in range(23)]
    updates = pd.concat([one.assign(label=label) for label in many])
    crowded = replace(sheet, results=replace(sheet.results, updates=updates), style=style_of(many))
    FIGURES["kl"](crowded, "kl")
    named = [sorted(text.get_text() for text in ax.texts) for ax in kept["kl"].axes if ax.get_visible()]
    assert len(named) == 2 * 4 and not kept["kl"].legends
    assert [label for panel in named[:4] for label in panel] == many


@pytest.mark.parametrize("name", ["steps_to_threshold", "seconds_to_threshold"])
def test_a_grid_too_short_for_a_threshold_has_no_panel(sheet, kept, name):
    measures = sheet.measures.copy()
    times = [column for column in measures if "_to_0." in column]
    measures.loc[measures.env == "Easy-v0", times] = float("nan")
    assert FIGURES[name](replace(sheet, measures=measures), name)
    assert len(kept[name].axes) == measures.env.nunique() - 1
    measures[times] = float("nan")
    assert not FIGURES[name](replace(sheet, measures=measures), name)


def test_a_caption_names_the_rules_that_have_other_runs_than_most_and_counts_failures(shared_measures):
    assert runs_of(shared_measures) == "n = 5 runs of each rule"
    measures = shared_measures.drop(shared_measures.index[0])
    assert runs_of(measures) == "n = 5 runs of each rule (but climbs on Easy-v0 4)"
    measures.loc[measures.index[-1], "status"] = "diverged"
    assert runs_of(measures).endswith("(but climbs on Easy-v0 4), 1 of all failed")
    assert runs_of(measures.iloc[:0]) == "n = 0 runs"
    gone = (shared_measures.label == "climbs") & (shared_measures.env == "Easy-v0")
    measures = shared_measures.assign(status=shared_measures.status.mask(gone, "missing"))
    assert runs_of(measures) == "n = 5 runs of each rule (but climbs on Easy-v0 0)", "also one that has none yet"


def test_a_group_of_rules_without_runs_on_an_environment_has_no_empty_panel(sheet, kept):
    many = style_of([f"rule{i}" for i in range(20)])
    frame = pd.DataFrame({"env": [*["A"] * 20, "B"], "label": [*many, "rule0"]})
    panel = lambda part, ax, style: ax.plot(range(len(part)))  # noqa: E731
    replace(sheet, style=many).lines("kept", frame, [panel], "text")
    titles = [ax.get_title(loc="left") for ax in kept["kept"].axes]
    assert titles.count("A") > 1 and titles.count("B") == 1


@pytest.mark.parametrize("runs", [4, 5])
def test_a_profile_of_fewer_than_five_runs_has_no_band(sheet, kept, runs):
    assert FIGURES["profiles"](replace(sheet, measures=sheet.measures[sheet.measures.seed < runs]), "profiles")
    bands = kept["profiles"].axes[0].collections
    drawn = [any(np.isfinite(path.vertices).any() for path in band.get_paths()) for band in bands]
    assert drawn == [runs == 5] * 2
