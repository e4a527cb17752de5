from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from analysis_cases import write_cell, write_results

from analysis.calibration import (
    COLUMNS,
    Arguments,
    bars_apart,
    credibly_above,
    main,
    percentile_bootstrap,
    pinned,
    replay,
    verdicts,
)

RUNS = Path(__file__).parents[2] / "results" / "reference" / "calibration" / "tables" / "measures.parquet"


@pytest.fixture(scope="module")
def measures():
    """Eighty runs of one rule, half of them under another label."""
    return pd.read_parquet(RUNS)


def test_verdicts_on_equal_rules_do_not_err_credibly_above_five_percent(measures):
    rates = replay(measures, verdicts, seeds=(5,), splits=400)
    assert len(rates) == 4 * measures.env.nunique()
    assert credibly_above(rates).empty, rates.to_string()


def test_the_gate_goes_red_with_the_percentile_bootstrap_and_with_bars(measures):
    for decide in (percentile_bootstrap, bars_apart):
        rates = replay(measures, lambda a, b, decide=decide: {"put in": decide(a, b)}, seeds=(5,), splits=400)
        assert len(credibly_above(rates)) == measures.env.nunique(), rates.to_string()


def test_the_pinned_rates_are_of_both_numbers_of_runs_and_none_that_decides_is_red(measures):
    rates = pinned()
    assert tuple(rates.columns) == COLUMNS and set(rates.env) == set(measures.env)
    assert set(rates.seeds) == {5, 10} and set(rates.splits) == {1_000}
    assert rates.decides.sum() == 2 * 2 * 4 and (~rates.decides).sum() == 2 * 2 * 3
    assert credibly_above(rates[rates.decides]).empty
    assert np.allclose(rates.rate, rates.false_positives / rates.splits, atol=1e-3)


def test_a_difference_is_found_where_there_is_one(measures):
    runs = measures[measures.env == measures.env.iloc[0]]
    shifted = runs.iloc[:5].assign(nauc=runs.nauc.iloc[:5] + 10)
    found = verdicts(shifted, runs.iloc[5:10])
    assert found["permutation, nAUC"] and found["any of these, Holm"] and not found["permutation, steps to half"]


def test_fewer_runs_than_two_sides_take_are_refused(measures):
    with pytest.raises(ValueError, match="expected at least 20 runs to split, got 19"):
        replay(measures.groupby("env").head(19), verdicts)


def test_the_command_refuses_what_is_no_calibration(tmp_path, capsys):
    write_results(tmp_path)
    assert main(Arguments(tmp_path)) == 2
    assert "expected at least 20 runs" in capsys.readouterr().err
    write_cell(tmp_path, "Easy-v0", "stays", 0, hyper="another")
    assert main(Arguments(tmp_path)) == 2
    assert "compares different rules: climbs, stays" in capsys.readouterr().err
    write_cell(tmp_path, "Easy-v0", "stays", 0, status="diverged", reached=2)
    assert main(Arguments(tmp_path)) == 2
    assert "not every planned run is ok" in capsys.readouterr().err
