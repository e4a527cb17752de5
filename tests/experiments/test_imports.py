"""Which files code depends on."""

import pytest

from experiments.imports import Module, closure, find, imported_by, module_of_file

FILES = {
    "user/__init__.py": "",
    "user/env.py": "from user import reward\nfrom . import sizes\nimport numpy, json, pandas.api\n",
    "user/reward.py": "def scale():\n    from user.deep.inner import X\n    return X\n",
    "user/sizes.py": "from .reward import scale\n",
    "user/deep/inner.py": "X = 1\n",
    "user/unused.py": "import user.env\n",
    "registers.py": "import gymnasium\ngymnasium.register('A-v0', entry_point='user.env:Env')\n",
    "broken.py": "def (\n",
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def reached(name, followed=(), cut=""):
    modules, installed = closure([find(name)], None, followed, cut)
    return {module.path for module in modules}, installed


def test_imports_of_imports_are_followed_wherever_they_stand(folder):
    files, _ = reached("user.env")
    assert files == {"user/__init__.py", "user/env.py", "user/reward.py", "user/sizes.py", "user/deep/inner.py"}


def test_installed_packages_are_named_and_python_is_not(folder):
    assert reached("user.env")[1] == {"numpy", "pandas"}


def test_what_an_environment_is_registered_with_is_followed(folder):
    assert "user/env.py" in reached("registers")[0]


def test_a_file_that_is_no_python_has_no_imports(folder):
    assert reached("broken")[0] == {"broken.py"}


def test_of_this_project_only_what_is_to_be_followed_is():
    files, _ = reached("algos.rules.trpo", ("algos",), "algos.rules")
    assert "algos/ascent/rule.py" in files and "algos/rules/trpo.py" in files
    assert not {file for file in files if file.startswith(("algos/rules/ppo", "algos/rules/__init__", "experiments"))}


def test_a_file_beside_the_rule_is_found_without_being_on_the_path(tmp_path):
    (tmp_path / "mine.py").write_text("import helper\n")
    (tmp_path / "helper.py").write_text("")
    modules, _ = closure([module_of_file(str(tmp_path / "mine.py"))], str(tmp_path), (), "")
    assert {module.path for module in modules} == {"mine.py", "helper.py"}


@pytest.mark.parametrize(("name", "found"), [("json", None), ("numpy.linalg", "numpy"), ("nowhere.at.all", None)])
def test_what_is_no_file_of_the_user(name, found):
    assert find(name) == found


def test_relative_imports_know_their_package(folder):
    assert imported_by(Module("user.sizes", str(folder / "user/sizes.py"), "user")) >= {"user.reward", "user"}
