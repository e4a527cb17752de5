"""Whether runs were made by the same code.

A run names the code that computed it by one digest, and the manifest says which files are behind a digest, for the code
of two rules differs in the rules' own files and agrees in all that they share.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

Listings = Mapping[str, Mapping[str, str]]  # digest of a run's code -> file -> digest of what it means

LIBRARIES = "python or its libraries"


class Made(Protocol):
    """A run, or anything else that code and libraries have made."""

    @property
    def code(self) -> str:
        """The digest of the code."""

    @property
    def versions(self) -> str:
        """JSON: python and its libraries."""


def mixed_code(runs: Iterable[Made], listings: Listings) -> list[str]:
    """What there are two versions of behind these runs, empty where they were made alike.

    A digest that is not listed can be told from no other: more than one code is then a difference by itself.
    """
    made_by = {(run.code, run.versions) for run in runs}
    codes = sorted({code for code, _ in made_by})
    found = [LIBRARIES] if len({versions for _, versions in made_by}) > 1 else []
    unlisted = [code for code in codes if code not in listings]
    if unlisted and len(codes) > 1:
        found.append(f"code of which no files are known ({', '.join(unlisted)})")
    versions: dict[str, set[str]] = {}
    for code in codes:
        for file, digest in listings.get(code, {}).items():
            versions.setdefault(file, set()).add(digest)
    return found + sorted(file for file, digests in versions.items() if len(digests) > 1)
