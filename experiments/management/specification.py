"""Turns a planned cell into a specification to be computed here, if its code is trusted."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from experiments.factories import rule_names
from experiments.management.inspect import NotFound, Planned
from experiments.outside import file_of, is_outside
from experiments.spec import RunSpec

SHIPPED = ("gymnasium.wrappers", "experiments.minatar_games")  # modules whose code needs no word of the user's


def specification(cell: Planned, allowed: Sequence[str]) -> RunSpec:
    """The cell's specification. A results directory may come from anybody, so code that it names must be allowed.

    allowed: files of rules and modules of environments that the user has named; a file is looked for where the user
    says. Raises NotFound.
    """
    try:
        spec = RunSpec.model_validate({key: value for key, value in cell.plan.items() if key != "run_id"}, strict=False)
    except ValidationError as error:
        first = error.errors()[0]
        raise NotFound(
            f"{cell.name} is planned as what is no cell: {'.'.join(map(str, first['loc']))}: {first['msg']}"
        ) from error
    if not is_outside(spec.rule) and spec.rule not in rule_names():
        raise NotFound(f"{cell.name} has a rule that is none here: {spec.rule}")
    return spec.renamed(_Trusted(cell.name, allowed).part)


@dataclass(frozen=True)
class _Trusted:
    cell: str
    allowed: Sequence[str]

    def part(self, name: str, what: str) -> str:
        """The name, with its file where the user says. Raises NotFound for code that the user has not allowed."""
        if is_outside(name):
            file = file_of(name)
            found = [Path(other).resolve() for other in self.allowed if Path(other).name == Path(file).name]
            if not found:
                raise NotFound(f"{self.cell} has {what} from the file {file}; if you trust it, say {self._all(file)}")
            return f"{found[0]}:{name.rpartition(':')[2]}"
        module = name.rpartition(":")[0]
        if module and module not in (*self.allowed, *SHIPPED):
            raise NotFound(f"{self.cell} has {what} of the module {module}; if you trust it, say {self._all(module)}")
        return name

    def _all(self, other: str) -> str:
        """What is to be said for this one, too."""
        return " ".join(["--allow", *self.allowed, other])
