"""Stored runs of a reference, beside which others may stand without running them again: where they are, and whether
what is to stand beside them was measured alike.

A reference is a pack (`policy-ascent pack`) or a results directory. Protocol, environment with arguments and wrappers,
budget, the settings of the pipeline, evaluation and the libraries' versions must be the same, else numbers differ for
other reasons than the rule. What an entry under [rules] sets for itself is its own, for whatever a rule may set.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from experiments.records.cells import read_run
from experiments.records.code import LIBRARIES, Listings, mixed_code
from experiments.records.manifest import NAME, Manifest, manifest_of, read_manifest
from experiments.records.packed import NO_PACK, read_members, runs_of
from experiments.records.protocol import major
from experiments.records.runs import RunRow
from experiments.records.tables import BrokenCell

ALL = "reference"  # the name that stands for every pack that fits
SUFFIX = ".pack"
FOLDERS = (Path("results", "reference"), Path(__file__).resolve().parents[2] / "results" / "reference")
FREE = frozenset({"diagnose_every"})  # settings to no effect on a run
MADE_OF = ("environment", "env_kwargs", "wrappers")
Cells = Iterable[Mapping[str, Any]]


class NoReference(Exception):
    """There is no such reference; the message says where one was looked for, and what to do."""


@dataclass(frozen=True)
class Reference:
    """Stored runs: their plan, and their rows of runs."""

    name: str
    file: Path  # a pack, or a results directory
    manifest: Manifest
    runs: tuple[RunRow, ...]

    @cached_property
    def environments(self) -> dict[str, dict[str, Any]]:
        """Environment -> a planned cell on it, with the settings that most of its cells have."""
        found = {}
        for env in sorted({cell["env"] for cell in self.manifest.cells}):
            cells = [cell for cell in self.manifest.cells if cell["env"] == env]
            texts = [json.dumps(cell["settings"], sort_keys=True) for cell in cells]
            most = Counter(texts).most_common(1)[0][0]
            found[env] = cells[texts.index(most)]
        return found

    @property
    def stored(self) -> set[str]:
        """The run_ids of its finished cells."""
        return {run.run_id for run in self.runs}


def find_references(names: Sequence[str]) -> list[Reference]:
    """The references of these names: `reference` for all packs, the name of one, or a path. Raises NoReference."""
    files: dict[Path, None] = {}
    for name in names:
        files |= dict.fromkeys(_packs().values() if name == ALL else [_file_of(name)])
    if not files:
        raise NoReference(f"there is no stored reference; {_whence()}")
    return [read_reference(file) for file in files]


def read_reference(file: Path) -> Reference:
    """A pack or a results directory. Raises NoReference."""
    try:
        if file.is_dir():
            manifest = read_manifest(file)
            there = [cell["run_id"] for cell in manifest.cells if (file / "cells" / cell["run_id"]).is_dir()]
            runs = tuple(read_run(file / "cells" / run_id) for run_id in there)
        else:
            members = read_members(file)
            manifest, runs = manifest_of(members[NAME]), tuple(runs_of(members))
        found = Reference(file.stem, file, manifest, runs)
        _ = found.environments
    except (*NO_PACK, BrokenCell) as error:
        raise NoReference(f"{file} holds no stored runs: {type(error).__name__}: {error}") from error
    if not runs:
        raise NoReference(f"{file} has no finished run among {len(manifest.cells)} planned")
    return found


def _packs() -> dict[str, Path]:
    """Name -> pack, of all that are committed."""
    return {file.stem: file.resolve() for folder in reversed(FOLDERS) for file in sorted(folder.glob(f"*{SUFFIX}"))}


def _file_of(name: str) -> Path:
    packs, path = _packs(), Path(name)
    if name in packs:
        return packs[name]
    if path.is_file() or (path / NAME).is_file():
        return path.resolve()
    known = f"expected {', '.join([ALL, *packs])}, or the path of a pack or results directory" if packs else _whence()
    raise NoReference(f"no stored reference {name}; {known}")


def _whence() -> str:
    looked = " and ".join(dict.fromkeys(str(folder.resolve()) for folder in FOLDERS))
    return (
        f"looked for NAME{SUFFIX} in {looked}. The packs are files of the project's repository, in results/reference, "
        "and not part of an installed package: name the path of one"
    )


def differences(
    cells: Cells, scores: Mapping[str, Any], reference: Reference, own: Mapping[str, Iterable[str]]
) -> list[str]:
    """What keeps these planned cells from standing beside the reference's, a line each.

    scores: environment -> the returns of its scores that the matrix gives; own: label -> the settings that its entry
    under [rules] gives itself.
    """
    found: dict[str, None] = {}
    given = reference.manifest.head.get("scores", {})
    meant = {(cell["env"], cell["label"]): _rule(cell) for cell in reference.manifest.cells}
    for cell in cells:
        env, label = cell["env"], cell["label"]
        other = reference.environments.get(env)
        if other is None:
            continue
        for key in MADE_OF:
            if _plain(cell.get(key) or "") != _plain(other.get(key) or ""):
                found |= {f"{env}: {key} is {_shown(cell.get(key))}, there {_shown(other.get(key))}": None}
        if cell["budget"] != other["budget"]:
            found |= {f"{env}: budget is {cell['budget']:,}, there {other['budget']:,}": None}
        mine, theirs = cell["settings"], other["settings"]
        for key in sorted((mine.keys() | theirs.keys()).difference(FREE, own.get(label, ()))):
            if _plain(mine.get(key)) != _plain(theirs.get(key)):
                found |= {f"{env}: {key} is {_shown(mine.get(key))}, there {_shown(theirs.get(key))}": None}
        if _plain(scores.get(env)) != _plain(given.get(env)):
            found |= {f"{env}: score is {_shown(scores.get(env))}, there {_shown(given.get(env))}": None}
        if _rule(cell) != meant.get((env, label), _rule(cell)):
            found |= {f"{label} is another rule there, or has other hyper-parameters: give yours another label": None}
    return list(found)


def _rule(cell: Mapping[str, Any]) -> tuple[str, str]:
    return _plain(cell["rule"]), _plain(cell.get("hyper"))


@dataclass(frozen=True)
class Maker:
    """What made, or is to make, some runs."""

    protocol: str
    versions: str  # JSON, as in a run's row
    code: str  # digest


def differing_protocols(makers: Iterable[Maker | RunRow], reference: Reference) -> list[str]:
    """A line if the definitions of numbers differ."""
    mine, theirs = ({run.protocol for run in runs} for runs in (makers, reference.runs))
    if set(map(major, mine)) == set(map(major, theirs)):
        return []
    shown = [", ".join(sorted(protocol or "not recorded" for protocol in found)) for found in (mine, theirs)]
    return [f"protocol is {shown[0]}, there {shown[1]}"]


def differing_libraries(makers: Iterable[Maker | RunRow], reference: Reference) -> list[str]:
    """A line for each library that has other versions, python among them."""
    mine, theirs = (_versions(run.versions for run in runs) for runs in (makers, reference.runs))
    return [
        f"{name} is {', '.join(sorted(mine.get(name, {'not recorded'})))}, "
        f"there {', '.join(sorted(theirs.get(name, {'not recorded'})))}"
        for name in sorted(mine.keys() | theirs.keys())
        if mine.get(name) != theirs.get(name)
    ]


def differing_code(makers: Iterable[Maker | RunRow], code: Listings, reference: Reference) -> list[str]:
    """Files of which there are two versions behind these runs and the reference's; `code`: the files of these."""
    found = mixed_code([*makers, *reference.runs], {**reference.manifest.code, **code})
    return [name for name in found if name != LIBRARIES]


def of_environments(files: Iterable[str], reference: Reference) -> list[str]:
    """Those of a user's that the reference's environments, wrappers and networks are made from."""
    named: set[str] = set()
    for cell in reference.environments.values():
        wrappers = [name for name, _ in cell.get("wrappers") or ()]
        named |= {str(cell.get("environment")), *wrappers, str(cell["settings"].get("network"))}
    of_them = {Path(name.rpartition(":")[0]).name for name in named if ".py:" in name}
    return [file for file in files if Path(file).name in of_them]


def listed(names: Sequence[str]) -> str:
    """The first three, and how many more."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _versions(texts: Iterable[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for text in texts:
        try:
            named = dict(json.loads(text))
        except (ValueError, TypeError):
            named = {"versions": text}
        for name, value in named.items():
            found.setdefault(str(name), set()).add(str(value))
    return found


def _plain(value: Any) -> str:
    """What a value says, tuples as lists, and files without their folders."""

    def without_folder(part: Any) -> Any:
        if isinstance(part, str):
            return part.rpartition("/")[2] if ".py:" in part else part
        if isinstance(part, (list, tuple)):
            return [without_folder(each) for each in part]
        return {key: without_folder(each) for key, each in part.items()} if isinstance(part, dict) else part

    return json.dumps(without_folder(value), sort_keys=True)


def _shown(value: Any) -> str:
    return "not given" if value is None else str(value)
