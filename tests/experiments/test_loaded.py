"""What a module was when it was imported, whatever its file holds since."""

import importlib
import os
import sys

import pytest

from experiments import loaded
from experiments.loaded import is_installed, load_file, source_of


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Imports a module of this name and text as a user would; edited again and again, it is the same second."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(name, text):
        (tmp_path / f"{name}.py").write_text(text)
        sys.modules.pop(name, None)
        importlib.invalidate_caches()
        return importlib.import_module(name)

    yield write
    for name in ("once", "twice"):
        sys.modules.pop(name, None)


def test_an_edit_after_the_import_is_not_what_was_loaded(module, tmp_path):
    module("once", "VALUE = 1\n")
    (tmp_path / "once.py").write_text("VALUE = 2\n")
    assert source_of(tmp_path / "once.py") == b"VALUE = 1\n"


def test_what_is_kept_is_what_was_executed(module, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    for value in range(5):  # the same size and second, which python's compiled files cannot tell apart
        found = module("twice", f"VALUE = {value}\n")
        assert source_of(tmp_path / "twice.py") == f"VALUE = {found.VALUE}\n".encode()
        assert value == found.VALUE


def test_a_file_that_is_not_loaded_is_read_once(tmp_path):
    file = tmp_path / "later.py"
    file.write_text("A = 1\n")
    assert source_of(file) == b"A = 1\n"
    file.write_text("A = 2\n")
    assert source_of(file) == b"A = 1\n", "the digest that was handed out stays true"


def test_a_file_that_is_loaded_later_is_what_was_loaded(tmp_path):
    file = tmp_path / "later.py"
    file.write_text("A = 1\n")
    source_of(file)
    file.write_text("A = 2\n")
    assert load_file("of_a_path", str(file)).A == 2 and source_of(file) == b"A = 2\n"


def test_a_module_that_raises_is_not_there_afterwards(tmp_path):
    (tmp_path / "raises.py").write_text("1 / 0")
    with pytest.raises(ZeroDivisionError):
        load_file("raising", str(tmp_path / "raises.py"))
    assert "raising" not in sys.modules


def test_packages_and_python_itself_are_installed_and_this_is_not():
    assert is_installed(os.__file__) and is_installed(pytest.__file__) and not is_installed(__file__)
    assert not any(is_installed(file) for file in loaded.SOURCES)
