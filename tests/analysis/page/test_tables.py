import math
import shutil

import pandas as pd
import pytest
from analysis_cases import only, write_cell
from page_cases import calibration, comparisons

from analysis.load import load
from analysis.measures import measure_runs
from analysis.page.evidence import gather
from analysis.page.tables import (
    aggregate_tables,
    calibration_table,
    clipping,
    clock_tables,
    failure_table,
    imputation_table,
    run_table,
    stability_tables,
    summary_tables,
    trust_tables,
    verdict_table,
)
from analysis.summary import summarize


def texts(table):
    heads = [head.text for head in table.heads]
    return [dict(zip(heads, (cell.text for cell in row), strict=True)) for row in table.rows]


def test_a_summary_per_environment_shows_estimates_with_their_bounds(results):
    easy, hard = summary_tables(summarize(measure_runs(results)), seconds=True)
    assert (easy.title, hard.title) == ("Easy-v0", "Hard-v0")
    climbs = texts(easy)[0]
    assert climbs["rule"] == "climbs" and climbs["runs"] == "5/5" and climbs["final return"].startswith("83 [")
    value = next(cell.value for cell, head in zip(easy.rows[0], easy.heads, strict=True) if head.text == "final return")
    assert value == pytest.approx(83)


def test_steadiness_has_its_twin_and_columns_without_a_number_are_left_out(results):
    summary = summarize(measure_runs(results))
    climbs, stays = texts(stability_tables(summary)[0])
    assert climbs["spread (IQR)"] == stays["spread (IQR)"] == "2" and climbs["worst run"] == "81"
    assert climbs["drawdown"].startswith("0 (") and climbs["collapsed"] == "0 [0, 0.522]"
    assert climbs["nine tenths within"] == "81 to 85" and not any("tolerance" in head for head in climbs), "n is 5"
    climbs, stays = texts(trust_tables(summary)[0])
    assert (climbs["KL > radius"], stays["KL > radius"]) == ("25 %", "") and "bound held" in climbs
    assert "truncated" not in climbs


def test_clipping_has_a_column_where_there_is_some_and_a_line_where_there_is_much(results):
    summary = summarize(measure_runs(results))
    summary = summary[summary.env == summary.env[0]].head(2)
    none, some, much = (summary.assign(clipped_share=share) for share in ([0.0] * 2, [0.0, 0.2], [0.2, 0.7]))
    assert "actions clipped" not in texts(trust_tables(none)[0])[0]
    assert [row["actions clipped"] for row in texts(trust_tables(some)[0])] == ["0 %", "20 %"]
    assert clipping(none) == clipping(some) == []
    (line,) = clipping(much)
    assert "70% of the numbers in actions" in line and summary.label.iloc[1] in line and "squashed_gaussian" in line


def test_seconds_stand_in_the_tables_only_where_they_compare(results):
    heads = {head.text for head in summary_tables(summarize(measure_runs(results)), seconds=False)[0].heads}
    assert not [head for head in heads if "seconds" in head]


def test_an_incomplete_rule_has_counts_and_no_numbers(folder):
    for file in (folder / "cells" / "climbs-Easy-v0-0").iterdir():
        file.unlink()
    summary = summarize(measure_runs(load(folder)))
    climbs = texts(summary_tables(summary, seconds=True)[0])[0]
    assert climbs.pop("rule") == "climbs" and climbs.pop("runs") == "4/5 (missing 1), incomplete"
    assert set(climbs.values()) == {""}
    assert [row["rule"] for row in texts(clock_tables(summary)[0])] == ["stays"]


def test_verdicts_keep_the_order_in_which_they_were_declared():
    table = verdict_table(comparisons())
    first, second = texts(table)
    assert first["verdict"] == "better" and first["difference"] == "0.3 [0.2, 0.4]"
    assert second["seeds needed"] == "38" and first["seeds needed"] == ""
    assert [row[1].kind for row in table.rows] == ["better", "undecided"]


def test_a_verdict_that_is_none_has_no_class_of_its_own():
    table = verdict_table(comparisons().assign(verdict='x" onclick="'))
    assert {row[1].kind for row in table.rows} == {""}


def test_what_is_infinite_is_said_in_words_and_what_is_unknown_is_empty():
    frame = comparisons().assign(detectable=[math.nan, math.inf], seeds_needed=[math.nan, math.inf], test=None)
    first, second = texts(verdict_table(frame))
    assert second["detectable"] == "none with these runs" and second["seeds needed"] == "no number of seeds helps"
    assert first["detectable"] == "" and "test" not in first and first["smallest attainable p"] == "0.0078"
    assert first["estimand"] == "mean of paired differences"


@pytest.mark.parametrize("make", [verdict_table, imputation_table])
def test_nothing_makes_no_table(make):
    assert make(pd.DataFrame()) is None


def test_calibration_shows_counts_and_a_rate():
    assert texts(calibration_table(calibration()))[0] == {
        "of": "false positives",
        "environment": "Easy-v0",
        "decision": "permutation on nAUC",
        "verdicts rest on it": "yes",
        "runs a side": "6",
        "comparisons": "1,000",
        "found": "48",
        "rate": "0.048 [0.036, 0.063]",
    }


def test_failures_are_listed_with_their_reason_and_missing_runs_too(folder):
    write_cell(folder, "Easy-v0", "climbs", 3, status="diverged", reached=5)
    for file in (folder / "cells" / "stays-Hard-v0-1").iterdir():
        file.unlink()
    results = load(folder)
    diverged, missing = texts(failure_table(measure_runs(results), results.runs))
    assert (diverged["seed"], diverged["steps done"], diverged["reason"]) == ("3", "200", "made up")
    assert (missing["status"], missing["steps done"]) == ("missing", "")


def test_all_environments_have_a_table_of_the_rules_that_have_every_run(folder):
    bundle = gather(load(folder))
    (whole,) = aggregate_tables(bundle.aggregates)
    climbs, _ = texts(whole)
    # final returns 81 to 85 on scales of 0 to 100 and -10 to 10: scores .81 to .85 and 4.55 to 4.75
    assert list(climbs) == ["rule", "IQM", "mean", "median", "optimality gap"]
    assert climbs["mean"].startswith("2.74 [") and climbs["optimality gap"].startswith("0.085 [")
    shutil.rmtree(folder / "cells" / "climbs-Easy-v0-0")
    (whole,) = aggregate_tables(gather(load(folder)).aggregates)
    assert [row["rule"] for row in texts(whole)] == ["stays"]
    only(folder, lambda cell: cell["env"] == "Hard-v0")
    assert aggregate_tables(gather(load(folder)).aggregates) == []


def test_all_ok_is_no_table(results):
    assert failure_table(measure_runs(results), results.runs) is None


def test_every_planned_run_is_listed(results):
    table = run_table(measure_runs(results))
    assert len(table.rows) == 20 and not math.isnan(table.rows[0][4].value)
