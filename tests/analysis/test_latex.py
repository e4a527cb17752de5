"""Tables as LaTeX: compiled where there is a LaTeX, and read by a small parser anyway."""

import re
import shutil
import subprocess
from dataclasses import replace

import pandas as pd
import pytest
from page_cases import HOSTILE, comparisons, hostile, whole

from analysis.latex import escaped, latex_tables, winners

DOCUMENT = "\\documentclass{article}\\usepackage{booktabs}\\begin{document}\n%s\n\\end{document}\n"
FREE = re.compile(r"\\(?:[&%$#_{}]|[A-Za-z]+(?:\{\})?|\\)")  # commands and escaped characters


def rows_of(text: str) -> list[list[str]]:
    """The cells of a table that is well formed: groups and environments balanced, as many cells as columns."""
    opened: list[str] = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", text):
        assert kind == "begin" or opened.pop() == name
        opened += [name] if kind == "begin" else []
    assert not opened
    depth = 0
    for character in FREE.sub("", text):
        depth += (character == "{") - (character == "}")
        assert depth >= 0
    assert depth == 0 and FREE.sub("", text).count("$") % 2 == 0
    columns = re.search(r"\\begin\{tabular\}\{([lr]+)\}", text)[1]
    body = text.partition("\\toprule\n")[2].partition("\\bottomrule")[0].replace("\\midrule\n", "")
    rows = [re.split(r"(?<!\\)&", line) for line in body.strip().splitlines()]
    assert all(line.endswith(r"\\") for line in body.strip().splitlines())
    assert {len(row) for row in rows} == {len(columns)}
    bare = FREE.sub("", text.partition("\\toprule")[2].partition("\\bottomrule")[0])
    assert not set("#%_^~") & set(re.sub(r"\$[^$]*\$", "", bare)), "a character that means something is left"
    assert text.isascii()
    return [[cell.strip().removesuffix(r"\\").strip() for cell in row] for row in rows]


@pytest.fixture(scope="module")
def made(shared):
    return latex_tables(whole(shared))


def test_a_row_per_rule_and_a_column_per_environment_with_intervals(made):
    assert set(made) == {"final_return", "nauc", "verdicts"}
    head, climbs, stays = rows_of(made["final_return"])
    assert head == ["rule", "Easy-v0", "Hard-v0"] and [climbs[0], stays[0]] == ["climbs", "stays"]
    assert re.fullmatch(r"83 \{\\scriptsize \[[\d.]+, [\d.]+\]\}", climbs[1])
    assert "n = 5 runs of each rule" in made["final_return"] and "95\\,\\% interval" in made["final_return"]


def test_bold_is_by_verdict_and_not_by_size(made):
    _, climbs, stays = rows_of(made["nauc"])
    assert climbs[1].startswith(r"\textbf{") and not climbs[2].startswith(r"\textbf{"), "undecided there"
    assert "textbf" not in stays[1] + stays[2] + made["final_return"].partition("toprule")[2]
    assert "Holm's correction over 2 comparisons" in made["nauc"]
    assert "nothing is bold" in made["final_return"]


def test_a_rule_that_is_worse_than_any_is_no_winner():
    table = comparisons()
    both = table.assign(verdict=["better", "worse"], env="Easy-v0")
    third = table.iloc[:1].assign(first="third", second="climbs", verdict="better")
    assert winners(table, "nauc") == {("Easy-v0", "climbs")} and winners(table, "final_sampled") == set()
    assert winners(both, "nauc") == set(), "better and worse than the same one: neither"
    assert winners(pd.concat([table, third]), "nauc") == {("Easy-v0", "third")}


def test_verdicts_have_their_interval_and_corrected_p(made):
    _, better, undecided = rows_of(made["verdicts"])
    assert better[0:3] == ["climbs", "stays", "Easy-v0"] and better[-1] == r"\textbf{better}"
    assert better[5] == r"0.3 {\scriptsize [0.2, 0.4]}" and better[6] == "0.016"
    assert undecided[5] == r"$-$0.1 {\scriptsize [$-$0.4, 0.2]}" and undecided[-1] == "undecided"


def test_a_rule_with_missing_runs_has_no_number(shared):
    bundle = whole(shared)
    summary = bundle.summary.assign(complete=bundle.summary.label == "climbs")
    assert rows_of(latex_tables(replace(bundle, summary=summary))["nauc"])[2][1:] == ["--", "--"]


@pytest.mark.parametrize("text", [HOSTILE, "a_b & 50% #1 $x$ {y} ~ ^ \\input{secret}", '--- [x] \u4e2d\u0000\n|<>"'])
def test_text_of_result_files_is_text(text):
    made = escaped(text)
    assert (
        made.isascii()
        and "\n" not in made
        and not set("&%$#_^~{}")
        & set(FREE.sub("", made).replace("{[}", "").replace("{]}", "").replace("{''}", "").replace("{}", ""))
    )


def test_hostile_names_are_read_too(shared):
    for table in latex_tables(hostile(shared)).values():
        rows_of(table)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX here: the tables are parsed above")
@pytest.mark.parametrize("make", [whole, hostile])
def test_latex_compiles_them(shared, tmp_path, make):
    tables = latex_tables(make(shared))
    (tmp_path / "x.tex").write_text(DOCUMENT % "\n".join(tables.values()))
    line = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "-no-shell-escape", "x.tex"]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout[-2_000:]
