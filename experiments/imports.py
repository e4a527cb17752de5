"""Static analysis of imports: the files that a module depends on, directly and through others."""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from threading import Lock

from experiments.loaded import BESIDE, beside, is_installed, source_of

ENTRY_POINT = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")  # "module:name", as gymnasium registers environments
_PARSING = Lock()


@dataclass(frozen=True)
class Module:
    """A file that is imported under a dotted name."""

    name: str
    file: str
    package: str  # what its relative imports are relative to

    @property
    def path(self) -> str:
        """Its path relative to the folder that its name starts from, the same on every machine."""
        stem = self.name.replace(".", "/")
        return f"{stem}/__init__.py" if Path(self.file).name == "__init__.py" else f"{stem}.py"


def closure(
    roots: list[Module], folder: str | None, followed: tuple[str, ...], cut: str
) -> tuple[set[Module], set[str]]:
    """All files that the roots import, directly or not, and the installed packages that the user's files import.

    folder: looked into first, beside python's path; followed: prefixes of this project's modules that are followed, the
    user's own always are; cut: a module that is not.
    """
    modules, installed, waiting = set(roots), set(), list(roots)
    while waiting:
        module = waiting.pop()
        for name in imported_by(module):
            if name.split(".")[0] in ("algos", "experiments") and (name == cut or not _within(name, followed)):
                continue
            found = find(name, folder)
            if isinstance(found, str) and not _within(module.name, followed):
                installed.add(found)
            elif isinstance(found, Module) and found not in modules:
                modules.add(found)
                waiting.append(found)
    return modules, installed


def _within(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)


def imported_by(module: Module) -> frozenset[str]:
    """Dotted names that a file imports anywhere, their packages, and names that may be modules or what they hold."""
    return _imports(source_of(module.file), module.package)


@cache
def _imports(source: bytes, package: str) -> frozenset[str]:
    names: set[str] = set()
    for node in ast.walk(parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join(filter(None, [*above, node.module]))
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and ENTRY_POINT.fullmatch(node.value):
            names.add(node.value.partition(":")[0])
    return frozenset(part for name in names for part in _parents(name) if part)


def _parents(name: str) -> Iterator[str]:
    parts = name.split(".")
    yield from (".".join(parts[: k + 1]) for k in range(len(parts)))


def parse(source: bytes) -> ast.Module:
    """The syntax tree; an empty one for invalid python, which importing it will report."""
    with _PARSING:  # python 3.11 cannot make two syntax trees in two threads at a time
        try:
            return ast.parse(source)
        except (SyntaxError, ValueError, RecursionError):
            return ast.Module([], [])


def find(name: str, folder: str | None = None) -> Module | str | None:
    """The file of a module without importing it; an installed package's name; None for what is neither."""
    return _find(name, folder, (*BESIDE, *sys.path))


@cache
def _find(name: str, folder: str | None, path: tuple[str, ...]) -> Module | str | None:
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names:
        return None
    spec: ModuleSpec | None = None
    for dotted in _parents(name):
        spec = _spec(dotted, None if spec is None else spec.submodule_search_locations, folder)
        if spec is None:
            return None
        if dotted == top and spec.origin is not None and is_installed(spec.origin):
            return top
        if spec.submodule_search_locations is None and dotted != name:
            return None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    is_package = spec.submodule_search_locations is not None
    return Module(name, spec.origin, name if is_package else name.rpartition(".")[0])


def _spec(dotted: str, within: list[str] | None, folder: str | None) -> ModuleSpec | None:
    if within is None and folder is not None and (own := beside(dotted, [folder])) is not None:
        return own
    for finder in sys.meta_path:
        try:
            spec = finder.find_spec(dotted, within)
        except (ImportError, KeyError, AttributeError, ValueError):  # of a package that is not imported
            continue
        if spec is not None:
            return spec
    return _folder_without_init(dotted, ([] if folder is None else [folder]) if within is None else within)


def _folder_without_init(dotted: str, within: list[str]) -> ModuleSpec | None:
    folders = [Path(place, dotted.rpartition(".")[2]) for place in within]
    spec = ModuleSpec(dotted, None, is_package=True)
    spec.submodule_search_locations = [str(folder) for folder in folders if folder.is_dir()]
    return spec if spec.submodule_search_locations else None


def module_of_file(file: str) -> Module:
    """A file that is imported by its path."""
    return Module(Path(file).stem, file, "")
