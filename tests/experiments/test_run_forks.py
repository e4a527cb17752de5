import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from filelock import FileLock

import experiments.forks.store as store_module
from experiments.cell import checked_rule
from experiments.cell.failures import Diverged
from experiments.cell.run import Run
from experiments.forks import Forks
from experiments.records import CLOCKS, ForkRow, read_parquet
from experiments.run_forks import Arguments, main

SCRIPT = Path(__file__).parents[2] / "experiments" / "run_forks.py"
MATRIX = """
[settings]
batch_size = 64
n_envs = 4
hidden = [8, 8]
[environments.FrozenLake-v1]
budget = 6400
[environments.CartPole-v1]
budget = 6400
[rules.trpo]
[rules.npg]
[rules.vanilla_pg]
"""


@pytest.fixture
def ask(tmp_path):
    """Arguments of a small command: two seeds, two stages, three rules."""
    (tmp_path / "mine.toml").write_text(MATRIX)

    def arguments(env="FrozenLake-v1", **changes):
        small = {"steps": (0, 100), "matrix": str(tmp_path / "mine.toml"), "seeds": 2, "report": False, "episodes": 2}
        return Arguments("trpo", env, **small | {"out": tmp_path / "out"} | changes)

    return arguments


def rows(folder):
    return [row for file in sorted((folder / "forks").glob("*.parquet")) for row in read_parquet(ForkRow, file)]


def untimed(found):
    return sorted(repr({k: v for k, v in asdict(row).items() if k not in CLOCKS}) for row in found)


@pytest.fixture
def counted(monkeypatch):
    made, fork = [], Forks.fork
    monkeypatch.setattr(Forks, "fork", lambda self, entry: made.append(entry.label) or fork(self, entry))
    return made


def test_a_row_per_seed_stage_and_rule(ask, capsys):
    assert main(ask()) == 0
    found = rows(ask().out)
    assert {(row.seed, row.env_steps, row.label) for row in found} == {
        (seed, at, label) for seed in (0, 1) for at in (0, 128) for label in ("trpo", "npg", "vanilla_pg")
    }
    assert len(found) == 12 and all(row.exact and row.episodes == 0 and row.trunk == "trpo" for row in found)
    assert {row.batch_size for row in found} == {64} and {row.held_out_size for row in found} == {512}
    assert "trpo/FrozenLake-v1/seed1 at 128 steps: 3 of 3 forks ok" in capsys.readouterr().out


@pytest.mark.parametrize("after", [1, 4, 7])
def test_an_interrupted_command_goes_on_and_repeats_nothing(ask, counted, monkeypatch, tmp_path, after, capsys):
    main(ask(out=tmp_path / "calm"))
    counted.clear()
    fork = Forks.fork

    def interrupted(self, entry):
        if len(counted) == after:
            raise KeyboardInterrupt
        return fork(self, entry)

    with monkeypatch.context() as patched:
        patched.setattr(Forks, "fork", interrupted)
        assert main(ask()) == 130
    assert "the same command goes on" in capsys.readouterr().err and len(rows(ask().out)) == after
    assert main(ask()) == 0 and len(counted) == 12, "each fork was made once"
    assert untimed(rows(ask().out)) == untimed(rows(tmp_path / "calm"))
    monkeypatch.setattr(Run, "step", lambda run: pytest.fail("trained again"))
    assert main(ask()) == 0 and len(counted) == 12, "there is nothing left to do"


def test_more_rules_seeds_and_stages_are_added_to_what_is_there(ask, counted):
    assert main(ask(rules=("npg",), seeds=1, steps=(100,))) == 0
    assert main(ask()) == 0
    assert len(counted) == 12 and len(rows(ask().out)) == 12


def test_forks_of_a_trunk_do_not_depend_on_the_other_rules(ask, tmp_path):
    main(ask())
    main(ask(rules=("npg",), out=tmp_path / "few"))
    assert set(untimed(rows(tmp_path / "few"))) <= set(untimed(rows(ask().out)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"episodes": 3}, "was made with 2 episodes, not 3; use --out DIR for a fresh start, or delete the file"),
        ({"code": "new"}, "was made by other code or library versions; use --out DIR"),
        ({"matrix": MATRIX + "max_kl = 0.5\n"}, "was made with"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_forks_made_otherwise_are_refused_and_kept(ask, monkeypatch, tmp_path, change, message, capsys):
    assert main(ask("CartPole-v1", seeds=1, steps=(0,))) == 0
    before = untimed(rows(ask().out))
    if "code" in change:
        monkeypatch.setattr(store_module, "code_of_fork", lambda *_: "new")
    if "matrix" in change:
        (tmp_path / "mine.toml").write_text(MATRIX.replace("[rules.npg]", "[rules.npg]\nlr = 0.5"))
    assert main(ask("CartPole-v1", seeds=1, steps=(0,), episodes=change.get("episodes", 2))) == 2
    assert message in capsys.readouterr().err and untimed(rows(ask().out)) == before


def test_a_damaged_file_is_set_aside_and_its_forks_run_again(ask, capsys):
    main(ask(seeds=1))
    before = untimed(rows(ask().out))
    file = next((ask().out / "forks").glob("*.parquet"))
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])
    assert main(ask(seeds=1)) == 0 and untimed(rows(ask().out)) == before
    said = capsys.readouterr().out
    assert "trpo/FrozenLake-v1/seed0: " in said and "set aside" in said and len([*file.parent.glob("*.broken")]) == 1


def test_a_seed_that_another_process_is_at_is_left_to_it(ask, capsys):
    main(ask(seeds=1))
    (run_id,) = {row.run_id for row in rows(ask().out)}
    with FileLock(ask().out / "stages" / f".{run_id}.lock"):
        assert main(ask()) == 0
    assert "trpo/FrozenLake-v1/seed0 is left to the process that is at it" in capsys.readouterr().out
    assert {row.seed for row in rows(ask().out)} == {0, 1}


def test_a_fork_that_fails_shows_in_the_exit_code(ask, monkeypatch):
    build = checked_rule.build_rule

    def fails(rule, hyper, policy, seed):
        if rule == "npg":
            raise ValueError("no")
        return build(rule, hyper, policy, seed)

    monkeypatch.setattr(checked_rule, "build_rule", fails)
    assert main(ask()) == 1
    assert {(row.label, row.status) for row in rows(ask().out)} == {
        ("npg", "rule_error"),
        ("trpo", "ok"),
        ("vanilla_pg", "ok"),
    }


def test_a_trunk_that_fails_does_not_end_the_others(ask, monkeypatch, capsys):
    step = Run.step

    def fails(run):
        if run.spec.seed == 0 and run.env_steps >= 64:
            raise Diverged("theta not finite")
        return step(run)

    monkeypatch.setattr(Run, "step", fails)
    assert main(ask()) == 1
    ended = "trpo/FrozenLake-v1/seed0 ended, its later stages are missing: Diverged: theta not finite"
    assert ended in capsys.readouterr().out
    assert {(row.seed, row.env_steps) for row in rows(ask().out)} == {(0, 0), (1, 0), (1, 128)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seeds": 0}, "--seeds of at least 1"),
        ({"episodes": 1}, "--episodes of at least 2"),
        ({"steps": ()}, "--steps"),
        ({"steps": (-1,)}, "--steps of at least 0"),
        ({"rules": ("nqg",)}, "no rule nqg; did you mean npg?"),
        ({"matrix": "nowhere"}, "no such matrix"),
    ],
    ids=str,
)
def test_bad_input_is_refused_in_one_line_and_nothing_is_written(ask, change, message, capsys):
    assert main(ask(**change)) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1 and not ask().out.exists()


def test_the_command_runs_as_the_docstring_says(tmp_path):
    line = [
        SCRIPT,
        "trpo",
        "FrozenLake-v1",
        "--steps",
        "0",
        "--rules",
        "npg",
        "--seeds",
        "1",
        "--out",
        tmp_path / "out",
    ]
    done = subprocess.run([sys.executable, *line, "--no-report"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "1 forks, 1 to do" in done.stdout and len(rows(tmp_path / "out")) == 1
