"""A rule's look: its own in every figure and on the page, whatever else is drawn beside it.

A family of rules has a hue, a member of it a shade and a line style. The shipped rules stand in FAMILIES; another rule
takes its look from its name alone, in the hue of the family whose name it begins with, or else in a hue that no shipped
family has. A label that is not its rule's name takes the rule's hue, and the members of a sweep go from light to dark
as their numbers grow. Every colour has a contrast of 3:1 or more on white. Two labels of one matrix never look alike as
long as their family has a look left: the one with less right to it moves, to another line style first.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from matplotlib.colors import LinearSegmentedColormap, to_hex

Dash = str | tuple[int, tuple[float, ...]]

# The shades of a hue: middle, dark, light.
HUES = {
    "blue": ("#0070b8", "#003a66", "#4b93dc"),
    "green": ("#00794f", "#004029", "#2b9c72"),
    "orange": ("#cc4f00", "#7d2c00", "#e96d2b"),
    "purple": ("#993d97", "#57175c", "#c373c1"),
    "gold": ("#846100", "#4a3500", "#ab8200"),
    "grey": ("#5a5a5a", "#1c1c1c", "#8c8c8c"),
    "red": ("#c4143c", "#760019", "#e9597a"),
    "teal": ("#007a8a", "#003f4a", "#1f9dad"),
    "violet": ("#5e4fc4", "#2c2178", "#8d82e3"),
    "olive": ("#597300", "#2e3d00", "#7c9900"),
    "rose": ("#bd2f80", "#6b0d45", "#de66a8"),
    "brown": ("#8d5a42", "#4c2a1a", "#b37e65"),
}
FAMILIES: dict[str, tuple[str, ...]] = {
    "blue": (
        "trpo", "trpo_adaptive", "trpo_euclidean", "trpo_divergence", "trpo_annealed", "trpo_identity",
        "trpo_surrogate_check", "trpo_kl_check", "trpo_loose", "trpo_max_kl", "trpo_reverse_kl", "trpo_keep_rejected",
        "trpo_subsampled_fisher", "trpo_empirical_fisher", "trpo_damped_radius", "trpo_kronecker", "trpo_warm_start",
        "trpo_one_score",
    ),
    "teal": (
        "trpo_held_out", "trpo_signal", "history_trpo", "trpo_confident", "trpo_hypergradient", "trpo_discounted",
        "trpo_entropy", "trpo_steihaug", "trpo_kfac", "trpo_in_sample", "trpo_memory",
    ),
    "green": ("npg", "tnpg"),
    "orange": ("mm_quadratic", "mm_adaptive", "mm_penalty", "mm_penalty_adaptive", "mm_theory", "mdpo", "pois"),
    "purple": ("ppo", "ppo_kl_stop", "ppo_penalty", "spo"),
    "gold": ("reuse_pg", "history_pg", "reuse_pg_adam", "history_pg_adam"),
    "grey": ("vanilla_pg", "vanilla_pg_adam", "per_step_pg", "line_search_pg", "vanilla_pg_discounted"),
}  # fmt: skip
BEGINNINGS = {"trpo": "blue", "npg": "green", "tnpg": "green", "mm": "orange", "ppo": "purple", "reuse": "gold",
              "history": "gold", "vanilla": "grey"}  # fmt: skip
OUTSIDE = tuple(hue for hue in HUES if hue not in FAMILIES)
DASHES: tuple[Dash, ...] = (
    "-", (0, (5, 1.5)), (0, (6, 1.5, 1.5, 1.5)), (0, (2.5, 1)), (0, (9, 2)), (0, (6, 1.5, 1.5, 1.5, 1.5, 1.5)),
    (0, (3, 1, 1, 1)), (0, (12, 1.5, 3, 1.5)),
)  # fmt: skip
MARKERS = "os^DvPX<"  # of a line style, where points stand for lines
SHADES = 3
SLOTS = SHADES * len(DASHES)  # looks of one hue
NUMBER = re.compile(r"((?:(?<==)-)?(?:\d+\.?\d*(?:e[+-]?\d+)?|(?<=[=-])inf))")


@dataclass(frozen=True)
class Look:
    """How a label is drawn."""

    color: str  # #rrggbb
    dash: Dash = "-"

    @property
    def line(self) -> dict[str, Any]:
        """Of a line, for matplotlib."""
        return {"color": self.color, "linestyle": self.dash}

    @property
    def point(self) -> dict[str, Any]:
        """Of a point, for matplotlib's lines."""
        return {"color": self.color, "linestyle": "", "marker": self.marker, "markersize": 4.5, "markeredgewidth": 0}

    @property
    def marker(self) -> str:
        """The mark of a point."""
        return MARKERS[DASHES.index(self.dash)]


Style = dict[str, Look]  # label -> look, in the order of legends and rows


def style_of(labels: Iterable[str], rules: Mapping[str, str] | None = None) -> Style:
    """The looks of a matrix' labels, numbers in them in the order of numbers.

    `rules` says which rule a label stands for; without it a label is a rule, before its parenthesis.
    """
    known = dict(rules or {})
    found = sorted(set(labels), key=by_number)
    rule_of = {label: _plain(known.get(label, family(label))) for label in found}
    sweeps: dict[tuple[str, str], list[str]] = {}
    for label in found:
        if "(" in label:
            sweeps.setdefault((rule_of[label], family(label)), []).append(label)
    own = {label: default_look(label, rule_of[label]) for label in found}
    for (rule, _), members in sweeps.items():
        own |= dict(zip(members, _ramp(rule, len(members)), strict=True))
    first = sorted(found, key=lambda label: (label != rule_of[label], hue_of(rule_of[label]) in OUTSIDE))
    apart = distinct({label: own[label] for label in first})
    return {label: apart[label] for label in found}


def family(label: str) -> str:
    """The entry of the matrix file that a label comes from: trpo(max_kl=0.02) -> trpo."""
    return label.partition("(")[0]


def by_number(label: str) -> list[tuple[str, float]]:
    """Sorts the numbers in labels as numbers."""
    pieces = NUMBER.split(label)
    return [(text, float(number)) for text, number in zip(pieces[::2], [*pieces[1::2], "0"], strict=True)]


def hue_of(rule: str) -> str:
    """The hue of a rule's family."""
    for hue, members in FAMILIES.items():
        if rule in members:
            return hue
    return BEGINNINGS.get(rule.partition("_")[0]) or OUTSIDE[_hash(rule, 0) % len(OUTSIDE)]


def default_look(label: str, rule: str) -> Look:
    """What a label looks like wherever it has its look to itself."""
    hue = hue_of(rule)
    members = FAMILIES.get(hue, ())
    if label == rule and rule in members:
        return _slot(hue, members.index(rule))
    return _slot(hue, len(members) + _hash(label, 1) % (SLOTS - len(members)))


def distinct(style: Style) -> Style:
    """The same looks as far as nobody before has them; else the next that is free, of the same hue."""
    taken: set[Look] = set()
    found: Style = {}
    for label, look in style.items():
        found[label] = next((other for other in _alternatives(look) if other not in taken), look)
        taken.add(found[label])
    return found


def _alternatives(look: Look) -> Iterator[Look]:
    yield look
    for dash in DASHES:
        yield replace(look, dash=dash)
    for shades in HUES.values():
        if look.color in shades:
            yield from (Look(shade, dash) for shade in shades for dash in DASHES)


def _slot(hue: str, i: int) -> Look:
    """The i-th look of a hue; neighbours differ in shade and in line style."""
    return Look(HUES[hue][i % SHADES], DASHES[(i // SHADES + i % SHADES) % len(DASHES)])


def _ramp(rule: str, n: int) -> list[Look]:
    """Looks of a sweep, from light to dark."""
    middle, dark, light = HUES[hue_of(rule)]
    shades = LinearSegmentedColormap.from_list(rule, [light, middle, dark])
    return [Look(to_hex(shades(i / (n - 1) if n > 1 else 0.5)), DASHES[i % 3]) for i in range(n)]


def _plain(rule: str) -> str:
    """FILE.py:NAME -> NAME: where a file lies is no part of a rule's look."""
    return rule.rpartition(":")[2]


def _hash(name: str, which: int) -> int:
    """Independent numbers of a name, the same on every machine."""
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return int.from_bytes(digest[8 * which : 8 * which + 8], "big")
