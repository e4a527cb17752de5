"""One batch through every rule.

A trunk (one rule, trained as any cell is) comes to given environment steps: a stage (`stage.py`). The batch that it
would learn from next is handed to every rule, all of them at the trunk's theta, and a judge (`judge.py`) says what each
new policy is worth, on the same episodes for all, or exactly on tabular problems: a fork (`fork.py`).

A rule that remembers (Adam's moments, the last batches, a radius that has moved) has nothing to remember here: a fork
shows its first update.
"""

from experiments.forks.fork import Entry, Forks
from experiments.forks.stage import Stage, reach, stage_steps

__all__ = ["Entry", "Forks", "Stage", "reach", "stage_steps"]
