"""Keeps the source of every module as it was when it was imported.

A file that is edited after it was imported does not change the code that runs, so a result is identified by what was
loaded. The finder below comes before python's own and keeps the source of every module that is imported from a file of
this project or of the user's; installed packages are identified by their versions.
"""

import importlib.util
import sys
import sysconfig
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

INSTALLED = tuple(Path(sysconfig.get_path(kind)).resolve() for kind in ("stdlib", "platstdlib", "purelib", "platlib"))
FOLDERS = frozenset({"site-packages", "dist-packages"})
PROJECT = frozenset({"algos", "experiments", "analysis"})
SOURCES: dict[str, bytes] = {}  # absolute path of a file -> its source when it was loaded
BESIDE: list[str] = []  # folders of users' files, whose modules these import


class _Loader(SourceFileLoader):
    """Loads a module as python does, and keeps the source that its code was compiled from."""

    def get_code(self, fullname: str) -> CodeType | None:
        while True:
            source = self.get_data(self.path)
            code = self.source_to_code(source, self.path) if _is_doubtful(self.path) else super().get_code(fullname)
            if self.get_data(self.path) == source:  # else it was edited in between
                SOURCES[str(Path(self.path).resolve())] = source
                return code


def _is_doubtful(path: str) -> bool:
    """Whether python's cached bytecode could be stale without python noticing: it compares times in whole seconds."""
    try:
        compiled = Path(importlib.util.cache_from_source(path)).stat().st_mtime
        return int(compiled) <= int(Path(path).stat().st_mtime)
    except (OSError, NotImplementedError):
        return False


class _Finder:
    """Python's finder of modules on the path, with the loader above for files that are not installed."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        own = BESIDE if path is None else []
        spec = beside(name, own) or PathFinder.find_spec(name, path, target) or PathFinder.find_spec(name, own)
        if spec is not None and type(spec.loader) is SourceFileLoader and not is_installed(spec.loader.path):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


def beside(name: str, folders: list[str]) -> ModuleSpec | None:
    """A top-level module in these folders, which comes before what is installed, and after python and this project.

    A folder without `__init__.py` is none, since it may hold anything: it is taken where nothing else has the name.
    """
    if name in sys.stdlib_module_names or name in PROJECT:
        return None
    spec = PathFinder.find_spec(name, folders)
    return None if spec is None or spec.loader is None else spec


def import_from(folder: str) -> None:
    """Add a folder to import modules from, as python does for the folder of a script."""
    if folder not in BESIDE:
        BESIDE.append(folder)


def is_installed(file: str) -> bool:
    """Whether this file belongs to python or to an installed package."""
    return not FOLDERS.isdisjoint(Path(file).parts) or any(map(Path(file).resolve().is_relative_to, INSTALLED))


def load_file(name: str, file: str) -> ModuleType:
    """The module of a file that is on no path, imported under this name. Raises whatever its code raises."""
    spec = importlib.util.spec_from_file_location(name, file, loader=_Loader(name, file))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def source_of(file: str) -> bytes:
    """The source that was loaded from this file or, if it is not loaded yet, its contents at the first call."""
    path = str(Path(file).resolve())
    if path not in SOURCES:
        SOURCES[path] = Path(path).read_bytes()
    return SOURCES[path]


def install() -> None:
    """Keep sources from now on; those of modules that are already imported are read now."""
    if _Finder in sys.meta_path:
        return
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and file.endswith(".py") and not is_installed(file) and Path(file).is_file():
            source_of(file)
    at = sys.meta_path.index(PathFinder) if PathFinder in sys.meta_path else len(sys.meta_path)
    sys.meta_path.insert(at, _Finder)
