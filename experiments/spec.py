"""What is to be run: a matrix file becomes frozen run specifications, checked whole before anything starts."""

import difflib
import hashlib
import inspect
import itertools
import json
import tomllib
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import gymnasium as gym
import torch
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from algos.policies import Categorical, Policy
from algos.rules import RULES
from experiments.outside import OutsideRuleError, digest_of, factory_of, is_outside, resolve

SHIPPED = Path(__file__).parent / "matrices"
_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True)


class Settings(BaseModel):
    """Shared by every rule of a matrix. An environment may override them, and so may an entry under [rules], which is
    then an ablation of the pipeline, not of the rule. The recipe and its measurements: README.
    """

    model_config = _STRICT

    n_envs: int = Field(16, ge=1, description="environments stepped side by side")
    batch_size: int = Field(2048, ge=2, description="environment steps per update")
    gamma: float = Field(0.99, gt=0, lt=1)
    gae_lambda: float = Field(0.95, ge=0, le=1)
    hidden: tuple[int, ...] = Field((64, 64), strict=False, description="tanh layers of policy and critic")
    init_log_std: float = Field(-0.5, description="of continuous policies")
    normalize_obs: bool = True
    scale_rewards: bool = Field(True, description="divide rewards by the std of the discounted return")
    normalize_advantages: bool = True
    critic_steps: int = Field(3, ge=1, description="Gauss-Newton steps per batch")
    critic_cg_iterations: int = Field(4, ge=1, description="preconditioned products per step")
    critic_damping: float = Field(0.1, gt=0)
    device: Literal["cpu", "cuda"] = Field("cpu", description="of the learner; the simulator is always on the CPU")
    checkpoint_every: int = Field(
        100_000, ge=1, description="environment steps from one checkpoint to the next evaluation that may be one"
    )
    evaluations: int = Field(20, ge=1, description="points of the evaluation grid after step 0")
    eval_episodes: int = Field(10, ge=2, description="episodes per point and kind of action")
    final_episodes: int = Field(100, ge=2, description="held-out episodes for the last policy")

    @model_validator(mode="after")
    def _sizes_fit(self) -> "Settings":
        if self.batch_size % self.n_envs:
            raise ValueError(f"batch_size {self.batch_size} is not a multiple of n_envs {self.n_envs}")
        if self.device == "cuda" and not torch.cuda.is_available():
            raise ValueError("device cuda: torch sees no CUDA device here; expected cpu")
        return self


JUDGE = frozenset({"evaluations", "eval_episodes", "final_episodes"})  # settings that no rule may change for itself


class RunSpec(BaseModel):
    """One cell of the matrix, complete: every hyper-parameter and setting has its value here."""

    model_config = _STRICT

    env: str
    env_kwargs: dict[str, Any]
    rule: str
    label: str
    hyper: dict[str, Any]
    seed: int = Field(ge=0)
    budget: int = Field(ge=1)
    settings: Settings

    @model_validator(mode="after")
    def _grid_fits(self) -> "RunSpec":
        spacing = self.budget / self.settings.evaluations
        if spacing < self.settings.batch_size:
            raise ValueError(
                f"{self.settings.evaluations} evaluations in a budget of {self.budget} are {spacing:.0f} steps apart, "
                f"less than one batch of {self.settings.batch_size}; lower `evaluations` or `batch_size`, or raise "
                "`budget`"
            )
        return self

    @cached_property
    def run_id(self) -> str:
        """Readable, safe as a folder's name, and different for different specifications."""
        values = self.model_dump(mode="json") | {"code": digest_of(self.rule)}
        digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
        safe = "".join(c if c.isalnum() or c in "-_.=" else "_" for c in f"{self.label}-{self.env}")
        return f"{safe[:80]}-seed{self.seed}-{digest[:10]}"

    @property
    def grid(self) -> list[int]:
        """The evaluation grid in environment steps, 0 and the budget included."""
        k = self.settings.evaluations
        return [round(self.budget * i / k) for i in range(k + 1)]


@dataclass(frozen=True)
class Matrix:
    """A matrix file, checked. `scores` maps an environment to the (random, reference) returns that the file gives."""

    name: str
    file: Path
    cells: tuple[RunSpec, ...]
    scores: dict[str, tuple[float, float]]


class MatrixError(Exception):
    """Everything that is wrong with a matrix file, a line each."""

    def __init__(self, file: Path | str, problems: list[str]) -> None:
        super().__init__("\n".join(f"{file}: {problem}" for problem in problems))
        self.problems = problems


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """'; did you mean X?', or what is known if nothing is near."""
    names = sorted(known)
    near = difflib.get_close_matches(wrong, names, n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else f"expected one of {', '.join(names)}"


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
    return matrix


def _find(name_or_file: str) -> Path:
    file = Path(name_or_file)
    if file.suffix != ".toml" and not file.is_file():
        file = SHIPPED / f"{name_or_file}.toml"
    if not file.is_file():
        shipped = [path.stem for path in SHIPPED.glob("*.toml")]
        hint = did_you_mean(Path(name_or_file).stem, shipped)
        raise MatrixError(name_or_file, [f"no such matrix; give a .toml file or a shipped matrix: {hint}"])
    return file


@dataclass(frozen=True)
class _Variant:
    """A rule of the file with one combination of its swept hyper-parameters."""

    entry: str
    name: str
    label: str
    hyper: dict[str, Any]
    settings: dict[str, Any]  # its own, over the shared ones and the environment's


class _Reader:
    """Walks the file once and collects every problem instead of stopping at the first."""

    KEYS = ("seeds", "settings", "environments", "rules")
    ENVIRONMENT_KEYS = ("budget", "kwargs", "score")
    RULE_KEYS = ("rule", "settings")

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
        seed_list = self._seeds(self.raw.get("seeds", 3) if seeds is None else seeds)
        shared = self._table(self.raw, "settings", required=False)
        shared_good = self._settings(shared, "settings") is not None
        rules = [variant for name, table in self._named_tables("rules") for variant in self._rule(name, table)]
        cells: list[RunSpec] = []
        scores: dict[str, tuple[float, float]] = {}
        for env, table in self._named_tables("environments"):
            where = f"environments.{env}"
            self._environment(env, table.get("kwargs", {}), where)
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
                        for seed in seed_list
                    ]  # fmt: skip
                except ValidationError as error:
                    self._report(error, where, {*Settings.model_fields, *self.ENVIRONMENT_KEYS})
        return Matrix(file.stem, file, tuple(cells), scores)

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

    def _seeds(self, value: Any) -> list[int]:
        numbers = list(range(value)) if isinstance(value, int) and not isinstance(value, bool) else value
        good = isinstance(numbers, list) and all(type(n) is int and n >= 0 for n in numbers)
        if not good or not numbers or len(set(numbers)) < len(numbers):
            self.problems.append(f"seeds: expected a positive number, or a list of different seeds >= 0, got {value!r}")
            return []
        return numbers

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
        if random == reference:
            self.problems.append(
                f"environments.{env}.score: expected two different returns [random, reference], got {value!r}"
            )
        else:
            scores[env] = (random, reference)

    def _environment(self, env: str, kwargs: Any, where: str) -> None:
        from experiments.cell.environments import make_environment, spaces_of

        if env not in gym.registry and ":" not in env:
            self.problems.append(f"{where}: unknown environment; {_near_environment(env)}")
            return
        try:
            made = make_environment(env, kwargs)
            spaces_of(made)
            made.close()
        except Exception as error:  # whatever an environment's constructor raises is a fact about the matrix file
            self.problems.append(f"{where}: cannot be made with kwargs {kwargs!r}: {type(error).__name__}: {error}")

    def _rule(self, name: str, table: dict[str, Any]) -> list[_Variant]:
        """A variant for every combination of the swept values."""
        where = f"rules.{name}"
        rule = str(table.get("rule", name))
        if is_outside(rule):
            rule = resolve(rule, self.folder)
            try:
                factory_of(rule)
            except OutsideRuleError as error:
                self.problems.append(f"{where}.rule: {error}")
                return []
        elif rule not in RULES:
            self.problems.append(f"{where}: unknown rule {rule}; {did_you_mean(rule, RULES)}, or FILE.py:FUNCTION")
            return []
        parameters = hyper_parameters(rule)
        given = {key: value for key, value in table.items() if key not in self.RULE_KEYS}
        for key in given:
            if key not in parameters:
                self.problems.append(f"{where}.{key}: not a hyper-parameter of {rule}; {did_you_mean(key, parameters)}")
        swept = [key for key, value in given.items() if isinstance(value, list)]
        for key in swept:
            if not given[key]:
                self.problems.append(f"{where}.{key}: an empty list sweeps nothing; give at least one value")
        choices = [given[key] if key in swept else [given[key]] for key in given if key in parameters]
        variants = []
        for values in itertools.product(*choices):
            chosen = dict(zip([key for key in given if key in parameters], values, strict=True))
            hyper = self._hyper(rule, {**{k: p.default for k, p in parameters.items()}, **chosen}, where)
            tags = [f"{key}={chosen[key]}" for key in swept if key in chosen]
            label = f"{name}({','.join(tags)})" if tags else name
            variants.append(_Variant(name, rule, label, hyper, self._own_settings(table, where)))
        return variants

    def _own_settings(self, table: dict[str, Any], where: str) -> dict[str, Any]:
        settings = table.get("settings", {})
        if not isinstance(settings, dict):
            self.problems.append(f"{where}.settings: expected a table, got {settings!r}")
            return {}
        for key in settings.keys() & JUDGE:
            self.problems.append(f"{where}.settings.{key}: evaluation is the same for every rule; set it in [settings]")
        return {key: value for key, value in settings.items() if key not in JUDGE}

    def _hyper(self, rule: str, values: dict[str, Any], where: str) -> dict[str, Any]:
        hints = typing.get_type_hints(factory_of(rule))
        checked: dict[str, Any] = {}
        for key, value in values.items():
            try:
                checked[key] = TypeAdapter(hints[key], config=ConfigDict(strict=True)).validate_python(value)
            except ValidationError as error:
                self.problems.append(f"{where}.{key}: {error.errors()[0]['msg']}, got {value!r}")
        if len(checked) == len(values):
            try:
                build_rule(rule, checked, Policy.mlp(1, (1,), Categorical(2)))
            except ValueError as error:
                self.problems.append(f"{where}: {error}")
        return checked


def hyper_parameters(rule: str) -> dict[str, inspect.Parameter]:
    """A rule's keywords with their defaults."""
    return {name: p for name, p in inspect.signature(factory_of(rule)).parameters.items() if p.kind is p.KEYWORD_ONLY}


def build_rule(rule: str, hyper: Mapping[str, Any], policy: Policy) -> Any:
    """The rule of this name for a policy. Raises ValueError for hyper-parameters out of range."""
    return factory_of(rule)(policy, **hyper)


def _near_environment(env: str) -> str:
    near = difflib.get_close_matches(env, list(gym.registry), n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else "expected a name that gymnasium has registered"
