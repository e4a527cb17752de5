"""Where a matrix comes from: a shipped file or a user's own, and what it takes from a matrix that was tuned."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from experiments.names import did_you_mean
from experiments.tune import ChoicesError, Tuned, read_choices

SHIPPED = Path(__file__).parent / "matrices"


class MatrixError(Exception):
    """Everything that is wrong with a matrix file, a line each."""

    def __init__(self, file: Path | str, problems: list[str]) -> None:
        super().__init__("\n".join(f"{file}: {problem}" for problem in problems))
        self.problems = problems


@dataclass(frozen=True)
class Source:
    """A matrix file as it was read, what [tuned] takes from elsewhere included."""

    file: Path
    folder: Path  # that paths in it are relative to
    raw: dict[str, Any]
    chosen_by: tuple[int, ...] = ()  # the seeds that chose its settings
    labels: tuple[str, ...] = ()  # of stored runs that its rules may be compared with


def read_source(name_or_file: str) -> Source:
    """Raises MatrixError."""
    file = _find(name_or_file)
    raw = _parsed(file)
    if not isinstance(raw.get("tuned"), dict):
        return Source(file, file.parent, raw)
    try:
        tuned = Tuned(**raw["tuned"])
        choices = read_choices(Path(tuned.choices))
    except ValidationError:
        return Source(file, file.parent, raw)  # said where the table is checked
    except ChoicesError as error:
        raise MatrixError(file, [f"tuned.choices: {error}"]) from error
    base_file = _find(tuned.matrix)
    base = {key: value for key, value in _parsed(base_file).items() if key != "tune"}
    rules = choices.tables(tuned, base.get("rules", {})) | raw.get("rules", {})
    return Source(file, base_file.parent, {**base, **raw, "rules": rules}, choices.seeds)


def _parsed(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MatrixError(file, [f"is not TOML: {error}"]) from error


def _find(name_or_file: str) -> Path:
    file = Path(name_or_file)
    if file.suffix != ".toml" and not file.is_file():
        file = SHIPPED / f"{name_or_file}.toml"
    if not file.is_file():
        shipped = [path.stem for path in SHIPPED.glob("*.toml")]
        hint = did_you_mean(Path(name_or_file).stem, shipped)
        raise MatrixError(name_or_file, [f"no such matrix; give a .toml file or a shipped matrix: {hint}"])
    return file
