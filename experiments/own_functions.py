"""Measures and figures beyond ours that a matrix file names for its report; nothing of them runs here."""

import ast
from pathlib import Path
from typing import Any

from experiments.installed import installed
from experiments.outside import file_of, resolve

OWN = ("measures", "figures")  # keys of a matrix file


def own_functions(value: Any, where: str, folder: Path, problems: list[str]) -> tuple[str, ...]:
    """The names, those of files with their paths made absolute, from the matrix file's `folder`.

    where: one of OWN. A name is FILE.py:FUNCTION, or one of an installed package. What is neither, or names a file
    without that function, is a problem more.
    """
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        problems.append(f"{where}: expected a list of FILE.py:FUNCTION, got {value!r:.200}")
        return ()
    found = []
    for name in value:
        if name in installed(where):
            found.append(name)
            continue
        whole = resolve(name, folder)
        if problem := _problem(Path(file_of(whole)), whole.rpartition(":")[2]):
            brought = ", ".join(installed(where))
            more = f", or one of {brought}" if brought and ":" not in name else ""
            problems.append(f"{where}: {name}: {problem}{more}")
        found.append(whole)
    if len(set(found)) < len(found):
        problems.append(f"{where}: one of these is named twice")
    return tuple(found)


def _problem(file: Path, function: str) -> str | None:
    """Why a file has no such function, without running any of it."""
    if file.suffix != ".py" or not function.isidentifier():
        return "expected FILE.py:FUNCTION"
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return f"cannot be read: {type(error).__name__}: {error}"
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    if function not in names:
        return f"no function {function} stands there; it has {', '.join(names) or 'none'}"
    return None
