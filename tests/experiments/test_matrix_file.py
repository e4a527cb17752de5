import re
from pathlib import Path

import pytest
import torch

from experiments.matrix_file import SHIPPED, MatrixError, load_matrix
from experiments.names import did_you_mean

GOOD = """
seeds = 2
[settings]
batch_size = 64
n_envs = 4
evaluations = 2
[environments.CartPole-v1]
budget = 640
[rules.trpo]
"""

EXTRAS = {"pixels": "minatar", "atari": "ale_py"}  # a matrix and the module that it needs

BAD = {
    "empty": ("", "is empty; expected [environments.NAME]"),
    "not toml": ("seeds = = 3", "is not TOML"),
    "unknown key": ("sedes = 3\n" + GOOD, "sedes: unknown key; did you mean seeds?"),
    "unknown rule": (GOOD + "[rules.trop]", "rules.trop: unknown rule trop; did you mean trpo?"),
    "unknown hyper-parameter": (GOOD + "max_lk = 0.1", "rules.trpo.max_lk: not a hyper-parameter of trpo; did you"),
    "wrong type of hyper-parameter": (GOOD + "max_kl = 'big'", "rules.trpo.max_kl: Input should be a valid number"),
    "hyper-parameter out of range": (GOOD + "max_kl = -1.0", "rules.trpo: max_kl must be positive, got -1.0"),
    "empty sweep": (GOOD + "max_kl = []", "rules.trpo.max_kl: an empty list"),
    "bad value in a sweep": (GOOD + "max_kl = [0.1, 0.0]", "max_kl must be positive, got 0.0"),
    "unknown environment": (
        GOOD.replace("CartPole-v1", "CartPol-v1"),
        "environments.CartPol-v1: unknown environment; did you mean CartPole",
    ),
    "bad environment kwargs": (GOOD.replace("640", "640\nkwargs = {colour = 1}"), "cannot be made with kwargs"),
    "zero seeds": (GOOD.replace("seeds = 2", "seeds = 0"), "seeds: expected a positive number"),
    "repeated seeds": (GOOD.replace("seeds = 2", "seeds = [1, 1]"), "seeds: expected a positive number, or a list"),
    "negative budget": (GOOD.replace("640", "-5"), "environments.CartPole-v1.budget: Input should be greater than"),
    "missing budget": (GOOD.replace("budget = 640", ""), "environments.CartPole-v1.budget: missing"),
    "unknown setting": (GOOD.replace("n_envs", "nenvs"), "settings.nenvs: unknown key; did you mean n_envs?"),
    "unknown override": (GOOD.replace("640", "640\ngama = 0.9"), "CartPole-v1.gama: unknown key; did you mean gamma?"),
    "setting out of range": (GOOD.replace("640", "640\ngamma = 1.5"), "CartPole-v1.gamma: Input should be less than 1"),
    "batch does not divide": (GOOD.replace("n_envs = 4", "n_envs = 5"), "batch_size 64 is not a multiple of n_envs 5"),
    "grid finer than a batch": (GOOD.replace("640", "100"), "2 evaluations in a budget of 100 are 50 steps apart"),
    "bad seeds of a rule": (GOOD + "seeds = [3, 3]", "rules.trpo.seeds: expected a positive number, or a list"),
    "unknown setting of a rule": (
        GOOD + "max_kl = [0.1, 0.2]\n[rules.trpo.settings]\ngama = 0.9",
        "rules.trpo.settings.gama: unknown key; did you mean gamma?",
    ),
    "a rule with a judge of its own": (
        GOOD + "[rules.trpo.settings]\nevaluations = 1",
        "rules.trpo.settings.evaluations: evaluation is the same for every rule",
    ),
    "settings of a rule are no table": (GOOD + "settings = 3", "rules.trpo.settings: expected a table, got 3"),
    "comparison of no rule": (
        GOOD + "[compare]\nrules = [['trpo', 'trop']]", "compare.rules: no rule trop; did you mean trpo?"),
    "comparison by no measure": (
        GOOD + "[compare]\nrules = [['trpo', 'trpo']]\nmeasure = 'luck'", "compare.measure: Input should be 'nauc' or"),
    "comparison of nothing": (GOOD + "[compare]\nmeasure = 'nauc'", "compare.rules: Field required"),
    "unknown device": (GOOD.replace("n_envs", "device = 'tpu'\nn_envs"), "settings.device: Input should be 'cpu' or"),
    "bad score": (GOOD.replace("640", "640\nscore = [1, 1]"), "score: expected two finite returns"),
    "score upside down": (GOOD.replace("640", "640\nscore = [1, 0]"), "the second above the first, got [1, 0]"),
    "infinite score": (GOOD.replace("640", "640\nscore = [0, inf]"), "score: expected two finite returns"),
    "score of nan": (GOOD.replace("640", "640\nscore = [nan, 1]"), "score: expected two finite returns"),
    "a seed beyond a column": (GOOD.replace("= 2\n[set", f"= [{2**63}]\n[set"), "different seeds from 0 to 2^63 - 1"),
    "a budget beyond a column": (GOOD.replace("640", str(2**63)), "budget: Input should be less than or equal to"),
    "a billion seeds": (GOOD.replace("= 2\n[set", "= 1_000_000_000\n[set"), "at most 100,000 seeds, got 1,000,000,000"),
    "a value twice": (GOOD + "max_kl = [0.1, 0.2, 0.1]", "rules.trpo: trpo(max_kl=0.1) is given twice"),
    "one value in two ways": (GOOD + "max_kl = [1, 1.0]", "rules.trpo: trpo(max_kl=1.0) is given twice"),
    "a label twice": (
        GOOD + "max_kl = [0.1, 0.2]\n[rules.'trpo(max_kl=0.1)']\nrule = 'trpo'",
        "its label trpo(max_kl=0.1) is that of rules.trpo",
    ),
    "a label that looks like another": (
        GOOD + "[rules.\"caf\\u00e9\"]\nrule = 'npg'\n[rules.\"cafe\\u0301\"]\nrule = 'npg'", "is that of rules.caf"),
    "a label of many bytes": (GOOD + f"[rules.\"{'é' * 120}\"]\nrule = 'npg'", "a label of 240 bytes, more than 200"),
    "a label with control characters": (GOOD + "[rules.\"a\\u001b[2J\"]\nrule = 'npg'", "must not hold control char"),
    "a million combinations": (
        GOOD + f"max_kl = {[k / 1000 for k in range(1, 1001)]}\ndamping = {[k / 1000 for k in range(1, 1001)]}",
        "its lists make 1,000,000 combinations, more than 100,000",
    ),
    "a million cells": (
        GOOD.replace("= 2\n[set", "= 1_000\n[set") + f"max_kl = {[k / 1000 for k in range(1, 1001)]}",
        "it has 1,000,000 cells, more than 100,000",
    ),
    "no rules": (GOOD.replace("[rules.trpo]", ""), "rules: expected at least one [rules.NAME] table"),
    "rules is not a table": (GOOD.replace("[rules.trpo]", "") + "[rules]\ntrpo = 3", "rules.trpo: expected a table"),
}  # fmt: skip


def write(folder: Path, text: str) -> str:
    file = folder / "mine.toml"
    file.write_text(text)
    return str(file)


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_refused_with_the_key_and_what_was_expected(tmp_path, case):
    text, message = BAD[case]
    with pytest.raises(MatrixError) as caught:
        load_matrix(write(tmp_path, text))
    lines = str(caught.value).splitlines()
    assert any(message in line for line in lines), str(caught.value)
    assert all(line.startswith(str(tmp_path / "mine.toml")) for line in lines)
    assert len(lines) == len(set(lines)) == 1, "one error each"


def test_all_mistakes_are_reported_at_once(tmp_path):
    with pytest.raises(MatrixError) as caught:
        load_matrix(write(tmp_path, GOOD.replace("seeds = 2", "seeds = 0") + "max_lk = 1\n[rules.trop]"))
    assert len(caught.value.problems) == 3


def test_a_missing_file_names_the_shipped_matrices():
    with pytest.raises(MatrixError, match=r"no such matrix; .*did you mean quick\?"):
        load_matrix("quik")


def test_cells_are_every_rule_environment_and_seed(tmp_path):
    matrix = load_matrix(write(tmp_path, GOOD + "max_kl = [0.01, 0.02]\n[rules.slow]\nrule = 'npg'\nlr = 0.01"))
    assert len(matrix.cells) == len({cell.run_id for cell in matrix.cells}) == 3 * 2
    assert {cell.label for cell in matrix.cells} == {"trpo(max_kl=0.01)", "trpo(max_kl=0.02)", "slow"}
    slow = next(cell for cell in matrix.cells if cell.label == "slow")
    assert slow.rule == "npg" and slow.hyper == {"lr": 0.01, "damping": 0.1, "cg_iterations": 10}


def test_seeds_on_the_command_line_replace_the_files(tmp_path):
    assert {cell.seed for cell in load_matrix(write(tmp_path, GOOD), seeds=5).cells} == set(range(5))


def test_a_rule_may_have_seeds_of_its_own_of_which_the_command_line_takes_the_first(tmp_path):
    file = write(tmp_path, GOOD + "seeds = [7, 8, 9]\n[rules.npg]")

    def seeds(label: str, asked: int | None = None) -> list[int]:
        return [cell.seed for cell in load_matrix(file, seeds=asked).cells if cell.label == label]

    assert (seeds("trpo"), seeds("npg")) == ([7, 8, 9], [0, 1])
    assert (seeds("trpo", 1), seeds("npg", 1)) == ([7], [0])


def test_an_environment_overrides_shared_settings(tmp_path):
    cell = load_matrix(write(tmp_path, GOOD.replace("640", "640\ngamma = 0.9"))).cells[0]
    assert cell.settings.gamma == 0.9 and cell.settings.batch_size == 64


def test_an_entry_of_rules_overrides_both(tmp_path):
    text = GOOD.replace("640", "640\ngamma = 0.9") + "[rules.npg]\n[rules.npg.settings]\ngamma = 0.8"
    gamma = {cell.label: cell.settings.gamma for cell in load_matrix(write(tmp_path, text)).cells}
    assert gamma == {"trpo": 0.9, "npg": 0.8}


def test_the_run_id_knows_every_value(tmp_path, make_spec):
    ids = {
        make_spec().run_id,
        make_spec(seed=1).run_id,
        make_spec(gamma=0.9).run_id,
        make_spec(hyper={"max_kl": 0.5}).run_id,
        make_spec(budget=256).run_id,
    }
    assert len(ids) == 5 and make_spec().run_id == make_spec().run_id


def test_the_grid_begins_at_zero_and_ends_at_the_budget(make_spec):
    assert make_spec(budget=200).grid == [0, 100, 200]


@pytest.mark.parametrize("name", sorted(file.stem for file in SHIPPED.glob("*.toml") if file.stem != "tuned"))
def test_shipped_matrices_are_good(name):
    if name in EXTRAS:
        pytest.importorskip(EXTRAS[name], reason=f"the extra {name}")
    assert load_matrix(name).cells


def test_the_tuning_grid_holds_re_use_to_the_same_total_step_lengths():
    """Several steps on a batch are compared with one that goes as far as all of them."""
    lengths = {
        rule: {
            cell.hyper["lr"] * cell.hyper.get("updates", 1) for cell in load_matrix("tuning").cells if cell.rule == rule
        }
        for rule in ("vanilla_pg", "reuse_pg")
    }
    assert sorted(lengths["reuse_pg"]) == pytest.approx(sorted(lengths["vanilla_pg"]))


def test_the_seed_of_a_rule_is_not_for_a_matrix_to_set(tmp_path):
    with pytest.raises(MatrixError, match=re.escape("rules.ppo.seed: not a hyper-parameter of ppo")):
        load_matrix(write(tmp_path, GOOD + "[rules.ppo]\nseed = 3"))


def test_a_wild_guess_lists_what_is_known():
    assert did_you_mean("zzz", ["npg", "trpo"]) == "expected one of npg, trpo"


@pytest.mark.skipif(torch.cuda.is_available(), reason="torch sees a CUDA device")
def test_a_gpu_that_is_not_there_is_refused_before_anything_runs(tmp_path):
    with pytest.raises(MatrixError, match="settings: device cuda: torch sees no CUDA device here; expected cpu"):
        load_matrix(write(tmp_path, GOOD.replace("n_envs", "device = 'cuda'\nn_envs")))


def test_two_files_of_one_name_are_refused(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text("from algos.rules.npg import npg\n")
    rules = "".join(f"[rules.{folder}]\nrule = '{folder}/mine.py:npg'\n" for folder in ("a", "b"))
    with pytest.raises(MatrixError, match=r"rules.b.rule: another file has the name of that of rules.a; rename one"):
        load_matrix(write(tmp_path, GOOD + rules))


def test_a_long_name_in_many_bytes_is_cut_between_letters(make_spec):
    spec = make_spec().model_copy(update={"label": "π" * 90})
    assert len(spec.run_id.encode()) < 120 and "π" * 40 in spec.run_id


def test_episodes_that_need_not_end_are_told_of_before_anything_runs(tmp_path, make_spec):
    text = GOOD.replace("CartPole-v1", "CliffWalking-v1").replace("n_envs", "eval_max_steps = 70\nn_envs")
    (note,) = load_matrix(write(tmp_path, text)).notes
    assert note.startswith("CliffWalking-v1 has no time limit: an evaluated episode is cut after 70 steps")
    assert load_matrix(write(tmp_path, text.replace("640", "640\nkwargs = {max_episode_steps = 9}"))).notes == ()


def test_no_environment_is_made_in_this_process(tmp_path, fakes, monkeypatch):
    monkeypatch.setattr("gymnasium.make", lambda *arguments, **keywords: pytest.fail("made here"))
    text = GOOD.replace("CartPole-v1", f'"{fakes}Awkward-v0"')
    assert load_matrix(write(tmp_path, text)).cells
    for how, message in (("raises", "RuntimeError: no licence"), ("aborts", "its process ended with SIGABRT")):
        with pytest.raises(MatrixError, match=f"cannot be made with kwargs .*: {message}"):
            load_matrix(write(tmp_path, text.replace("640", f"640\nkwargs = {{how = '{how}'}}")))
