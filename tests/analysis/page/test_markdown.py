from dataclasses import replace
from itertools import groupby

import pytest
from page_cases import HOSTILE, hostile, whole

from analysis.page.evidence import gather
from analysis.page.markdown import escaped, write_markdown
from analysis.report import report
from experiments.records import PROTOCOL


def lines(evidence, tmp_path):
    file = tmp_path / "report.md"
    told = write_markdown(evidence, file, True, "a clock")
    assert file.read_text() == told
    return told.split("\n")


def test_it_has_verdicts_a_table_per_environment_calibration_failures_and_provenance(results, tmp_path):
    found = lines([whole(results)], tmp_path)
    heads = [line for line in found if line.startswith("#")]
    kinds = ["Results", "Stability", "Trust region and importance weights", "Where the seconds went"]
    by_environment = [f"{kind}: {env}" for kind in kinds for env in ("Easy-v0", "Hard-v0")]
    by_environment.insert(2, "Results: All environments with a score: final score")
    names = ["Verdicts", *by_environment, "References", "Calibration", "Failures", "Provenance"]
    assert heads[1:] == [f"## {name}" for name in names]
    assert "2 explored: 1 better, 1 undecided" in found and "Every planned run is ok." in found
    assert any(line.startswith("| climbs | 5/5 | 83 [") for line in found)
    assert any(line.startswith("| Hard-v0 | reference | 10 |") for line in found)
    assert any(line.startswith(f"- protocol: {PROTOCOL}") for line in found)


def test_without_comparisons_it_says_how_to_get_them(results, tmp_path):
    bundle = gather(results)
    text = "\n".join(lines([replace(bundle, comparisons=bundle.comparisons.iloc[:0])], tmp_path))
    assert "Put a table" in text


def test_figures_are_linked_from_where_the_file_lies(results, tmp_path):
    bundle = gather(results)
    report(bundle)
    (tmp_path / "elsewhere").mkdir()
    text = write_markdown([bundle], tmp_path / "elsewhere" / "r.md", True, "")
    assert "![learning curves](../figures/learning_curves.png)" in text


def test_hostile_text_stays_text_on_its_line(results, tmp_path):
    found = lines([hostile(results)], tmp_path)
    assert len(found) == len([line for line in found if "\n" not in line and "\u2028" not in line])
    assert not [line for line in found if "<" in line]
    tables = [[*lines] for is_table, lines in groupby(found, lambda line: line.startswith("|")) if is_table]
    for table in tables:
        assert len({line.replace("\\|", "").count("|") for line in table}) == 1, "a | of the text made a column"
    assert len(tables) > 8


@pytest.mark.parametrize("text", ["83 [82, 84]", "1,024", "-0.5 [-1e-05, 2]", "5/5", ""])
def test_numbers_are_left_readable(text):
    assert escaped(text) == text


def test_links_code_and_emphasis_are_escaped():
    assert escaped("[a](b) `c` *d* <i>\n") == "\\[a\\](b) \\`c\\` \\*d\\* &lt;i&gt;"
    assert "\n" not in escaped(HOSTILE)
