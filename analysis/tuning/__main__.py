"""Choose the settings that a tuning found best, and show what each rule owes to them.

python -m analysis.tuning results/tune
python -m analysis.tuning results/tune --fresh results/tuned      also what the choices are worth on fresh seeds

Writes into the directory: choices.json, which `run_matrix.py tuned` judges on fresh seeds; tuning.md; tables; figures.
Of a matrix that sweeps settings of the pipeline (`shared`): shared.md, what each change is worth, and its tables.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import matplotlib as mpl

mpl.use("Agg")

import pandas as pd
import tyro

from analysis.figures.sheet import MARGIN
from analysis.load import Results, ResultsError, load
from analysis.measures import measure_runs
from analysis.plots.looks import style_of
from analysis.plots.style import caption, legend_below, panels, save, theme
from analysis.plots.ticks import alike
from analysis.plots.tuning import best_of_k, changes, response, sensitivity_plane
from analysis.spreadsheet import csv_of
from analysis.tuning import shared, tables
from analysis.tuning.fresh import seeds_apart, shrinkage
from analysis.tuning.page import markdown
from analysis.tuning.study import Study, study_of
from experiments.records import PROTOCOL, read_manifest, write_atomically

ACROSS = 4  # panels of responses side by side


@dataclass(frozen=True)
class Arguments:
    results: tyro.conf.Positional[Path]
    """results directory of a matrix with a [tune] table"""
    measure: Literal["nauc", "final_sampled_z"] = "nauc"
    """the score to choose by"""
    fresh: Path | None = None
    """results directory of the choices on fresh seeds"""
    mixed: bool = False
    """take cells of different code or library versions together"""


def main(arguments: Arguments) -> int:
    """The exit code: 0, or 2 if a directory cannot be read or written."""
    try:
        results = load(arguments.results, arguments.mixed)
        manifest, measures = read_manifest(arguments.results), measure_runs(results)
        if "sweep" in manifest.head:
            print(write_shared(shared.effects(results, manifest, measures, arguments.measure), results, arguments))
            return 0
        study = study_of(results, manifest, measures, arguments.measure)
        fresh = None if arguments.fresh is None else load(arguments.fresh, arguments.mixed)
        if fresh is not None:
            seeds_apart(study, fresh)
            if study.measure != "nauc":
                raise ResultsError("runs of different lengths compare by nauc only; leave out --measure")
        if not study.rules:
            lacking = "; ".join(f"{name}: {reason}" for name, reason in study.left_out.items())
            raise ResultsError(f"{arguments.results}: no rule's tuning is complete: {lacking}")
        text = write(study, arguments.results, fresh)
    except (ResultsError, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(text)
    print(f"choices: {arguments.results / 'choices.json'}; judge them on fresh seeds: run_matrix.py tuned")
    return 0


def write_shared(effects: pd.DataFrame, results: Results, arguments: Arguments) -> str:
    """The tables of a sweep over shared settings; the text of shared.md."""
    table = shared.worth(effects)
    (arguments.results / "figures").mkdir(exist_ok=True)
    (arguments.results / "tables").mkdir(exist_ok=True)
    for name, frame in {"shared": table, "shared_effects": effects}.items():
        content = csv_of(frame.assign(measure=arguments.measure, protocol=PROTOCOL))
        write_atomically(arguments.results / "tables" / f"{name}.csv", content)
    with theme():
        figure, (ax,) = panels(1, height=0.5 + 0.22 * len(table), columns=1)
        style = style_of(sorted(effects.env.unique()))
        changes(table, effects, ax, style)
        legend_below(figure, style, dots=True)
        caption(figure, f"Difference in {arguments.measure}: a dot per environment, mean over rules and seeds; black: "
                "mean over environments with its 95 % t interval.")  # fmt: skip
        save(figure, arguments.results / "figures", "shared")
    text = shared.markdown(results.name, effects, table, arguments.measure)
    write_atomically(arguments.results / "shared.md", text.encode())
    return text


def write(study: Study, folder: Path, fresh: Results | None) -> str:
    """Every file; the text of tuning.md."""
    frames = {
        "tuning": tables.summary(study),
        "tuning_per_environment": tables.per_environment(study),
        "best_of_k": tables.best_of_k(study),
        "responses": tables.responses(study),
    }
    if fresh is not None:
        frames["shrinkage"] = shrinkage(study, fresh)
    for place in ("tables", "figures"):
        (folder / place).mkdir(exist_ok=True)
    for name, frame in frames.items():
        write_atomically(folder / "tables" / f"{name}.csv", csv_of(frame.assign(protocol=PROTOCOL)))
    chosen = {
        "matrix": study.matrix,
        "measure": study.measure,
        "seeds": study.seeds,
        "protocol": PROTOCOL,
        "rules": tables.choices(study),
    }
    write_atomically(folder / "choices.json", (json.dumps(chosen, indent=1) + "\n").encode())
    with theme():
        draw(study, frames, folder / "figures")
    text = markdown(study, frames)
    write_atomically(folder / "tuning.md", text.encode())
    return text


def draw(study: Study, frames: dict[str, pd.DataFrame], folder: Path) -> list[Path]:
    """The figures; their files."""
    style = style_of(study.rules, {name: rule.rule for name, rule in study.rules.items()})
    runs = f"{len(study.environments)} environments, {len(study.seeds)} seeds; {study.measure}"
    held = "chosen by all seeds but one, judged by that one"
    figure, axes = panels(2, height=2.6, columns=2)
    sensitivity_plane(frames["tuning"], axes[0], style)
    best_of_k(frames["best_of_k"], axes[1], style)
    legend_below(figure, style)
    caption(figure, f"Mean over {runs}, {held}.")
    files = save(figure, folder, "tuning")
    environments = style_of(study.environments)
    parts = list(frames["responses"].groupby(["rule", "parameter"], sort=False))
    figure, axes = panels(len(parts), height=1.5, columns=ACROSS)
    for ax, ((rule, _), part) in zip(axes, parts, strict=True):
        response(part, ax, environments).set_title(str(rule), loc="left")
        if ax.get_subplotspec().colspan.start:  # type: ignore[union-attr]
            ax.set_ylabel("")
    alike(axes, "y", MARGIN)
    legend_below(figure, environments, dots=True)
    caption(figure, f"Dot: a setting, {study.measure}, mean over {len(study.seeds)} seeds; line: the default.")
    return files + save(figure, folder, "responses")


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Arguments, description=__doc__)))
