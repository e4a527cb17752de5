"""What a paper takes: a folder of its own, other names, some rules, figures of one size without captions."""

from dataclasses import replace

import matplotlib.pyplot as plt
import pytest
from analysis_cases import write_results
from page_cases import PUBLISHED

from analysis.load import ResultsError
from analysis.page.evidence import gather
from analysis.paper import Paper, narrowed, renaming, write_paper
from analysis.report import Arguments, main


@pytest.fixture(scope="module")
def gathered(shared):
    return gather(shared)


@pytest.fixture
def bundle(gathered, tmp_path):
    return replace(gathered, results=replace(gathered.results, folder=tmp_path))


@pytest.fixture
def figures(monkeypatch):
    """Figures by name as they are when they are saved."""
    found = {}

    def save(figure, folder, name):
        found[name] = figure
        return [folder / f"{name}.pdf"]

    for module in ("sheet", "efficiency", "published"):
        monkeypatch.setattr(f"analysis.figures.{module}.save", save)
    yield found
    plt.close("all")


def texts(figure):
    legends = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    return legends + [ax.get_title(loc="left") for ax in figure.axes]


def test_figures_show_the_names_that_are_asked_for_and_no_captions(bundle, figures):
    paper = Paper(captions=False, labels="climbs=TRPO,Easy-v0=easy", draw="learning_curves,kl")
    write_paper(bundle, paper, None, None)
    assert set(figures) == {"learning_curves", "kl"}
    for figure in figures.values():
        assert figure.get_suptitle() == ""
        shown = texts(figure)
        assert {"TRPO", "stays", "easy", "Hard-v0"} <= set(shown) and not {"climbs", "Easy-v0"} & set(shown)


def test_a_figure_has_the_size_that_is_asked_for(tmp_path, figures, bundle, monkeypatch):
    monkeypatch.undo()
    folder = write_results(tmp_path)
    arguments = Arguments((folder,), paper=Paper(size=(3.0, 2.5), draw="learning_curves"))
    assert main(arguments) == 0
    data = (folder / "paper" / "learning_curves.pdf").read_bytes()
    assert b"/MediaBox [ 0 0 216 180 ]" in data
    assert sorted(file.name for file in folder.iterdir()) == ["cells", "manifest.json", "paper"], (
        "nothing else is written"
    )


def test_a_figure_that_is_too_small_for_its_panels_is_told_in_a_line(tmp_path, monkeypatch, bundle, figures, capsys):
    monkeypatch.undo()
    folder = write_results(tmp_path)
    assert main(Arguments((folder,), paper=Paper(size=(0.4, 0.3), draw="learning_curves"))) == 0
    assert "learning_curves: its panels do not fit into 0.4 by 0.3 inches" in capsys.readouterr().out


def test_latex_alone_draws_nothing(tmp_path, capsys):
    folder = write_results(tmp_path)
    assert main(Arguments((folder,), paper=Paper(latex=True, labels="climbs=The one & only"))) == 0
    assert {file.suffix for file in (folder / "paper").iterdir()} == {".tex"}
    table = (folder / "paper" / "nauc.tex").read_text()
    assert r"The one \& only" in table and "climbs" not in table


def test_some_rules_and_environments(bundle):
    one = narrowed(bundle, "climbs/Hard-v0")
    assert one.measures.shape[0] == 5 and set(one.results.updates.env) == {"Hard-v0"}
    assert len(one.comparisons) == 0 and len(narrowed(bundle, "*/Hard-v0").comparisons) > 0
    assert set(narrowed(bundle, "stays").measures.label) == {"stays"}
    assert set(narrowed(bundle, "climbs/E*,stays").summary.label) == {"climbs", "stays"}
    assert set(narrowed(bundle, "trpo").measures.label) == {"climbs", "stays"}, "by rule, too"
    assert narrowed(bundle, "") is bundle
    empty = replace(bundle, results=replace(bundle.results, reuses=bundle.results.reuses.iloc[:0]))
    assert list(narrowed(empty, "climbs").results.reuses) == list(bundle.results.reuses)


def test_members_of_a_sweep_keep_their_parentheses(bundle):
    planned = bundle.results.planned.replace({"label": {"climbs": "trpo(max_kl=0.01)"}})
    swept = replace(bundle, results=replace(bundle.results, planned=planned))
    assert renaming(swept, {"trpo": "TRPO"})("trpo(max_kl=0.01)") == "TRPO(max_kl=0.01)"
    assert renaming(swept, {"trpo(max_kl=0.01)": "small"})("trpo(max_kl=0.01)") == "small"


@pytest.mark.parametrize(
    ("paper", "message"),
    [
        (Paper(labels="climbs"), "--labels: 'climbs' gives no name; expected LABEL=NAME"),
        (Paper(labels="climps=X"), "there is no climps; expected some of Easy-v0, Hard-v0, climbs, stays"),
        (Paper(labels="climbs=X,stays=X"), "two labels would have one name"),
        (Paper(labels="climbs=stays"), "two labels would be shown alike"),
        (Paper(only="ppo/*"), "--only ppo/.* matches nothing; there are climbs/Easy-v0"),
        (Paper(draw="learning"), "no figure learning; expected some of learning_curves"),
        (Paper(size=(0.0, 2.0)), "two lengths in inches"),
        (Paper(size=(float("nan"), 2.0)), "two lengths in inches"),
    ],
)
def test_what_names_nothing_is_refused_before_anything_is_written(bundle, paper, message):
    with pytest.raises(ResultsError, match=message):
        write_paper(bundle, paper, None, None)
    assert not (bundle.results.folder / "paper").exists()


def test_published_curves_stand_beside_the_rules_that_run_the_same(tmp_path, figures):
    folder = write_results(tmp_path / "r")
    (tmp_path / "them.csv").write_text(PUBLISHED + "zoo (card a),Easy-v0,TRPO,200,44,,1,one run\n")
    paper = Paper(draw="published", captions=True)
    assert main(Arguments((folder,), published=tmp_path / "them.csv", paper=paper)) == 0
    figure = figures["published"]
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["Easy-v0"], "the one that others have published"
    shown = texts(figure)
    assert "them@1" in shown and "zoo" in shown
    (ax,) = figure.axes
    theirs = {line.get_marker(): line.get_xydata().tolist() for line in ax.lines if line.get_linestyle() == "--"}
    assert sorted(theirs.values()) == [[[0.0, 1.0], [300.0, 70.0]], [[200.0, 44.0]]]
    assert "measured by other means" in figure.get_suptitle().replace("\n", " ")


def test_without_published_curves_there_is_no_such_figure(bundle, figures):
    assert write_paper(bundle, Paper(draw="published"), None, None) == [] and not figures
