"""What made a result: its specification, the code that computed it, the libraries below, and the machine."""

import ast
import hashlib
import json
import os
import platform
import resource
from functools import cache
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from typing import Any

import torch

from experiments.spec import RunSpec

ROOT = Path(__file__).parents[1]
COMPUTES = ("algos", "experiments/cell", "experiments/spec.py")  # what the numbers of a run depend on
_PARSING = Lock()
PACKAGES = ("torch", "gymnasium", "mujoco", "numpy", "numba")


def code_digest(places: tuple[str, ...] = COMPUTES) -> str:
    """12 hexadecimal digits over the code that computes; comments, docstrings and layout do not count."""
    with _PARSING:  # python 3.11 cannot make two syntax trees in two threads at a time
        return _digest(places)


@cache
def _digest(places: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for place in places:
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
        "code": code_digest(),
        "versions": library_versions(),
    }


def cpu_model() -> str:
    """What the processor calls itself."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
