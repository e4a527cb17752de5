"""Imports run one way."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ORDER = ["types", "networks", "optim", "policies", "curvature", "estimators", "ascent", "rules"]
LAYERS = {
    "algos": {"torch", "algos"},
    "analysis": {
        *("pandas", "numpy", "pyarrow", "scipy", "seaborn", "matplotlib", "plotly", "jinja2"),
        *("markupsafe", "tyro", "analysis", "experiments"),
    },
}


def imports(file: Path) -> set[str]:
    """Dotted names of everything imported anywhere in a file, what follows `from x import` included."""
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    named = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            package = list(file.relative_to(ROOT).parts[: -node.level]) if node.level else []
            named |= {".".join([*package, *filter(None, [node.module]), alias.name]) for alias in node.names}
    return named


def packages(file: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(file)}


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_imports_only_what_it_stands_on(layer):
    for file in (ROOT / layer).rglob("*.py"):
        foreign = packages(file) - LAYERS[layer] - sys.stdlib_module_names
        assert not foreign, f"{file.relative_to(ROOT)} imports {foreign}: {layer}/ may not; move the code or the need"
        if layer == "analysis":
            world = {m for m in imports(file) if m.startswith("experiments") and m.split(".")[1:2] != ["records"]}
            assert not world, (
                f"{file.relative_to(ROOT)} imports {world}: analysis reads rows through experiments.records"
            )


def test_inside_algos_imports_run_from_types_to_rules():
    for depth, part in enumerate(ORDER):
        files = [ROOT / "algos" / f"{part}.py", *(ROOT / "algos" / part).rglob("*.py")]
        for file in filter(Path.exists, files):
            later = {f"algos.{name}" for name in ORDER[depth + 1 :]}
            wrong = {m for m in imports(file) if ".".join(m.split(".")[:2]) in later}
            assert not wrong, f"{file.relative_to(ROOT)} imports {wrong}, which stands above it: {' < '.join(ORDER)}"


@pytest.mark.parametrize("file", sorted((ROOT / "algos").rglob("*.py")), ids=lambda f: str(f.relative_to(ROOT)))
def test_mathematics_has_no_clock_file_or_global_generator(file):
    world = packages(file) & {"time", "datetime", "random", "os", "io", "pathlib", "shutil", "tempfile"}
    assert not world, f"{file.relative_to(ROOT)} imports {world}: let experiments/ do that and pass the result in"


def test_rows_need_neither_torch_nor_a_simulator():
    for file in (ROOT / "experiments" / "records").rglob("*.py"):
        assert not packages(file) & {"torch", "gymnasium", "mujoco", "algos"}
