"""The README's table of rules is that of RULES."""

import re
from pathlib import Path

import algos
from algos.rules import RULES

README = Path(algos.__file__).parent / "README.md"


def test_the_table_has_every_rule_once_and_no_other():
    text = README.read_text(encoding="utf-8")
    table = text[text.index("| rule | a step | source |") :].split("\n\n")[0]
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(named) == sorted(RULES)
