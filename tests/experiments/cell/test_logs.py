from pathlib import Path

from experiments.cell.logs import bound_log
from experiments.engines.supervise import Conditions, Files, Stop, supervise


def test_a_long_log_keeps_its_beginning_and_its_end(tmp_path):
    log = tmp_path / "a.log"
    log.write_bytes(b"begin" + b"x" * 1000 + b"end")
    with open(log, "ab") as cell:  # which goes on printing
        bound_log(log, limit=100, kept=10)
        cell.write(b" and more")
    assert log.read_bytes() == b"beginxxxxx\n[... 988 bytes were left out here ...]\nxxxxxxxend and more"


def test_a_log_within_the_limit_and_one_that_is_not_there_are_left_alone(tmp_path):
    log = tmp_path / "a.log"
    log.write_bytes(b"x" * 100)
    bound_log(log, limit=100, kept=10)
    bound_log(tmp_path / "nowhere.log")
    assert log.read_bytes() == b"x" * 100 and [path.name for path in tmp_path.iterdir()] == ["a.log"]


def test_the_log_of_a_cell_that_prints_without_end_is_bounded_and_the_cell_goes_on(
    tmp_path, make_spec, fakes, monkeypatch
):
    sizes = []

    def bound(log: Path) -> None:
        bound_log(log, limit=50_000, kept=10_000)
        sizes.append(log.stat().st_size if log.exists() else 0)

    monkeypatch.setattr("experiments.engines.supervise.bound_log", bound)
    spec, log = make_spec(fakes + "Chatty-v0", budget=6_400, evaluations=2), tmp_path / "a.log"
    run = supervise(spec, Conditions(), Files(log=str(log)), lambda row, line: None, Stop())
    assert run.status == "ok" and run.env_steps == 6_400
    assert "bytes were left out here" in log.read_text() and log.stat().st_size < 6_400 * 1_024 / 4
