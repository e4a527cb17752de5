"""Learning curves that other libraries published: facts to compare with, in `published.csv`.

Columns: source, env, env_version, algo, env_step, mean, std (empty where none was given), n_seeds, single_run (yes or
no), evaluation (by what episodes the policy was judged), note. At most 25 points a curve. Those of DESCRIBED may be
missing from a file of one's own.
Sources, named as repository@commit:path where there is one:

- tianshou@829d6359~1: github.com/thu-ml/tianshou, the commit before 829d6359, examples/mujoco/benchmark. Mean of ten
  seeds, each a test of ten episodes with sampled actions. Its TRPO kept steps that the line search had rejected.
- spinningup@038665d: github.com/openai/spinningup, the plots of docs/spinningup/bench.rst (tf1 and PyTorch), read off
  to about 1 % of the axis. Return of the training batches, ten seeds, observations not normalised.
- openai/baselines: github.com/openai/baselines, benchmarks_mujoco1M.htm, read off alike. Training return, six seeds.
- sb3-contrib zoo and SLM-Lab: single results at the end of training, from model cards and docs/BENCHMARKS.md; those of
  one run say so.

`bars.csv` has the returns that this project set out to pass at a million steps, sampled actions and the last policy,
one setting for all: env, rules, env_step, bar, basis, source. Where the basis is "declared" no published figure that it
could be checked against is in `published.csv`.
"""

import re
from pathlib import Path

import pandas as pd

from analysis.load import ResultsError

PUBLISHED = Path(__file__).with_name("published.csv")
BARS = Path(__file__).with_name("bars.csv")
COLUMNS = ("source", "env", "algo", "env_step", "mean", "std", "n_seeds", "note")
DESCRIBED = ("env_version", "single_run", "evaluation")
NUMBERS = ("env_step", "mean", "std", "n_seeds")
COUNTERPARTS = {
    "trpo": "trpo",
    "ppo": "ppo",
    "ppo2": "ppo",
    "npg": "npg",
    "vpg": "vanilla_pg",
    "reinforce": "vanilla_pg",
}  # published algorithm -> our rule


def read_published(file: Path) -> pd.DataFrame:
    """The curves of a CSV file of these columns. Raises ResultsError, with what is wrong."""
    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ResultsError(f"{file} cannot be read as CSV: {error}") from error
    absent = [name for name in COLUMNS if name not in table.columns]
    if absent:
        raise ResultsError(f"{file} has no column {', '.join(absent)}; expected {','.join(COLUMNS)}")
    table = table.reindex(columns=[*COLUMNS, *DESCRIBED], fill_value="")
    for name in NUMBERS:
        table[name] = _numbers(table[name], name, file)
    return table


def read_bars() -> pd.DataFrame:
    """The returns to pass, a row for each environment; the columns of `bars.csv`."""
    return pd.read_csv(BARS, keep_default_na=False)


def _numbers(column: pd.Series, name: str, file: Path) -> pd.Series:
    values = pd.to_numeric(column.where(column.str.strip() != "", "nan"), errors="coerce")
    wrong = values.isna() & ~column.str.strip().str.lower().isin(["", "nan"])
    if wrong.any():
        at = int(wrong.to_numpy().argmax())
        raise ResultsError(f"{file}, line {at + 2}: {name} is {column.iloc[at]!r}; expected a number")
    return values


def counterpart(algorithm: str) -> str | None:
    """Our rule for a published algorithm's name, `TRPO(trpo_mpi)` for instance; None if there is none."""
    return COUNTERPARTS.get(re.split(r"\W", algorithm.lower(), maxsplit=1)[0])


def task(env: str) -> tuple[str, int]:
    """halfcheetah, 3 for HalfCheetah-v3; version -1 where none is named."""
    found = re.fullmatch(r"(.*?)(?:-v(\d{1,4}))?", env, flags=re.DOTALL)
    assert found is not None
    return found[1].lower(), int(found[2] or -1)


def comparable(env: str, other: str) -> bool:
    """Whether two versions of a task give the same rewards.

    v2 and v3 do; v4 does as v3, except on Ant and Humanoid; v5 changed the rewards of most, but not of HalfCheetah and
    hardly of Swimmer (gymnasium, MuJoCo environments, version history).
    """
    (name, first), (second_name, second) = task(env), task(other)
    if name != second_name:
        return False
    low, high = sorted((first, second))
    if low == high or high < 4:
        return True
    return name in ("halfcheetah", "swimmer") or (high == 4 and name not in ("ant", "humanoid"))
