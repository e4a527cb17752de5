"""The ledger's page and figures, and what a matrix's own page says of its claims."""

from dataclasses import replace

import pytest
from analysis_cases import write_results
from claim_cases import BETTER, rows, source
from matplotlib.image import imread

from analysis.claims import table
from analysis.claims.__main__ import Arguments, main
from analysis.claims.decide import NOT_RUN, decide
from analysis.claims.ledger import LEDGER, read_claims
from analysis.claims.table import decided_by, ledger_table
from analysis.load import load
from analysis.page.evidence import gather
from analysis.page.sections import sections
from analysis.plots.claims import forest
from analysis.plots.style import theme
from analysis.report import report

CLAIM = """
[{name}]
statement = "s"
source = "s"
matrix = "{matrix}"
metric = "nauc"
test = "better"
labels = ["climbs", "stays"]
smallest_effect = 0.1
family = "f"
"""
ABOVE = replace(BETTER, test="above", labels=("a",), bound=0.5, metric="share", smallest_effect=None)


@pytest.fixture
def ledger(tmp_path):
    file = tmp_path / "c.toml"
    file.write_text(CLAIM.format(name="X1", matrix="made") + CLAIM.format(name="X2", matrix="later"))
    return file


def test_the_command_writes_page_and_figures_from_what_has_run(tmp_path, ledger, capsys):
    (tmp_path / "made").mkdir()
    write_results(tmp_path / "made")
    arguments = Arguments(tmp_path, tmp_path / "out" / "CLAIMS.md", ledger)
    assert main(arguments) == 0
    text = arguments.out.read_text()
    assert "1 supported, 0 refuted, 0 undecided, 1 not yet run" in text
    assert "| X1 | s | supported | 0." in text and f"| X2 | s | {NOT_RUN} |" in text
    assert "python experiments/run\\_matrix.py later" in text
    assert "](claims/X1.png)" in text and imread(tmp_path / "out" / "claims" / "X1.png").std() > 0.01
    assert not (tmp_path / "out" / "claims" / "X2.png").exists()
    assert main(replace(arguments, ledger=tmp_path / "none.toml")) == 2 and "cannot be read" in capsys.readouterr().err


def test_a_matrix_says_on_its_own_page_what_it_decides(tmp_path, ledger, monkeypatch):
    monkeypatch.setattr(table, "read_claims", lambda: read_claims(ledger))
    bundle = gather(load(write_results(tmp_path)))
    (section,) = sections([bundle], seconds=False)
    assert section.claims is not None
    ((name, _, verdict, *_),) = section.claims.rows
    assert (name.text, verdict.text, verdict.kind) == ("X1", "supported", "better")
    assert "claims.png" in {file.name for file in report(bundle)}


def test_a_users_matrix_of_the_same_name_decides_nothing(tmp_path, ledger, monkeypatch):
    ledger.write_text(CLAIM.format(name="X1", matrix="made").replace("climbs", "somebody"))
    monkeypatch.setattr(table, "read_claims", lambda: read_claims(ledger))
    (section,) = sections([gather(load(write_results(tmp_path)))], seconds=False)
    assert section.claims is None


def test_the_committed_page_has_every_claim():
    text = (LEDGER.parents[2] / "results" / "reference" / "CLAIMS.md").read_text()
    assert [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| C")] == [
        f"| {claim.name}" for claim in read_claims()
    ]


def test_how_a_claim_is_decided_in_words():
    assert decided_by(BETTER) == "nauc: higher in a than in b; smallest effect 0.1"
    assert decided_by(ABOVE) == "share: a above 0.5"
    assert decided_by(replace(ABOVE, test="never_above")) == "share: a never above 0.5"
    assert decided_by(replace(ABOVE, test="within", bounds=(0, 1))) == "share: a between 0 and 1"
    more = replace(BETTER, test="more", environments=("E",), than=("F", "G"))
    assert decided_by(more) == "nauc: a less b, higher in E than in F, G; smallest effect 0.1"


@pytest.mark.parametrize(
    ("claim", "edges"), [(BETTER, (-0.1, 0.1)), (ABOVE, (0.5, None)), (replace(ABOVE, test="below"), (None, 0.5))]
)
def test_the_figure_shades_the_smallest_effect_or_where_the_number_is_put(ax, claim, edges):
    found = decide([claim], {"m": source(rows(0.3))})[claim.name]
    with theme():
        forest(claim, found, ax)
    expected = [env for env, _ in found.parts] + (["together"] if claim is BETTER else [])
    assert [tick.get_text() for tick in ax.get_yticklabels()] == expected
    (band,) = ax.patches
    for edge, x, end in zip(edges, (band.get_x(), band.get_x() + band.get_width()), ax.get_xlim(), strict=True):
        assert x == pytest.approx(end if edge is None else edge)


def test_text_of_a_claim_is_text():
    claim = replace(BETTER, statement="a | b <script>")
    (row,) = ledger_table([claim], decide([claim], {})).rows
    assert row[1].text == claim.statement, "escaped by whoever shows it"
