"""Two files of benchmark results: costs relative to the floor, and changes beyond the noise."""

import json
import os

import pytest

from analysis.benchmarks import Arguments, BenchmarkError, load_benchmarks, main


def entry(name, median, group="product, batch 1", iqr=0.0, rounds=16, **extra):
    stats = {"median": median, "iqr": iqr, "rounds": rounds}
    return {"name": name, "group": group, "stats": stats, "extra_info": extra}


@pytest.fixture
def write(tmp_path):
    def written(name, *entries):
        (tmp_path / name).write_text(json.dumps({"benchmarks": list(entries)}))
        return tmp_path / name

    return written


def test_cost_is_the_time_over_the_floors_of_the_same_group(write):
    file = write("a.json", entry("test_floor", 2.0), entry("test_body", 3.0), entry("test_alone", 1.0, group="other"))
    frame = load_benchmarks(file)
    assert frame["cost"].to_dict() == {"test_body": 1.5, "test_alone": 1.0}
    assert frame["raw"].to_dict() == {"test_body": False, "test_alone": True}


def test_a_training_rates_cost_is_the_inverse_of_its_ratio(write):
    frame = load_benchmarks(write("a.json", entry("test_trpo", 60.0, group="training", ratio=0.5)))
    assert frame["cost"].to_dict() == {"test_trpo": 2.0}


def test_noise_is_the_notch_of_the_body_and_of_the_floor(write):
    file = write("a.json", entry("test_floor", 2.0, iqr=0.4), entry("test_body", 3.0, iqr=0.9))
    floor, body = 1.57 * 0.4 / 4 / 2, 1.57 * 0.9 / 4 / 3
    assert load_benchmarks(file)["noise"]["test_body"] == pytest.approx((floor**2 + body**2) ** 0.5)


def test_a_machine_of_half_the_speed_changes_nothing(write, capsys):
    before = write("a.json", entry("test_floor", 2.0), entry("test_body", 3.0))
    after = write("b.json", entry("test_floor", 4.0), entry("test_body", 6.0))
    assert main(Arguments(before, after)) == 0
    assert "| test_body | 1.50 | 1.50 | +0% | 10% | within the noise |" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("median", "iqr", "verdict", "code"),
    [(3.6, 0.0, "slower", 1), (2.4, 0.0, "faster", 0), (3.2, 0.0, "within the noise", 0), (3.6, 3.0, "within", 0)],
)
def test_a_change_counts_only_beyond_the_noise(write, capsys, median, iqr, verdict, code):
    before = write("a.json", entry("test_floor", 2.0), entry("test_body", 3.0))
    after = write("b.json", entry("test_floor", 2.0), entry("test_body", median, iqr=iqr))
    assert main(Arguments(before, after)) == code
    assert f"| {verdict}" in capsys.readouterr().out


def test_what_stands_in_one_file_only_is_named(write, capsys):
    before = write("a.json", entry("test_floor", 2.0), entry("test_old", 3.0))
    after = write("b.json", entry("test_floor", 2.0), entry("test_new", 3.0))
    assert main(Arguments(before, after)) == 0
    printed = capsys.readouterr().out
    assert "| test_new |  | 1.50 |  | 10% | new |" in printed and "| test_old | 1.50 |  |  | 10% | gone |" in printed


def test_a_benchmark_without_a_floor_is_compared_by_its_raw_time_and_marked(write, capsys):
    """A solver made six times slower used to pass, for it had no floor."""
    before = write("a.json", entry("test_floor", 2.0), entry("test_body", 3.0), entry("test_cg", 0.004, group="cg"))
    after = write("b.json", entry("test_floor", 2.0), entry("test_body", 3.0), entry("test_cg", 0.024, group="cg"))
    assert main(Arguments(before, after)) == 1
    printed = capsys.readouterr().out
    assert "| test_cg | 4 ms (raw) | 24 ms (raw) | +500% | 10% | slower |" in printed and "one machine" in printed


def test_a_raw_time_and_a_ratio_are_not_compared(write, capsys):
    before = write("a.json", entry("test_body", 3.0))
    after = write("b.json", entry("test_floor", 2.0), entry("test_body", 3.0))
    assert main(Arguments(before, after)) == 0
    assert "| test_body |  | 1.50 |  | 10% | new |" in capsys.readouterr().out


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"benchmarks": [{"name": "x"}]}',
        '{"benchmarks": [{"stats": 1, "extra_info": 2}]}',
        "[" * 100_000,
    ],
)
def test_a_file_that_is_no_benchmark_is_refused(tmp_path, content, capsys):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(BenchmarkError, match=r"a.json is not the JSON of a pytest-benchmark run"):
        load_benchmarks(tmp_path / "a.json")
    assert main(Arguments(tmp_path / "a.json", tmp_path / "a.json")) == 2
    assert "a.json is not the JSON" in capsys.readouterr().err


def test_a_fifo_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.json")
    with pytest.raises(BenchmarkError, match="not a regular file"):
        load_benchmarks(tmp_path / "a.json")


def test_one_file_gives_costs_and_the_figure_of_scale(write, tmp_path, capsys):
    rows = [
        entry(
            f"test_cost[{axis}-{v}]",
            1.0,
            f"scale: {axis}",
            rows=[{"axis": axis, "value": v, "microseconds": 90.0 + v, "rollout_microseconds": 50.0}],
            ratio=0.5,
        )
        for axis in ("batch", "width", "environments", "jobs")
        for v in (1, 16, 64)
    ]
    file = write("a.json", entry("test_floor", 2.0), entry("test_body", 3.0), *rows)
    assert main(Arguments(file)) == 0
    printed = capsys.readouterr().out
    assert "  1.50  test_body" in printed and "scale.png" in printed
    assert (tmp_path / "scale.png").stat().st_size > 10_000 and (tmp_path / "scale.pdf").exists()


def test_without_rows_of_scale_there_is_no_figure(write, tmp_path):
    assert main(Arguments(write("a.json", entry("test_floor", 2.0), entry("test_body", 3.0)))) == 0
    assert not (tmp_path / "scale.png").exists()
