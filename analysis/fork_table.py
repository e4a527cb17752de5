"""Forks as tables: gains in units of the return, a row per stage and rule, and what separates good from bad steps."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from analysis.inference import Interval, iqm, trimmed_t_interval
from analysis.load import ResultsError
from analysis.summary import number
from experiments.records import BrokenCell, ForkRow, cell_name, frame, read_parquet

NAN = float("nan")
STAGE = ["env", "trunk", "env_steps"]
GAINS = {"promised": "predicted_gain", "on_batch": "surrogate_gain", "held_out": "held_out_gain"}
PREDICTORS = [*GAINS, "exact_surrogate_gain", "kl", "max_kl", "step_norm"]
PREDICTORS += [f"{name}_cosine" for name in ("gradient", "natural", "held_out", "true")]
MEANS = [*PREDICTORS, "reverse_kl", "quadratic_kl", "claimed", "gain_se", "accepted", "update_s"]


def load_forks(folder: Path, mixed: bool = False) -> tuple[pd.DataFrame, list[str]]:
    """A row per fork, rules in the order in which they ran, and what could not be read.

    Raises ResultsError, also for forks of different code (unless `mixed`), or of two trunks of one name.
    """
    rows: list[ForkRow] = []
    broken: dict[Path, BrokenCell] = {}
    for file in sorted((folder / "forks").glob("*.parquet")):
        try:
            rows += read_parquet(ForkRow, file)
        except BrokenCell as error:
            broken[file] = error
    if not rows:
        raise ResultsError(f"{folder} has no forks: expected {folder / 'forks'}/*.parquet, as run_forks.py writes them")
    trunks = {row.run_id: cell_name(row.trunk, row.env, row.seed) for row in rows}
    problems = [f"{_stage(file, trunks)}{error}; counted as missing" for file, error in broken.items()]
    forks = frame(ForkRow, rows)
    who = [*STAGE, "seed", "label"]
    twice = forks[forks.duplicated(who)]
    if len(twice):
        env, trunk, env_steps, seed, label = twice.iloc[0][who]
        raise ResultsError(
            f"{folder} holds two forks by {label} of {cell_name(trunk, env, seed)} at {env_steps:,} steps, of other "
            "settings or rules; keep them in two folders"
        )
    same = ["env", "trunk", "label"]  # whose code is one: that of other rules is other code
    made_by = int(forks.drop_duplicates([*same, "code", "versions"]).groupby(same).size().max())
    if made_by > 1 and not mixed:
        raise ResultsError(
            f"{folder} holds forks made by {made_by} versions of the code; run them again, or use --mixed"
        )
    if made_by > 1:
        problems.append(
            f"forks made by {made_by} versions of the code or its libraries are mixed here, as was asked for"
        )
    return forks, problems


def _stage(file: Path, trunks: dict[str, str]) -> str:
    """What a file holds the forks of, as far as other files of the same trunk say what that is called."""
    run_id, _, env_steps = file.stem.rpartition("-")
    return f"{trunks[run_id]} at {int(env_steps):,} steps: " if run_id in trunks and env_steps.isdecimal() else ""


def measure_forks(forks: pd.DataFrame) -> pd.DataFrame:
    """The forks with `gain`, the true one, and what was expected of the step, all in units of the return.

    promised: by the rule's own linear model; on_batch: by the surrogate on the batch that made the step; held_out: by
    the surrogate on episodes that the rule did not see; claimed: by the rule's lower bound. Sorted by stage and seed.
    """
    unit = forks.return_unit
    measured = forks.assign(
        gain=forks.return_after - forks.return_before,
        claimed=forks.achieved_bound * unit,
        **{name: forks[column] * unit for name, column in GAINS.items()},
    )
    return measured.sort_values([*STAGE, "seed"], kind="stable", ignore_index=True)


def same_steps(part: pd.DataFrame) -> dict[str, list[str]]:
    """One trunk's labels whose steps are equal in every fork, by the first of them; the trunk's own comes first."""
    labels = sorted(dict.fromkeys(part.label), key=lambda label: label not in set(part.trunk))
    steps = part.set_index(["seed", "env_steps"]).groupby("label").theta_digest
    groups: dict[Any, list[str]] = {}
    for label in labels:
        made = steps.get_group(label).sort_index()
        groups.setdefault(tuple(made.items()), []).append(label)
    return {group[0]: group for group in groups.values()}


def summarize_forks(measured: pd.DataFrame, against: str | None = None) -> pd.DataFrame:
    """A row per stage and rule: IQM over seeds, and trimmed-t intervals of the true gain, of the held-out one, and of
    the true gain less that of `against` (None: the trunk's rule) on the same batch.

    The seed is the unit. Where a fork failed or is missing, nothing is aggregated.
    """
    rows = []
    for (env, trunk, env_steps), stage in measured.groupby(STAGE, sort=True):
        gains = stage.set_index(["label", "seed"]).gain
        other = gains.get(against or trunk, pd.Series(dtype=float))
        seeds = measured[(measured.env == env) & (measured.trunk == trunk)].seed.nunique()
        for label in dict.fromkeys(stage.label):
            part = stage[stage.label == label]
            failures = part.status[part.status != "ok"].value_counts().sort_index()
            whole = len(part) == seeds and failures.empty
            row = {"env": env, "trunk": trunk, "env_steps": env_steps, "label": label, "n_planned": seeds}
            row |= {"n_ok": int((part.status == "ok").sum()), "missing": seeds - len(part)}
            row["failures"] = ", ".join(f"{status} {count}" for status, count in failures.items())
            row["return_before"] = iqm(part.return_before.to_numpy(float))
            _put(row, "gain", part.gain, whole)
            _put(row, "held_out_gain", part.held_out, whole)
            _put(row, "against", gains[label] - other, whole)
            row |= {name: iqm(part[name].to_numpy(float)) if whole else NAN for name in MEANS}
            rows.append(row)
    return pd.DataFrame(rows)


def _put(row: dict[str, Any], name: str, values: "pd.Series[float]", whole: bool) -> None:
    found = trimmed_t_interval(np.asarray(values, dtype=np.float64)) if whole else Interval(NAN, NAN, NAN)
    row[name], row[f"{name}_low"], row[f"{name}_high"] = found.estimate, found.low, found.high


def explain(measured: pd.DataFrame) -> pd.DataFrame:
    """How well each quantity ranks the rules of a stage by true gain.

    Spearman's rho over the different steps of a seed, its IQM and interval over seeds.
    """
    rows = []
    for (env, trunk, env_steps), stage in measured.groupby(STAGE, sort=True):
        for predictor in PREDICTORS:
            found = [_rank_correlation(part, predictor) for _, part in stage.groupby("seed")]
            if np.isfinite(found).any():
                rho = trimmed_t_interval(np.array(found))
                bounds = {"rho": rho.estimate, "rho_low": max(rho.low, -1.0), "rho_high": min(rho.high, 1.0)}
                rows.append({"env": env, "trunk": trunk, "env_steps": env_steps, "predictor": predictor, **bounds})
    return pd.DataFrame(rows, columns=[*STAGE, "predictor", "rho", "rho_low", "rho_high"])


def _rank_correlation(part: pd.DataFrame, predictor: str) -> float:
    """Over the steps that were made, each once; nan for fewer than four, or if all are alike."""
    steps = part[(part.status == "ok") & (part.step_norm > 0)].drop_duplicates("theta_digest")
    known = steps[[predictor, "gain"]].dropna()
    if len(known) < 4 or known.nunique().min() < 2:
        return NAN
    return float(stats.spearmanr(known[predictor], known.gain).statistic)


CAPTION = """Brackets: 95 % trimmed-t interval of the interquartile mean over seeds, not corrected for the number of
rules. Gain: return of the new policy less that of the old one, {how}. Against: the gain
less {against} from the same batch. Promised: the rule's linear model (of the first inner step for `mm_penalty`); on
batch: surrogate gain on the batch that made the step; held out: on episodes that no rule saw; all in units of the
return, to first order. KL: mean and largest KL(old || new) over the batch, in nats. Cosines of the step with the
batch's gradient, with its natural direction in the metric F, and with {true}. ms: one update.
A rule that remembers (Adam's moments, past batches, a radius that has moved) starts afresh in every fork."""


def to_markdown(summary: pd.DataFrame, measured: pd.DataFrame, problems: list[str], against: str | None = None) -> str:
    """The tables as a page, best rule first; rules whose steps were equal share a row."""
    lines = ["# One batch through every rule", ""]
    for (env, trunk), part in summary.groupby(["env", "trunk"], sort=True):
        mine = measured[(measured.env == env) & (measured.trunk == trunk)]
        groups = same_steps(mine)
        exact = bool(mine.exact.all())
        for env_steps, stage in part.groupby("env_steps", sort=True):
            start = number(iqm(mine[mine.env_steps == env_steps].groupby("seed").return_before.first().to_numpy(float)))
            lines += [f"## {env} after {env_steps:,} steps of {trunk} (return {start})", ""]
            lines += [*_table(stage[stage.label.isin(list(groups))], against or str(trunk), exact), ""]
        lines += [f"The same step in every fork: {' = '.join(g)}." for g in groups.values() if len(g) > 1]
        how = "discounted, exact" if exact else f"undiscounted, {mine.episodes.max()} episodes, the same for all rules"
        true = "the exact policy gradient" if exact else "the gradient of the held-out episodes"
        lines += ["", CAPTION.format(how=how, against=f"`{against or trunk}`'s", true=true), ""]
    lines += ["## Left out", "", *(f"- {problem}" for problem in problems), ""] if problems else []
    return "\n".join(lines)


def _table(stage: pd.DataFrame, against: str, exact: bool) -> list[str]:
    heads = ["rule", "seeds", "gain", f"against {against}", "promised", "on batch", "held out", "KL", "max KL"]
    heads += ["cos gradient", "cos natural", "cos exact" if exact else "cos held out", "accepted", "ms"]
    lines = [_row(heads), _row(["---"] + ["---:"] * (len(heads) - 1))]
    for row in stage.sort_values("gain", ascending=False, na_position="last").to_dict("records"):
        failed = [row["failures"]] if row["failures"] else []
        failed += [f"missing {row['missing']}"] if row["missing"] else []
        seeds = f"{row['n_ok']}/{row['n_planned']}" + (f" ({', '.join(failed)})" if failed else "")
        if failed:
            lines.append(_row([str(row["label"]), seeds, "incomplete", *["" for _ in heads[3:]]]))
            continue
        names = ["promised", "on_batch", "held_out", "kl", "max_kl", "gradient_cosine", "natural_cosine"]
        names += ["true_cosine" if exact else "held_out_cosine", "accepted"]
        cells = [str(row["label"]), seeds, _interval(row, "gain"), _interval(row, "against")]
        lines.append(_row([*cells, *(number(row[name]) for name in names), number(1000 * row["update_s"])]))
    return lines


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _interval(row: dict[Any, Any], name: str) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    bounds = f" [{number(low)}, {number(high)}]" if np.isfinite([low, high]).all() else ""
    return number(row[name]) + bounds
