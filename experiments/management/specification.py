"""A planned cell as a specification that is to be computed here."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from algos.rules import RULES
from experiments.management.inspect import NotFound, Planned
from experiments.outside import is_outside
from experiments.spec import RunSpec


def specification(cell: Planned, allowed: Sequence[str]) -> RunSpec:
    """What was planned. A results directory may come from anybody, so what python code it names runs only if allowed.

    allowed: files of rules and modules of environments that the user has named; a file is looked for where the user
    says. Raises NotFound.
    """
    name = cell.plan["run_id"]
    try:
        spec = RunSpec.model_validate({key: value for key, value in cell.plan.items() if key != "run_id"}, strict=False)
    except ValidationError as error:
        first = error.errors()[0]
        raise NotFound(
            f"{name} is planned as what is no cell: {'.'.join(map(str, first['loc']))}: {first['msg']}"
        ) from error
    module = spec.env.rpartition(":")[0]
    if module and module not in allowed:
        raise NotFound(f"{name} is in an environment of the module {module}; if you trust it, say --allow {module}")
    if not is_outside(spec.rule):
        if spec.rule not in RULES:
            raise NotFound(f"{name} has a rule that is none here: {spec.rule}")
        return spec
    file, _, function = spec.rule.rpartition(":")
    trusted = [Path(other).resolve() for other in allowed if Path(other).name == Path(file).name]
    if not trusted:
        raise NotFound(f"{name} has a rule from the file {file}; if you trust it, say --allow {file}")
    return spec.model_copy(update={"rule": f"{trusted[0]}:{function}"})
