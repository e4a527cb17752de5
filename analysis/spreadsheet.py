"""Tables as CSV files, which people open with spreadsheets."""

import pandas as pd

FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # what begins with these is computed when the file is opened


def csv_of(frame: pd.DataFrame, digits: int = 6) -> bytes:
    """The file, numbers with so many digits; words that would be taken for a formula stand behind a quote."""
    return frame.map(_quoted).to_csv(index=False, float_format=f"%.{digits}g", lineterminator="\n").encode()


def _quoted(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULAS) else value
