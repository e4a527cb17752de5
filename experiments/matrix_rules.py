"""The [rules.NAME] tables of a matrix file: a variant for every combination of the values that they sweep."""

import itertools
import json
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError

from algos.policies import Policy
from algos.search_space import search_space
from experiments.annotations import as_tuple, takes_tuple
from experiments.factories import factory_of, hints_of, require_signature, rule_names
from experiments.names import did_you_mean
from experiments.outside import OutsideError, is_outside, name_of, resolve
from experiments.spec import JUDGE, LARGEST, build_rule, hyper_parameters
from experiments.tune import points_of

LIMIT = 100_000  # cells of a matrix, and so variants and seeds
LABEL_BYTES = 200  # of a name that becomes part of a file's, which may have 255
KEYS = ("rule", "settings", "seeds", "on")


@dataclass(frozen=True)
class Variant:
    """A rule of the file with one combination of its swept hyper-parameters."""

    entry: str
    name: str
    label: str
    hyper: dict[str, Any]
    settings: dict[str, Any]  # its own, over the shared ones and the environment's
    seeds: list[int]
    on: dict[str, dict[str, Any]] = field(default_factory=dict)  # environment -> hyper-parameters there, all of them


class RuleReader:
    """Reads one table after the other, and adds every problem to `problems` instead of stopping at the first."""

    def __init__(
        self,
        folder: Path,
        problems: list[str],
        policies: Mapping[str, Policy],
        environments: tuple[str, ...] = (),
        points: int | None = None,
    ) -> None:
        """`policies`: for each kind of action in the file, the name of an environment with it and a policy for it;
        `points`: how many settings a rule is to be tuned over.
        """
        self.folder, self.problems, self.policies = folder, problems, policies
        self.environments, self.points = environments, points

    def read(self, name: str, table: dict[str, Any], seeds: list[int]) -> list[Variant]:
        """A variant for every combination of the swept values."""
        where = f"rules.{name}"
        if "seeds" in table:
            seeds = seeds_of(table["seeds"], f"{where}.seeds", self.problems)
        rule = self._known_rule(str(table.get("rule", name)), where)
        if rule is None:
            return []
        parameters = hyper_parameters(rule)
        given = {key: value for key, value in table.items() if key not in KEYS}
        for key in given:
            if key not in parameters:
                self.problems.append(f"{where}.{key}: not a hyper-parameter of {rule}; {did_you_mean(key, parameters)}")
        defaults = {key: parameter.default for key, parameter in parameters.items()}
        own = self._own_settings(table, where)
        variants: list[Variant] = []
        hints = hints_of(rule)
        choices = {key: _choices(value, hints[key]) for key, value in given.items() if key in parameters}
        tuning = self.points is not None
        settings = self._points(rule, choices, defaults, where) if tuning else self._combinations(choices, where)
        for tags, chosen in settings:
            hyper = self._hyper(rule, defaults | chosen, where)
            label = f"{name}({','.join(tags)})" if tags else name
            on = self._on(rule, table.get("on", {}), defaults | chosen, where)
            variants.append(Variant(name, rule, label, hyper, own, seeds, on))
        self._check(variants, where)
        return variants

    def _known_rule(self, rule: str, where: str) -> str | None:
        """Its name, with the whole path if it is a user's; None, and a problem more, if there is none."""
        if is_outside(rule):
            rule = resolve(rule, self.folder)
        elif rule not in rule_names():
            hint = did_you_mean(rule, rule_names())
            self.problems.append(f"{where}: unknown rule {rule}; {hint}, or FILE.py:FUNCTION")
            return None
        try:
            require_signature(rule)
        except OutsideError as error:
            self.problems.append(f"{where}.rule: {error}")
            return None
        return rule

    def _combinations(self, given: dict[str, Any], where: str) -> Iterator[tuple[list[str], dict[str, Any]]]:
        """Every choice of one value from each list, with what its label says of it."""
        swept = [key for key, value in given.items() if isinstance(value, list)]
        for key in swept:
            if not given[key]:
                self.problems.append(f"{where}.{key}: an empty list sweeps nothing; give at least one value")
        size = prod(len(given[key]) for key in swept)
        if size > LIMIT:
            self.problems.append(
                f"{where}: its lists make {size:,} combinations, more than {LIMIT:,}; give fewer values"
            )
            return
        for values in itertools.product(*(given[key] if key in swept else [given[key]] for key in given)):
            chosen = dict(zip(given, values, strict=True))
            yield [f"{key}={chosen[key]}" for key in swept], chosen

    def _points(
        self, rule: str, given: dict[str, Any], defaults: Mapping[str, Any], where: str
    ) -> Iterator[tuple[list[str], dict[str, Any]]]:
        """Every setting to tune over, with what its label says of it; what the file gives stays as it is."""
        for key in [key for key, value in given.items() if isinstance(value, list)]:
            self.problems.append(f"{where}.{key}: a tuning tries its own values; give one, which stays, or none")
        space = {key: values for key, values in search_space(factory_of(rule)).items() if key not in given}
        try:
            points = points_of(space, defaults, self.points or 0)
        except ValueError as error:
            self.problems.append(f"{where}: {rule} cannot be tuned: {error}")
            return
        for point in points:
            yield [f"{key}={value}" for key, value in point.items()], given | point

    def _on(self, rule: str, tables: Any, values: dict[str, Any], where: str) -> dict[str, dict[str, Any]]:
        """Environment -> the hyper-parameters there, of [rules.NAME.on.ENVIRONMENT] tables over the others."""
        if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
            self.problems.append(f"{where}.on: expected tables [{where}.on.ENVIRONMENT], got {tables!r:.80}")
            return {}
        found, known = {}, hyper_parameters(rule)
        for env, table in tables.items():
            here = f"{where}.on.{env}"
            if env not in self.environments:
                self.problems.append(f"{here}: no such environment here; {did_you_mean(env, self.environments)}")
            wrong = [key for key in table if key not in known]
            for key in wrong:
                self.problems.append(f"{here}.{key}: not a hyper-parameter of {rule}; {did_you_mean(key, known)}")
            if not wrong:
                found[env] = self._hyper(rule, values | table, here)
        return found

    def _check(self, variants: list[Variant], where: str) -> None:
        """Whether all of these differ, and can be named."""
        known: set[str] = set()
        for variant in variants:
            values = json.dumps(variant.hyper, sort_keys=True, default=repr)
            if values in known:
                self.problems.append(f"{where}: {variant.label} is given twice; values that are swept must differ")
                return
            known.add(values)
        longest = max(variants, key=lambda variant: len(variant.label.encode()), default=None)
        size = 0 if longest is None else len(longest.label.encode())
        if longest is not None and size > LABEL_BYTES:
            self.problems.append(
                f"{where}: a label of {size} bytes, more than {LABEL_BYTES}, is too long for the name of a file: "
                f"{longest.label[:60]}..."
            )
        if any(unicodedata.category(letter) == "Cc" for letter in where):
            self.problems.append(f"{where!r}: a name must not hold control characters")

    def _own_settings(self, table: dict[str, Any], where: str) -> dict[str, Any]:
        settings = table.get("settings", {})
        if not isinstance(settings, dict):
            self.problems.append(f"{where}.settings: expected a table, got {settings!r}")
            return {}
        for key in settings.keys() & JUDGE:
            self.problems.append(f"{where}.settings.{key}: evaluation is the same for every rule; set it in [settings]")
        return {key: value for key, value in settings.items() if key not in JUDGE}

    def _hyper(self, rule: str, values: dict[str, Any], where: str) -> dict[str, Any]:
        hints = hints_of(rule)
        checked: dict[str, Any] = {}
        for key, value in values.items():
            try:
                checked[key] = TypeAdapter(hints[key], config=ConfigDict(strict=True)).validate_python(value)
            except ValidationError as error:
                self.problems.append(f"{where}.{key}: {error.errors()[0]['msg']}, got {value!r}")
            except PydanticUserError as error:
                self.problems.append(f"{where}.{key}: no file can give a {hints[key]}; {str(error).splitlines()[0]}")
        if len(checked) == len(values):
            self._build(rule, checked, where)
        return checked

    def _build(self, rule: str, hyper: dict[str, Any], where: str) -> None:
        """Make the rule for every kind of action that the file's environments have."""
        for env, policy in self.policies.items():
            try:
                built = build_rule(rule, hyper, policy)
                if callable(getattr(built, "init", None)) and callable(getattr(built, "update", None)):
                    continue
                problem = f"{where}: {rule} returned {built!r:.80}; expected a rule, with `init` and `update`"
            except ValueError as error:
                problem = f"{where}: {error}"
            except (Exception, SystemExit) as error:  # whatever a user's rule raises
                problem = f"{where}: {rule} cannot be made for {env}: {type(error).__name__}: {error}"
            if problem not in self.problems:
                self.problems.append(problem)


def _choices(value: Any, hint: Any) -> Any:
    """A list is a sweep, but where a tuple is wanted: there it is one value, and a list of lists is a sweep."""
    if not takes_tuple(hint) or not isinstance(value, list):
        return value
    return [as_tuple(each) for each in value] if any(isinstance(each, list) for each in value) else as_tuple(value)


def seeds_of(value: Any, where: str, problems: list[str]) -> list[int]:
    """The seeds that a file asks for, by their number or one by one; none, and a problem more, if it may not."""
    is_number = type(value) is int
    if (value if is_number else len(value) if isinstance(value, list) else 0) > LIMIT:
        problems.append(f"{where}: at most {LIMIT:,} seeds, got {value if is_number else len(value):,}")
        return []
    numbers = list(range(value)) if is_number else value
    good = isinstance(numbers, list) and all(type(n) is int and 0 <= n <= LARGEST for n in numbers)
    if not good or not numbers or len(set(numbers)) < len(numbers):
        expected = "a positive number, or a list of different seeds from 0 to 2^63 - 1"
        problems.append(f"{where}: expected {expected}, got {value!r:.200}")
        return []
    return numbers


def clashes(variants: list[Variant]) -> list[str]:
    """Variants that would be the same cell or have the same label, a line each."""
    problems: list[str] = []
    labels: dict[str, Variant] = {}
    files: dict[str, Variant] = {}
    for variant in variants:
        same = labels.setdefault(unicodedata.normalize("NFC", variant.label), variant)
        if same is not variant:
            if (same.entry, same.hyper) == (variant.entry, variant.hyper):
                continue  # said where the values are read
            problems.append(
                f"rules.{variant.entry}: its label {variant.label} is that of rules.{same.entry}; rename one"
            )
        if is_outside(variant.name):
            other = files.setdefault(name_of(variant.name).partition(":")[0], variant)
            if other.name.rpartition(":")[0] != variant.name.rpartition(":")[0]:
                problems.append(
                    f"rules.{variant.entry}.rule: another file has the name of that of rules.{other.entry}; rename one"
                )
    return list(dict.fromkeys(problems))
