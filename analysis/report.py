"""Rebuild every table and figure of results directories from their cells alone, and one page about all of them.

python analysis/report.py results/quick
python analysis/report.py results/mine results/other --published analysis/published.csv
python analysis/report.py results/mine --latex --no-captions --labels trpo=TRPO,npg=NPG --size 3.4 2.4   for a paper
"""

import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

try:
    from analysis import console
except ModuleNotFoundError as missing:  # this python is not that of the project's environment
    sys.exit(f"{missing} for {sys.executable}; activate the project's environment first: . .venv/bin/activate")

import matplotlib as mpl

mpl.use("Agg")

import pandas as pd
import tyro

from analysis.beside import with_stored
from analysis.figures import FIGURES, draw, draw_own
from analysis.figures.sheet import sheet_of
from analysis.in_short import in_short
from analysis.load import Results, ResultsError, load
from analysis.own import OwnFigure, OwnMeasure, own_figures, own_measures
from analysis.page.evidence import Evidence, gather, titles, together
from analysis.page.markdown import write_markdown
from analysis.page.page import write_page
from analysis.paper import Paper, write_paper
from analysis.plots.style import theme
from analysis.published import read_published
from analysis.spreadsheet import csv_of
from experiments.records import PROTOCOL, write_atomically, write_checksums


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
    against: tuple[str, ...] = ()
    """stored runs to put beside the directory's own, as `run_matrix.py --against` does: the name of a pack in
    results/reference (quick), `reference` for all that share its environments, or a path"""
    measures: tuple[str, ...] = ()
    """measures of your own, FILE.py:FUNCTION each (analysis/README.md): tables and verdicts beside the others"""
    figures: tuple[str, ...] = ()
    """figures of your own, likewise"""
    paper: tyro.conf.OmitArgPrefixes[Paper] = field(default_factory=Paper)
    page: Path | None = None
    """where the page goes; report.html in the first results directory if not given, its Markdown always beside it"""


def main(arguments: Arguments) -> int:
    """The exit code: 0, 1 if a function of the user's failed, or 2 if the directory cannot be read or written."""
    try:
        measures, figures = own_measures(arguments.measures), own_figures(arguments.figures, tuple(FIGURES))
        loaded = load_all(arguments.results, arguments.mixed, arguments.against)
        if arguments.check:
            return max(check(results) for results in loaded)
        evidence, published = prepare(loaded, arguments.published, measures)
        if arguments.paper.asked:
            return for_paper(evidence, arguments, published)
        drawn = [report(bundle, arguments.mixed_seconds, published) for bundle in evidence]
        evidence = [with_own(*both, figures, arguments.mixed_seconds) for both in zip(evidence, drawn, strict=True)]
        page = publish(evidence, published, arguments)
        for results, files in zip(loaded, drawn, strict=True):
            write_checksums(results.folder, [*files, page, page.with_suffix(".md")])
        print("\n\n".join(map(in_short, evidence)), end="\n\n")
        faults = [problem for bundle in evidence for problem in bundle.own.problems]
        print(*(f"error in {fault}" for fault in faults), sep="\n", end="\n" if faults else "", file=sys.stderr)
        for source in sorted({name for results in loaded for name in results.named} - set(arguments.measures)):
            if source not in arguments.figures:
                print(f"not run: {source}, which the matrix file names; give it with --measures or --figures")
        for results, files in zip(loaded, drawn, strict=True):
            print(f"tables:  {results.folder / 'tables'}")
            print(f"figures: {results.folder / 'figures'} ({', '.join(f.name for f in files if f.suffix == '.png')})")
        print(f"report:  {page} and {page.with_suffix('.md').name} beside it")
    except (ResultsError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return int(bool(faults))


def for_paper(evidence: list[Evidence], arguments: Arguments, published: pd.DataFrame | None) -> int:
    """Write what a paper takes, and nothing else; exit code 0. Raises ResultsError."""
    for bundle in evidence:
        seconds, clock = clock_of(bundle.results, arguments.mixed_seconds)
        for file in write_paper(bundle, arguments.paper, clock if seconds else None, published):
            print(file)
    return 0


def load_all(folders: tuple[Path, ...], mixed: bool, against: tuple[str, ...] = ()) -> list[Results]:
    """Every directory, beside stored runs if asked for. Raises ResultsError, also if there is none."""
    if not folders:
        raise ResultsError("name a results directory, results/quick for instance")
    loaded = [load(folder, mixed) for folder in folders]
    return [with_stored(results, against, mixed) for results in loaded] if against else loaded


def prepare(
    loaded: list[Results], published: Path | None, own: Sequence[OwnMeasure] = ()
) -> tuple[list[Evidence], pd.DataFrame | None]:
    """What the page is made from. Raises ResultsError before anything is drawn."""
    evidence = [gather(results, own) for results in loaded]
    titles(evidence)
    return evidence, None if published is None else read_published(published)


def publish(evidence: list[Evidence], published: pd.DataFrame | None, arguments: Arguments) -> Path:
    """The page of all directories; its Markdown lies beside it."""
    file = arguments.page or evidence[0].results.folder / "report.html"
    seconds, clock = clock_of(together([bundle.results for bundle in evidence]), arguments.mixed_seconds)
    write_markdown(evidence, file.with_suffix(".md"), seconds, clock)
    return write_page(evidence, file, published, seconds, clock)


def check(results: Results) -> int:
    """Whether every table on disk is the one that its cells give; says which are not."""
    folder, wrong = results.folder / "tables", []
    for name, frame in frames(gather(results)).items():
        file = folder / f"{name}.parquet"
        if not file.is_file() or file.read_bytes() != parquet(frame):
            wrong.append(str(file))
    print(
        *(f"{file}: not what the cells give; rebuild it: analysis/report.py {results.folder}" for file in wrong),
        sep="\n",
    )
    return int(bool(wrong))


def frames(bundle: Evidence) -> dict[str, pd.DataFrame]:
    """Every Parquet table by its name."""
    rows = {name: getattr(bundle.results, name) for name in ("runs", "updates", "trials", "reuses", "evaluations")}
    return {name: versioned(frame) for name, frame in (rows | {"measures": bundle.measures}).items()}


def versioned(frame: pd.DataFrame) -> pd.DataFrame:
    """A table that says which protocol it follows; that of runs says which one they ran under."""
    return frame if "protocol" in frame else frame.assign(protocol=PROTOCOL)


def parquet(frame: pd.DataFrame) -> bytes:
    """A table's file."""
    sink = io.BytesIO()
    frame.to_parquet(sink, index=False)
    return sink.getvalue()


def report(bundle: Evidence, mixed_seconds: bool = False, published: pd.DataFrame | None = None) -> list[Path]:
    """Write tables and figures; the files."""
    results = bundle.results
    tables, figures = results.folder / "tables", results.folder / "figures"
    for folder in (tables, figures):
        folder.mkdir(exist_ok=True)
    files = []
    for name, frame in frames(bundle).items():
        files.append(tables / f"{name}.parquet")
        write_atomically(files[-1], parquet(frame))
    for name in ("summary", "aggregates", "comparisons", "failures", "imputed"):
        files.append(tables / f"{name}.csv")
        write_atomically(files[-1], csv_of(versioned(getattr(bundle, name))))
    seconds, clock = clock_of(results, mixed_seconds)
    with theme():
        files += draw(results, bundle.measures, figures, clock if seconds else None, published)
    return files


def with_own(bundle: Evidence, files: list[Path], figures: Sequence[OwnFigure], mixed_seconds: bool) -> Evidence:
    """Write the tables of a user's measures, and the user's figures, which join `files`; figures that fail are problems
    more."""
    results, own = bundle.results, bundle.own
    for name, frame in (("own_measures", own.frame), ("own_comparisons", bundle.own_comparisons)):
        if own.measures:
            files.append(results.folder / "tables" / f"{name}.csv")
            write_atomically(files[-1], csv_of(versioned(frame)))
    if not figures:
        return bundle
    seconds, clock = clock_of(results, mixed_seconds)
    measures = bundle.measures.assign(**{name: own.frame[name] for name in own.catalogue})
    with theme():
        sheet = sheet_of(results, measures, results.folder / "figures", clock if seconds else None)
        drawn, problems = draw_own(sheet, figures)
    files += drawn
    more = replace(results, problems=(*results.problems, *problems))
    return replace(bundle, results=more, own=replace(own, problems=(*own.problems, *problems)))


def clock_of(results: Results, mixed_seconds: bool) -> tuple[bool, str]:
    """Whether seconds may be shown, and what is to be said about them."""
    differ = results.seconds_compare
    if differ is None:
        return True, conditions(results)
    if mixed_seconds:
        return True, f"Mixed seconds: {differ}."
    return False, f"No seconds are shown, for these are {differ}; `--mixed-seconds` shows them nevertheless."


def conditions(results: Results) -> str:
    """How the runs shared their machine, and so what their seconds are worth."""
    run = results.runs.iloc[0]
    if run.lane == "timing":
        return "Timing lane: one cell at a time, on one core."
    return (
        f"Throughput lane, {'one cell' if run.jobs == 1 else f'{run.jobs} cells'} at a time: seconds compare roughly."
    )


if __name__ == "__main__":
    console.run(main, Arguments, __doc__)
