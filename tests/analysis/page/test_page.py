import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from analysis_cases import write_results
from page_cases import HOSTILE, PUBLISHED, hostile, large, whole

from analysis.load import load
from analysis.page.evidence import gather
from analysis.page.page import embedded, policy, write_page
from analysis.published import read_published
from analysis.report import Arguments, main

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
    assert f"page:    {file}" in capsys.readouterr().out
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
