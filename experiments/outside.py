"""What a user's own Python file defines, named `path/to/file.py:NAME` wherever a name of ours is expected.

Nothing here needs torch: an environment is tried in a process that starts quickly.
"""

import hashlib
import sys
from pathlib import Path
from typing import Any

from experiments.loaded import import_from, load_file, source_of

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


def name_of(name: str) -> str:
    """A name without the folder of its file."""
    return name.rpartition("/")[2] if is_outside(name) else name


def load(name: str, kind: str = "function") -> Any:
    """What `FILE.py:NAME` names, which can be called. Raises OutsideError; `kind`: what it calls what is missing.

    The file is imported once in a process, whatever becomes of it then, and under a name made from its contents. The
    modules that lie beside it can be imported from it.
    """
    file, _, wanted = name.rpartition(":")
    try:
        path = str(Path(file).resolve())
        if path not in LOADED:
            module = f"outside_{hashlib.sha256(source_of(path)).hexdigest()[:12]}"
            if module not in sys.modules:
                import_from(str(Path(path).parent))
                load_file(module, path)
            LOADED[path] = module
        found = getattr(sys.modules[LOADED[path]], wanted, None)
    except (Exception, SystemExit) as error:  # whatever a user's file raises when it is imported
        raise OutsideError(f"{file} cannot be imported: {type(error).__name__}: {error}") from error
    if not callable(found):
        raise OutsideError(f"{file} has no {kind} {wanted}")
    return found
