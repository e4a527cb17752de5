"""Numbers that a rule or an environment reports under names of its own: a column `extra_NAME` each.

A rule's are in the updates, an environment's in the evaluations.

No column of the schema begins with the prefix, now or later, so none can be taken for another.
"""

import math
from typing import Any

EXTRA = "extra_"
MOST = 100  # of one update
LONGEST = 60  # letters of a name


def name_problem(name: Any, taken: frozenset[str]) -> str | None:
    """What is wrong with the name of an extra number, `taken` being the columns that there are."""
    if not isinstance(name, str) or not name.isascii() or not name.isidentifier() or len(name) > LONGEST:
        return f"{name!r:.80} is no name of a column; expected letters, digits and _, at most {LONGEST}"
    if name in taken or name.startswith(EXTRA):
        return f"{name!r} is the name of a column that every run has; choose another"
    return None


def extras_problem(extras: Any, taken: frozenset[str]) -> str | None:
    """What is wrong with the extra numbers of one update; None if nothing is."""
    if not isinstance(extras, dict) or len(extras) > MOST:
        what = f"{len(extras)} numbers" if isinstance(extras, dict) else f"a {type(extras).__name__}"
        return f"{what}; expected a dict of at most {MOST} names and numbers"
    for name, value in extras.items():
        if problem := name_problem(name, taken):
            return problem
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"{name} is a {type(value)}; expected float({name})"
        if math.isinf(value):
            return f"{name} is {value}; expected a finite number, or nan where there is none"
    return None
