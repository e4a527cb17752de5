"""What chosen settings are worth on seeds that had no part in choosing them."""

import numpy as np
import pandas as pd

from analysis.load import Results
from analysis.measures import curves
from analysis.measures.efficiency import normalized_auc
from analysis.tuning.measures import choose_each, choose_one, ranks
from analysis.tuning.study import Array, Study

ONE, EACH, DEFAULT = "", "per environment", "default"  # what stands in the parentheses of a label


def shrinkage(study: Study, fresh: Results) -> pd.DataFrame:
    """rule, env, choice, tuning, fresh, n, shrinkage: nAUC on the seeds that chose, less that on fresh ones.

    Both over the steps that a run of the tuning had. A choice of which no run is there has no row.
    """
    ranked = ranks({name: rule.scores for name, rule in study.rules.items()})
    scored = _early_scores(fresh, study.share)
    rows = []
    for name, rule in study.rules.items():
        means = rule.scores.mean(axis=2)
        columns = np.arange(means.shape[1])
        chosen: dict[str, Array] = {
            ONE: means[choose_one(ranked[name])],
            EACH: means[choose_each(rule.scores), columns],
        }
        if rule.default is not None:
            chosen[DEFAULT] = means[rule.default]
        for choice, scores in chosen.items():
            label = f"{name}({choice})" if choice else name
            for e, env in enumerate(study.environments):
                values = scored[(scored.label == label) & (scored.env == env)].score
                if len(values):
                    mean = float(values.mean())
                    rows.append((name, env, choice or "one setting", scores[e], mean, len(values), scores[e] - mean))
    return pd.DataFrame(rows, columns=["rule", "env", "choice", "tuning", "fresh", "n", "shrinkage"])


def seeds_apart(study: Study, fresh: Results) -> None:
    """Raise ValueError if a run is judged on a seed that chose."""
    both = sorted(set(study.seeds) & set(map(int, fresh.planned.seed)))
    if both:
        shown = ", ".join(map(str, both))
        raise ValueError(f"{fresh.folder} has runs of seeds {shown}, by which the settings were chosen")


def _early_scores(results: Results, share: float) -> pd.DataFrame:
    """label, env, seed, score: nAUC of every run over the first `share` of its budget."""
    rows = []
    for (label, env, seed), part in curves(results).groupby(["label", "env", "seed"], sort=True):
        steps, z = part.grid_step.to_numpy(float), part.z.to_numpy(float)
        end = share * steps[-1]
        inside = steps < end
        cut = np.append(steps[inside], end), np.append(z[inside], np.interp(end, steps, z))
        rows.append((label, env, seed, normalized_auc(*cut)))
    return pd.DataFrame(rows, columns=["label", "env", "seed", "score"])
