"""Measures and figures from a user's file, as the README has them, and as nobody should write them."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.load import ResultsError, load
from analysis.measures import measure_runs
from analysis.own import OwnError, measured, own_figures, own_measures
from analysis.report import Arguments, main

USERS = '''
import numpy as np
import pandas as pd

def worst_kl(results, *, better="lower"):
    return results.updates.groupby("run_id").max_kl.max()

def in_order(results, *, better="higher"):
    return np.arange(len(results.runs))

def some(results, *, better="higher"):
    return {results.runs.run_id[0]: 1.5}

def raises(results, *, better="lower"):
    return results.updates["no such column"]

def leaves(results, *, better="lower"):
    raise SystemExit("bye")

def short(results, *, better="lower"):
    return [1.0, 2.0]

def wide(results, *, better="lower"):
    return results.updates[["kl", "max_kl"]]

def words(results, *, better="lower"):
    return ["many"] * len(results.runs)

def strangers(results, *, better="lower"):
    return pd.Series(1.0, index=["a", "b"])

def spoils(results, *, better="lower"):
    results.runs["status"] = "spoilt"
    results.evaluations.drop(results.evaluations.index, inplace=True)
    return np.zeros(len(results.runs))

def nauc(results, *, better="higher"):
    return np.zeros(len(results.runs))

def aimless(results):
    return 0

def sideways(results, *, better="left"):
    return 0

def greedy(results, more, *, better="lower"):
    return 0

def kl_over_time(frame, ax, style, *, table="updates"):
    """KL of every update."""
    for label, part in frame.groupby("label"):
        ax.plot(part.env_steps, part.kl, label=label, **style[label].line)
    return ax

def plain(frame, ax, *, table="measures"):
    ax.scatter(frame.final_sampled, frame.nauc)
    return ax

def fails(frame, ax, *, table="updates"):
    raise ZeroDivisionError("no area")

def forgets(frame, ax, *, table="updates"):
    ax.plot([0, 1])

def breaks(frame, ax, style, *, table="updates"):
    ax.set_yscale("log")
    ax.set_position = None
    ax.get_tightbbox = None
    return ax

def tableless(frame, ax):
    return ax

def kl(frame, ax, *, table="updates"):
    return ax

not_a_function = 3
'''


@pytest.fixture
def users(tmp_path):
    file = tmp_path / "users" / "mine.py"
    file.parent.mkdir()
    file.write_text(USERS)
    return lambda name: f"{file}:{name}"


@pytest.mark.parametrize("name", ["worst_kl", "in_order", "some"])
def test_a_measure_is_a_number_per_run_in_whatever_form(users, shared, shared_measures, name):
    own = measured(shared, shared_measures, own_measures([users(name)]))
    assert not own.problems and own.frame.run_id.tolist() == shared.planned.run_id.tolist()
    values = own.frame.set_index("run_id")[name]
    runs = shared.runs.run_id
    expected = {
        "worst_kl": dict.fromkeys(runs, 0.075),
        "in_order": dict(zip(runs, range(len(runs)), strict=True)),
        "some": dict.fromkeys(runs, np.nan) | {runs[0]: 1.5},
    }[name]
    pd.testing.assert_series_equal(
        values, pd.Series(expected).reindex(values.index), check_names=False, check_dtype=False
    )


BAD = {
    "raises": "KeyError: 'no such column'",
    "leaves": "SystemExit: bye",
    "short": "returned 2 numbers for 20 runs; expected a number per run",
    "wide": "returned a DataFrame; expected a number per run",
    "words": "returned a list; expected a number per run",
    "strangers": "returned 2 numbers for 20 runs",
    "nauc": "there is a measure nauc already",
}


@pytest.mark.parametrize("name", BAD)
def test_a_measure_that_fails_is_a_problem_and_the_others_are_measured(users, shared, shared_measures, name):
    own = measured(shared, shared_measures, own_measures([users(name), users("worst_kl")]))
    (problem,) = own.problems
    assert BAD[name] in problem and users(name) in problem
    assert list(own.catalogue) == ["worst_kl"] and name not in own.frame


def test_a_measure_cannot_change_what_others_are_made_of(users, folder):
    results = load(folder)
    before = measure_runs(results)
    measured(results, before, own_measures([users("spoils")]))
    pd.testing.assert_frame_equal(measure_runs(results), before)


REFUSED = {
    "aimless": "does not say its better; write it as a keyword with a default",
    "sideways": "does not say its better",
    "greedy": "cannot be called with (results)",
    "missing": "has no function missing",
    "not_a_function": "has no function not_a_function",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_measure_is_refused_before_anything_is_measured(users, name):
    with pytest.raises(ResultsError) as refused:
        own_measures([users(name)])
    assert REFUSED[name] in str(refused.value)


@pytest.mark.parametrize(("name", "message"), [("tableless", "does not say its table"), ("kl", "a figure kl already")])
def test_what_is_no_figure_is_refused_before_anything_is_drawn(users, name, message):
    with pytest.raises(ResultsError, match=message):
        own_figures([users(name)], taken=["kl"])


@pytest.mark.parametrize("source", ["mine.py", "mine:name", "nowhere/mine.py:name", "mine.py:a b"])
def test_a_name_of_nothing_is_refused(source):
    with pytest.raises(ResultsError):
        own_measures([source])


def test_a_file_that_cannot_be_imported_is_refused_and_two_of_one_name_too(tmp_path, users):
    (tmp_path / "bad.py").write_text("raise SystemExit(3)")
    with pytest.raises(ResultsError, match="cannot be imported: SystemExit: 3"):
        own_measures([f"{tmp_path}/bad.py:x"])
    with pytest.raises(ResultsError, match="have one name"):
        own_measures([users("worst_kl"), users("worst_kl")])


def test_a_figure_must_give_its_axes_back(users, ax):
    (figure,) = own_figures([users("forgets")])
    with pytest.raises(OwnError, match="returned a NoneType; expected the axes that it was given"):
        figure.panel(pd.DataFrame(), ax, {})


def test_they_appear_in_tables_figures_page_and_markdown_and_failures_beside_them(users, folder, monkeypatch, capsys):
    monkeypatch.setattr("analysis.report.draw", lambda *_: [])
    measures = tuple(map(users, ("worst_kl", "in_order", "raises")))
    figures = tuple(map(users, ("kl_over_time", "plain", "fails", "forgets", "breaks")))
    stale = folder / "figures" / "fails.png"
    stale.parent.mkdir()
    stale.touch()
    assert main(Arguments((folder,), measures=measures, figures=figures)) == 1
    told = capsys.readouterr()
    for name, reason in (
        ("raises", "KeyError"),
        ("fails", "no area"),
        ("forgets", "NoneType"),
        ("breaks", "TypeError"),
    ):
        assert f"error in {users(name)}: " in told.err or f"error in {users(name)} returned" in told.err, told.err
        assert reason in told.err
    table = pd.read_csv(folder / "tables" / "own_measures.csv")
    assert table.worst_kl.tolist() == [0.075] * 20 and "raises" not in table
    drawn = {file.name for file in (folder / "figures").iterdir()}
    assert drawn == {f"{name}.{suffix}" for name in ("kl_over_time", "plain") for suffix in ("png", "pdf")}
    page, markdown = ((folder / f"report.{suffix}").read_text() for suffix in ("html", "md"))
    for text in (page, markdown):
        assert "worst_kl" in text.replace("\\", "") and "no area" in text
    assert "worst_kl (lower is better)" in page and "kl over time" in page
    pairs = pd.read_csv(folder / "tables" / "own_comparisons.csv")
    assert set(pairs.measure) == {"worst_kl", "in_order"} and set(pairs["first"]) == {"climbs"}
    assert main(Arguments((folder,), check=True)) == 0, "the tables of the cells are as they were"


def test_lower_is_better_where_the_measure_says_so(users, folder, tmp_path, monkeypatch):
    monkeypatch.setattr("analysis.report.draw", lambda *_: [])
    file = tmp_path / "signs.py"
    body = "    return [1.0 if label == 'climbs' else 2.0 + seed for label, seed in zip(r.runs.label, r.runs.seed)]\n"
    file.write_text(f"def low(r, *, better='lower'):\n{body}\ndef high(r, *, better='higher'):\n{body}")
    monkeypatch.setattr("analysis.compare.ERROR", 1.0)  # five pairs cannot reach 5 %
    main(Arguments((folder,), measures=(f"{file}:low", f"{file}:high")))
    pairs = pd.read_csv(folder / "tables" / "own_comparisons.csv").groupby("measure").verdict.unique()
    assert pairs.low.tolist() == ["better"] and pairs.high.tolist() == ["worse"]


def test_the_example_of_the_readme_runs(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("analysis.report.draw", lambda *_: [])
    text = (Path(__file__).parents[2] / "analysis" / "README.md").read_text()
    file = tmp_path / "mine.py"
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    file.write_text(next(block for block in blocks if "# mine.py" in block))
    own = Arguments((folder,), measures=(f"{file}:worst_kl",), figures=(f"{file}:kl_of_updates",))
    assert main(own) == 0 and (folder / "figures" / "kl_of_updates.pdf").is_file()


def test_a_manifest_alone_makes_nothing_run(users, folder, monkeypatch, capsys):
    monkeypatch.setattr("analysis.report.draw", lambda *_: [])
    file = folder / "manifest.json"
    bomb = Path(folder / "bomb.py")
    bomb.write_text("raise SystemExit('boom')")
    file.write_text(file.read_text().replace("{", f'{{"measures": ["{bomb}:x"], ', 1))
    assert main(Arguments((folder,))) == 0
    assert f"not run: {bomb}:x, which the matrix file names" in capsys.readouterr().out
