import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from fork_cases import RULES, fork, write_forks, write_stage
from layout_checks import faults
from matplotlib.figure import Figure

import analysis.forks as module
from analysis.fork_table import explain, load_forks, measure_forks
from analysis.forks import Arguments, by_gain, main, merged, report
from analysis.plots.forks import FLOOR, LADDER, explained, gain_against, gains, ladder
from analysis.plots.looks import style_of
from experiments.records import PROTOCOL

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path):
    return write_forks(tmp_path)


@pytest.fixture
def stage(folder):
    measured = measure_forks(load_forks(folder)[0])
    return measured[measured.env_steps == 0]


@pytest.fixture
def ax():
    yield Figure().add_subplot()
    plt.close("all")


def test_the_command_writes_tables_and_figures_and_says_where(folder):
    line = [sys.executable, "-m", "analysis.forks", folder]
    done = subprocess.run(line, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "| trpo | 5/5 | 4 [2.04, 5.96]" in done.stdout and str(folder / "tables" / "summary.md") in done.stdout
    tables = {file.name for file in (folder / "tables").iterdir()}
    assert tables == {"forks.parquet", "summary.csv", "explained.csv", "summary.md"}
    figures = {file.name for file in (folder / "figures").iterdir()}
    names = ("gain", "promises", "why")  # three different steps are too few for ranks
    assert figures == {f"trpo-Easy-v0-{name}.{suffix}" for name in names for suffix in ("png", "pdf")}
    forks = pd.read_parquet(folder / "tables" / "forks.parquet")
    summary = pd.read_csv(folder / "tables" / "summary.csv", dtype=str)
    assert len(forks) == 50 and (forks.protocol == PROTOCOL).all() and (summary.protocol == PROTOCOL).all()
    first = {file: file.read_bytes() for place in ("tables", "figures") for file in (folder / place).iterdir()}
    again, _ = report(*load_forks(folder), folder)
    assert {file: file.read_bytes() for file in again} == first, "the same forks give the same bytes"


def test_a_trunk_has_figures_of_its_own_also_with_a_stage_and_a_seed_only(folder, monkeypatch):
    write_stage(folder, 0, 0, *(fork(label, 0, 0, trunk="short") for label in RULES))
    drawn, draw = [], module.draw
    monkeypatch.setattr(module, "draw", lambda *a: drawn.append(a[3]) or (draw(*a) if "short" in a[3] else []))
    files, _ = report(*load_forks(folder), folder)
    assert drawn == ["short-Easy-v0", "trpo-Easy-v0"] and len(files) == 4 + 6


@pytest.mark.parametrize("against", ["far", None])
def test_what_to_compare_with_can_be_named(folder, against, monkeypatch, capsys):
    monkeypatch.setattr(module, "draw", lambda *a: [])
    assert main(Arguments(folder, against)) == 0
    assert f"| against {against or 'trpo'} |" in capsys.readouterr().out


def test_bad_input_is_refused_in_one_line(folder, tmp_path, capsys):
    assert main(Arguments(folder, "nobody")) == 2
    assert main(Arguments(tmp_path / "nowhere")) == 2
    errors = capsys.readouterr().err.splitlines()
    assert errors[0] == "--against: no fork of nobody; expected one of trpo, short, far, still, double"
    assert "has no forks" in errors[1] and len(errors) == 2


def test_rules_are_ordered_by_their_gain_over_the_stages(stage):
    assert list(by_gain(stage, style_of(RULES))) == ["short", "double", "trpo", "still", "far"]
    assert merged({"a": ["a", "b"], "c": ["c"]}) == "a stands for 2" and merged({"a": ["a"]}) == "none were"


def test_a_rule_shows_each_seed_and_its_interval(stage, ax):
    gains(stage, ax, style_of(RULES))
    assert [len(dots.get_offsets()) for dots in ax.collections] == [5] * 5
    assert [tick.get_text() for tick in ax.get_yticklabels()] == sorted(RULES)
    middle = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "o"]
    assert middle == [4.0, -8.0, 5.0, 0.0, 4.0]


def test_a_ladder_leads_from_the_promise_to_the_gain(stage, ax):
    ladder(stage, ax, {"trpo": style_of(RULES)["trpo"]})
    marks = {line.get_marker(): line.get_xdata()[0] for line in ax.lines if line.get_marker() in LADDER.values()}
    assert marks == pytest.approx({">": 20.0, "s": 10.0, "D": 2.0, "o": 4.0})


def test_what_a_rule_does_not_say_is_no_mark(stage, ax):
    ladder(stage.assign(promised=np.nan), ax, {"trpo": style_of(RULES)["trpo"]})
    shown = [line for line in ax.lines if line.get_marker() in LADDER.values() and np.isfinite(line.get_xdata()).all()]
    assert len(shown) == 3


def test_moves_of_nothing_stand_at_the_edge_of_a_logarithmic_scale(stage, ax):
    gain_against(stage, ax, style_of(RULES), "kl")
    marks = [line.get_xdata()[0] for line in ax.lines if line.get_label() in RULES]
    assert ax.get_xscale() == "log" and min(marks) == FLOOR and max(marks) == pytest.approx(0.08)


@pytest.mark.parametrize(("far", "scale"), [(10.0, "linear"), (1e5, "symlog")])
def test_a_scale_bends_only_where_a_straight_one_would_show_nothing(stage, ax, far, scale):
    gains(stage.assign(gain=stage.gain.where(stage.label != "far", -far)), ax, style_of(RULES))
    assert ax.get_xscale() == scale
    low, high = ax.get_xlim()
    assert low < -far and high > 9, "the extremes are inside"


@pytest.mark.parametrize(("far", "told"), [(10.0, ""), (1e5, module.SHADED)])
def test_a_caption_speaks_of_bent_scales_only_where_there_is_one(stage, ax, far, told):
    gains(stage.assign(gain=stage.gain.where(stage.label != "far", -far)), ax, style_of(RULES))
    assert module._scales([ax]) == told


def test_correlations_have_a_row_each(folder, ax):
    for seed in range(5):
        more = replace(fork("short", seed, 0), label="more", theta_digest="more", return_after=101.5)
        write_stage(folder, seed, 0, *(fork(label, seed, 0) for label in RULES), more)
    found = explain(measure_forks(load_forks(folder)[0]))
    explained(found, ax)
    assert (
        len(ax.get_yticklabels()) == len(found) > 3
        and ax.get_yticklabels()[0].get_text() == "promised by the linear model"
    )


HOSTILE = {"trpo": "$\\frac{_^", "short": "\u89c4\u5219" * 40, "far": "W" * 1000, "still": "\U0001f9ea\n", "double": ""}


def test_hostile_names_break_no_figure_and_nothing_is_cut_off_or_overlaps(folder, tmp_path, monkeypatch):
    for seed in range(5):
        more = replace(fork("short", seed, 0), label="more", theta_digest="more", return_after=101.5)
        write_stage(folder, seed, 0, *(fork(label, seed, 0) for label in RULES), more)
    forks = load_forks(folder)[0]
    names = {column: forks[column].replace(HOSTILE) for column in ("label", "trunk")}
    found, write = [], module.save
    monkeypatch.setattr(module, "save", lambda figure, *where: found.append(faults(figure)) or write(figure, *where))
    report(forks.assign(**names, env="$E$_" + "\u89c4" * 500), [], tmp_path)
    assert found == [[]] * 4
    plt.close("all")


def test_a_rule_has_its_own_look_in_the_forks_too(folder, monkeypatch):
    found = []
    monkeypatch.setattr(module, "by_gain", lambda shown, style: found.append(style) or by_gain(shown, style))
    monkeypatch.setattr(module, "save", lambda *_: [])
    report(*load_forks(folder), folder)
    assert found[0]["trpo"] == style_of(["trpo"])["trpo"]
