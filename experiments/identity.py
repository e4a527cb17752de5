"""What made a result besides its specification: the code that computed it and the libraries below."""

import ast
import hashlib
import json
import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path
from threading import Lock

ROOT = Path(__file__).parents[1]
COMPUTES = ("algos", "experiments/cell", "experiments/spec.py")  # what the numbers of a run depend on
_PARSING = Lock()
PACKAGES = ("torch", "gymnasium", "mujoco", "numpy")


def code_digest() -> str:
    """12 hexadecimal digits over the code that computes; comments, docstrings and layout do not count."""
    with _PARSING:  # python 3.11 cannot make two syntax trees in two threads at a time
        return _digest()


@cache
def _digest() -> str:
    digest = hashlib.sha256()
    for place in COMPUTES:
        files = [ROOT / place] if place.endswith(".py") else sorted((ROOT / place).rglob("*.py"))
        for file in files:
            digest.update(f"{file.relative_to(ROOT)}\n{_meaning(file)}\n".encode())
    return digest.hexdigest()[:12]


@cache
def library_versions() -> str:
    """JSON: python and the libraries whose releases can change a trajectory."""
    return json.dumps({"python": platform.python_version(), **{name: version(name) for name in PACKAGES}})


def _meaning(file: Path) -> str:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)
