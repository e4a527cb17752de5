"""Small specifications, and a path to environments that misbehave."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import tyro

from experiments.spec import RunSpec, Settings, hyper_parameters

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
