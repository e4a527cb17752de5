import multiprocessing
import os
import signal
from dataclasses import asdict

from experiments.cell.train import train
from experiments.engines import Inline, LocalProcesses
from experiments.records import CLOCKS, RunRow, UpdateRow


def outcomes(events):
    """run_id -> every row that does not depend on the clock or on who else was running."""
    rows = {}
    for spec, row in events:
        if row is not None:
            kept = {k: v for k, v in asdict(row).items() if k not in CLOCKS}
            rows.setdefault(spec.run_id, []).append(repr(kept))
    return rows


def ends(events):
    return {spec.run_id: row for spec, row in events if isinstance(row, RunRow)}


def test_one_job_two_jobs_and_no_process_at_all_give_equal_rows(tmp_path, make_spec):
    environments, rules = ("CartPole-v1", "Pendulum-v1"), ("trpo", "reuse_pg")
    specs = [make_spec(env, rule, seed=s) for env in environments for rule in rules for s in (0, 1)]
    inline = outcomes(Inline().run(specs))
    assert len(inline) == 8 and all(len(rows) > 4 for rows in inline.values())
    assert outcomes(LocalProcesses(1, tmp_path).run(specs)) == inline
    assert outcomes(LocalProcesses(2, tmp_path).run(specs[::-1])) == inline


def test_a_cell_that_raises_crashes_or_diverges_fails_alone(tmp_path, make_spec, fakes):
    specs = {
        "env_error": make_spec(fakes + "Raises-v0"),
        "killed": make_spec(fakes + "Aborts-v0"),
        "diverged": make_spec(fakes + "NanReward-v0"),
        "ok": make_spec(fakes + "Counting-v0"),
    }
    ended = ends(LocalProcesses(2, tmp_path).run(specs.values()))
    assert {status: ended[spec.run_id].status for status, spec in specs.items()} == {s: s for s in specs}
    reasons = {status: ended[spec.run_id].reason for status, spec in specs.items()}
    assert "the simulator is on fire" in reasons["env_error"]
    assert "SIGABRT" in reasons["killed"]
    assert "rewards not finite after update 0" in reasons["diverged"]


def test_a_silent_cell_is_stopped_and_the_others_go_on(tmp_path, make_spec, fakes):
    hangs, fine = make_spec(fakes + "Hangs-v0"), make_spec()
    ended = ends(LocalProcesses(1, tmp_path, silence_s=3.0).run([hangs, fine]))
    assert ended[hangs.run_id].status == "timeout" and ended[fine.run_id].status == "ok"


def test_a_killed_cell_tells_how_far_it_came(tmp_path, make_spec):
    spec = make_spec(budget=64_000)
    events = LocalProcesses(1, tmp_path).run([spec])
    seen = 0
    for _, row in events:
        if isinstance(row, UpdateRow):
            seen = row.env_steps
            if row.update == 3:
                os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)
        if isinstance(row, RunRow):
            break
    assert row.status == "killed" and "SIGKILL" in row.reason and row.env_steps == seen >= 192


def test_closing_the_stream_leaves_no_child(tmp_path, make_spec):
    events = LocalProcesses(2, tmp_path).run([make_spec(budget=640_000, seed=s) for s in (0, 1)])
    for _, row in events:
        if isinstance(row, UpdateRow):
            break
    events.close()
    assert not multiprocessing.active_children()


def test_a_step_to_infinity_ends_as_diverged_with_the_step(make_spec):
    run = list(train(make_spec("Pendulum-v1", "vanilla_pg", hyper={"lr": 1e30})))[-1]
    assert run.status == "diverged" and "environment steps" in run.reason
