"""The README says what the reference results say."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from analysis.readme import BLOCK, BLOCKS, READMES, ROOT, Arguments, generated, main

CODE = re.compile(r"```.*?```", re.DOTALL)


def test_the_readmes_are_what_the_reference_gives(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(Arguments(check=True)) == 0, capsys.readouterr()


def test_every_block_is_used() -> None:
    text = "".join(file.read_text(encoding="utf-8") for file in READMES)
    assert {match["name"] for match in BLOCK.finditer(text)} == BLOCKS.keys()


@pytest.mark.parametrize("file", READMES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_table_of_numbers_is_generated(file: Path) -> None:
    """A number in a table outside the generated blocks is one that nothing checks."""
    written = CODE.sub("", BLOCK.sub("", file.read_text(encoding="utf-8")))
    by_hand = [
        line for line in written.splitlines() if line.startswith("|") and re.search(r"\|\s*[-+]?[\d,.]+\s", line)
    ]
    assert not by_hand


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    tables = tmp_path / "quick" / "tables"
    tables.mkdir(parents=True)
    pd.DataFrame({"env": ["Pole-v1"] * 2, "budget": [41_000] * 2}).to_parquet(tables / "runs.parquet")
    intervals = {
        "final_sampled": (498.2, 490.0, 500.0),
        "nauc": (0.5, float("nan"), float("nan")),
        "reach_rate": (1, 0.3, 1),
    }
    row = {"env": "Pole-v1", "label": "a_rule", "n_ok": 3, "n_planned": 4, "max_drawdown": 0.0184}
    for name, values in intervals.items():
        row |= {f"{name}{end}": value for end, value in zip(("", "_low", "_high"), values, strict=True)}
    pd.DataFrame([row]).to_csv(tables / "summary.csv", index=False)
    return tmp_path


def test_a_block_is_made_from_the_tables(reference: Path) -> None:
    text = generated("before\n<!-- quick -->\nold | 9\n<!-- end of quick -->\nafter\n", reference)
    assert "old" not in text
    assert text.startswith("before\n") and text.endswith("after\n")
    assert "| Pole-v1 (41k) | `a_rule` | 3/4 | 498 [490, 500] | 0.5 | 1 [0.3, 1] | 0.0184 |" in text


def test_verdicts_are_an_item_per_pair(reference: Path) -> None:
    rows = [
        ("Pole-v1", "a_rule", "b_rule", 0.5, 0.412, 0.6, "better"),
        ("Pole-v1", "c_rule", "b_rule", -0.1, -0.3, 0.1, "undecided"),
        ("all 2 environments", "a_rule", "b_rule", 0.25, 0.2, 0.3, "better"),
    ]
    columns = ["env", "first", "second", "difference", "low", "high", "verdict"]
    pd.DataFrame(rows, columns=columns).to_csv(reference / "quick" / "tables" / "comparisons.csv", index=False)
    first, second = BLOCKS["verdicts"](reference)
    assert (
        first.startswith("- `a_rule` against `b_rule`")
        and "better on Pole-v1 (0.5 [0.412, 0.6]), better on all" in first
    )
    assert second.endswith("undecided on Pole-v1 (-0.1 [-0.3, 0.1]).")


def test_a_benchmark_that_was_run_again_alone_replaces_the_older_one(tmp_path: Path) -> None:
    folder = tmp_path / "benchmarks"
    folder.mkdir()
    for file, day, rates in (("b.json", "01", {"Pole": 0.5, "Car": 0.7}), ("a.json", "02", {"Pole": 0.8})):
        entries = [
            {
                "fullname": f"test[{env}]",
                "group": "training",
                "params": {"env": env},
                "extra_info": {"steps_per_s": 10.0, "simulator_steps_per_s": 20.0, "ratio": ratio},
            }
            for env, ratio in rates.items()
        ]
        (folder / file).write_text(json.dumps({"datetime": f"2026-01-{day}", "benchmarks": entries}))
    assert BLOCKS["training"](tmp_path)[2:] == ["| Pole | 10 | 20 | 0.80 |", "| Car | 10 | 20 | 0.70 |"]


def test_the_share_of_evaluation_is_that_of_the_whole(tmp_path: Path) -> None:
    (tmp_path / "benchmarks").mkdir()
    seconds = dict.fromkeys(["rollout_s", "advantage_s", "critic_s", "update_s", "measure_s", "other_s"], 5.0)
    extra = {"seconds": seconds, "evaluation": {"never": 10.0, "final": 20.0, "always": 30.0}}
    entry = {"fullname": "x", "group": "cell of 1,000,000 steps", "params": {"env": "Pole"}, "extra_info": extra}
    text = json.dumps({"datetime": "2026", "benchmarks": [entry]})
    (tmp_path / "benchmarks" / "a.json").write_text(text)
    assert BLOCKS["cell"](tmp_path)[2].endswith("| 5.0 | 20.0 | 40% | 50% | 25% |")


def test_a_number_that_was_edited_is_found_and_mended(
    reference: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "README.md"
    file.write_text("<!-- quick -->\n<!-- end of quick -->\n", encoding="utf-8")
    arguments = Arguments((file,), reference)
    assert main(arguments) == 0
    file.write_text(file.read_text().replace("498", "499"), encoding="utf-8")
    assert main(Arguments((file,), reference, check=True)) == 1
    assert "python -m analysis.readme" in capsys.readouterr().out
    assert main(arguments) == 0
    assert "498" in file.read_text()


def test_an_unknown_block_is_named(reference: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "README.md"
    file.write_text("<!-- quik -->\n<!-- end of quik -->\n", encoding="utf-8")
    assert main(Arguments((file,), reference)) == 2
    assert "quik" in capsys.readouterr().err
