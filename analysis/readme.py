"""The numbers of the READMEs, made from the committed reference results.

    python -m analysis.readme            rewrite every generated block
    python -m analysis.readme --check    write nothing; exit code 1 if a block is not what the results give

A generated block lies between `<!-- NAME -->` and `<!-- end of NAME -->`, NAME being a key of BLOCKS.
"""

import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from analysis import console
from analysis.summary import REACHED, number, with_interval
from experiments.records import PHASES

ROOT = Path(__file__).parents[1]
READMES = tuple(
    ROOT / folder / "README.md" for folder in (".", "algos", "experiments", "analysis", "results/reference")
)
CALIBRATION = Path(__file__).with_name("calibration.csv")  # pinned for every report
BLOCK = re.compile(r"<!-- (?P<name>\w+) -->\n.*?<!-- end of (?P=name) -->", re.DOTALL)


@dataclass(frozen=True)
class Arguments:
    files: tuple[Path, ...] = READMES
    """the files with generated blocks"""
    reference: Path = ROOT / "results" / "reference"
    """the results that they are made from"""
    check: bool = False
    """write nothing; say which files are not what the results give"""


def quick(reference: Path) -> list[str]:
    """What the quick matrix gave: a row per environment and rule."""
    summary = pd.read_csv(reference / "quick" / "tables" / "summary.csv")
    runs = pd.read_parquet(reference / "quick" / "tables" / "runs.parquet", columns=["env", "budget"])
    budgets = runs.groupby("env").budget.first()
    lines = [
        f"| environment (steps) | rule | runs | final return | nAUC | reached {REACHED:g} | drawdown |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for env in sorted(budgets.index, key=lambda env: (budgets[env], env)):
        for row in summary[summary.env == env].itertuples():
            cells = (
                f"{env} ({budgets[env] / 1000:.0f}k)",
                f"`{row.label}`",
                f"{row.n_ok}/{row.n_planned}",
                *(with_interval(row, name) for name in ("final_sampled", "nauc", "reach_rate")),
                number(row.max_drawdown),
            )
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def verdicts(reference: Path) -> list[str]:
    """What the quick matrix decides: an item per declared pair, its verdict on every environment and over all."""
    table = pd.read_csv(reference / "quick" / "tables" / "comparisons.csv")
    lines = []
    for (first, second), rows in table.groupby(["first", "second"], sort=False):
        parts = [f"{row.verdict} on {row.env} ({_difference(row)})" for row in rows.itertuples()]
        lines.append(f"- `{first}` against `{second}`, difference of nAUC: {', '.join(parts)}.")
    return lines


def _difference(row: Any) -> str:
    return f"{number(row.difference)} [{number(row.low)}, {number(row.high)}]"


def speed(reference: Path) -> list[str]:
    """Rules of one step or many beside those of other libraries, in short: a row per race at equal counts."""
    table = _raced(reference)
    table = table[(table.our_envs == table.their_envs) & (table.our_envs > 1) & ~table.peer.str.startswith("our ")]
    lines = ["| rule, environment | ours | ratio to peers (lowest to highest) |", "|---|---:|---|"]
    for (rule, env), peers in table.groupby(["rule", "env"], sort=False):
        beside = "; ".join(f"{row.peer}: {_spread(row)}" for row in peers.itertuples())
        lines.append(f"| `{rule}`, {env} | {peers.ours.iloc[0]:,.0f} | {beside} |")
    return lines


def race(reference: Path) -> list[str]:
    """Everything that `make compare-speed` measured."""
    lines = [
        "| rule, environment | ours | peer | theirs | ratio (lowest to highest) | start, s: ours, theirs | load |",
        "|---|---:|---|---:|---:|---:|---:|",
    ]
    lines += [
        f"| `{row.rule}`, {row.env} | {row.ours:,.0f} ({row.our_envs}) | {row.peer} | {row.theirs:,.0f} "
        f"({row.their_envs}) | {_spread(row)} | {row.our_start_s:.1f}, {row.their_start_s:.1f} | {row.load:.0f} |"
        for row in _raced(reference).itertuples()
    ]
    return lines


def _raced(reference: Path) -> pd.DataFrame:
    return pd.read_csv(reference / "benchmarks" / "compare_speed.csv")


def _spread(row: Any) -> str:
    """The ratio of a race, and its lowest and highest."""
    return f"{row.ratio:.2f} ({row.lowest:.2f} to {row.highest:.2f})"


def kernel(reference: Path) -> list[str]:
    """What a Fisher-vector product costs: over its bare matrix products, by turns with them, and against graphs of
    automatic differentiation."""
    lines = [
        "| case | over bare products | lowest and highest | retained graph | rebuilt graph |",
        "|---|---:|---:|---:|---:|",
    ]
    for case in ("batch 2048, 64x64", "batch 16384, 64x64", "batch 2048, 256x256"):
        named = f"{case}, 17 obs, float32"
        (floor,) = (
            entry["extra_info"] for entry in _benchmarks(reference, f"Fisher-vector product over its floor, {named}")
        )
        times = {
            entry["params"].get("body", ""): entry["stats"]["median"]
            for entry in _benchmarks(reference, f"Fisher-vector product, {named}")
        }
        slower = " | ".join(
            f"{times[f'{body} graph'] / times['compiled']:.1f} times slower" for body in ("retained", "rebuilt")
        )
        spread = f"{floor['lowest']:.2f} to {floor['highest']:.2f}"
        lines.append(f"| {case} | {floor['over_floor']:.2f} | {spread} | {slower} |")
    return lines


def rules(reference: Path) -> list[str]:
    """What an update of every rule costs, beside one gradient and the count of what it computes."""
    lines = [
        "| rule | ms | over one gradient | gradients | Fisher products | candidates |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for entry in _benchmarks(reference, "update over one gradient"):
        found = entry["extra_info"]
        counts = " | ".join(
            str(found[count]) for count in ("gradient_evaluations", "fisher_products", "candidate_evaluations")
        )
        name, times = entry["params"]["name"], f"{number(found['body_ms'])} | {number(found['over_floor'])}"
        lines.append(f"| `{name}` | {times} | {counts} |")
    return lines


TRAINING = [phase for phase in PHASES if phase not in ("compile_s", "evaluation_s")]


def cell(reference: Path) -> list[str]:
    """CPU seconds of a cell of a million steps by phase, and what evaluation adds to them."""
    names = " | ".join(phase.removesuffix("_s") for phase in TRAINING)
    lines = [
        f"| environment | {names} | evaluation | its share | with `always` | with `never` |",
        f"|---|{'---:|' * (len(TRAINING) + 4)}",
    ]
    for entry in _benchmarks(reference, "cell of 1,000,000 steps"):
        seconds, judging = entry["extra_info"]["seconds"], entry["extra_info"]["evaluation"]
        training_s = sum(seconds.values())
        shares = (f"{judging[when] / (training_s + judging[when]):.0%}" for when in ("final", "always", "never"))
        cells = [f"{seconds[phase]:.1f}" for phase in TRAINING] + [f"{judging['final']:.1f}", *shares]
        lines.append(f"| {entry['params']['env']} | {' | '.join(cells)} |")
    return lines


def training(reference: Path) -> list[str]:
    """How fast `trpo` trains beside the simulator alone."""
    lines = ["| environment | training steps/s | simulator alone | ratio |", "|---|---:|---:|---:|"]
    for entry in _benchmarks(reference, "training"):
        found = entry["extra_info"]
        rates = f"{found['steps_per_s']:,.0f} | {found['simulator_steps_per_s']:,.0f} | {found['ratio']:.2f}"
        lines.append(f"| {entry['params']['env']} | {rates} |")
    return lines


def preconditioners(reference: Path) -> list[str]:
    """Products, and in brackets milliseconds, that conjugate gradient needs to a residual, early, middle and late."""
    parts = ("none", "kronecker", "subsampled")
    lines = [f"| residual | {' | '.join(parts)} |", "|---|---|---|---|"]
    for who, group in (("policy", "to a residual of"), ("critic", "critic to a residual of")):
        for residual in (0.1, 0.01, 0.001):
            cells = []
            for part in parts:
                found = [
                    next(
                        e for e in _benchmarks(reference, f"{group} {residual}, {stage}") if e["params"]["part"] == part
                    )
                    for stage in ("early", "middle", "late")
                ]
                products = ", ".join(f"{entry['extra_info']['products']:.0f}" for entry in found)
                milliseconds = ", ".join(number(1000 * entry["stats"]["median"]) for entry in found)
                cells.append(f"{products} ({milliseconds})")
            lines.append(f"| {who}, {residual} | {' | '.join(cells)} |")
    return lines


def calibration(reference: Path) -> list[str]:
    """How often the decisions find a difference where there is none, and where there is one, over all environments."""
    table = pd.read_csv(CALIBRATION)
    table = table[(table.env == "every environment") & table.decides]
    lines = [
        "| decision | seeds a side | false positives | found where there is a difference |",
        "|---|---:|---:|---:|",
    ]
    for (decision, seeds), part in table.groupby(["decision", "seeds"], sort=False):
        cells = [_rate(part[part["of"] == what]) for what in ("false positives", "power")]
        lines.append(f"| {decision} | {seeds} | {' | '.join(cells)} |")
    return lines


def _rate(rows: pd.DataFrame) -> str:
    """How many of how many, and the interval of the rate."""
    if rows.empty:
        return ""
    row = rows.iloc[0]
    return f"{row.found} of {row.comparisons} [{number(row.low)}, {number(row.high)}]"


def _benchmarks(reference: Path, group: str) -> Iterator[dict[str, Any]]:
    """The entries of one group of the committed benchmarks, each from the newest file that has it."""
    files = [json.loads(file.read_text(encoding="utf-8")) for file in (reference / "benchmarks").glob("*.json")]
    newest = {
        entry["fullname"]: entry
        for file in sorted(files, key=lambda file: file["datetime"])
        for entry in file["benchmarks"]
    }
    return (entry for entry in newest.values() if entry["group"] == group)


BLOCKS: dict[str, Callable[[Path], list[str]]] = {
    "quick": quick,
    "verdicts": verdicts,
    "speed": speed,
    "race": race,
    "kernel": kernel,
    "rules": rules,
    "cell": cell,
    "training": training,
    "preconditioners": preconditioners,
    "calibration": calibration,
}


def generated(text: str, reference: Path) -> str:
    """The text with every block made anew. Raises ValueError for a block that nothing makes."""

    def block(match: re.Match[str]) -> str:
        name = match["name"]
        if name not in BLOCKS:
            raise ValueError(f"nothing makes the block {name}; expected one of {', '.join(BLOCKS)}")
        return "\n".join([f"<!-- {name} -->", "", *BLOCKS[name](reference), "", f"<!-- end of {name} -->"])

    return BLOCK.sub(block, text)


def main(arguments: Arguments) -> int:
    """The exit code: 0, 1 if a file is not what the results give, 2 if they cannot be read."""
    stale = []
    try:
        for file in filter(Path.is_file, arguments.files):
            before = file.read_text(encoding="utf-8")
            after = generated(before, arguments.reference)
            if before != after:
                stale.append(file)
            if not arguments.check:
                file.write_text(after, encoding="utf-8")
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    if stale and arguments.check:
        print(f"{', '.join(map(str, stale))}: not what {arguments.reference} gives; run: python -m analysis.readme")
        return 1
    return 0


if __name__ == "__main__":
    console.run(main, Arguments, __doc__)
