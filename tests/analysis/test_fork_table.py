import itertools
from dataclasses import replace

import numpy as np
import pytest
from fork_cases import RULES, SEEDS, STAGES, fork, write_forks, write_stage
from scipy import stats

from analysis.fork_table import explain, load_forks, measure_forks, same_steps, summarize_forks, to_markdown
from analysis.inference import trimmed_t_interval
from analysis.load import ResultsError


@pytest.fixture
def folder(tmp_path):
    return write_forks(tmp_path)


def measured_in(folder, **options):
    forks, problems = load_forks(folder, **options)
    return measure_forks(forks), problems


def summary_of(folder, **options):
    return summarize_forks(measured_in(folder)[0], **options).set_index(["env_steps", "label"])


def test_gains_are_in_units_of_the_return(folder):
    measured, problems = measured_in(folder)
    assert len(measured) == 5 * 2 * len(RULES) and problems == []
    row = measured[(measured.label == "short") & (measured.seed == 3) & (measured.env_steps == 0)].iloc[0]
    assert (row.gain, row.promised, row.on_batch, row.held_out, row.claimed) == (7.0, 10.0, 5.0, 3.5, 2.5)


def test_a_row_per_stage_and_rule_with_the_seed_as_the_unit(folder):
    summary = summary_of(folder)
    assert len(summary) == 2 * len(RULES)
    row, expected = summary.loc[(0, "trpo")], trimmed_t_interval(2 + np.arange(5.0))
    assert (row.gain, row.gain_low, row.gain_high) == pytest.approx(
        (expected.estimate, expected.low, expected.high)
    ) and row.gain == 4
    assert (row.n_planned, row.n_ok, row.missing, row.failures) == (5, 5, 0, "")
    assert row.kl == 0.02 and row.accepted == 1 and summary.loc[(0, "still")].accepted == 0


def test_the_difference_is_taken_on_the_same_batch(folder):
    """short - trpo = -1 + seed: its interval is narrower than that of two independent samples would be."""
    row = summary_of(folder).loc[(0, "short")]
    expected = trimmed_t_interval(np.arange(5.0) - 1)
    assert (row.against, row.against_low, row.against_high) == pytest.approx(
        (expected.estimate, expected.low, expected.high)
    )
    assert summary_of(folder).loc[(0, "trpo")].against == 0
    far = summary_of(folder, against="far").loc[(0, "trpo")]
    assert far.against == pytest.approx(12.0)


@pytest.mark.parametrize("how", ["failed", "missing"])
def test_a_rule_that_lacks_a_fork_is_incomplete_and_never_another_mean(folder, how):
    whole = summary_of(folder)
    rows = [fork(label, 2, 0) for label in RULES]
    if how == "failed":
        rows[1] = replace(rows[1], status="diverged", return_after=float("nan"))
    else:
        del rows[1]
    write_stage(folder, 2, 0, *rows)
    summary = summary_of(folder)
    row = summary.loc[(0, "short")]
    assert np.isnan([row.gain, row.gain_low, row.against, row.kl]).all() and row.n_ok == 4
    assert (row.failures, row.missing) == (("diverged 1", 0) if how == "failed" else ("", 1))
    assert summary.drop((0, "short")).equals(whole.drop((0, "short")))
    measured, _ = measured_in(folder)
    told = to_markdown(summary.reset_index(), measured, [])
    assert f"| short | 4/5 ({'diverged' if how == 'failed' else 'missing'} 1) | incomplete |" in told


def test_a_rule_of_which_the_other_has_no_fork_has_no_difference(folder):
    write_stage(folder, 2, 0, *(fork(label, 2, 0) for label in RULES if label != "trpo"))
    row = summary_of(folder).loc[(0, "short")]
    assert row.gain == 5 and np.isnan(row.against)


def test_equal_steps_are_found_if_they_are_equal_everywhere(folder):
    measured, _ = measured_in(folder)
    groups = {"trpo": ["trpo", "double"], "short": ["short"], "far": ["far"], "still": ["still"]}
    assert same_steps(measured) == groups
    rows = [fork(label, 4, 2048) for label in RULES]
    write_stage(folder, 4, 2048, *rows[:-1], replace(rows[-1], theta_digest="another"))
    assert same_steps(measured_in(folder)[0])["double"] == ["double"]


def test_fewer_than_four_different_steps_are_not_ranked(folder):
    """`still` makes no step, `double` none of its own."""
    assert explain(measured_in(folder)[0]).empty


def fourth(seed):
    known = {"theta_digest": "more", "return_after": 101.5, "held_out_gain": 0.075}
    return replace(fork("short", seed, 0), label="more", **known)


def test_rank_correlations_are_spearmans_over_the_different_steps(folder):
    for seed in range(5):
        rows = [fork(label, seed, 0) for label in RULES]
        more = fourth(seed)
        write_stage(folder, seed, 0, *rows, more)
    found = explain(measured_in(folder)[0]).set_index(["env_steps", "predictor"])
    gains = {seed: [2 + seed, 1 + 2 * seed, -8, 1.5] for seed in range(5)}  # trpo, short, far, more
    promises = [2, 1, 8, 1]
    rho = [stats.spearmanr(promises, gains[seed]).statistic for seed in range(5)]
    assert found.loc[(0, "promised")].rho == pytest.approx(trimmed_t_interval(np.array(rho)).estimate)
    assert found.loc[(0, "held_out")].rho == pytest.approx(1) and (0, "true_cosine") not in found.index
    assert found.rho_low.min() >= -1 and found.rho_high.max() <= 1 and 2048 not in found.index


def test_the_page_has_the_best_first_and_one_row_for_equal_steps(folder):
    measured, _ = measured_in(folder)
    page = to_markdown(summarize_forks(measured), measured, ["x: torn"])
    rows = [line.split(" | ")[0] for line in page.splitlines() if line.startswith("| ")]
    assert rows == 2 * ["| rule", "| ---", "| short", "| trpo", "| still", "| far"]
    assert "The same step in every fork: trpo = double." in page and "- x: torn" in page
    assert "## Easy-v0 after 2,048 steps of trpo (return 100)" in page and "64 episodes" in page
    assert "| trpo | 5/5 | 4 [2.04, 5.96] | 0 | 20 | 10 | 2 | 0.02 | 0.2 |" in page


def test_a_folder_without_forks_is_refused(tmp_path):
    with pytest.raises(ResultsError, match=r"has no forks: expected .*parquet, as run_forks.py writes them"):
        load_forks(tmp_path)


def test_a_damaged_file_is_told_and_counted_as_missing(folder):
    file = next((folder / "forks").glob("*-2-0.parquet"))
    file.write_bytes(file.read_bytes()[:-20])
    measured, problems = measured_in(folder)
    assert problems[0].startswith("trpo/Easy-v0/seed2 at 0 steps: ") and "counted as missing" in problems[0]
    assert summarize_forks(measured).set_index(["env_steps", "label"]).loc[(0, "trpo")].missing == 1


def test_forks_of_other_code_are_refused_unless_asked_for(folder):
    write_stage(folder, 0, 0, *(fork(label, 0, 0, code="new") for label in RULES))
    with pytest.raises(ResultsError, match="made by 2 versions of the code; run them again, or use --mixed"):
        load_forks(folder)
    assert "mixed here, as was asked for" in load_forks(folder, mixed=True)[1][0]


def test_rules_have_code_of_their_own(folder):
    for seed, step in itertools.product(range(SEEDS), STAGES):
        write_stage(folder, seed, step, *(fork(label, seed, step, code=f"of {label}") for label in RULES))
    assert not [problem for problem in load_forks(folder)[1] if "mixed" in problem]


def test_two_trunks_of_one_name_are_refused(folder):
    rows = [fork(label, 0, 0, run_id="other settings") for label in RULES]
    write_stage(folder, 0, 0, *rows).rename(folder / "forks" / "other.parquet")
    write_stage(folder, 0, 0)
    with pytest.raises(ResultsError, match="two forks by trpo of trpo/Easy-v0/seed0 at 0 steps, of other"):
        load_forks(folder)
