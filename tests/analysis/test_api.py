"""Analysing from Python."""

import matplotlib.pyplot as plt
import pytest

import analysis
from analysis import ResultsError


def test_every_public_name_is_there():
    for name in analysis.__all__:
        assert getattr(analysis, name).__doc__, name
    with pytest.raises(AttributeError, match="has no attribute 'nothing'; it has"):
        _ = analysis.nothing


def test_from_a_folder_to_numbers_tests_and_a_table(folder):
    results = analysis.load_results(str(folder))
    measures = analysis.measure_runs(results)
    summary = analysis.summarize(measures)
    assert len(measures) == 20 and len(summary) == 4
    compared = analysis.compare_rules(results, measures)
    assert set(compared.columns) >= {"env", "first", "second", "verdict"} and "exploration" in compared.attrs["note"]
    assert analysis.compare_rules(results).equals(compared)
    assert "climbs" in analysis.short_table(results)
    table = analysis.latex_table(results, names={"climbs": "Ours"})
    assert r"\toprule" in table and "Ours" in table and "climbs" not in table


def test_a_figure_is_drawn_on_axes_of_ones_own(shared):
    with analysis.theme():
        figure, (left, right) = plt.subplots(1, 2)
        analysis.plot_learning_curves(shared, "Easy-v0", left)
        assert analysis.plot_scores(shared, "Hard-v0", right, "nauc") is right
        left.legend()
    assert [text.get_text() for text in left.get_legend().get_texts()] == ["climbs", "stays"]
    assert [label.get_text() for label in right.get_yticklabels()] == ["climbs", "stays"]
    centre = {str(line.get_label()): line.get_ydata()[-1] for line in left.lines}
    assert centre["climbs"] == pytest.approx(82) and right.get_xlabel() == "nauc"
    plt.close(figure)


def test_what_these_results_do_not_have_is_named_with_what_they_have(shared, ax):
    with pytest.raises(ResultsError, match=r"no environment Mars in .*; expected one of Easy-v0, Hard-v0"):
        analysis.plot_learning_curves(shared, "Mars", ax)
    with pytest.raises(ResultsError, match="no cost money; expected one of grid_step"):
        analysis.plot_learning_curves(shared, "Easy-v0", ax, "money")
    with pytest.raises(ResultsError, match="no score status on Easy-v0; expected one of final_sampled_z"):
        analysis.plot_scores(shared, "Easy-v0", ax, "status")
    with pytest.raises(ResultsError, match="is not a results directory"):
        analysis.load_results("nowhere")
