"""What made a result: its specification, the code that computed it, the libraries below, and the machine.

The code of a run is the files that its rule, its environment and the pipeline import, as they were loaded
(`loaded.py`). To add or edit one rule says nothing about the runs of others; to edit an environment does, about all
runs in it. What is imported by a computed name is not seen.
"""

import ast
import hashlib
import json
import os
import platform
import resource
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from itertools import chain
from pathlib import Path
from typing import Any

import gymnasium as gym
import torch

from experiments.cell.entry_points import Wrapping
from experiments.factories import module_of_rule
from experiments.imports import Module, closure, find, module_of_file, parse
from experiments.installed import installed
from experiments.loaded import PROJECT, source_of
from experiments.outside import OutsideError, file_of, is_outside
from experiments.records import PROTOCOL
from experiments.spec import RunSpec

PIPELINE = ("experiments.cell.train",)
FOLLOWED = ("algos", "experiments.cell", "experiments.spec", "experiments.forks")  # what numbers depend on
TABLE = "algos.rules"  # imports every rule, of which a run needs one
PACKAGES = ("torch", "gymnasium", "mujoco", "numpy", "numba")  # in `library_versions`


class OtherCode(Exception):
    """This process has not the code that the cell is to be computed by; the message says what to do."""


@dataclass(frozen=True)
class Code:
    """Files that compute something: name -> 12 hexadecimal digits of what each means; packages: name -> version."""

    files: tuple[tuple[str, str], ...]

    @property
    def digest(self) -> str:
        """12 hexadecimal digits over all of it; comments, docstrings, layout and folders do not count."""
        return hashlib.sha256(repr(self.files).encode()).hexdigest()[:12]

    def __or__(self, other: "Code") -> "Code":
        """The files of both."""
        return Code(tuple(sorted({*self.files, *other.files})))


def code_of(spec: RunSpec, roots: tuple[str, ...] = PIPELINE, folder: str | None = None) -> Code:
    """The code of a run in this process; `roots`: the modules that do with it what they do.

    folder: looked into for modules that are named without a file, beside python's path. Raises OutsideError.
    """
    network = spec.settings.own_network
    return code_of_parts(spec.rule, spec.environment, spec.env_kwargs, roots, spec.wrappers, folder, network)


def code_of_parts(
    rule: str,
    env: str,
    kwargs: Mapping[str, Any],
    roots: tuple[str, ...] = PIPELINE,
    wrappers: Sequence[Wrapping] = (),
    folder: str | None = None,
    network: str | None = None,
) -> Code:
    """As `code_of`, of a rule, an environment and a user's network by their names."""
    named = [rule, env, *(name for name, _ in wrappers), *([network] if network else [])]
    modules, packages = _modules(named, roots, folder)
    files = {path: _digest(source_of(module.file)) for path, module in modules.items()}
    files |= {f"{name} (package)": _version(name) for name in packages - {*PACKAGES}}
    for arguments in (kwargs, *(arguments for _, arguments in wrappers)):
        files |= {f"{name} (file)": _digest_of_bytes(data) for name, data in _files_named(arguments)}
    return Code(tuple(sorted(files.items())))


def users_modules(specs: Iterable[RunSpec]) -> dict[str, Module]:
    """Path as a module -> each of the user's own files that these runs import. Raises OutsideError."""
    found, _ = _modules(dict.fromkeys(chain(*(spec.named for spec in specs))), (), None)
    return {path: module for path, module in found.items() if module.name.split(".")[0] not in PROJECT}


def _modules(parts: Iterable[str], roots: tuple[str, ...], folder: str | None) -> tuple[dict[str, Module], set[str]]:
    """Path -> module of all that these import, and the installed packages among it. Raises OutsideError."""
    modules: dict[str, Module] = {}
    packages: set[str] = set()
    origins: list[tuple[str | None, list[Module | str]]] = [(None, [*roots])]
    for where, names in [*origins, *(_origin(part, folder) for part in parts)]:
        found = [name if isinstance(name, Module) else find(name, where) for name in names]
        packages |= {name for name in found if isinstance(name, str)}
        reached, more = closure([m for m in found if isinstance(m, Module)], where, FOLLOWED, TABLE)
        packages |= more
        for module in reached:
            other = modules.setdefault(module.path, module)
            if Path(other.file).resolve() != Path(module.file).resolve():
                raise OutsideError(
                    f"{other.file} and {module.file} would both be imported as {module.name}; rename one"
                )
    return modules, packages


def _origin(part: str, folder: str | None) -> tuple[str | None, list[Module | str]]:
    """Where the modules of a rule, an environment or a wrapper are looked for first, and those to begin with."""
    if is_outside(part):
        return str(Path(file_of(part)).parent), [module_of_file(file_of(part))]
    module = module_of_rule(part)
    return folder, [*_modules_of(part)] if module is None else [module]


def codes_of(specs: Iterable[RunSpec]) -> list[Code]:
    """The code of each rule, environment and network among these."""
    parts = {(spec.env, spec.named): spec for spec in specs}
    return [code_of(spec) for spec in parts.values()]


def require_code(spec: RunSpec) -> None:
    """Raise OtherCode if this process would compute the cell with other code than its specification names."""
    here = code_of(spec).digest
    if spec.code not in ("", here):
        raise OtherCode(
            f"code {spec.code} is to compute it, this process has {here}: a file was edited after "
            "the matrix was started, or a worker has another version; start the same command again"
        )


def _modules_of(env: str) -> list[str]:
    """Where an environment, wrapper or network is, or, for one that is known by its name alone, where it is defined."""
    module, _, name = env.rpartition(":")
    if module:
        return [module]
    known = gym.registry.get(name)
    if known is None:
        points = [installed(kind).get(name) for kind in ("environments", "networks")]
        return [point.module for point in points if point is not None]
    made_by = [known.entry_point, *(wrapper.entry_point for wrapper in known.additional_wrappers)]
    return [entry.partition(":")[0] if isinstance(entry, str) else str(entry.__module__) for entry in made_by if entry]


def _files_named(kwargs: Mapping[str, Any]) -> list[tuple[str, bytes]]:
    """The files that an environment is given, such as a MuJoCo model of the user's."""
    files = [(key, Path(value)) for key, value in kwargs.items() if isinstance(value, str) and value]
    return [(key, source_of(str(file))) for key, file in files if "\0" not in str(file) and file.is_file()]


@cache
def _digest(source: bytes) -> str:
    """Of what python text means."""
    tree = parse(source)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and (
            ast.get_docstring(node) is not None
        ):
            node.body = node.body[1:]
    return _digest_of_bytes(ast.dump(tree).encode())


def _digest_of_bytes(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:12]


@cache
def _version(package: str) -> str:
    """Of the distribution that installed it."""
    try:
        return ", ".join(sorted(version(name) for name in packages_distributions().get(package, [])))
    except PackageNotFoundError:
        return ""


@cache
def library_versions() -> str:
    """JSON: python and the libraries whose releases can change a trajectory."""
    return json.dumps({"python": platform.python_version(), **{name: version(name) for name in PACKAGES}})


def columns_of(spec: RunSpec) -> dict[str, Any]:
    """The columns of a RunRow that say which cell it is."""
    return {
        "run_id": spec.run_id,
        "env": spec.env,
        "rule": spec.rule,
        "label": spec.label,
        "hyper": json.dumps(spec.hyper, sort_keys=True),
        "settings": spec.settings.model_dump_json(),
        "seed": spec.seed,
        "budget": spec.budget,
        "code": spec.code or code_of(spec).digest,
    }


def machine(jobs: int, lane: str) -> dict[str, Any]:
    """The columns of a RunRow that say where it ran."""
    return {
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "jobs": jobs,
        "lane": lane,
        "threads": torch.get_num_threads(),
        "load": os.getloadavg()[0],
        "cpu": cpu_model(),
        "protocol": PROTOCOL,
        "versions": library_versions(),
    }


@cache
def cpu_model() -> str:
    """What the processor calls itself, and the instructions that torch uses of it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    return f"{name} ({torch.backends.cpu.get_cpu_capability()})"
