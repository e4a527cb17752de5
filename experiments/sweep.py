"""Settings of the pipeline, one changed at a time: what every rule owes to what all rules share."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from experiments.matrix_rules import Variant
from experiments.names import did_you_mean
from experiments.spec import JUDGE, Settings

SWEPT = frozenset(Settings.model_fields) - JUDGE - {"device", "checkpoint_every"}


@dataclass(frozen=True)
class Sweep:
    """The [sweep] table of a matrix file: every rule runs as it is, and again with each value of each setting alone.

    An environment that sets a setting itself keeps it, and does not run that setting's values.
    """

    values: dict[str, tuple[Any, ...]]

    def variants(self, rules: Iterable[Variant], given: Mapping[str, Any]) -> list[Variant]:
        """The rules, and each with every value that the environment, which gives these settings, leaves open."""
        found = []
        for rule in rules:
            found.append(rule)
            for key, values in self.values.items():
                if key not in given and key not in rule.settings:
                    found += [
                        replace(rule, label=f"{rule.label}({key}={value})", settings={**rule.settings, key: value})
                        for value in values
                    ]
        return found


def read_sweep(table: Mapping[str, Any], problems: list[str]) -> Sweep:
    """The sweep of a [sweep] table; what is wrong with it joins `problems`."""
    good = {}
    for key, values in table.items():
        if key not in SWEPT:
            problems.append(f"sweep.{key}: not a setting that may be swept; {did_you_mean(key, SWEPT)}")
        elif not isinstance(values, list) or not values or len(set(map(repr, values))) < len(values):
            problems.append(f"sweep.{key}: expected a list of different values, got {values!r:.80}")
        else:
            good[key] = tuple(tuple(value) if isinstance(value, list) else value for value in values)
    return Sweep(good)
