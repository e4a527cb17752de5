"""Small specifications, and a path to environments that misbehave."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import tyro

from experiments.cell.failures import Paused
from experiments.cell.train import train
from experiments.manage_results import Command, main
from experiments.matrix_file import Matrix
from experiments.spec import RunSpec, Settings, hyper_parameters
from experiments.store import Store

TINY = {
    "n_envs": 4,
    "batch_size": 64,
    "hidden": (8, 8),
    "evaluations": 2,
    "eval_episodes": 2,
    "final_episodes": 3,
}


@dataclass
class Done:
    """What a command left behind."""

    returncode: int | str | None
    stdout: str
    stderr: str


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Runs a command's `main` on a command line in this process, which saves the seconds that a start takes."""

    def run(main: Callable[[Any], int], arguments: Any, *line: object) -> Done:
        capfd.readouterr()
        try:
            code: int | str | None = main(tyro.cli(arguments, args=list(map(str, line))))
        except SystemExit as end:
            code = end.code
        return Done(code, *capfd.readouterr())

    return run


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> str:
    """Prefix of the misbehaving environments."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "fakes"))
    return "fake_environments:"


@pytest.fixture
def make_spec() -> Callable[..., RunSpec]:
    """A tiny cell; keywords are settings, `hyper` the rule's own."""

    def make(
        env: str = "CartPole-v1",
        rule: str = "trpo",
        seed: int = 0,
        budget: int = 192,
        hyper: dict[str, Any] | None = None,
        env_kwargs: dict[str, Any] | None = None,
        **settings: Any,
    ) -> RunSpec:
        complete = {name: p.default for name, p in hyper_parameters(rule).items()} | (hyper or {})
        return RunSpec(
            env=env,
            env_kwargs=env_kwargs or {},
            rule=rule,
            label=rule,
            hyper=complete,
            seed=seed,
            budget=budget,
            settings=Settings(**(TINY | settings)),
        )

    return make


@pytest.fixture
def manage(call):
    """`manage_results` with these words."""
    return partial(call, main, Command)


@pytest.fixture
def specs(make_spec):
    """A cell of every kind."""
    return {
        "ok": make_spec("InvertedPendulum-v5"),
        "diverged": make_spec("Pendulum-v1", "vanilla_pg", hyper={"lr": 1e30}),
        "begun": make_spec("Acrobot-v1", budget=512, evaluations=4, checkpoint_every=64),
        "waiting": make_spec("Pendulum-v1", seed=1),
    }


@pytest.fixture
def results(tmp_path, specs):
    """The directory of a small matrix with one cell of every kind."""
    with Store(tmp_path / "r") as store:
        store.plan(Matrix("m", tmp_path / "m.toml", tuple(specs.values()), {}))
        for name in ("ok", "diverged"):
            *rows, run = train(specs[name])
            store.write(specs[name], replace(run, total_s=3600.0), rows, log=b"hello from the cell\n")
        checkpoint = store.checkpoints / f"{specs['begun'].run_id}.checkpoint"
        with suppress(Paused):
            list(train(specs["begun"], checkpoint=checkpoint, pause=lambda: True))
    return store.root
