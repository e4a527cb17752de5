"""A matrix file becomes run specifications, checked whole before anything starts."""

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Any, Literal

import gymnasium as gym
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from algos.policies import Policy
from experiments.cell.gym_environments import family_of
from experiments.cell.probe import ProbeFailed, Prober
from experiments.cell.spaces import Interface
from experiments.identity import code_of
from experiments.matrix_rules import LIMIT, RuleReader, Variant, clashes, did_you_mean, seeds_of
from experiments.spec import RunSpec, Settings

__all__ = ["SHIPPED", "Comparisons", "Matrix", "MatrixError", "did_you_mean", "load_matrix"]

SHIPPED = Path(__file__).parent / "matrices"


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


class MatrixError(Exception):
    """Everything that is wrong with a matrix file, a line each."""

    def __init__(self, file: Path | str, problems: list[str]) -> None:
        super().__init__("\n".join(f"{file}: {problem}" for problem in problems))
        self.problems = problems


def load_matrix(name_or_file: str, seeds: int | None = None) -> Matrix:
    """Read a shipped matrix by its name, or a TOML file by its path; `seeds` replaces the file's.

    Raises MatrixError.
    """
    file = _find(name_or_file)
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MatrixError(file, [f"is not TOML: {error}"]) from error
    reader = _Reader(raw, file.parent)
    matrix = reader.read(file, seeds)
    if reader.problems:
        raise MatrixError(file, reader.problems)
    return replace(matrix, cells=_coded(matrix.cells))


def _coded(cells: tuple[RunSpec, ...]) -> tuple[RunSpec, ...]:
    """The cells with the digest of the code that is to compute them: what this process has loaded."""
    parts = {(cell.rule, cell.env): cell for cell in cells}
    digests = {part: code_of(cell).digest for part, cell in parts.items()}
    return tuple(cell.model_copy(update={"code": digests[cell.rule, cell.env]}) for cell in cells)


def _find(name_or_file: str) -> Path:
    file = Path(name_or_file)
    if file.suffix != ".toml" and not file.is_file():
        file = SHIPPED / f"{name_or_file}.toml"
    if not file.is_file():
        shipped = [path.stem for path in SHIPPED.glob("*.toml")]
        hint = did_you_mean(Path(name_or_file).stem, shipped)
        raise MatrixError(name_or_file, [f"no such matrix; give a .toml file or a shipped matrix: {hint}"])
    return file


class _Reader:
    """Walks the file once and collects every problem instead of stopping at the first."""

    KEYS = ("seeds", "settings", "environments", "rules", "compare")
    ENVIRONMENT_KEYS = ("budget", "kwargs", "score")

    def __init__(self, raw: dict[str, Any], folder: Path) -> None:
        self.raw, self.folder = raw, folder
        self.problems: list[str] = []

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
        environments = self._named_tables("environments")
        interfaces = self._interfaces(environments)
        reader = RuleReader(self.folder, self.problems, _policies(interfaces))
        rules = [
            variant for name, table in self._named_tables("rules") for variant in reader.read(name, table, shared_seeds)
        ]
        self.problems += clashes(rules)
        if self._too_many(rules):
            return Matrix(file.stem, file, (), {})
        cells: list[RunSpec] = []
        scores: dict[str, tuple[float, float]] = {}
        for env, table in environments:
            where = f"environments.{env}"
            if "score" in table:
                self._score(env, table["score"], scores)
            if "budget" not in table:
                self.problems.append(f"{where}.budget: missing; expected the number of training environment steps")
                continue
            own = {k: v for k, v in table.items() if k not in self.ENVIRONMENT_KEYS}
            if self._settings({**shared, **own} if shared_good else own, where, of_environment=True) is None:
                continue
            for rule in rules if shared_good else ():
                settings = self._settings({**shared, **own, **rule.settings}, f"rules.{rule.entry}.settings")
                if settings is None:
                    continue
                try:
                    cells += [
                        RunSpec(
                            env=env, env_kwargs=table.get("kwargs", {}), rule=rule.name, label=rule.label,
                            hyper=rule.hyper, seed=seed, budget=table["budget"], settings=settings,
                        )
                        for seed in rule.seeds[: seeds or None]
                    ]  # fmt: skip
                except ValidationError as error:
                    self._report(error, where, {*Settings.model_fields, *self.ENVIRONMENT_KEYS})
        compare = self._compare({rule.label for rule in rules}) if "compare" in self.raw else None
        return Matrix(file.stem, file, tuple(cells), scores, compare, _notes(interfaces, cells))

    def _too_many(self, rules: list[Variant]) -> bool:
        environments = self.raw.get("environments")
        cells = sum(len(rule.seeds) for rule in rules) * (len(environments) if isinstance(environments, dict) else 0)
        if cells > LIMIT:
            self.problems.append(
                f"it has {cells:,} cells, more than {LIMIT:,}; give fewer values, seeds or environments"
            )
        return cells > LIMIT

    def _compare(self, labels: set[str]) -> Comparisons | None:
        try:
            compare = Comparisons(**self._table(self.raw, "compare"))
        except ValidationError as error:
            self._report(error, "compare", set(Comparisons.model_fields))
            return None
        for label in {label for pair in compare.rules for label in pair} - labels:
            self.problems.append(f"compare.rules: no rule {label}; {did_you_mean(label, labels)}")
        return compare

    def _known(self, table: Mapping[str, Any], known: Iterable[str], where: str) -> None:
        for key in table:
            if key not in known:
                self.problems.append(f"{where}{key}: unknown key; {did_you_mean(key, known)}")

    def _table(self, parent: Mapping[str, Any], key: str, required: bool = True) -> dict[str, Any]:
        value = parent.get(key, {})
        if not isinstance(value, dict):
            self.problems.append(f"{key}: expected a table, got {value!r}")
            return {}
        if required and not value:
            self.problems.append(f"{key}: expected at least one [{key}.NAME] table")
        return value

    def _named_tables(self, key: str) -> list[tuple[str, dict[str, Any]]]:
        tables = self._table(self.raw, key)
        for name, table in tables.items():
            if not isinstance(table, dict):
                self.problems.append(f"{key}.{name}: expected a table, got {table!r}")
        return [(name, table) for name, table in tables.items() if isinstance(table, dict)]

    def _settings(self, values: dict[str, Any], where: str, of_environment: bool = False) -> Settings | None:
        try:
            return Settings(**values)
        except ValidationError as error:
            self._report(error, where, {*Settings.model_fields, *(self.ENVIRONMENT_KEYS if of_environment else ())})
            return None

    def _report(self, error: ValidationError, where: str, known: set[str]) -> None:
        for problem in error.errors():
            path = [str(part) for part in problem["loc"]]
            place = ".".join([where, *path])
            if problem["type"] == "extra_forbidden":
                line = f"{place}: unknown key; {did_you_mean(path[-1], known)}"
            else:
                got = "" if isinstance(problem["input"], (dict, BaseModel)) else f", got {problem['input']!r}"
                line = f"{place}: {problem['msg'].removeprefix('Value error, ')}{got}"
            if line not in self.problems:
                self.problems.append(line)

    def _score(self, env: str, value: Any, scores: dict[str, tuple[float, float]]) -> None:
        try:
            random, reference = TypeAdapter(tuple[float, float]).validate_python(value)
        except ValidationError:
            random = reference = 0.0
        if random == reference or not isfinite(reference - random):
            self.problems.append(
                f"environments.{env}.score: expected two different finite returns [random, reference], got {value!r}"
            )
        else:
            scores[env] = (random, reference)

    def _interfaces(self, environments: list[tuple[str, dict[str, Any]]]) -> dict[str, Interface]:
        """What policies have to fit in the environments that can be made."""
        found = {}
        with Prober() as prober:
            for env, table in environments:
                where, kwargs = f"environments.{env}", table.get("kwargs", {})
                if env not in gym.registry and ":" not in env:
                    self.problems.append(f"{where}: unknown environment; {_near_environment(env)}")
                    continue
                try:
                    found[env] = prober.ask(env, kwargs)
                except ProbeFailed as error:
                    self.problems.append(f"{where}: cannot be made with kwargs {kwargs!r}: {error}")
        return found


def _policies(interfaces: dict[str, Interface]) -> dict[str, Policy]:
    """An environment's name and a small policy for it, for each kind of action."""
    kinds = {(it.actions, it.discrete): env for env, it in reversed(interfaces.items())}
    policies = {env: Policy.mlp(1, (1,), family_of(*kind)) for kind, env in kinds.items()}
    return policies or {"any environment": Policy.mlp(1, (1,), family_of(2, True))}


def _notes(interfaces: dict[str, Interface], cells: list[RunSpec]) -> tuple[str, ...]:
    """Of the environments whose episodes need not end."""
    most = {cell.env: cell.settings.eval_max_steps for cell in cells}
    return tuple(
        f"{env} has no time limit: an evaluated episode is cut after {most[env]:,} steps (settings.eval_max_steps), a "
        "training episode never; kwargs = {max_episode_steps = N} would end both"
        for env, interface in interfaces.items()
        if interface.time_limit is None and env in most
    )


def _near_environment(env: str) -> str:
    near = difflib.get_close_matches(env, list(gym.registry), n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else "expected a name that gymnasium has registered"
