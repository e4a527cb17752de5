"""One rule, the batch that every rule is given, and the row that says what it made of it."""

import hashlib
import json
import time
from dataclasses import asdict, dataclass, fields, replace
from math import sqrt
from typing import Any

import torch
from torch import Tensor

from algos.ascent import LocalModel, Natural
from algos.ascent.blind_spot import measure_places, measure_signal
from algos.estimators import measure_change
from algos.types import COLUMNS, Batch, Info
from experiments.cell.checked_rule import first_state, make_rule, next_state
from experiments.cell.compiled import CompiledPasses
from experiments.cell.compiled_steps import CompiledSteps
from experiments.cell.environments import environments_of
from experiments.cell.failures import PARAMETER_LIMIT, described, require_within, status_of
from experiments.cell.networks import policy_of
from experiments.cell.streams import global_generators
from experiments.forks.judge import Worth, judge_of
from experiments.forks.stage import Stage, code_of_fork
from experiments.identity import cpu_model, library_versions
from experiments.records import ForkRow
from experiments.spec import RunSpec, altered

NAN = float("nan")
SOLVED = Natural(cg_iterations=200, tolerance=1e-4)  # the natural direction that steps are measured by


@dataclass(frozen=True)
class Entry:
    """A rule with its hyper-parameters, under the label that it has in tables."""

    rule: str
    label: str
    hyper: dict[str, Any]

    @property
    def hyper_text(self) -> str:
        """As a row has them."""
        return json.dumps(self.hyper, sort_keys=True)


class Forks:
    """What all forks of one stage share: theta, batch, directions, judge. Equal thetas are judged once."""

    def __init__(self, spec: RunSpec, stage: Stage, episodes: int) -> None:
        environments = environments_of(spec, 1)
        observations, family = environments.observations, environments.family
        self._action_scale = environments.action_scale
        environments.close()
        self.spec, self.stage = spec, stage
        steps = CompiledSteps.of(spec.settings)
        self.policy = policy_of(spec.settings, observations, family, CompiledPasses(), steps)
        self.judge = judge_of(spec, self.policy, observations, stage, episodes)
        self._judged: dict[str, Worth] = {}
        with torch.no_grad():
            self._model = LocalModel(self.policy, stage.theta, stage.batch)
            self._natural = SOLVED.solve(self._model).vector
            self._steepest = self._model.fisher(self._natural)
            self._held_out_gradient = LocalModel(self.policy, stage.theta, stage.held_out).gradient
        self._signal = asdict(measure_signal(self.policy, stage.theta, stage.batch))
        times, held_out = stage.batch.times, stage.held_out
        self._starts = torch.cat([part.obs[part.times == 0] for part in (stage.batch, held_out)])
        self._horizon = int(max(times.max(), held_out.times.max())) + 1

    def close(self) -> None:
        self.judge.close()

    def fork(self, entry: Entry) -> ForkRow:
        """The row of one rule; a failure is a row too."""
        found: dict[str, Any] = {}
        status, reason = "ok", ""
        try:
            theta, info, seconds = self._update(entry)
            found = {name: value for name, value in asdict(replace(info, uses=())).items() if name in _EMPTY}
            found |= {"trials": len(info.trials), "update_s": seconds, "theta_digest": digest_of(theta)}
            require_within(PARAMETER_LIMIT * max(1.0, self._action_scale), theta=theta)
            found |= self._measure(theta, info)
            found |= asdict(self._worth(theta))
        except Exception as error:
            status, reason = status_of(error), described(error)
        return ForkRow(**{**_EMPTY, **self._where(entry), **found, "status": status, "reason": reason})

    def _update(self, entry: Entry) -> tuple[Tensor, Info, float]:
        """The new theta [P], what the rule said, and the seconds of the faster of two updates from the same state.

        The rule gets copies, so that not even a rule that breaks its contract can change what the next one gets.
        """
        rule = make_rule(altered(self.spec, rule=entry.rule, hyper=entry.hyper), self.policy)
        seconds = []
        for _ in range(2):
            state, batch = first_state(rule, self.stage.theta.clone()), copy_of(self.stage.batch)
            with global_generators(self.spec.seed, "fork"):
                start = time.perf_counter()
                state, info = next_state(rule, state, batch)
                seconds.append(time.perf_counter() - start)
        return state.theta, info, min(seconds)

    @torch.no_grad()
    def _measure(self, theta: Tensor, info: Info) -> dict[str, float]:
        """Change on the batch and on the held-out one, and which way the step goes."""
        stage, step = self.stage, theta - self.stage.theta
        change = asdict(measure_change(self.policy, stage.theta, theta, stage.batch, info))
        other = measure_change(self.policy, stage.theta, theta, stage.held_out)
        places = measure_places(self.policy, stage.theta, theta, stage.batch, self._starts, self._horizon)
        exact = self.judge.gradient
        return (
            change
            | self._signal
            | asdict(places)
            | {
                "held_out_gain": other.surrogate_gain,
                "held_out_kl": other.kl,
                "held_out_max_kl": other.max_kl,
                "gradient_cosine": cosine(step, self._model.gradient),
                "held_out_cosine": cosine(step, self._held_out_gradient),
                "natural_cosine": self._natural_cosine(step),
                "true_cosine": NAN if exact is None else cosine(step.double(), exact),
            }
        )

    def _natural_cosine(self, step: Tensor) -> float:
        """s'Fn / sqrt(s'Fs n'Fn) with n the natural direction."""
        squares = self._model.curvature(step) * float(self._natural @ self._steepest)
        return float(step @ self._steepest) / sqrt(squares) if squares > 0 else NAN

    def _worth(self, theta: Tensor) -> Worth:
        key = digest_of(theta)
        if key not in self._judged:
            self._judged[key] = self.judge.worth(theta)
        return self._judged[key]

    def _where(self, entry: Entry) -> dict[str, Any]:
        """The columns that say which fork it is."""
        spec, stage, judge = self.spec, self.stage, self.judge
        return {
            "run_id": spec.run_id,
            "env": spec.env,
            "trunk": spec.label,
            "settings": spec.settings.model_dump_json(),
            "seed": spec.seed,
            "env_steps": stage.env_steps,
            "batch_size": len(stage.batch.obs),
            "held_out_size": len(stage.held_out.obs),
            "rule": entry.rule,
            "label": entry.label,
            "hyper": entry.hyper_text,
            "return_before": judge.before,
            "exact": judge.exact,
            "episodes": judge.episodes,
            "return_unit": judge.unit,
            "cpu": cpu_model(),
            "code": code_of_fork(spec, entry.rule),
            "versions": library_versions(),
        }


_NOTHING: dict[Any, Any] = {str: "", int: 0, float: NAN, bool: False}
_EMPTY = {field.name: _NOTHING[field.type] for field in fields(ForkRow)}


def cosine(a: Tensor, b: Tensor) -> float:
    """a'b / |a||b| of vectors [P]; nan if one is 0."""
    norms = float(a.norm() * b.norm())
    return float(a @ b) / norms if norms > 0 else NAN


def digest_of(theta: Tensor) -> str:
    """12 hexadecimal digits: equal where every bit of theta [P] is."""
    return hashlib.sha256(theta.cpu().numpy().tobytes()).hexdigest()[:12]


def copy_of(batch: Batch) -> Batch:
    """The same numbers elsewhere in memory."""
    made = batch.normalization
    copied = made and replace(made, mean=made.mean.clone(), std=made.std.clone())
    return replace(batch, **{name: getattr(batch, name).clone() for name in COLUMNS}, normalization=copied)
