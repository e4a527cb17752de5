"""One HTML page: data, style and scripts inside it, and a policy that forbids it any network.

Text of a result file reaches the page in two ways: through the template, which escapes it, and as JSON in which no
character can end the script element. Scripts run only if their digest is in the policy, so an escape that was forgotten
would still run nothing.
"""

import base64
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from analysis.claims.table import EXPLAINED
from analysis.page.curves import curve_data
from analysis.page.evidence import Evidence
from analysis.page.sections import sections
from analysis.plots.curves import BANDED
from experiments.records import write_atomically

HERE = Path(__file__).parent
LIMIT = 20_000_000  # bytes of the page
PLACES = {  # figures that stand in a section of their own
    "sensitivity": "sensitivity",
    "learning_curves_seconds": "clock",
    "seconds_to_threshold": "clock",
    "wall_clock": "clock",
}
ENDS = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


@dataclass(frozen=True)
class Figure:
    """One image of a directory."""

    name: str
    where: str  # from the page
    source: str  # a data URI; nothing if it did not fit
    place: str = ""  # the section that it stands in: "landing" for the first of a directory, or one of PLACES


def write_page(evidence: list[Evidence], file: Path, published: pd.DataFrame | None, seconds: bool, clock: str) -> Path:
    """Writes the page of one or more directories.

    seconds: whether any may be shown; clock: what is to be said about them; published: rows of `analysis.published`.
    """
    text = render(evidence, file.resolve().parent, published, seconds, clock)
    write_atomically(file, text.encode("utf-8", "replace"))
    return file


def render(evidence: list[Evidence], beside: Path, published: pd.DataFrame | None, seconds: bool, clock: str) -> str:
    """The page's text, with its figures as long as it stays below LIMIT; links are relative to the folder `beside`."""
    loader = FileSystemLoader(HERE)
    jinja = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    data = curve_data(evidence, published, seconds)
    scripts = {"plotly": _script(get_plotlyjs()), "behaviour": _script((HERE / "page.js").read_text(encoding="utf-8"))}
    parts = sections(evidence, seconds)
    template = partial(
        jinja.get_template("template.html").render,
        title=", ".join(part.title for part in parts),
        sections=parts,
        clock=clock,
        banded=BANDED,
        explained=EXPLAINED,
        published=published is not None,
        data=data,
        json=Markup(embedded(data)),
        style=Markup((HERE / "page.css").read_text(encoding="utf-8")),
        policy=policy(list(scripts.values())),
        **{name: Markup(text) for name, text in scripts.items()},
    )
    files = [part.figures for part in parts]
    without = template(figures=[[_figure(file, beside, 0) for file in figures] for figures in files])
    return template(figures=_figures(files, beside, LIMIT - len(without.encode("utf-8", "replace"))))


def _figures(files: list[Sequence[Path]], beside: Path, room: int) -> list[list[Figure]]:
    """Every figure of every directory, inside as long as there is room."""
    found: list[list[Figure]] = []
    for figures in files:
        found.append([])
        for file in figures:
            place = "landing" if file == figures[0] else PLACES.get(file.stem, "")
            found[-1].append(replace(_figure(file, beside, room), place=place))
            room -= len(found[-1][-1].source)
    return found


def _figure(file: Path, beside: Path, room: int) -> Figure:
    """One figure: its bytes if they fit into `room` bytes of text, and where it is."""
    source = ""
    if 4 * file.stat().st_size / 3 + 1_000 < room:
        source = f"data:image/png;base64,{base64.b64encode(file.read_bytes()).decode()}"
    return Figure(
        file.stem.replace("_", " "), quote(os.path.relpath(file.resolve(), beside).replace(os.sep, "/")), source
    )


def embedded(data: Any) -> str:
    """JSON that is safe inside a script element: ASCII, and without <, > and &. Raises ValueError for nan and inf."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for character, code in ENDS.items():
        text = text.replace(character, code)
    return text


def policy(scripts: list[str]) -> str:
    """A Content-Security-Policy: no network, no script but these. Plotly sets styles, and saves a figure as a blob."""
    digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    rest = "style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"
    return f"default-src 'none'; script-src {allowed}; {rest}"


def _script(text: str) -> str:
    """A script as the browser sees it, of which the digest is taken."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "</script" in text.lower() or "<!--" in text:
        raise ValueError("a script of the page holds a tag that would end it")
    return text
