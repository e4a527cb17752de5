import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from analysis_cases import write_results
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from page_cases import HOSTILE, PUBLISHED, hostile, large, whole

from analysis.anchors import pinned
from analysis.load import load
from analysis.page.evidence import gather
from analysis.page.page import LIMIT, embedded, policy, write_page
from analysis.published import read_published
from analysis.report import Arguments, main
from experiments.management.packs import unpack_results
from experiments.records import PROTOCOL

ALLOWED = {"script", "style", "meta", "title", "svg", "line"}


class Reader(HTMLParser):
    """Tags, attributes, and the text of script elements."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.scripts, self.text, self.inside = [], [], [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self.inside = tag == "script"
        if self.inside:
            self.scripts.append("")

    def handle_endtag(self, tag):
        self.inside = self.inside and tag != "script"

    def handle_data(self, data):
        if self.inside:
            self.scripts[-1] += data
        else:
            self.text.append(data)


def page(evidence, tmp_path, published=None, seconds=True):
    return write_page(evidence, tmp_path / "report.html", published, seconds, "a clock").read_text(encoding="utf-8")


def test_the_page_holds_everything_and_asks_nobody(results, tmp_path):
    read = Reader(page([whole(results)], tmp_path))
    assert len(read.scripts) == 3
    addresses = [value for name, value in read.attributes if name in ("src", "href", "action", "srcset")]
    assert all(not re.match(r"(?i)[a-z]+:|//", where) for where in addresses)
    text = " ".join(read.text)
    for part in ("Verdicts", "Learning curves", "Calibration", "Failures", "Provenance", "How to read this"):
        assert part in text
    assert "2 explored: 1 better, 1 undecided" in text and "permutation on nAUC" in text


def test_only_the_scripts_of_the_page_may_run(results, tmp_path):
    read = Reader(page([whole(results)], tmp_path))
    rule = next(value for name, value in read.attributes if name == "content" and "default-src" in value)
    digests = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in read.scripts[1:]]
    assert rule.startswith("default-src 'none'; script-src " + " ".join(f"'sha256-{d}'" for d in digests) + ";")
    assert "unsafe-inline" not in policy(["x"]).split("script-src")[1].split(";")[0]


def test_hostile_text_makes_no_tag_and_no_attribute(results, tmp_path):
    plain = Reader(page([whole(results)], tmp_path))
    read = Reader(page([hostile(results)], tmp_path))
    assert set(read.tags) == set(plain.tags) | {"ul", "li"} and "img" not in read.tags
    assert len(read.scripts) == 3
    assert {name for name, _ in read.attributes} == {name for name, _ in plain.attributes}
    assert any(HOSTILE.replace("\x00", "") in part.replace("\x00", "") for part in ["".join(read.text)])
    data = json.loads(read.scripts[0])
    assert data["rules"][0]["name"] == "climbs" + HOSTILE


@pytest.mark.parametrize("text", ["</script>", "<!--", "&lt;", "\u2028\u2029", "\ud800", "'\"\\"])
def test_embedded_text_comes_back_and_ends_nothing(text):
    made = embedded({text: [text]})
    assert json.loads(made) == {text: [text]}
    assert made.isascii() and not set("<>&") & set(made)


def test_a_number_that_json_has_not_is_refused():
    with pytest.raises(ValueError, match="Out of range"):
        embedded([np.nan])


def test_without_comparisons_the_page_says_how_to_get_them(results, tmp_path):
    bundle = gather(results)
    text = " ".join(Reader(page([replace(bundle, comparisons=bundle.comparisons.iloc[:0])], tmp_path)).text)
    assert "Put a table [compare] with rules" in text


def test_five_hundred_runs_are_less_than_ten_megabytes(tmp_path):
    page([gather(large(tmp_path))], tmp_path)
    assert (tmp_path / "report.html").stat().st_size < 10e6


@pytest.fixture
def drawn(results):
    """Two figures of the directory: the order is that of the drawing, and not of the alphabet."""
    folder = results.folder / "figures"
    folder.mkdir()
    for name, size in (("learning_curves", 3_000), ("final", 300_000), ("bounds", 3_000)):
        (folder / f"{name}.png").write_bytes(b"\x89PNG" + bytes(size))
    return folder


def test_figures_are_inside_the_page_in_the_order_in_which_they_are_drawn(results, drawn, tmp_path):
    read = Reader(page([whole(results)], tmp_path))
    images = [value.removeprefix("data:image/png;base64,") for name, value in read.attributes if name == "src"]
    expected = [(drawn / f"{name}.png").read_bytes() for name in ("learning_curves", "final", "bounds")]
    assert [base64.b64decode(image) for image in images] == expected


def test_a_page_never_grows_beyond_its_limit_and_names_the_figures_it_leaves_out(results, drawn, tmp_path, monkeypatch):
    size = len(page([whole(results)], tmp_path).encode())
    monkeypatch.setattr("analysis.page.page.LIMIT", size - 100_000)
    text = page([whole(results)], tmp_path)
    read = Reader(text)
    assert len(text.encode()) < size - 100_000 and read.tags.count("img") == 2
    links = [value for name, value in read.attributes if name == "href" and value.endswith(".png")]
    assert len(links) == 1 and links[0].endswith("figures/final.png")
    assert "Too large for this page" in "".join(read.text)


ORDER = ["verdicts", "curves", "sensitivity", "clock", "failures", "tables", "figures", "references", "calibration"]


def test_it_opens_with_one_figure_and_the_verdicts_and_has_every_figure_once(results, drawn, tmp_path):
    for name in ("sensitivity", "wall_clock"):
        (drawn / f"{name}.png").write_bytes(b"\x89PNG" + name.encode())
    text = page([whole(results)], tmp_path)
    parts = {part[: part.index('"')]: part for part in text.split('<section id="')[1:]}
    assert [name for name in parts if name not in ("provenance", "reading")] == ORDER
    shown = {name: re.findall(r'alt="([^"]+)"', part) for name, part in parts.items()}
    assert {name: found for name, found in shown.items() if found} == {
        "verdicts": ["learning curves"],
        "sensitivity": ["sensitivity"],
        "clock": ["wall clock"],
        "figures": ["final", "bounds"],
    }
    assert parts["verdicts"].index("<img") < parts["verdicts"].index("<table")


def test_the_page_of_the_quick_matrix_is_below_twenty_megabytes(tmp_path, monkeypatch):
    monkeypatch.setattr(FigureCanvasPdf, "print_pdf", lambda *_, **__: None)
    packed = Path(__file__).parents[3] / "results" / "reference" / "quick.pack"
    unpack_results(packed, tmp_path / "quick")
    assert main(Arguments((tmp_path / "quick",))) == 0
    assert 4e6 < (tmp_path / "quick" / "report.html").stat().st_size < 20e6
    assert "Too large for this page" not in (tmp_path / "quick" / "report.html").read_text()


def test_a_page_is_below_twenty_megabytes():
    assert LIMIT <= 20e6


def test_the_references_stand_in_the_page_with_their_sources_and_n(results, tmp_path):
    known = pinned()[lambda table: table.env == "CartPole-v1"]
    text = "".join(Reader(page([whole(replace(results, anchors=pd.concat([results.anchors, known])))], tmp_path)).text)
    for row in known.itertuples():
        assert f"{row.policy}" in text and row.source in text
    assert "score in the matrix file" in text, "of an environment whose score the matrix gives"
    bare = " ".join(Reader(page([whole(replace(results, anchors=results.anchors.iloc[:0]))], tmp_path)).text)
    assert "None of these environments has any" in bare


def test_the_page_says_which_protocol_its_numbers_follow(results, tmp_path):
    text = "".join(Reader(page([whole(results)], tmp_path)).text)
    assert f"protocol {PROTOCOL}" in text
    runs = results.runs.assign(protocol="1.9")
    assert f"{PROTOCOL}; runs made under 1.9" in "".join(
        Reader(page([whole(replace(results, runs=runs))], tmp_path)).text
    )


def test_the_same_rows_give_the_same_page(results, tmp_path):
    assert page([whole(results)], tmp_path) == page([whole(load(results.folder))], tmp_path)


def test_several_directories_and_published_curves_are_one_command(tmp_path, capsys):
    folders = tuple(tmp_path / name for name in ("one", "two"))
    for folder in folders:
        folder.mkdir()
        write_results(folder)
    (tmp_path / "p.csv").write_text(PUBLISHED)
    file = tmp_path / "both.html"
    assert main(Arguments(folders, published=tmp_path / "p.csv", page=file)) == 0
    assert f"report:  {file}" in capsys.readouterr().out
    read = Reader(file.read_text(encoding="utf-8"))
    data = json.loads(read.scripts[0])
    assert [rule["name"] for rule in data["rules"]] == ["one: climbs", "one: stays", "two: climbs", "two: stays"]
    assert len(data["published"]) == 2
    images = [value for name, value in read.attributes if name == "src"]
    drawn = [(folder / "figures" / "learning_curves.png").read_bytes() for folder in folders]
    inside = [base64.b64decode(image.removeprefix("data:image/png;base64,")) for image in images]
    assert drawn == [image for image in inside if image in drawn]
    assert file.with_suffix(".md").read_text().count("## Verdicts") == 2
    assert (tmp_path / "two" / "tables" / "summary.csv").exists() and not (tmp_path / "one" / "report.html").exists()


def test_one_directory_has_its_page_inside(folder):
    assert main(Arguments((folder,))) == 0
    assert (folder / "report.html").exists() and (folder / "report.md").exists()


@pytest.mark.parametrize("wrong", [{"published": "none.csv"}, {"page": "none/report.html"}], ids=str)
def test_what_cannot_be_read_or_written_is_said_in_one_line(folder, tmp_path, wrong, capsys):
    paths = {name: tmp_path / value for name, value in wrong.items()}
    assert main(Arguments((folder,), **paths)) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_no_directory_and_a_directory_given_twice_are_refused(folder, capsys):
    assert main(Arguments(())) == 2 and main(Arguments((folder, folder))) == 2
    assert "is given twice" in capsys.readouterr().err


def test_published_rows_are_listed_with_how_they_were_measured(results, tmp_path):
    (tmp_path / "p.csv").write_text(PUBLISHED.replace("training return", HOSTILE.replace("\n", " ").replace('"', "'")))
    read = Reader(page([whole(results)], tmp_path, read_published(tmp_path / "p.csv")))
    assert "img" not in read.tags and "10 seeds; </script>" in "".join(read.text)
