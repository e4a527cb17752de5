"""The forks of one stage on disk: a Parquet file, whole or not at all, that grows by a row per rule."""

from dataclasses import dataclass
from pathlib import Path

from experiments.forks.fork import Entry
from experiments.forks.plan import ForksError
from experiments.forks.stage import code_of_fork
from experiments.identity import library_versions
from experiments.records import BrokenCell, ForkRow, parquet, read_parquet, write_atomically
from experiments.spec import RunSpec


@dataclass(frozen=True)
class StageFile:
    """`entries` and `episodes` are what is asked for; rows that were made otherwise are refused, never overwritten."""

    path: Path
    trunk: RunSpec
    entries: tuple[Entry, ...]
    episodes: int

    def rows(self) -> list[ForkRow]:
        """What is there; a damaged file is set aside. Raises ForksError."""
        if not self.path.exists():
            return []
        try:
            rows: list[ForkRow] = read_parquet(ForkRow, self.path)
        except BrokenCell as error:
            aside = self.path.replace(self.path.with_suffix(".broken"))
            print(f"{self.trunk.name}: {error}; set aside as {aside.name}, its forks will run again")
            return []
        for row in rows:
            if differs := self._differs(row):
                raise ForksError(
                    f"{self.path}: the fork of {row.label} from {self.trunk.name} was made {differs}; use --out DIR "
                    "for a fresh start, or delete the file"
                )
        return rows

    def missing(self) -> list[Entry]:
        """The rules without a row."""
        there = {row.label for row in self.rows()}
        return [entry for entry in self.entries if entry.label not in there]

    def add(self, row: ForkRow) -> None:
        """One more row, on the disk when this returns."""
        write_atomically(self.path, parquet(ForkRow, [*self.rows(), row]))

    def summary(self) -> str:
        """The stage in one line."""
        rows = self.rows()
        good = [row for row in rows if row.status == "ok"]
        if not good:
            return f"none of {len(rows)} forks is ok"
        best = max(good, key=lambda row: row.return_after)
        gain = best.return_after - best.return_before
        return f"{len(good)} of {len(rows)} forks ok; {best.label} gains most, {gain:+.3g} on {best.return_before:.3g}"

    def _differs(self, row: ForkRow) -> str:
        if (row.code, row.versions) != (code_of_fork(self.trunk, row.rule), library_versions()):
            return "by other code or library versions"
        if not row.exact and row.episodes != self.episodes:
            return f"with {row.episodes} episodes, not {self.episodes}"
        for entry in self.entries:
            if entry.label == row.label and (entry.rule, entry.hyper_text) != (row.rule, row.hyper):
                return f"with {row.hyper}, not {entry.hyper_text}"
        return ""
