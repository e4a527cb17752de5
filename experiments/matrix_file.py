"""A matrix file becomes run specifications, checked whole before anything starts."""

from dataclasses import dataclass, field, replace
from math import isfinite
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from algos.search_space import search_space
from experiments.cell.probe import Prober
from experiments.factories import factory_of
from experiments.identity import code_of, users_modules
from experiments.matrix_environments import ENVIRONMENT_KEYS, Entry, EnvironmentReader
from experiments.matrix_fit import notes_of, policies_of, problem_of
from experiments.matrix_rules import LIMIT, RuleReader, Variant, clashes, seeds_of
from experiments.matrix_source import SHIPPED, MatrixError, Source, read_source
from experiments.matrix_tables import Tables
from experiments.names import did_you_mean
from experiments.outside import OutsideError, is_outside, resolve
from experiments.own_functions import OWN, own_functions
from experiments.spec import RunSpec, Settings, defaults_of
from experiments.sweep import Sweep, read_sweep
from experiments.tune import Tuned, Tuning, overlap, places_of

__all__ = ["SHIPPED", "Comparisons", "Matrix", "MatrixError", "load_matrix"]


class Comparisons(BaseModel):
    """What the matrix is to decide, declared before it runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: tuple[tuple[str, str], ...] = Field(min_length=1, description="pairs of labels")
    measure: Literal["nauc", "final_sampled"] = Field("nauc", description="a column of measures")
    smallest_effect: float | None = Field(None, gt=0, description="differences below it are practically none")


@dataclass(frozen=True)
class Matrix:
    """A matrix file, checked. `scores` maps an environment to the (random, reference) returns that the file gives."""

    name: str
    file: Path
    cells: tuple[RunSpec, ...]
    scores: dict[str, tuple[float, float]]
    compare: Comparisons | None = None
    notes: tuple[str, ...] = ()  # what one should know before it runs
    sequential: bool = False  # seeds in blocks, until its comparisons are decided
    tune: Tuning | None = None  # its cells are settings to choose from
    tuned: Tuned | None = None  # its settings were chosen
    sweep: Sweep | None = None  # settings of the pipeline that every rule runs with
    own_settings: dict[str, list[str]] = field(default_factory=dict)  # label -> those that its rule's entry gives
    measures: tuple[str, ...] = ()  # of the user's, FILE.py:FUNCTION, for the report alone
    figures: tuple[str, ...] = ()

    @property
    def head(self) -> dict[str, Any]:
        """What a manifest says of it beside its cells."""
        rules = sorted({cell.rule for cell in self.cells})
        head: dict[str, Any] = {
            "matrix": self.name,
            "file": str(self.file),
            "scores": {env: list(pair) for env, pair in self.scores.items()},
            "compare": None if self.compare is None else self.compare.model_dump(mode="json"),
            "defaults": {rule: defaults_of(rule) for rule in rules},
            **{key: list(named) for key in OWN if (named := getattr(self, key))},
        }
        if self.own_settings:
            head["own_settings"] = self.own_settings
        if self.tune is not None:
            spaces = {rule: search_space(factory_of(rule)) for rule in rules}
            places = {cell.label: places_of(spaces[cell.rule], cell.hyper) for cell in self.cells}
            head["tune"] = self.tune.model_dump(mode="json") | {"places": places}
        if self.tuned is not None:
            head["tuned"] = self.tuned.model_dump(mode="json")
        if self.sweep is not None:
            head["sweep"] = {key: list(values) for key, values in self.sweep.values.items()}
        return head


def load_matrix(name_or_file: str, seeds: int | None = None) -> Matrix:
    """Read a shipped matrix by its name, or a TOML file by its path; `seeds` replaces the file's.

    Raises MatrixError.
    """
    return matrix_of(read_source(name_or_file), seeds)


def matrix_of(source: Source, seeds: int | None = None) -> Matrix:
    """The matrix that was read, checked whole; `seeds` replaces its own. Raises MatrixError."""
    file = source.file
    reader = _Reader(source)
    matrix = reader.read(file, seeds)
    if reader.problems:
        raise MatrixError(file, reader.problems)
    try:
        return replace(matrix, cells=_coded(matrix.cells))
    except OutsideError as error:
        raise MatrixError(file, [str(error)]) from error


def _coded(cells: tuple[RunSpec, ...]) -> tuple[RunSpec, ...]:
    """The cells with the digest of the code that is to compute them: what this process has loaded.

    Raises OutsideError if two files of theirs cannot be told apart.
    """
    parts = {(cell.env, cell.named): cell for cell in cells}
    users_modules(parts.values())
    digests = {part: code_of(cell).digest for part, cell in parts.items()}
    return tuple(cell.model_copy(update={"code": digests[cell.env, cell.named]}) for cell in cells)


class _Reader(Tables):
    """Walks the file once and collects every problem instead of stopping at the first."""

    KEYS = ("seeds", "settings", "environments", "rules", "compare", "tune", "tuned", "sweep", "measures", "figures")

    def __init__(self, source: Source) -> None:
        super().__init__(source.raw)
        self.folder, self.chosen_by, self.stored = source.folder, source.chosen_by, source.labels

    def read(self, file: Path, seeds: int | None) -> Matrix:
        if not self.raw:
            self.problems.append(
                "is empty; expected [environments.NAME] and [rules.NAME] tables (see matrices/quick.toml)"
            )
            return Matrix(file.stem, file, (), {})
        self._known(self.raw, self.KEYS, "")
        shared_seeds = seeds_of(self.raw.get("seeds", 3) if seeds is None else seeds, "seeds", self.problems)
        shared = self._table(self.raw, "settings", required=False)
        shared_good = self._settings(shared, "settings") is not None
        environments = self._environments()
        interfaces = {entry.name: entry.interface for entry in environments if entry.interface is not None}
        tune, tuned = self._part("tune", Tuning), self._part("tuned", Tuned)
        points = None if tune is None else tune.points
        names = tuple(entry.name for entry in environments)
        reader = RuleReader(self.folder, self.problems, policies_of(interfaces), names, points)
        rules = [
            variant for name, table in self._named_tables("rules") for variant in reader.read(name, table, shared_seeds)
        ]
        self.problems += clashes(rules)
        self._keep_apart(tune, rules)
        sweep = self._sweep(rules)
        if tune is not None:
            rules = [replace(rule, seeds=list(tune.seeds)) for rule in rules]
            environments = self._chosen(tune, environments)
        if self._too_many(rules):
            return Matrix(file.stem, file, (), {})
        cells: list[RunSpec] = []
        scores: dict[str, tuple[float, float]] = {}
        changed: dict[str, list[str]] = {}
        for entry in environments:
            where, own = entry.where, entry.settings
            if "score" in entry.table:
                self._score(entry.name, entry.table["score"], scores)
            if "budget" not in entry.table:
                self.problems.append(f"{where}.budget: missing; expected the number of training environment steps")
                continue
            if self._settings({**shared, **own} if shared_good else own, where, of_environment=True) is None:
                continue
            if shared_good:
                variants = sweep.variants(rules, own)
                changed |= {rule.label: sorted(rule.settings) for rule in variants if rule.settings}
                whole = entry.table["budget"] if tune is None else tune.budget(entry.table["budget"])
                for rule in variants:
                    cells += self._cells(
                        entry, rule, {**shared, **own, **rule.settings}, whole, rule.seeds[: seeds or None]
                    )
        compare = self._compare({rule.label for rule in rules}.union(self.stored))
        notes = notes_of(interfaces, cells)
        own = {key: own_functions(self.raw.get(key, []), key, self.folder, self.problems) for key in OWN}
        return Matrix(
            file.stem,
            file,
            tuple(cells),
            scores,
            compare,
            notes,
            tune=tune,
            tuned=tuned,
            sweep=sweep if sweep.values else None,
            own_settings=changed,
            **own,
        )

    def _cells(
        self, entry: Entry, rule: Variant, values: dict[str, Any], budget: Any, seeds: list[int]
    ) -> list[RunSpec]:
        """A rule's cells on one environment, a seed each; none, and a problem more, if its settings do not fit."""
        settings = self._settings(values, f"rules.{rule.entry}.settings")
        if settings is None:
            return []
        if problem := problem_of(entry.interface, settings):
            self.problems += [line for line in [f"{entry.where}: {problem}"] if line not in self.problems]
            return []
        try:
            return [
                RunSpec(
                    env=entry.name, environment=entry.environment, env_kwargs=entry.kwargs, wrappers=entry.wrappers,
                    info=entry.info, rule=rule.name, label=rule.label, hyper=rule.on.get(entry.name, rule.hyper),
                    seed=seed, settings=settings, budget=budget,
                )
                for seed in seeds
            ]  # fmt: skip
        except ValidationError as error:
            self._report(error, entry.where, {*Settings.model_fields, *ENVIRONMENT_KEYS})
            return []

    def _keep_apart(self, tune: Tuning | None, rules: list[Variant]) -> None:
        """Seeds that tune from those that judge, and a tuning from a verdict."""
        judging = {seed for rule in rules for seed in rule.seeds}
        for where, seeds in (("tune.seeds", tune.seeds if tune else ()), ("tuned.choices", self.chosen_by)):
            if problem := overlap(seeds, judging):
                self.problems.append(f"{where}: {problem}")
        if tune is not None and "compare" in self.raw:
            self.problems.append("compare: a tuning chooses and compares nothing; declare it where the choices run")

    def _sweep(self, rules: list[Variant]) -> Sweep:
        """What all rules are swept over; nothing else is, then."""
        sweep = read_sweep(self._table(self.raw, "sweep", required=False), self.problems)
        if sweep.values and ("tune" in self.raw or any(rule.label != rule.entry for rule in rules)):
            self.problems.append("sweep: changes settings one at a time; take away [tune] and lists under [rules]")
        return sweep

    def _chosen(self, tune: Tuning, environments: list[Entry]) -> list[Entry]:
        """The environments to tune on."""
        known = [entry.name for entry in environments]
        chosen = known if tune.environments is None else tune.environments
        for env in chosen:
            if env not in known:
                self.problems.append(f"tune.environments: no environment {env}; {did_you_mean(env, known)}")
        return [entry for entry in environments if entry.name in chosen]

    def _too_many(self, rules: list[Variant]) -> bool:
        environments = self.raw.get("environments")
        cells = sum(len(rule.seeds) for rule in rules) * (len(environments) if isinstance(environments, dict) else 0)
        if cells > LIMIT:
            self.problems.append(
                f"it has {cells:,} cells, more than {LIMIT:,}; give fewer values, seeds or environments"
            )
        return cells > LIMIT

    def _compare(self, labels: set[str]) -> Comparisons | None:
        compare = self._part("compare", Comparisons)
        for label in {label for pair in compare.rules for label in pair} - labels if compare else ():
            self.problems.append(f"compare.rules: no rule {label}; {did_you_mean(label, labels)}")
        return compare

    def _settings(self, values: dict[str, Any], where: str, of_environment: bool = False) -> Settings | None:
        network = values.get("network")
        if isinstance(network, str) and is_outside(network):
            values = {**values, "network": resolve(network, self.folder)}
        try:
            return Settings(**values)
        except ValidationError as error:
            self._report(error, where, {*Settings.model_fields, *(ENVIRONMENT_KEYS if of_environment else ())})
            return None

    def _score(self, env: str, value: Any, scores: dict[str, tuple[float, float]]) -> None:
        try:
            random, reference = TypeAdapter(tuple[float, float]).validate_python(value)
        except ValidationError:
            random = reference = 0.0
        if not random < reference or not isfinite(reference - random):
            self.problems.append(
                f"environments.{env}.score: expected two finite returns [random, reference], the second above the "
                f"first, got {value!r}"
            )
        else:
            scores[env] = (random, reference)

    def _environments(self) -> list[Entry]:
        with Prober() as prober:
            reader = EnvironmentReader(self.folder, self.problems, prober)
            return [reader.read(key, table) for key, table in self._named_tables("environments")]
