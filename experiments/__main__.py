"""`policy-ascent COMMAND ...`, or `python -m experiments COMMAND ...`: every command of the project under one name."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

NAME = "policy-ascent"


@dataclass(frozen=True)
class Command:
    """Where a command is, and what it does."""

    module: str
    does: str
    flags: str = "Arguments"  # the type of its flags, in the module or as module:name
    first: tuple[str, ...] = ()  # of its own command line
    quiet: bool = True  # whether it ends when what it prints into goes away; else it sees to that itself


def _managed(name: str, does: str) -> Command:
    return Command("experiments.manage_results", does, "Command", (name,))


COMMANDS = {
    "run": Command(
        "experiments.run_matrix",
        "run a matrix: quick, or a file of your own",
        "experiments.arguments:Arguments",
        (),
        False,
    ),
    "report": Command("analysis.report", "tables, figures and page of results again"),
    "rules": Command("experiments.catalogue", "the rules, their hyper-parameters, defaults and sources", "Rules"),
    "environments": Command("experiments.catalogue", "the environments, and what scores 0 and 1 are", "Environments"),
    "status": _managed("status", "what is done, running, failed, and left"),
    "show": _managed("show", "one cell: its end, its last rows, its log"),
    "render": _managed("render", "a video of a cell's last policy"),
    "verify": _managed("verify", "checksums of cells, tables, page and figures"),
    "export": _managed("export", "curves for TensorBoard or Weights & Biases"),
    "pack": _managed("pack", "a results directory as one file"),
    "unpack": _managed("unpack", "and back"),
    "doctor": _managed("doctor", "what this machine has and lacks"),
    "forks": Command("experiments.run_forks", "one batch through every rule"),
    "landscape": Command("experiments.landscape.__main__", "return, surrogate and bounds around a policy"),
    "draw-landscape": Command("analysis.landscape", "the figures of that"),
    "scores": Command("analysis.export", "scores as rliable reads them"),
    "profile": Command("experiments.profile_cell", "where the time of a cell goes"),
    "references": Command("experiments.pin_references", "measure what scores 0 and 1 are"),
    "calibration": Command("analysis.calibration", "how often the verdicts err"),
}


def main(line: Sequence[str] | None = None) -> int:
    """The exit code of the command that this line names, by default the process's own."""
    wanted, *rest = (sys.argv[1:] if line is None else line) or ["--help"]
    if wanted in ("-h", "--help"):
        print(f"usage: {NAME} COMMAND ...; {NAME} COMMAND --help says more\n")
        print(*(f"  {name:{max(map(len, COMMANDS))}}  {command.does}" for name, command in COMMANDS.items()), sep="\n")
        return 0
    if wanted not in COMMANDS:
        from experiments.names import did_you_mean

        print(f"{wanted} is not a command of {NAME}; {did_you_mean(wanted, COMMANDS)}", file=sys.stderr)
        return 2
    return _run(wanted, rest)


def _run(name: str, rest: Sequence[str]) -> int:
    from experiments import console

    command = COMMANDS[name]
    line, prog = [*command.first, *rest], NAME if command.first else f"{NAME} {name}"
    if not command.quiet:
        from experiments.stopping import leave_quietly_on_interrupt

        leave_quietly_on_interrupt()
    module = import_module(command.module)
    where, _, flags = command.flags.rpartition(":")
    kind = getattr(import_module(where) if where else module, flags)
    if command.quiet:
        return console.run(module.main, kind, module.__doc__, line, prog)
    code: int = module.main(console.parsed(kind, module.__doc__, line, prog))
    return code


if __name__ == "__main__":
    sys.exit(main())
