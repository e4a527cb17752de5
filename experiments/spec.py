"""What one run is: a frozen specification in which every value stands, and its name."""

import hashlib
import inspect
import json
import math
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, Strict, field_validator, model_validator

from algos.estimators import GaussNewton, MinibatchAdam, Regression
from algos.optim import TORCH_STEPS, Steps
from algos.policies import Policy
from experiments.annotations import as_tuple, takes_tuple
from experiments.factories import factory_of, hints_of
from experiments.installed import installed
from experiments.outside import is_outside, name_of
from experiments.records import cell_name

_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True, ser_json_inf_nan="constants")


NETWORKS = ("mlp", "cnn", "nature_cnn")


class Settings(BaseModel):
    """Shared by every rule of a matrix. An environment may override them, and so may an entry under [rules], which is
    then an ablation of the pipeline, not of the rule. The recipe and its measurements: README.
    """

    model_config = _STRICT

    n_envs: int = Field(16, ge=1, description="environments stepped side by side")
    batch_size: int = Field(2048, ge=2, description="environment steps per update")
    gamma: float = Field(0.99, gt=0, lt=1)
    gae_lambda: float = Field(0.95, ge=0, le=1)
    network: str = Field(
        "mlp",
        description="of policy and critic: mlp, layers as below; for images cnn, as of Young and Tian 2019, or "
        "nature_cnn, as of Mnih et al. 2015; or FILE.py:FUNCTION: (obs_shape, outputs) -> torch.nn.Module, or the name "
        "of one that an installed package brings",
    )
    hidden: tuple[int, ...] = Field((64, 64), strict=False, description="the layers of an mlp")
    activation: Literal["tanh", "relu", "silu"] = Field("tanh", description="of an mlp")
    layer_norm: bool = Field(False, description="whether an mlp normalises a layer before its activation")
    init_log_std: float = Field(-0.5, description="of continuous policies")
    action_distribution: Literal["gaussian", "squashed_gaussian"] = Field(
        "gaussian", description="of continuous actions: a Gaussian clipped to the bounds, or squashed into them by tanh"
    )
    normalize_obs: bool = True
    scale_rewards: bool = Field(True, description="divide rewards by the std of the discounted return")
    normalize_advantages: bool = True
    critic: Literal["gauss_newton", "adam"] = Field("gauss_newton", description="how the critic is fitted to a batch")
    critic_steps: int = Field(2, ge=1, description="Gauss-Newton steps per batch")
    critic_cg_iterations: int = Field(10, ge=1, description="preconditioned products per step, at most")
    critic_damping: float = Field(0.05, gt=0)
    critic_tolerance: float = Field(0.01, gt=0, lt=1, description="relative residual to which a step is solved")
    critic_epochs: int = Field(10, ge=1, description="Adam's passes over a batch")
    critic_minibatch: int = Field(64, ge=1, description="rows per step of Adam")
    critic_lr: float = Field(1e-3, gt=0, description="Adam's")
    device: Literal["cpu", "cuda"] = Field("cpu", description="of the learner; the simulator is always on the CPU")
    checkpoint_every: int = Field(
        100_000, ge=1, description="environment steps from one checkpoint to the next evaluation that may be one"
    )
    diagnose_every: int = Field(
        0,
        ge=0,
        exclude_if=lambda every: not every,  # so that runs that are not watched keep their names and records
        description="updates from one to the next whose noise and blind spot are measured, to no effect on the run; "
        "0: none",
    )
    evaluations: int = Field(20, ge=1, description="points of the evaluation grid after step 0")
    eval_episodes: int = Field(10, ge=2, description="episodes per point and kind of action")
    final_episodes: int = Field(100, ge=2, description="held-out episodes for the last policy")
    eval_mean: Literal["always", "final", "never"] = Field(
        "final", description="when mean (or most probable) actions are judged too, not sampled ones alone"
    )
    eval_max_steps: int = Field(
        10_000,
        ge=1,
        description="steps after which an evaluated episode is cut, where the environment has no time limit",
    )

    def regression(self, seed: int, steps: Steps = TORCH_STEPS) -> Regression:
        """How the critic is fitted; the seed is that of Adam's shuffles, and `steps` how its steps are computed."""
        if self.critic == "adam":
            return MinibatchAdam(self.critic_epochs, self.critic_minibatch, self.critic_lr, seed, steps)
        return GaussNewton(self.critic_steps, self.critic_cg_iterations, self.critic_damping, self.critic_tolerance)

    @property
    def own_network(self) -> str | None:
        """The network, if it is not one of ours: of a file, or of an installed package."""
        return None if self.network in NETWORKS else self.network

    @property
    def flat_observations(self) -> bool:
        """Whether the network takes an observation as one vector, an image, too."""
        return self.network == "mlp"

    @field_validator("network")
    @classmethod
    def _network_is_known(cls, network: str) -> str:
        if network not in NETWORKS and not is_outside(network) and network not in (brought := installed("networks")):
            raise ValueError(f"expected one of {', '.join(dict.fromkeys([*NETWORKS, *brought]))}, or FILE.py:FUNCTION")
        return network

    @model_validator(mode="after")
    def _sizes_fit(self) -> "Settings":
        if self.batch_size % self.n_envs:
            raise ValueError(f"batch_size {self.batch_size} is not a multiple of n_envs {self.n_envs}")
        if self.device == "cuda" and not torch.cuda.is_available():
            raise ValueError("device cuda: torch sees no CUDA device here; expected cpu")
        return self


LARGEST = 2**63 - 1  # that a column of integers holds
NAME_BYTES = 80  # of label and environment in a run_id
# settings that no rule may change for itself
JUDGE = frozenset({"evaluations", "eval_episodes", "final_episodes", "eval_mean", "eval_max_steps"})


class RunSpec(BaseModel):
    """One cell of the matrix, complete: every hyper-parameter and setting has its value here.

    `code` is the digest of the code that is to compute it (identity.py), empty where nobody has said; a process that
    has other code refuses. It is no part of the name: a cell that other code made is the same cell, made otherwise.
    """

    model_config = _STRICT

    env: str = Field(description="its name in tables")
    environment: str = Field("", description="what it is made from (cell/entry_points.py), if not its name")
    env_kwargs: dict[str, Any]
    wrappers: tuple[Annotated[tuple[str, dict[str, Any]], Strict(False)], ...] = Field(
        (), strict=False, description="names and arguments, the first innermost"
    )
    info: tuple[str, ...] = Field((), strict=False, description="what of `info` becomes a column of evaluations")
    rule: str
    label: str
    hyper: dict[str, Any]
    seed: int = Field(ge=0, le=LARGEST)
    budget: int = Field(ge=1, le=LARGEST)
    settings: Settings
    code: str = ""

    @model_validator(mode="before")
    @classmethod
    def _environment_is_named(cls, values: Any) -> Any:
        if isinstance(values, dict) and not values.get("environment"):
            return {**values, "environment": values.get("env")}
        return values

    @model_validator(mode="after")
    def _grid_fits(self) -> "RunSpec":
        spacing = self.budget / self.settings.evaluations
        if spacing < self.settings.batch_size:
            raise ValueError(
                f"{self.settings.evaluations} evaluations in a budget of {self.budget} are {spacing:.0f} steps apart, "
                f"less than one batch of {self.settings.batch_size}; lower `evaluations` or `batch_size`, or raise "
                "`budget`"
            )
        return self

    @property
    def named(self) -> tuple[str, ...]:
        """What names code: the rule, the environment, the wrappers, and the network if it is not one of ours."""
        network, wrappers = self.settings.own_network, [name for name, _ in self.wrappers]
        return (self.rule, self.environment, *wrappers, *([network] if network else []))

    def renamed(self, rename: Callable[[str, str], str]) -> "RunSpec":
        """The same run with its code elsewhere; `rename` gets a name and the kind of thing that it names."""
        network = self.settings.network
        moved = rename(network, "a network") if is_outside(network) else network
        changes = {
            "rule": rename(self.rule, "a rule"),
            "environment": rename(self.environment, "an environment"),
            "wrappers": tuple((rename(name, "a wrapper"), arguments) for name, arguments in self.wrappers),
            "settings": self.settings.model_copy(update={"network": moved}),
        }
        return self.model_copy(update=changes)

    @property
    def name(self) -> str:
        """What it is called on screens and in messages: RULE/ENVIRONMENT/seedN."""
        return cell_name(self.label, self.env, self.seed)

    @cached_property
    def run_id(self) -> str:
        """Readable, safe as a folder's name, and different for different specifications, wherever their files lie."""
        values = self.model_dump(mode="json", exclude={"code", "environment", "wrappers", "info"})
        values["rule"] = name_of(self.rule)
        values["settings"]["network"] = name_of(self.settings.network)
        if (environment := name_of(self.environment)) != self.env:
            values["environment"] = environment
        if self.wrappers:
            values["wrappers"] = [[name_of(name), arguments] for name, arguments in self.wrappers]
        if self.info:
            values["info"] = sorted(self.info)
        digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
        safe = "".join(c if c.isalnum() or c in "-_.=" else "_" for c in f"{self.label}-{self.env}")
        short = safe.encode()[:NAME_BYTES].decode(errors="ignore")
        return f"{short}-seed{self.seed}-{digest[:10]}"

    @property
    def grid(self) -> list[int]:
        """The evaluation grid in environment steps, 0 and the budget included."""
        k = self.settings.evaluations
        return [round(self.budget * i / k) for i in range(k + 1)]


def altered(spec: RunSpec, **changes: Any) -> RunSpec:
    """Another specification, checked like any."""
    return RunSpec(**{name: getattr(spec, name) for name in RunSpec.model_fields} | changes)


def hyper_parameters(rule: str) -> dict[str, inspect.Parameter]:
    """A rule's keywords with their defaults, but for `seed`: a rule that samples is given one by its run."""
    keywords = inspect.signature(factory_of(rule)).parameters.values()
    return {p.name: p for p in keywords if p.kind is p.KEYWORD_ONLY and p.name != "seed"}


def defaults_of(rule: str) -> dict[str, Any]:
    """A rule's hyper-parameters -> their defaults, of those that are a text, a flag or a finite number."""
    found = {name: p.default for name, p in hyper_parameters(rule).items()}
    plain = {name: value for name, value in found.items() if isinstance(value, bool | int | float | str)}
    return {name: value for name, value in plain.items() if isinstance(value, str) or math.isfinite(value)}


def build_rule(rule: str, hyper: Mapping[str, Any], policy: Policy, seed: int = 0) -> Any:
    """The rule of this name for a policy; `seed` is for rules that sample, those with a keyword of that name.

    Raises ValueError for hyper-parameters out of range.
    """
    factory, hints = factory_of(rule), hints_of(rule)
    sampling = {"seed": seed} if "seed" in hints else {}
    given = {name: as_tuple(value) if takes_tuple(hints.get(name)) else value for name, value in hyper.items()}
    return factory(policy, **(sampling | given))
