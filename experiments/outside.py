"""What a user's own Python file defines, named `path/to/file.py:NAME` wherever a name of ours is expected.

Nothing here needs torch: an environment is tried in a process that starts quickly.
"""

import hashlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from experiments.loaded import PROJECT, import_from, load_file, source_of

LOADED: dict[str, str] = {}  # absolute path -> the name under which it was imported, once in a process


class OutsideError(Exception):
    """Nothing of this name can be loaded; the message says why."""


def is_outside(name: str) -> bool:
    """Whether this names something in a file, not an entry of a table of ours."""
    return ".py:" in name


def file_of(name: str) -> str:
    """The path in `FILE.py:NAME`."""
    return name.rpartition(":")[0]


def resolve(name: str, base: Path) -> str:
    """The name with its path made absolute, relative ones being relative to the folder `base`."""
    file, _, wanted = name.rpartition(":")
    return f"{(base / file).resolve()}:{wanted}"


def file_beside(name: str, base: Path) -> str:
    """FILE.py:NAME for a MODULE:NAME whose module is a file of the folder `base`; any other name as it is."""
    module, _, wanted = name.partition(":")
    its_own = module in PROJECT or module in sys.stdlib_module_names
    return f"{module}.py:{wanted}" if wanted and not its_own and (base / f"{module}.py").is_file() else name


def name_of(name: str) -> str:
    """A name without the folder of its file."""
    file, _, wanted = name.rpartition(":")
    return f"{file.rpartition('/')[2]}:{wanted}" if is_outside(name) else name


def load(name: str, kind: str = "function") -> Any:
    """What `FILE.py:NAME` names, which can be called. Raises OutsideError; `kind`: what it calls what is missing."""
    found = getattr(import_file(file_of(name)), name.rpartition(":")[2], None)
    if not callable(found):
        raise OutsideError(f"{file_of(name)} has no {kind} {name.rpartition(':')[2]}")
    return found


def import_file(file: str) -> ModuleType:
    """The module of a user's file. Raises OutsideError.

    It is imported once in a process, whatever becomes of the file then, and under a name made from its contents. The
    modules that lie beside it can be imported from it.
    """
    try:
        path = str(Path(file).resolve())
        if path not in LOADED:
            module = f"outside_{hashlib.sha256(source_of(path)).hexdigest()[:12]}"
            if module not in sys.modules:
                import_from(str(Path(path).parent))
                load_file(module, path)
            LOADED[path] = module
        return sys.modules[LOADED[path]]
    except (Exception, SystemExit) as error:  # whatever a user's file raises when it is imported
        raise OutsideError(f"{file} cannot be imported: {type(error).__name__}: {error}") from error
