"""Tables and figures of one batch through every rule, from the forks alone.

python -m analysis.forks results/forks
python -m analysis.forks results/forks --against ppo
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import pandas as pd
import tyro
from matplotlib.axes import Axes

from analysis import console
from analysis.fork_table import explain, load_forks, measure_forks, same_steps, summarize_forks, to_markdown
from analysis.inference import iqm
from analysis.load import ResultsError
from analysis.plots.forks import FLOOR, explained, gain_against, gains, ladder, ladder_handles
from analysis.plots.looks import Style, by_number, style_of
from analysis.plots.names import SENTENCE, drawable, file_name, names
from analysis.plots.style import caption, legend_below, panels, save, theme
from analysis.plots.ticks import short
from analysis.report import parquet, versioned
from analysis.spreadsheet import csv_of
from experiments.records import write_atomically

Stages = Sequence[tuple[Any, pd.DataFrame]]  # environment steps, and what belongs to them

SHADED = " Where a scale is shaded, it is linear there, and logarithmic beyond."


@dataclass(frozen=True)
class Arguments:
    results: tyro.conf.Positional[Path]
    """a directory that run_forks.py wrote"""
    against: str | None = None
    """the rule that the others' gains are compared with on the same batches (default: the trunk's)"""
    mixed: bool = False
    """put forks of different code or library versions into one table, which then says so"""


def main(arguments: Arguments) -> int:
    """The exit code: 0, or 2 if the directory cannot be read or written."""
    try:
        forks, problems = load_forks(arguments.results, arguments.mixed)
        if arguments.against is not None and arguments.against not in set(forks.label):
            known = ", ".join(dict.fromkeys(forks.label))
            raise ResultsError(f"--against: no fork of {arguments.against}; expected one of {known}")
        files, markdown = report(forks, problems, arguments.results, arguments.against)
    except (ResultsError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(markdown)
    print(*files, sep="\n")
    return 0


def report(
    forks: pd.DataFrame, problems: list[str], folder: Path, against: str | None = None
) -> tuple[list[Path], str]:
    """Write tables and figures; the files, and the summary as Markdown."""
    tables, figures = folder / "tables", folder / "figures"
    for place in (tables, figures):
        place.mkdir(exist_ok=True)
    measured = measure_forks(forks)
    summary, correlations = summarize_forks(measured, against), explain(measured)
    markdown = to_markdown(summary, measured, problems, against)
    files = [tables / name for name in ("forks.parquet", "summary.csv", "explained.csv", "summary.md")]
    data = (
        parquet(versioned(measured)),
        csv_of(versioned(summary)),
        csv_of(versioned(correlations)),
        markdown.encode(),
    )
    for file, written in zip(files, data, strict=True):
        write_atomically(file, written)
    with theme():
        for (env, trunk), part in measured.groupby(["env", "trunk"], sort=True):
            mine = correlations[(correlations.env == env) & (correlations.trunk == trunk)]
            files += draw(part, mine, figures, file_name(f"{trunk}-{env}"))
    return files, markdown


def draw(measured: pd.DataFrame, correlations: pd.DataFrame, folder: Path, name: str) -> list[Path]:
    """The figures of one trunk on one environment, a panel per stage."""
    rules = dict(zip(measured.label, measured.rule, strict=True))
    looks = style_of(rules, rules)
    shown_as = {column: names(measured[column]) for column in ("label", "trunk", "env")}
    measured = measured.assign(**{column: measured[column].map(drawn) for column, drawn in shown_as.items()})
    groups = same_steps(measured)
    shown = measured[measured.label.isin(list(groups))]
    style = by_gain(shown, {shown_as["label"][label]: look for label, look in looks.items()})
    equal = drawable(merged(groups), SENTENCE)
    text = f"{describe(measured)} Rules whose steps were equal in every fork are one row ({equal})."
    stages = list(shown.groupby("env_steps", sort=True))
    tall = max(2.0, 0.6 + 0.14 * len(style))
    files = []
    for panel, part, more in (
        (
            gains,
            "gain",
            "Dot: a seed; bar: interquartile mean and its 95 % interval, a ring if there is none; best rule on top.",
        ),
        (
            ladder,
            "promises",
            "Interquartile means over seeds of what the step promised and of what it was worth.",
        ),
    ):
        figure, axes = panels(len(stages), height=tall, sharey=True)
        _each(stages, axes, partial(panel, style=style))
        if panel is ladder:
            legend_below(figure, {}, extra=ladder_handles())
        caption(figure, f"{text} {more}{_scales(axes)}")
        files += save(figure, folder, f"{name}-{part}")
    return [*files, *_why(stages, style, text, folder / f"{name}-why"), *_explained(correlations, text, folder, name)]


def by_gain(shown: pd.DataFrame, style: Style) -> Style:
    """The looks of the labels, the one with the highest rank of gain, over the stages, first."""
    middle = shown.groupby(["env_steps", "label"]).gain.agg(lambda gain: iqm(gain.to_numpy(float)))
    ranks = middle.groupby("env_steps").rank(na_option="bottom").groupby("label").mean()
    return {str(label): style[str(label)] for label in ranks.sort_values(ascending=False).index}


def describe(measured: pd.DataFrame) -> str:
    """What the seeds and the returns are."""
    row, seeds = measured.iloc[0], measured.seed.nunique()
    how = "Exact discounted returns" if row.exact else f"Undiscounted returns of {row.episodes} episodes"
    return f"{row.env}, batches of {row.batch_size:,} steps of {row.trunk}, {seeds} seed{'s' * (seeds > 1)}. {how}."


def merged(groups: dict[str, list[str]]) -> str:
    """Which labels stand for others too."""
    return (
        ", ".join(f"{first} stands for {len(group)}" for first, group in groups.items() if len(group) > 1)
        or "none were"
    )


def _each(stages: Stages, axes: list[Axes], panel: Callable[..., Axes]) -> None:
    for ax, (env_steps, part) in zip(axes, stages, strict=True):
        panel(part, ax=ax).set_title(f"after {env_steps:,} steps", loc="left")


def _why(stages: Stages, style: Style, text: str, target: Path) -> list[Path]:
    columns = ("kl", "held_out")
    figure, axes = panels(len(stages) * len(columns), height=2.0, columns=min(max(len(stages), 2), 4))
    for number, x in enumerate(columns):
        mine = axes[number * len(stages) : (number + 1) * len(stages)]
        _each(stages, mine, partial(gain_against, style=style, x=x))
        for ax in mine[1:]:
            ax.set_ylabel("")
    legend_below(figure, {label: style[label] for label in sorted(style, key=by_number)}, dots=True)
    marks = "Mark: interquartile means over seeds; line: 95 % interval of the true gain."
    caption(figure, f"{text} {marks} A smaller mean KL stands at {short(FLOOR)}.{_scales(axes)}")
    return save(figure, target.parent, target.name)


def _scales(axes: list[Axes]) -> str:
    """What is to be said of the scales, if one of them is neither linear nor logarithmic throughout."""
    return SHADED if any("symlog" in (ax.get_xscale(), ax.get_yscale()) for ax in axes) else ""


def _explained(correlations: pd.DataFrame, text: str, folder: Path, name: str) -> list[Path]:
    stages = list(correlations.groupby("env_steps", sort=True))
    if not stages:
        return []
    figure, axes = panels(len(stages), height=2.1, sharey=True)
    _each(stages, axes, explained)
    what = "Spearman's rank correlation with the true gain, over the different steps made of a batch"
    caption(figure, f"{text} {what}; interquartile mean and its 95 % interval over seeds.")
    return save(figure, folder, f"{name}-explained")


if __name__ == "__main__":
    console.run(main, Arguments, __doc__)
