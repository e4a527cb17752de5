import pandas as pd
import pytest

from analysis.spreadsheet import csv_of


@pytest.mark.parametrize("word", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "=cmd|' /C calc'!A0"])
def test_words_that_a_spreadsheet_would_compute_are_quoted(word):
    text = csv_of(pd.DataFrame({"label": [word, "trpo"], "value": [-1.5, 2.0]})).decode()
    assert pd.read_csv(pd.io.common.StringIO(text)).label.tolist() == ["'" + word, "trpo"]


def test_numbers_are_numbers():
    assert csv_of(pd.DataFrame({"a": [-1.23456789, float("nan")], "n": [3, 4]})) == b"a,n\n-1.23457,3\n,4\n"
    assert csv_of(pd.DataFrame({"a": [-1.23456789]}), digits=4) == b"a\n-1.235\n"
