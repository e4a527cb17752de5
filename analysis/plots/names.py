"""Text of result files as figures can draw it: one line, of bounded width, of glyphs that the font has.

Labels and environments are named by users. A figure gets their names through here, once, before any panel is drawn;
the page shows them as they are. Nothing is read as mathematics (`theme` turns that off).
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from functools import cache

from matplotlib import font_manager
from matplotlib.font_manager import FontProperties
from matplotlib.ft2font import FT2Font
from matplotlib.textpath import text_to_path

FONT = "DejaVu Sans"  # comes with matplotlib: the same figure on every machine
MOST = 15.0  # em of a label, or of an environment: about 27 letters
SENTENCE = 250.0  # em of a remark in a caption
LETTERS = 60  # of a text that are looked at for every em there is room for
UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Mn", "Me"}  # categories that draw nothing, or over their neighbours


def drawable(text: str, most: float = MOST) -> str:
    """The text with escapes for what cannot be drawn, such as \\u4e2d, and its middle left out where it is too wide."""
    enough = int(LETTERS * most)
    whole = len(text) <= enough
    head = _pieces(text if whole else text[:enough])
    if whole and sum(map(em, head)) <= most:
        return "".join(head)
    room = most - em("…")
    end = _within((head if whole else _pieces(text[-enough:]))[::-1], room / 3)[::-1]
    start = _within(head, room - sum(map(em, end)))
    return "".join([*start, "…", *end])


def names(texts: Iterable[str], most: float = MOST) -> dict[str, str]:
    """text -> what is drawn of it, a different one for each: a number tells apart what would be drawn alike."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for text in sorted(set(texts), key=lambda text: (drawable(text, most) != text, text)):
        shown, number = drawable(text, most) or "(no name)", 2
        while shown in taken:
            more = f" ({number})"
            shown, number = drawable(text, most - em(more)) + more, number + 1
        found[text] = shown
        taken.add(shown)
    return found


def file_name(text: str) -> str:
    """A name for a file, of letters that every file system has; a digest tells apart what would have the same."""
    plain = re.sub(r"[^A-Za-z0-9.()=,_-]", "_", text)[:80]
    if plain == text.replace("/", "_"):
        return plain
    return f"{plain}-{hashlib.blake2b(text.encode('utf-8', 'surrogatepass'), digest_size=4).hexdigest()}"


@cache
def em(text: str) -> float:
    """The width of one line of text over the size of its letters."""
    width, _, _ = text_to_path.get_text_width_height_descent(text, FontProperties(family=FONT, size=10), ismath=False)
    return float(width) / 10


def wrapped(text: str, most: float) -> str:
    """The text in lines of at most `most` em, broken between words."""
    lines = []
    for given in text.splitlines():
        line = ""
        for word in given.split(" "):
            if line and em(f"{line} {word}") > most:
                lines.append(line)
                line = word
            else:
                line = f"{line} {word}" if line else word
        lines.append(line)
    return "\n".join(lines)


def _pieces(text: str) -> list[str]:
    """What is drawn for each character; whitespace of any kind is a space."""
    return [_drawn(character) for character in " ".join(unicodedata.normalize("NFC", text).split())]


def _drawn(character: str) -> str:
    if character == " ":
        return character
    code = ord(character)
    if unicodedata.category(character) in UNSEEN or code not in _glyphs():
        return f"\\u{code:04x}"
    return character


def _within(pieces: list[str], most: float) -> list[str]:
    """As many of the first pieces as there is room for."""
    width, kept = 0.0, []
    for piece in pieces:
        width += em(piece)
        if width > most:
            break
        kept.append(piece)
    return kept


@cache
def _glyphs() -> frozenset[int]:
    """Codes of the characters that the font has."""
    return frozenset(FT2Font(font_manager.findfont(FONT)).get_charmap())
