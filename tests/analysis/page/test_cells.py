import numpy as np
import pandas as pd

from analysis.page.cells import Cell, Head, corrected, interval, quantity, share, table, whole

NAN = float("nan")
ROW = {"label": "a", "m": 1234.5, "m_low": 1000.0, "m_high": 1500.0, "twin": -0.5, "rate": 0.25, "unknown": NAN}


def test_a_row_of_numbers_becomes_text_with_the_number_to_sort_by():
    made = {
        "1,234": quantity("m"),
        "1,234 [1,000, 1,500]": interval("m"),
        "1,234 (-0.5)": corrected("m", "twin"),
        "25 %": share("rate"),
    }
    for text, maker in made.items():
        cell = maker(ROW)
        assert cell.text.replace("1,235", "1,234") == text and cell.value in (1234.5, 0.25)
    assert whole("m")({"m": 1e6}) == Cell("1,000,000", 1e6)


def test_what_is_unknown_is_empty_and_sorted_last():
    for maker in (quantity("unknown"), share("unknown"), whole("unknown"), quantity("absent")):
        cell = maker(ROW)
        assert cell.text == "" and np.isnan(cell.value)
    assert interval("m", "unknown", "m_high")(ROW).text == quantity("m")(ROW).text, "no bounds, no brackets"


def test_a_table_has_a_row_per_row_and_numbers_only_where_a_maker_makes_them():
    made = table("T", pd.DataFrame([ROW, ROW]), {"rule": "label", "rate": share("rate")})
    assert made.heads == (Head("rule", numeric=False), Head("rate")) and len(made.rows) == 2
    assert made.rows[0] == (Cell("a"), Cell("25 %", 0.25))
