"""Sends a user's own files to workers that share no file system with the driver.

What travels are the python files that a run imports and that are not installed: rule, environment, wrappers, network,
and the modules of the user's that these import. On the worker they lie in a folder that is named by their contents.
Packages and files of data do not travel; what a worker lacks of the former is named before anything runs there.
"""

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path

from experiments.identity import code_of, users_modules
from experiments.loaded import source_of
from experiments.outside import file_of, is_outside
from experiments.records import write_atomically
from experiments.spec import RunSpec

Sources = dict[str, str]  # path as a module -> what was loaded from it, in base64


def encode_sources(spec: RunSpec) -> Sources:
    """The user's files that the run imports, encoded to be sent."""
    modules = users_modules([spec])
    return {path: b64encode(source_of(module.file)).decode() for path, module in sorted(modules.items())}


def decode_sources(spec: RunSpec, sources: Sources, place: Path) -> tuple[RunSpec, str | None]:
    """Write the files to a folder below `place`; the run with its names pointing there, and the folder."""
    if not sources:
        return spec, None
    folder = place / "sources" / hashlib.sha256(json.dumps(sources, sort_keys=True).encode()).hexdigest()[:16]
    for path, data in sources.items():
        file = folder / path
        if not file.is_file():
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(file, b64decode(data))

    def here(name: str, kind: str) -> str:
        return f"{folder / Path(file_of(name)).name}:{name.rpartition(':')[2]}" if is_outside(name) else name

    return spec.renamed(here), str(folder)


def differences(spec: RunSpec, wanted: Mapping[str, str], folder: str | None) -> str | None:
    """How this process's code differs from the driver's (files of `identity.Code`), in words; None if it does not."""
    found = dict(code_of(spec, folder=folder).files)
    lacks = [f"{name} {wanted[name]}" if "(package)" in name else name for name in wanted if name not in found]
    others = [name for name in wanted if found.get(name, wanted[name]) != wanted[name]]
    more = [name for name in found if name not in wanted]
    parts = (("it lacks", lacks), ("it has another version of", others), ("it also has", more))
    said = [f"{what} {', '.join(names[:5])}{', ...' if len(names) > 5 else ''}" for what, names in parts if names]
    return "; ".join(said) or None
