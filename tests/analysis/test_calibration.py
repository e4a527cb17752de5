"""The sentinel: one rule under two labels, through the pipeline and through the report's decisions."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from analysis_cases import write_cell, write_results

from analysis import calibration
from analysis.calibration import (
    COLUMNS,
    EVERY,
    FALSE,
    TRUE,
    Arguments,
    Labels,
    blocks,
    calibrate,
    credibly_above,
    customs,
    in_short,
    labels_of,
    main,
    percentile_bootstrap,
    pinned,
    replay,
    report_decisions,
    unequal_rows,
)
from analysis.compare import Scale
from analysis.load import ResultsError, load
from experiments.cell.train import train
from experiments.profile_cell import Arguments as Cell
from experiments.profile_cell import spec_for
from experiments.records import RunRow

SCALE = Scale({"Walk-v0": (0.0, 1.0), "Pole-v0": (0.0, 500.0)})
NULL = ("a", "b")


def made(runs, shift=0.0, labels=NULL):
    """Runs of two labels on two environments, one of them with a ceiling; `shift` standard deviations apart."""
    rng, rows = np.random.default_rng(0), []
    for env in SCALE.scores:
        for label in labels:
            for seed in range(runs):
                z = rng.normal(0.5, 0.2) + 0.2 * shift * (label == labels[1])
                final = min(500.0, 700 * z) if env == "Pole-v0" else z
                rows.append(
                    {"env": env, "label": label, "seed": seed + 1000 * (label == labels[1]), "status": "ok", "nauc": z,
                     "final_sampled": final, "steps_to_0.5": 400 * (1 - z), "budget": 400}
                )  # fmt: skip
    return pd.DataFrame(rows)


def rates_of(measures, decide, n=5, paired=False, of=FALSE):
    return replay(blocks(measures, *NULL, n, paired), decide).assign(of=of)


def test_the_reports_decisions_do_not_err_credibly_above_five_percent():
    measures = made(240)
    for n, paired in ((6, True), (5, False)):
        rates = rates_of(measures, report_decisions(SCALE), n, paired)
        assert credibly_above(rates).empty, rates.to_string()
        assert set(rates.comparisons) == {240 // n, 2 * (240 // n)} and rates.found.max() > 0


def test_the_gate_goes_red_with_the_percentile_bootstrap_and_with_bars():
    red = set(credibly_above(rates_of(made(500), customs)).decision)
    assert {"bootstrap interval of the difference, nAUC", "bars of one standard error apart, nAUC"} <= red


def test_the_gate_goes_red_if_the_report_decides_by_the_percentile_bootstrap(monkeypatch):
    """Put in where the permutation test stands, through the report's own table."""

    measures = made(400).query("env == 'Walk-v0'")
    assert credibly_above(rates_of(measures, report_decisions(SCALE), 4)).empty

    def p(strata):
        return 0.0 if percentile_bootstrap(strata[0].first, strata[0].second) else 1.0

    monkeypatch.setattr("analysis.compare.permutation_p", p)
    assert not credibly_above(rates_of(measures, report_decisions(SCALE), 4)).empty


def test_the_gate_goes_red_if_a_label_leaks_into_the_runs():
    leaked = rates_of(made(90, shift=1.2), report_decisions(SCALE), 6, True)
    assert len(credibly_above(leaked)) >= 4


def test_power_is_counted_beside_the_false_positives():
    labels = Labels([], NULL, ("a", "c"))
    weaker = made(60, shift=-2.0, labels=("a", "c"))
    weaker["seed"] = weaker.seed % 1000
    measures = pd.concat([made(60), weaker[weaker.label == "c"]], ignore_index=True)
    rates = calibrate(measures, labels, SCALE, seeds=(7,))
    assert tuple(rates.columns) == COLUMNS and set(rates.of) == {FALSE, TRUE}
    power = rates[(rates.of == TRUE) & (rates.env == EVERY) & rates.decision.str.contains("nAUC")]
    assert (power.rate > 0.7).all() and len(power) == 2
    assert (rates[~rates.decides].of == FALSE).all() and credibly_above(rates).empty
    assert (rates.low <= rates.rate).all() and (rates.rate <= rates.high).all()


def test_blocks_are_disjoint_and_of_one_label_a_side():
    measures = made(13)
    seen = list(blocks(measures, *NULL, 6, paired=False))
    assert len(seen) == 2 and all((part.groupby(["env", "label"]).size() == 6).all() for part in seen)
    assert not set(seen[0].nauc) & set(seen[1].nauc)
    assert all(set(part[part.label == "first"].nauc) <= set(measures[measures.label == "a"].nauc) for part in seen)
    for paired, common in ((True, 6), (False, 0)):
        part = next(blocks(measures, *NULL, 6, paired))
        assert len(set(part[part.label == "first"].seed) & set(part[part.label == "second"].seed)) == common
    with pytest.raises(ResultsError, match="expected at least 14 runs of a and of b"):
        blocks(measures, *NULL, 14, paired=False)


def rows_under(label):
    spec = spec_for(Cell("trpo", "CartPole-v1", updates=2, batch_size=64, n_envs=4))
    rows = [row for row in train(spec.model_copy(update={"label": label})) if not isinstance(row, RunRow)]
    return [{k: v for k, v in vars(row).items() if k != "run_id" and not k.endswith("_s")} for row in rows]


def test_a_label_changes_no_number_of_a_run():
    """Through the whole cell: whatever a label could leak into seeds, order or streams would show here."""
    first, second = rows_under("first"), rows_under("second")
    assert len(first) > 2
    pd.testing.assert_frame_equal(pd.DataFrame(first), pd.DataFrame(second))


def test_rows_of_one_rule_on_equal_seeds_are_compared_number_by_number(folder):
    for seed in range(5):
        write_cell(folder, "Easy-v0", "stays", seed, returns=[10.0 * k + seed for k in range(9)])
        write_cell(folder, "Hard-v0", "stays", seed, returns=[10.0 * k + seed for k in range(9)])
    results = load(folder)
    assert set(unequal_rows(results, "climbs", "stays")) == {"evaluations.fisher_products", "updates.radius"}
    same = results.evaluations.assign(fisher_products=0)
    alike = replace(results, evaluations=same, updates=results.updates.assign(radius=0.02))
    assert unequal_rows(alike, "climbs", "stays") == []
    same.loc[same.index[0], "return_mean"] += 1e-12
    assert unequal_rows(alike, "climbs", "stays") == ["evaluations.return_mean"]


def test_labels_are_told_apart_by_what_they_ran(folder):
    results = load(folder)
    runs = results.runs
    seeds = runs.seed.where(runs.label == "climbs", runs.seed + 100)
    third = runs[runs.label == "climbs"].assign(label="other", hyper="another")
    again = runs[(runs.label == "climbs") & (runs.seed < 2)].assign(label="again")
    whole = pd.concat([runs.assign(seed=seeds), third, again])
    found = labels_of(replace(results, runs=whole))
    assert found == Labels([("again", "climbs")], ("climbs", "stays"), ("climbs", "other"))
    with pytest.raises(ResultsError, match="no rule under two labels on disjoint seeds"):
        labels_of(results)


def test_the_pinned_rates_are_those_of_our_runs_and_none_that_decides_is_red():
    rates = pinned()
    assert tuple(rates.columns) == COLUMNS and set(rates.seeds) == set(calibration.SEEDS)
    assert credibly_above(rates[rates.decides]).empty
    assert np.allclose(rates.rate, rates.found / rates.comparisons, atol=1e-3)
    short = in_short(rates)
    assert set(short.of) == {FALSE, TRUE} and len(short) < len(rates) / 2
    assert short[short.of == TRUE].rate.max() > 0.5
    assert "bootstrap interval of the difference, nAUC" in set(credibly_above(short).decision), "on real runs too"


def test_the_command_refuses_what_is_no_calibration(tmp_path, capsys):
    write_results(tmp_path)
    assert main(Arguments(tmp_path)) == 2
    assert "no rule under two labels on disjoint seeds" in capsys.readouterr().err


def test_the_shipped_matrix_is_one_and_uses_no_judging_or_forbidden_seed():
    import tomllib

    file = Path(calibration.__file__).parents[1] / "experiments" / "matrices" / "calibration.toml"
    rules = tomllib.loads(file.read_text())["rules"]
    seeds = {name: set(rule["seeds"]) for name, rule in rules.items()}
    assert not seeds["first"] & seeds["second"] and len(seeds["first"]) == len(seeds["second"]) == 150
    assert seeds["again"] < seeds["first"] and seeds["weaker"] < seeds["first"]
    assert all(200 <= seed < 500 for each in seeds.values() for seed in each)
