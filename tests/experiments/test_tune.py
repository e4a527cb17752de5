"""Tunings as matrices: equal numbers of settings, seeds of their own."""

import json

import pytest

from algos.rules import RULES
from algos.search_space import Choice, LogUniform, search_space
from experiments.matrix_file import MatrixError, load_matrix
from experiments.spec import defaults_of
from experiments.store import Store
from experiments.tune import points_of

FILE = """
seeds = 3
[settings]
evaluations = 2
[environments.CartPole-v1]
budget = 30_000
[environments.Pendulum-v1]
budget = 60_000
[rules.trpo]
[rules.vanilla_pg]
"""
TUNE = (
    FILE
    + """
[tune]
points = 4
seeds = [100, 101]
share = 0.5
"""
)


def read(tmp_path, text, seeds=None):
    (tmp_path / "m.toml").write_text(text)
    return load_matrix(str(tmp_path / "m.toml"), seeds)


def problems(tmp_path, text):
    with pytest.raises(MatrixError) as found:
        read(tmp_path, text)
    return found.value.problems


@pytest.mark.parametrize("rule", RULES)
def test_of_every_rule_as_many_settings_and_the_default_first(rule):
    space = search_space(RULES[rule])
    points = points_of(space, defaults_of(rule), 16)
    assert points[0] == {name: defaults_of(rule)[name] for name in space}
    assert len({json.dumps(point) for point in points}) == 16
    assert all(point[name] in space[name] for point in points for name in space)
    assert points == points_of(space, defaults_of(rule), 16), "whenever it is asked"
    assert points[:8] == points_of(space, defaults_of(rule), 8), "more points keep those that ran"


def test_points_are_spread_over_every_range():
    """Of a scrambled sequence of 2^k points in k dimensions, one lies in every 2^k-th of a range."""
    values = LogUniform(0.01, 1.0, "here")
    points = points_of({"a": values, "b": values}, {"a": 0.1, "b": 0.1}, 17)[1:]
    for name in "ab":
        places = sorted(16 * values.position(point[name]) for point in points)
        assert all(i - 0.05 < place < i + 1.05 for i, place in enumerate(places)), "but for rounding to three digits"


def test_a_space_that_is_too_small_is_refused():
    with pytest.raises(ValueError, match="no more than 3 settings, fewer than 4"):
        points_of({"a": Choice((1, 2, 3), "here")}, {"a": 1}, 4)
    with pytest.raises(ValueError, match="declares no range"):
        points_of({}, {}, 4)


def test_a_default_outside_of_its_own_range_is_refused():
    with pytest.raises(ValueError, match="its default a = 4 is not in the range"):
        points_of({"a": Choice((1, 2, 3), "here")}, {"a": 4}, 2)


def test_the_cells_of_a_tuning(tmp_path):
    matrix = read(tmp_path, TUNE)
    assert len(matrix.cells) == 2 * 2 * 4 * 2
    assert {cell.seed for cell in matrix.cells} == {100, 101}
    assert {(cell.env, cell.budget) for cell in matrix.cells} == {("CartPole-v1", 15_000), ("Pendulum-v1", 30_000)}
    for rule in ("trpo", "vanilla_pg"):
        settings = {cell.label: cell.hyper for cell in matrix.cells if cell.rule == rule}
        assert len(settings) == 4 and next(iter(settings.values())) == defaults_of(rule)
        assert all(label.startswith(f"{rule}(") for label in settings)


def test_what_the_file_gives_stays(tmp_path):
    matrix = read(tmp_path, TUNE.replace("[rules.trpo]", "[rules.trpo]\ndamping = 0.5\n"))
    found = [cell for cell in matrix.cells if cell.rule == "trpo"]
    assert {cell.hyper["damping"] for cell in found} == {0.5} and len({cell.hyper["max_kl"] for cell in found}) == 4


def test_only_the_environments_to_tune_on(tmp_path):
    matrix = read(tmp_path, TUNE + 'environments = ["Pendulum-v1"]')
    assert {cell.env for cell in matrix.cells} == {"Pendulum-v1"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (TUNE.replace("[100, 101]", "[2, 100]"), "tune.seeds: seeds 2 tune and judge"),
        (TUNE.replace("[rules.trpo]", "[rules.trpo]\nseeds = [100]"), "tune.seeds: seeds 100 tune and judge"),
        (TUNE.replace("[100, 101]", "[100, 100]"), "tune.seeds: expected different seeds"),
        (TUNE.replace("points = 4", "points = 1"), "tune.points: Input should be greater than or equal to 2"),
        (TUNE.replace("share = 0.5", "shares = 0.5"), "tune.shares: unknown key; did you mean share?"),
        (TUNE + 'environments = ["Pendulum-v2"]', "tune.environments: no environment Pendulum-v2; did you mean"),
        (TUNE.replace("[rules.trpo]", "[rules.trpo]\nmax_kl = [0.1, 0.2]"), "rules.trpo.max_kl: a tuning tries its"),
        (TUNE.replace("[rules.trpo]", "[rules.trpo]\nmax_kl = 0.1\ndamping = 0.1"), "rules.trpo: trpo cannot be tuned"),
        (TUNE + '[compare]\nrules = [["trpo", "vanilla_pg"]]', "compare: a tuning chooses and compares nothing"),
        (FILE + "[rules.npg]\non = 3", "rules.npg.on: expected tables"),
        (FILE + "[rules.npg.on.Pendulum-v2]\nlr = 0.1", "rules.npg.on.Pendulum-v2: no such environment here; did you"),
        (FILE + "[rules.npg.on.Pendulum-v1]\nrl = 0.1", "rules.npg.on.Pendulum-v1.rl: not a hyper-parameter of npg"),
        (FILE + "[rules.npg.on.Pendulum-v1]\nlr = '1'", "rules.npg.on.Pendulum-v1.lr: Input should be a valid number"),
    ],
)
def test_what_would_be_no_fair_tuning_is_refused(tmp_path, text, problem):
    assert any(line.startswith(problem) for line in problems(tmp_path, text)), problems(tmp_path, text)


def test_a_setting_of_one_environment(tmp_path):
    matrix = read(tmp_path, FILE + "[rules.npg]\ndamping = 0.2\n[rules.npg.on.Pendulum-v1]\nlr = 0.1")
    found = {cell.env: cell.hyper for cell in matrix.cells if cell.rule == "npg"}
    assert found["Pendulum-v1"] == {"lr": 0.1, "damping": 0.2, "cg_iterations": 10}
    assert found["CartPole-v1"] == {"lr": 1.0, "damping": 0.2, "cg_iterations": 10}


def test_the_manifest_says_how_settings_were_chosen(tmp_path):
    matrix = read(tmp_path, TUNE)
    with Store(tmp_path / "results") as store:
        store.plan(matrix)
    head = json.loads((tmp_path / "results" / "manifest.json").read_text())
    places = head["tune"].pop("places")
    assert head["tune"] == {"points": 4, "seeds": [100, 101], "share": 0.5, "environments": None}
    assert places["vanilla_pg(lr=0.3)"] == {"lr": pytest.approx(0.5)}, "in the middle of two decades"
    assert set(places) == {cell.label for cell in matrix.cells}
    assert all(0 <= place <= 1 for setting in places.values() for place in setting.values())


CHOICES = {
    "seeds": [100, 101],
    "rules": {
        "trpo": {
            "rule": "trpo",
            "one": {"max_kl": 0.05, "damping": 0.2},
            "each": {"CartPole-v1": {"max_kl": 0.1, "damping": 0.3}, "Pendulum-v1": {"max_kl": 0.05, "damping": 0.2}},
        }
    },
}


def tuned(tmp_path, choices, text=""):
    (tmp_path / "tune.toml").write_text(TUNE.replace("[rules.trpo]", "[rules.trpo]\ncg_iterations = 7\n"))
    (tmp_path / "choices.json").write_text(choices if isinstance(choices, str) else json.dumps(choices))
    table = f'[tuned]\nmatrix = "{tmp_path / "tune.toml"}"\nchoices = "{tmp_path / "choices.json"}"\n'
    (tmp_path / "m.toml").write_text(text + table)
    return load_matrix(str(tmp_path / "m.toml"))


def test_choices_run_beside_the_default_on_fresh_seeds_and_whole_budgets(tmp_path):
    matrix = tuned(tmp_path, CHOICES)
    assert matrix.tune is None and {cell.seed for cell in matrix.cells} == {0, 1, 2}
    assert {(cell.env, cell.budget) for cell in matrix.cells} == {("CartPole-v1", 30_000), ("Pendulum-v1", 60_000)}
    assert {cell.hyper["cg_iterations"] for cell in matrix.cells} == {7}, "as the tuned matrix gave it"
    found = {(cell.label, cell.env): cell.hyper["max_kl"] for cell in matrix.cells}
    for env, each in (("CartPole-v1", 0.1), ("Pendulum-v1", 0.05)):
        assert found["trpo", env] == 0.05 and found["trpo(default)", env] == 0.02
        assert found["trpo(per environment)", env] == each
    assert matrix.head["tuned"]["choices"].endswith("choices.json")


def test_a_file_of_choices_may_say_more(tmp_path):
    assert {cell.seed for cell in tuned(tmp_path, CHOICES, "seeds = [7]\n").cells} == {7}


@pytest.mark.parametrize(
    ("choices", "text", "problem"),
    [
        (CHOICES, "seeds = [7, 101]\n", "tuned.choices: seeds 101 tune and judge"),
        ("[1, 2]", "", "tuned.choices: "),
        (
            CHOICES | {"rules": {"trpo": {"rule": "trpo", "one": {"max_lk": 1.0}, "each": {}}}},
            "",
            "rules.trpo.max_lk: not",
        ),
    ],
)
def test_wrong_choices_are_refused(tmp_path, choices, text, problem):
    with pytest.raises(MatrixError) as found:
        tuned(tmp_path, choices, text)
    assert any(line.startswith(problem) for line in found.value.problems), found.value.problems


def test_the_shipped_matrix_says_what_is_to_come_before(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MatrixError, match=r"choices\.json: no such file; first run_matrix\.py tune"):
        load_matrix("tuned")
