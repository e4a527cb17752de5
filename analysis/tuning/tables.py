"""The tables of a tuning."""

import json
from typing import Any

import numpy as np
import pandas as pd

from analysis.tuning.measures import (
    best_of_each,
    break_even,
    charged,
    choose_each,
    choose_one,
    effective_dimensionality,
    over_environments,
    ranks,
    surface,
    tuned_for_all,
    tuned_per_environment,
)
from analysis.tuning.study import Array, RuleStudy, Study

NAN = float("nan")
TELLING = 0.2  # least share of variance that a fitted surface must foretell before anything is read off it


def choices(study: Study) -> dict[str, Any]:
    """Of every rule: the best one setting for all environments, and the best on each, by all seeds of the tuning."""
    ranked = ranks({name: rule.scores for name, rule in study.rules.items()})
    found = {}
    for name, rule in study.rules.items():
        each = zip(study.environments, choose_each(rule.scores), strict=True)
        found[name] = {
            "rule": rule.rule,
            "one": rule.settings[choose_one(ranked[name])],
            "each": {env: rule.settings[setting] for env, setting in each},
        }
    return found


def summary(study: Study) -> pd.DataFrame:
    """A row per rule. Scores of choices are those on the seed in turn that had no part in choosing.

    default; one: of one setting for all; each: tuned per environment; sensitivity: each - one, with its interval over
    environments; dimensions: how many hyper-parameters need tuning per environment, on surfaces fitted to the settings
    that foretell the share `foretold` of the scores left out (nan below TELLING); charged: `each` with its tuning paid
    for; break_even: budgets after which tuning per environment has paid, beside the default.
    """
    ranked = ranks({name: rule.scores for name, rule in study.rules.items()})
    rows = []
    for name, rule in study.rules.items():
        each, one = tuned_per_environment(rule.scores), tuned_for_all(rule.scores, ranked[name])
        default = NAN if rule.default is None else float(rule.scores[rule.default].mean())
        gap, mean = over_environments(each - one), float(each.mean())
        dimensions, foretold = dimensions_of(rule)
        rows.append(
            {
                "rule": name, "settings": len(rule.settings), "seeds": len(study.seeds),
                "environments": len(study.environments), "tuned": ", ".join(rule.tuned), "default": default,
                "one": float(one.mean()), "each": mean, "sensitivity": gap.estimate, "sensitivity_low": gap.low,
                "sensitivity_high": gap.high, "dimensions": dimensions, "foretold": foretold,
                "charged": charged(mean, study.spent), "break_even": break_even(default, mean, study.spent),
                "setting": json.dumps(rule.settings[choose_one(ranked[name])]),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def dimensions_of(rule: RuleStudy) -> tuple[float, float]:
    """Effective dimensionality, nan where it is unknown, and the least share that a surface predicts."""
    fitted = [surface(rule.places, rule.scores[:, e].mean(axis=1)) for e in range(rule.scores.shape[1])]
    foretold = float(np.median([share for _, share in fitted]))
    if not foretold >= TELLING:
        return NAN, foretold
    try:
        return float(effective_dimensionality(np.stack([grid for grid, _ in fitted], axis=-1))), foretold
    except ValueError:  # nobody learns
        return NAN, foretold


def per_environment(study: Study) -> pd.DataFrame:
    """A row per rule and environment: scores of the default, of one setting for all and of the best there; the best."""
    ranked = ranks({name: rule.scores for name, rule in study.rules.items()})
    rows = []
    for name, rule in study.rules.items():
        best, one = choose_each(rule.scores), tuned_for_all(rule.scores, ranked[name])
        each = tuned_per_environment(rule.scores)
        for e, env in enumerate(study.environments):
            usual = NAN if rule.default is None else float(rule.scores[rule.default, e].mean())
            flattered = float(rule.scores[best[e], e].mean())
            rows.append((name, env, usual, one[e], each[e], flattered, json.dumps(rule.settings[best[e]])))
    return pd.DataFrame(rows, columns=["rule", "env", "default", "one", "each", "each_on_own_seeds", "setting"])


def best_of_k(study: Study) -> pd.DataFrame:
    """rule, k, estimate, low, high: expected score of the best of k settings, tuned per environment."""
    rows = []
    for name, rule in study.rules.items():
        for k, scores in enumerate(best_of_each(rule.scores), start=1):
            interval = over_environments(scores)
            rows.append((name, k, interval.estimate, interval.low, interval.high))
    return pd.DataFrame(rows, columns=["rule", "k", "estimate", "low", "high"])


def responses(study: Study) -> pd.DataFrame:
    """rule, env, parameter, value, place, score (mean over seeds), default: every setting's, one row per parameter."""
    rows = []
    for name, rule in study.rules.items():
        means: Array = rule.scores.mean(axis=2)
        for s, setting in enumerate(rule.settings):
            for d, parameter in enumerate(rule.tuned):
                for e, env in enumerate(study.environments):
                    row = (name, env, parameter, setting[parameter], rule.places[s, d], means[s, e], s == rule.default)
                    rows.append(row)
    return pd.DataFrame(rows, columns=["rule", "env", "parameter", "value", "place", "score", "default"])
