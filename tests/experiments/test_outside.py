"""A rule from a user's own file: in a matrix, in the tables, and under the laws."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from algos.rules import RULES
from analysis.load import load
from analysis.page.evidence import gather
from experiments.annotations import takes_tuple
from experiments.arguments import Arguments
from experiments.factories import factory_of, hints_of, require_signature
from experiments.matrix_file import MatrixError, load_matrix
from experiments.outside import OutsideError
from experiments.run_matrix import main
from experiments.spec import build_rule

ROOT = Path(__file__).parents[2]
RULE = (ROOT / "README.md").read_text(encoding="utf-8").split("```python\n# sign_pg.py\n")[1].split("```")[0]
MATRIX = """
seeds = 1
[settings]
n_envs = 4
batch_size = 64
evaluations = 1
eval_episodes = 2
final_episodes = 2
[environments.CartPole-v1]
budget = 128
[rules.mine]
rule = "sign_pg.py:sign_pg"
lr = [0.01, 0.02]
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sign_pg.py").write_text(RULE)
    (tmp_path / "mine.toml").write_text(MATRIX)
    return tmp_path


def test_the_readmes_rule_is_complete_and_short():
    assert len(RULE.strip().splitlines()) <= 30


def test_it_runs_in_a_matrix_and_stands_in_the_tables(folder, call):
    done = call(main, Arguments, folder / "mine.toml", "--out", folder / "mine", "--no-report")
    assert done.returncode == 0, done.stdout + done.stderr
    summary = gather(load(folder / "mine")).summary.set_index("label")
    assert summary.n_ok.to_dict() == {"mine(lr=0.01)": 1, "mine(lr=0.02)": 1}


def test_it_is_put_through_the_laws_by_one_command(folder):
    command = [sys.executable, "-m", "pytest", "-q", "tests/algos/rules/test_laws.py", "-p", "no:cacheprovider"]
    environment = os.environ | {"POLICY_ASCENT_RULE": f"{folder / 'sign_pg.py'}:sign_pg"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    (folder / "sign_pg.py").write_text(RULE.replace("sign = model", "model.theta.add_(0.01)\n        sign = model"))
    command += ["-k", "untouched"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "test_update_leaves_its_arguments_untouched" in done.stdout


def test_another_version_of_the_file_is_the_same_cell_by_other_code(folder, monkeypatch):
    before = load_matrix(str(folder / "mine.toml")).cells[0]
    (folder / "sign_pg.py").write_text(RULE + "\nMORE = 1\n")
    assert load_matrix(str(folder / "mine.toml")).cells[0] == before, "a process has loaded one version"
    monkeypatch.setattr("experiments.loaded.SOURCES", {})
    after = load_matrix(str(folder / "mine.toml")).cells[0]
    assert after.run_id == before.run_id and after.code != before.code


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (MATRIX.replace("sign_pg.py:", "nowhere.py:"), "cannot be imported: FileNotFoundError"),
        (MATRIX.replace(":sign_pg", ":sine_pg"), "has no function sine_pg"),
        (MATRIX.replace("lr =", "rate ="), "rules.mine.rate: not a hyper-parameter"),
    ],
)
def test_what_is_wrong_with_it_is_said_before_anything_runs(folder, text, message):
    (folder / "mine.toml").write_text(text)
    with pytest.raises(MatrixError, match=message):
        load_matrix(str(folder / "mine.toml"))


def test_a_file_that_does_not_import_is_named(tmp_path):
    (tmp_path / "broken.py").write_text("1 / 0")
    with pytest.raises(OutsideError, match=r"broken.py cannot be imported: ZeroDivisionError"):
        factory_of(f"{tmp_path / 'broken.py'}:rule")


def test_a_file_that_exits_when_it_is_imported_ends_nobody_else(tmp_path):
    (tmp_path / "broken.py").write_text("import sys; sys.exit(3)")
    with pytest.raises(OutsideError, match=r"^.*broken.py cannot be imported: SystemExit: 3$"):
        require_signature(f"{tmp_path / 'broken.py'}:rule")


def test_a_name_that_stands_for_no_function_is_named(tmp_path):
    (tmp_path / "mine.py").write_text("rule = 3")
    with pytest.raises(OutsideError, match=r"^\S+mine.py has no function rule$"):
        require_signature(f"{tmp_path / 'mine.py'}:rule")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("pass", "mine.py:rule returned None; expected a rule, with `init` and `update`"),
        ("yield policy", "mine.py:rule returned <generator object"),
        ("return type(policy)", "mine.py:rule returned <class"),
        ("raise SystemExit(2)", "cannot be made for CartPole-v1: SystemExit: 2"),
    ],
)
def test_a_factory_that_makes_no_rule_is_refused_before_anything_runs(tmp_path, body, message):
    (tmp_path / "mine.py").write_text(f"def rule(policy):\n    {body}\n")
    (tmp_path / "mine.toml").write_text(MATRIX.replace("sign_pg.py:sign_pg", "mine.py:rule").replace("lr = ", "# "))
    with pytest.raises(MatrixError, match=message):
        load_matrix(str(tmp_path / "mine.toml"))


BODY = "    from algos.rules import trpo\n    return trpo(policy)\n"


@pytest.mark.parametrize(
    ("signature", "message"),
    [
        ("(policy, *, lr=0.1)", r"lr of mine.py:rule has no annotation; write lr: float = 0.1"),
        ("(policy, lr: float = 0.1)", r"lr of mine.py:rule is not keyword-only; write `\*` after the policy"),
        ("(policy, *, lr: float)", "lr of mine.py:rule has no default"),
        ("(policy, **rest)", "rest of mine.py:rule is not keyword-only"),
        ("(policy, *rest)", "rest of mine.py:rule is not keyword-only"),
        ("()", "mine.py:rule takes no policy"),
        ("(*, lr: float = 0.1)", "must take the policy first"),
        ("(policy, *, lr: 'Float' = 0.1)", "the signature of mine.py:rule cannot be read: NameError"),
    ],
)
def test_a_signature_that_no_file_can_fill_is_refused_by_what_to_write(tmp_path, signature, message):
    (tmp_path / "mine.py").write_text(f"def rule{signature}:\n{BODY}")
    (tmp_path / "mine.toml").write_text(MATRIX.replace("sign_pg.py:sign_pg", "mine.py:rule").replace("lr = ", "# "))
    with pytest.raises(MatrixError, match=message) as caught:
        load_matrix(str(tmp_path / "mine.toml"))
    assert len(caught.value.problems) == 1


def test_rules_of_ours_have_such_signatures():
    for rule in RULES:
        require_signature(rule)


PICKY = f"""
from algos.policies import DiagonalGaussian
def rule(policy, *, lr: float = 0.1, sizes: tuple[int, ...] = (8, 8), span: tuple[float, float] | None = None):
    if not isinstance(policy.family, DiagonalGaussian):
        raise TypeError("only for Gaussian policies")
    assert isinstance(sizes, tuple) and (span is None or isinstance(span, tuple))
{BODY}"""


def picky(folder, environment, *lines):
    (folder / "mine.py").write_text(PICKY)
    text = MATRIX.replace("CartPole-v1", environment).replace("sign_pg.py:sign_pg", "mine.py:rule")
    (folder / "mine.toml").write_text("\n".join([text.replace("lr = ", "# "), *lines]))
    return load_matrix(str(folder / "mine.toml"))


def test_a_rule_is_tried_with_the_policies_of_the_files_own_environments(tmp_path):
    assert picky(tmp_path, "Pendulum-v1").cells
    with pytest.raises(MatrixError, match=r"mine.py:rule cannot be made for CartPole-v1: TypeError: only for Gaussian"):
        picky(tmp_path, "CartPole-v1")
    with pytest.raises(MatrixError, match="cannot be made for CartPole-v1"):
        picky(tmp_path, "Pendulum-v1", "[environments.CartPole-v1]", "budget = 128")


def test_a_list_is_a_tuple_where_a_tuple_is_wanted_and_a_list_of_lists_a_sweep(tmp_path):
    (cell,) = picky(tmp_path, "Pendulum-v1", "sizes = [16, 16]").cells
    assert cell.hyper["sizes"] == (16, 16) and cell.label == "mine"
    cells = picky(tmp_path, "Pendulum-v1", "sizes = [[16, 16], [4]]", "span = [0.1, 0.2]").cells
    assert [(c.hyper["sizes"], c.hyper["span"]) for c in cells] == [((16, 16), (0.1, 0.2)), ((4,), (0.1, 0.2))]
    with pytest.raises(MatrixError, match=r"rules.mine.sizes.*got \('a',\)"):
        picky(tmp_path, "Pendulum-v1", "sizes = ['a']")


def test_a_specification_that_went_through_json_makes_the_same_rule(tmp_path):
    from algos.policies import DiagonalGaussian, Policy
    from experiments.spec import RunSpec

    (cell,) = picky(tmp_path, "Pendulum-v1", "sizes = [16, 16]", "span = [0.1, 0.2]").cells
    again = RunSpec.model_validate_json(cell.model_dump_json(), strict=False)
    assert again.run_id == cell.run_id and again.hyper["sizes"] == [16, 16]
    build_rule(again.rule, again.hyper, Policy.mlp(1, (1,), DiagonalGaussian(1)))


def test_a_tuple_is_found_wherever_an_annotation_allows_it():
    assert takes_tuple(tuple[int, ...]) and takes_tuple(tuple) and takes_tuple(tuple[int, int] | None)
    assert not takes_tuple(float) and not takes_tuple(list[int]) and hints_of("trpo")["shrink"] is float


def test_the_law_on_docstrings_is_for_rules_of_ours(folder):
    (folder / "sign_pg.py").write_text(RULE.replace(docstring_of(RULE), ""))
    command = [sys.executable, "-m", "pytest", "-q", "tests/algos/rules/test_laws.py", "-p", "no:cacheprovider"]
    environment = os.environ | {"POLICY_ASCENT_RULE": f"{folder / 'sign_pg.py'}:sign_pg"}
    done = subprocess.run(
        [*command, "-k", "keyword"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout


def docstring_of(source):
    """The last docstring in the source, with its quotes."""
    return f'"""{source.split(chr(34) * 3)[-2]}"""'


def test_what_lies_beside_the_file_can_be_imported_but_neither_python_nor_this_project_is_replaced(folder):
    more = "\nimport random, analysis, aside_of_mine\nfrom aside_of_mine import VALUE\n"
    (folder / "sign_pg.py").write_text(RULE + more)
    (folder / "aside_of_mine.py").write_text("VALUE = 3\n")
    for taken in ("random", "analysis"):
        (folder / f"{taken}.py").write_text("1 / 0\n")
    (folder / "yaml").mkdir()  # holds what a tool has written, and is no module
    module = sys.modules[factory_of(f"{folder / 'sign_pg.py'}:sign_pg").__module__]
    assert module.VALUE == 3 and module.aside_of_mine.__file__ == str(folder / "aside_of_mine.py")
    assert module.random is sys.modules["random"]
    import yaml

    assert yaml.__file__ is not None
