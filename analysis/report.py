"""Rebuild every table and figure of results directories from their cells alone, and one page about all of them.

python analysis/report.py results/quick
python analysis/report.py results/mine results/other --published analysis/published.csv
"""

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import pandas as pd
import tyro
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from analysis.load import Results, ResultsError, load
from analysis.measures import measure_runs
from analysis.page.evidence import Evidence, gather, titles, together
from analysis.page.markdown import write_markdown
from analysis.page.page import write_page
from analysis.plots.comparison import comparison, pooled_comparison
from analysis.plots.curves import learning_curve
from analysis.plots.kl import kl_per_update
from analysis.plots.style import Style, caption, chunks, legend_below, legend_of_panel, panels, save, style_of, theme
from analysis.plots.wall_clock import COLOURS, wall_clock_split
from analysis.published import read_published
from analysis.summary import summarize, to_markdown, write


@dataclass(frozen=True)
class Arguments:
    results: tyro.conf.Positional[tuple[Path, ...]]
    """results directories that run_matrix.py wrote"""
    mixed: bool = False
    """put cells of different code or library versions into one table, which then says so"""
    check: bool = False
    """write nothing; compare the tables on disk with those that the cells give (exit code 1 if they differ)"""
    mixed_seconds: bool = False
    """draw seconds of different lanes, numbers of jobs or machines into one figure, which then says so"""
    published: Path | None = None
    """published curves to draw beside ours: a CSV file of the columns of analysis/published.csv"""
    page: Path | None = None
    """where the page goes; report.html in the first results directory if not given, its Markdown always beside it"""


def main(arguments: Arguments) -> int:
    """The exit code: 0, or 2 if the directory cannot be read or written."""
    try:
        loaded = load_all(arguments.results, arguments.mixed)
        if arguments.check:
            return max(check(results) for results in loaded)
        evidence, published = prepare(loaded, arguments.published)
        for results in loaded:
            files, markdown = report(results, arguments.mixed_seconds)
            print(markdown)
            print(f"tables:  {results.folder / 'tables'}")
            print(f"figures: {results.folder / 'figures'} ({', '.join(f.name for f in files if f.suffix == '.png')})")
        print(f"page:    {publish(evidence, published, arguments)}")
    except (ResultsError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def load_all(folders: tuple[Path, ...], mixed: bool) -> list[Results]:
    """Every directory. Raises ResultsError, also if there is none."""
    if not folders:
        raise ResultsError("name a results directory, results/quick for instance")
    return [load(folder, mixed) for folder in folders]


def prepare(loaded: list[Results], published: Path | None) -> tuple[list[Evidence], pd.DataFrame | None]:
    """What the page is made from. Raises ResultsError before anything is drawn."""
    evidence = [gather(results) for results in loaded]
    titles(evidence)
    return evidence, None if published is None else read_published(published)


def publish(evidence: list[Evidence], published: pd.DataFrame | None, arguments: Arguments) -> Path:
    """The page of all directories, and its Markdown beside it."""
    file = arguments.page or evidence[0].results.folder / "report.html"
    seconds, clock = clock_of(together([bundle.results for bundle in evidence]), arguments.mixed_seconds)
    write_markdown(evidence, file.with_suffix(".md"), seconds, clock)
    return write_page(evidence, file, published, seconds, clock)


def check(results: Results) -> int:
    """Whether every table on disk is the one that its cells give; says which are not."""
    folder, wrong = results.folder / "tables", []
    for name, frame in frames(results, measure_runs(results)).items():
        file = folder / f"{name}.parquet"
        if not file.is_file() or file.read_bytes() != parquet(frame):
            wrong.append(str(file))
    print(
        *(f"{file}: not what the cells give; rebuild it: analysis/report.py {results.folder}" for file in wrong),
        sep="\n",
    )
    return int(bool(wrong))


def frames(results: Results, measures: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Every table by its name."""
    names = ("runs", "updates", "trials", "reuses", "evaluations")
    return {**{name: getattr(results, name) for name in names}, "measures": measures}


def parquet(frame: pd.DataFrame) -> bytes:
    """A table's file."""
    sink = io.BytesIO()
    frame.to_parquet(sink, index=False)
    return sink.getvalue()


def report(results: Results, mixed_seconds: bool = False) -> tuple[list[Path], str]:
    """Write tables and figures; the files, and the summary as Markdown."""
    tables, figures = results.folder / "tables", results.folder / "figures"
    for folder in (tables, figures):
        folder.mkdir(exist_ok=True)
    measures = measure_runs(results)
    summary = summarize(measures)
    seconds, clock = clock_of(results, mixed_seconds)
    markdown = to_markdown(summary, results.name, results.problems, seconds, clock)
    files = write(summary, markdown, tables)
    for name, frame in frames(results, measures).items():
        files.append(tables / f"{name}.parquet")
        files[-1].write_bytes(parquet(frame))
    with theme():
        files += draw(results, measures, figures, clock if seconds else None)
    return files, markdown


def clock_of(results: Results, mixed_seconds: bool) -> tuple[bool, str]:
    """Whether seconds may be shown, and what is to be said about them."""
    differ = results.seconds_compare
    if differ is None:
        return True, conditions(results)
    if mixed_seconds:
        return True, f"Mixed seconds: {differ}."
    return False, f"No seconds are shown, for these are {differ}; `--mixed-seconds` shows them nevertheless."


def draw(results: Results, measures: pd.DataFrame, folder: Path, clock: str | None) -> list[Path]:
    """All figures; those of seconds with what there is to say about them, and not at all if `clock` is None."""
    style = style_of(results.planned.label)
    runs = _runs_per_rule(measures)
    scored = "nauc" in measures and measures.nauc.notna().any()
    curves = {"grid_step": ("learning_curves", ""), "train_s": ("learning_curves_seconds", f" {clock}")}
    if clock is None:
        del curves["train_s"]
        for stale in (*folder.glob("learning_curves_seconds.*"), *folder.glob("wall_clock.*")):
            stale.unlink()
    files = []
    for x, (name, more) in curves.items():
        files += _by_environment(
            results.evaluations,
            style,
            partial(learning_curve, x=x),
            f"{runs}. Thin: every run; thick: interquartile mean; actions sampled.\n"
            f"Shade, or dotted with few runs: 95 % band, simultaneous over the curve.{more}",
            folder / name,
        )
    if scored:
        files += _comparisons(measures, style, runs, folder)
    files += _by_environment(
        results.updates,
        style,
        kl_per_update,
        f"{runs}. Line: median over runs; shade: their range; dashed: the rule's radius.",
        folder / "kl",
    )
    if clock is not None:
        files += _wall_clock(results, style, f"{runs}. Mean over runs, evaluation left out. {clock}", folder)
    return files


def conditions(results: Results) -> str:
    """How the runs shared their machine, and so what their seconds are worth."""
    run = results.runs.iloc[0]
    if run.lane == "timing":
        return "Timing lane: one cell at a time, on one core."
    return f"Throughput lane, {run.jobs} cells abreast: seconds compare only roughly."


def _by_environment(
    frame: pd.DataFrame, style: Style, panel: Callable[..., Axes], text: str, target: Path
) -> list[Path]:
    """A panel per environment; with more rules than one panel can show, one per environment and group of rules."""
    environments = list(frame.groupby("env", sort=True))
    if not environments:
        return []
    groups = chunks(style)
    several = len(groups) > 1
    figure, axes = panels(len(environments) * len(groups), height=3.0 if several else 2.1)
    cells = [(env, part, group) for env, part in environments for group in groups]
    for ax, (env, part, group) in zip(axes, cells, strict=True):
        panel(part[part.label.isin(list(group))], ax=ax, style=style).set_title(str(env))
        if ax is not axes[0] and ax.get_ylabel() == axes[0].get_ylabel():
            ax.set_ylabel("")
        if several:
            legend_of_panel(ax, group)
    if not several:
        legend_below(figure, style)
    caption(figure, text)
    return save(figure, target.parent, target.name)


def _wall_clock(results: Results, style: Style, text: str, folder: Path) -> list[Path]:
    groups = list(results.runs.groupby("env", sort=True))
    if not groups:
        return []
    figure, axes = panels(len(groups), height=1.0 + 0.14 * len(style), sharey=True)
    for ax, (env, part) in zip(axes, groups, strict=True):
        wall_clock_split(part, ax, style).set_title(str(env))
    phases = {phase.removesuffix("_s"): Line2D([], [], color=colour, linewidth=5) for phase, colour in COLOURS.items()}
    legend_below(figure, {}, **phases)
    caption(figure, text)
    return save(figure, folder, "wall_clock")


def _comparisons(measures: pd.DataFrame, style: Style, runs: str, folder: Path) -> list[Path]:
    files = []
    names = {"final_sampled_z": "normalised final return", "nauc": "normalised area under the curve"}
    for measure, name in names.items():
        groups = [(env, part) for env, part in measures.groupby("env", sort=True) if part[measure].notna().any()]
        whole = len(groups) > 1 and len(groups) == measures.env.nunique()
        figure, axes = panels(len(groups) + whole, height=1.0 + 0.14 * len(style), columns=4, sharey=True)
        for ax, (env, part) in zip(axes, groups, strict=False):
            comparison(part, ax, style, measure).set_title(str(env))
        if whole:
            pooled_comparison(measures, axes[-1], style, measure).set_title("all environments")
        figure.supxlabel(f"{name} (0 random actions, 1 reference)", fontsize=8)
        text = f"{runs}. Dot: a run; bar: IQM, 95 % trimmed t"
        caption(figure, text + ("; all environments: stratified bootstrap." if whole else "."))
        files += save(figure, folder, "final" if measure.startswith("final") else "area_under_curve")
    return files


def _runs_per_rule(measures: pd.DataFrame) -> str:
    counts = measures[measures.status != "missing"].groupby(["env", "label"]).size()
    low, high = counts.min(), counts.max()
    return f"n = {low} runs" if low == high else f"n = {low} to {high} runs"


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Arguments, description=__doc__)))
