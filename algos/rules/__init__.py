"""The table of update rules. A new rule is one file here and one line below."""

from collections.abc import Callable
from typing import Any

from algos.rules.mm_quadratic import mm_quadratic
from algos.rules.npg import npg
from algos.rules.reuse_pg import reuse_pg
from algos.rules.trpo import trpo
from algos.rules.vanilla_pg import vanilla_pg
from algos.types import UpdateRule

RuleFactory = Callable[..., UpdateRule[Any]]  # (policy, *, hyper-parameters with defaults) -> rule

RULES: dict[str, RuleFactory] = {
    "vanilla_pg": vanilla_pg,
    "reuse_pg": reuse_pg,
    "npg": npg,
    "trpo": trpo,
    "mm_quadratic": mm_quadratic,
}
