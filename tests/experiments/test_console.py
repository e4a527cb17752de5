"""What every command has in common."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from experiments.__main__ import COMMANDS, main
from experiments.names import did_you_mean

ROOT = Path(__file__).parents[2]
SCRIPTS = [
    *(f"experiments/{name}.py" for name in ("run_matrix", "run_forks", "pin_references", "manage_results")),
    "analysis/report.py",
]
MODULES = ["experiments", "experiments.profile_cell", "analysis.forks", "analysis.report"]
POLICY_ASCENT = [sys.executable, "-P", "-m", "experiments"]
TINY = """
seeds = 1
[settings]
n_envs = 4
batch_size = 64
hidden = [8, 8]
evaluations = 2
eval_episodes = 2
final_episodes = 2
[environments.CartPole-v1]
budget = 192
[rules.npg]
[rules.vanilla_pg]
"""


@pytest.mark.parametrize("line", [*([str(ROOT / script)] for script in SCRIPTS), *(["-m", name] for name in MODULES)])
def test_a_python_without_the_environment_says_so_in_one_line(line):
    without_packages = [sys.executable, "-S", "-E", *line]
    done = subprocess.run(without_packages, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    assert "activate" in done.stderr and sys.executable in done.stderr


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ([*POLICY_ASCENT, "rules"], 141),
        ([*POLICY_ASCENT, "doctor"], 141),
        ([sys.executable, str(ROOT / "experiments" / "manage_results.py"), "doctor"], 141),
        ([*POLICY_ASCENT, "calibration", "--help"], 141),
        ([sys.executable, "-m", "analysis.calibration", "--help"], -13),
    ],
)
def test_a_command_ends_without_a_word_when_its_output_goes_away(line, code):
    read, write = os.pipe()
    process = subprocess.Popen(
        line, stdout=write, stderr=subprocess.PIPE, text=True, env=os.environ | {"COLUMNS": "80"}
    )
    os.close(write)
    os.close(read)
    _, said = process.communicate(timeout=120)
    assert (process.returncode, said) == (code, "")


def test_every_command_is_listed_and_says_what_its_flags_are(capsys):
    assert main([]) == 0
    listed = capsys.readouterr().out
    for name, command in COMMANDS.items():
        assert f"  {name} " in listed and command.does in listed
        module = import_module(command.module)
        where, _, flags = command.flags.rpartition(":")
        assert callable(module.main) and hasattr(import_module(where) if where else module, flags)


@pytest.mark.parametrize("name", ["run", "status", "report"])
def test_a_command_says_by_which_name_it_was_called(capsys, name):
    with pytest.raises(SystemExit) as end:
        main([name, "--help"])
    assert end.value.code == 0 and f"policy-ascent {name}" in capsys.readouterr().out


def test_an_unknown_command_is_named_with_what_is_near(capsys):
    assert main(["statis"]) == 2
    assert capsys.readouterr().err == f"statis is not a command of policy-ascent; {did_you_mean('statis', COMMANDS)}\n"


def test_folders_of_the_users_own_with_our_names_are_not_taken_for_ours(tmp_path):
    for name in ("algos", "analysis", "experiments", "json", "pickle"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"raise RuntimeError('the user\\'s own {name} was imported')")
    (tmp_path / "tiny.toml").write_text(TINY)
    done = subprocess.run(
        [*POLICY_ASCENT, "run", "tiny.toml", "--jobs", "1"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and "the user's own" not in done.stdout + done.stderr, done.stderr
    assert (tmp_path / "results" / "tiny" / "report.html").is_file()
    checked = [*POLICY_ASCENT, "verify", "results/tiny"]
    verified = subprocess.run(checked, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert verified.returncode == 0 and "the tables are what the cells give" in verified.stdout, verified.stderr
