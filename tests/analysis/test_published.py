import pytest
from page_cases import PUBLISHED as MADE

from analysis.load import ResultsError
from analysis.published import (
    COLUMNS,
    COUNTERPARTS,
    DESCRIBED,
    PUBLISHED,
    comparable,
    counterpart,
    read_bars,
    read_published,
)


def test_the_shipped_curves_are_small_and_name_their_sources():
    table = read_published(PUBLISHED)
    assert PUBLISHED.stat().st_size < 150_000
    assert table[["source", "env", "algo", "note"]].ne("").all(axis=None)
    assert table[["env_step", "mean", "n_seeds"]].notna().all(axis=None)
    assert table.groupby(["source", "env", "algo"]).size().max() <= 25
    assert set(table.algo.map(counterpart)) <= set(COUNTERPARTS.values())


def test_every_shipped_curve_says_of_which_version_by_what_episodes_and_of_how_many_runs():
    table = read_published(PUBLISHED)
    assert (table.env_version == table.env.str.extract(r"-(v\d+)$")[0]).all() and table.evaluation.ne("").all()
    assert ((table.n_seeds == 1) == (table.single_run == "yes")).all() and (table.n_seeds == 1).any()


def test_bars_that_are_not_declared_are_what_was_published():
    bars, table = read_bars().set_index("env"), read_published(PUBLISHED)

    def mean(source, env, algo):
        return table[table.source.str.startswith(source) & (table.env == env) & (table.algo == algo)]["mean"].mean()

    found = {
        "HalfCheetah-v4": mean("sb3-contrib zoo", "HalfCheetah-v3", "TRPO"),
        "Ant-v4": mean("sb3-contrib zoo", "Ant-v3", "TRPO"),
        "InvertedDoublePendulum-v5": mean("SLM-Lab", "InvertedDoublePendulum-v5", "PPO"),
    }
    assert found == pytest.approx(bars.bar[list(found)].to_dict(), abs=0.5)
    assert set(bars.index[bars.basis != "declared"]) == set(found)
    assert (bars.source == "").equals(bars.basis == "declared")


def write(tmp_path, text):
    file = tmp_path / "curves.csv"
    file.write_text(text)
    return file


def test_columns_are_numbers_or_text_and_empty_is_unknown(tmp_path):
    table = read_published(write(tmp_path, MADE))
    assert tuple(table.columns) == (*COLUMNS, *DESCRIBED) and table[list(DESCRIBED)].eq("").all(axis=None)
    assert table["mean"].tolist() == [1, 70, 1, 1] and table["std"].isna().tolist() == [True, False, True, True]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("source,env,algo\n", "no column env_step, mean, std, n_seeds, note"),
        (MADE.replace(",70,", ",much,"), "line 3: mean is 'much'; expected a number"),
        ("", "cannot be read as CSV"),
    ],
)
def test_another_layout_is_refused_by_name(tmp_path, text, message):
    with pytest.raises(ResultsError, match=message):
        read_published(write(tmp_path, text))


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ResultsError, match="cannot be read"):
        read_published(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("env", "other", "alike"),
    [
        ("HalfCheetah-v5", "halfcheetah-v3", True),
        ("Hopper-v4", "Hopper-v2", True),
        ("Hopper-v5", "Hopper-v3", False),
        ("Ant-v4", "Ant-v3", False),
        ("Ant-v3", "Ant-v2", True),
        ("Hopper-v3", "HalfCheetah-v3", False),
        ("CartPole-v1", "CartPole-v1", True),
    ],
)
def test_versions_are_comparable_where_their_rewards_are(env, other, alike):
    assert comparable(env, other) == comparable(other, env) == alike


def test_algorithms_have_our_names():
    assert counterpart("TRPO(trpo_mpi)") == "trpo" and counterpart("PPO2") == "ppo" and counterpart("A2C") is None
