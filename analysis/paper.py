"""Tables and figures for a paper, from one results directory: into RESULTS/paper, the report itself stays as it is."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.figures import FIGURES, draw_sheet
from analysis.figures.sheet import sheet_of
from analysis.latex import latex_tables
from analysis.load import ResultsError
from analysis.page.evidence import Evidence
from analysis.plots.looks import family
from analysis.plots.style import Layout, theme
from experiments.records import write_atomically


@dataclass(frozen=True)
class Paper:
    """For a paper: with any of these, tables and figures go to RESULTS/paper and nothing else is written."""

    latex: bool = False
    """tables as LaTeX (booktabs): results, bold by verdict, and the verdicts"""
    captions: bool = True
    """captions in the figures; --no-captions leaves them to the paper"""
    labels: str = ""
    """names to show for rules and environments: trpo=TRPO,vanilla_pg=REINFORCE,HalfCheetah-v5=HalfCheetah"""
    only: str = ""
    """rules and environments, as RULE/ENV with * as a wildcard, several by commas: 'trpo*,ppo' or '*/Hopper-v5'"""
    draw: str = ""
    """figures by name, several by commas: learning_curves,final (default: all; none with --latex alone)"""
    size: tuple[float, float] | None = None
    """width and height of a figure in inches"""

    @property
    def asked(self) -> bool:
        """Whether anything is asked for."""
        return self != Paper()

    @property
    def wanted(self) -> tuple[str, ...]:
        """The figures to draw. Raises ResultsError for an unknown one."""
        names = _listed(self.draw)
        if unknown := [name for name in names if name not in FIGURES]:
            raise ResultsError(f"--draw: no figure {unknown[0]}; expected some of {', '.join(FIGURES)}")
        if names:
            return names
        return () if replace(self, latex=False, labels="", only="") == Paper() and self.latex else tuple(FIGURES)

    @property
    def names(self) -> dict[str, str]:
        """Label or environment -> what is shown of it. Raises ResultsError."""
        pairs = [part.rpartition("=") for part in _listed(self.labels)]
        if wrong := [f"{old}{equals}{new}" for old, equals, new in pairs if not (equals and old and new)]:
            raise ResultsError(f"--labels: {wrong[0]!r} gives no name; expected LABEL=NAME,LABEL=NAME")
        found = {old.strip(): new.strip() for old, _, new in pairs}
        if len(set(found.values())) < len(found):
            raise ResultsError("--labels: two labels would have one name; give each its own")
        return found


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def write_paper(bundle: Evidence, paper: Paper, clock: str | None, published: pd.DataFrame | None) -> list[Path]:
    """The files. Raises ResultsError, before any is written, for a name or pattern of nothing."""
    shown_as = renaming(bundle, paper.names)
    part, wanted = narrowed(bundle, paper.only), paper.wanted
    if paper.size is not None and not all(0 < inches <= 100 for inches in paper.size):
        raise ResultsError(f"--size: expected two lengths in inches up to 100, got {paper.size}")
    folder = bundle.results.folder / "paper"
    folder.mkdir(exist_ok=True)
    files = []
    for name, text in latex_tables(part, shown_as).items() if paper.latex else ():
        files.append(folder / f"{name}.tex")
        write_atomically(files[-1], text.encode())
    with theme(Layout(paper.captions, paper.size)):
        sheet = sheet_of(part.results, part.measures, folder, clock, published, shown_as)
        return files + draw_sheet(sheet, wanted)


def renaming(bundle: Evidence, names: dict[str, str]) -> Callable[[str], str]:
    """What is shown of a label or an environment; members of a sweep keep what is in their parentheses.

    Raises ResultsError for the name of nothing, and where two would be shown alike.
    """
    planned = bundle.results.planned
    labels, environments = ({str(text) for text in planned[name]} for name in ("label", "env"))
    known = labels | environments | set(map(family, labels))
    if unknown := [name for name in names if name not in known]:
        raise ResultsError(f"--labels: there is no {unknown[0]}; expected some of {', '.join(sorted(known))}")

    def shown_as(text: str) -> str:
        if text in names:
            return names[text]
        rule = family(text)
        return names[rule] + text[len(rule) :] if rule in names and text in labels else text

    for group in (labels, environments):
        if len({shown_as(text) for text in group}) < len(group):
            raise ResultsError("--labels: two labels would be shown alike; give each its own name")
    return shown_as


def narrowed(bundle: Evidence, only: str) -> Evidence:
    """The evidence of the rules and environments that a pattern asks for; corrections stay those of the whole family.

    Raises ResultsError if nothing matches.
    """
    patterns = [pattern.partition("/") for pattern in _listed(only)]
    if not patterns:
        return bundle
    planned = bundle.results.planned

    def wanted(env: Any, label: Any, rule: Any) -> bool:
        return any(
            fnmatchcase(str(env), place or "*") and any(fnmatchcase(str(name), who or "*") for name in (label, rule))
            for who, _, place in patterns
        )

    kept = planned[[wanted(*each) for each in zip(planned.env, planned.label, planned.rule, strict=True)]]
    if kept.empty:
        there = sorted({f"{label}/{env}" for label, env in zip(planned.label, planned.env, strict=True)})
        raise ResultsError(f"--only {only} matches nothing; there are {', '.join(there)}")
    pairs = set(zip(kept.env, kept.label, strict=True))

    def of(frame: pd.DataFrame, *sides: str) -> pd.DataFrame:
        there = [[pair in pairs for pair in zip(frame.env, frame[side], strict=True)] for side in sides]
        return frame.loc[np.array([all(each) for each in zip(*there, strict=True)], dtype=bool)]

    tables: Any = {
        name: of(getattr(bundle.results, name), "label")
        for name in ("planned", "runs", "updates", "trials", "reuses", "evaluations")
    }
    return replace(
        bundle,
        results=replace(bundle.results, **tables),
        measures=of(bundle.measures, "label"),
        summary=of(bundle.summary, "label"),
        comparisons=of(bundle.comparisons, "first", "second"),
    )
