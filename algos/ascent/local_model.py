"""What one batch tells about the neighbourhood of theta: surrogate, gradient, Fisher products, and any candidate."""

from collections.abc import Callable
from functools import cached_property
from math import isfinite, sqrt

import torch
from torch import Tensor

from algos.curvature import Fisher, Metric, Preconditioner
from algos.estimators.diagnostics import jackknife, left_out
from algos.estimators.surrogates import ImportanceSampled, Surrogate
from algos.finite import require_finite
from algos.policies.policy import Policy
from algos.types import NAN, Batch


class LocalModel:
    """Everything is linearised once, at `theta`, and shared. `theta` need not be the policy that collected the batch:
    the surrogate then carries importance weights. The counters say what the update has cost so far.

    What decides (log ratios, gains, divergences) is computed in double precision from the network's outputs: it is a
    small difference of large numbers. What is heavy (products) keeps the precision of theta. Raises NonFinite.

    Divergences, curvature and the Fisher matrix are means over states under the surrogate's own visitation.
    """

    def __init__(self, policy: Policy, theta: Tensor, batch: Batch, surrogate: Surrogate | None = None) -> None:
        self.policy, self.theta, self.batch = policy, theta, batch
        self.surrogate = surrogate or ImportanceSampled()
        self.gradient_evaluations = self.fisher_products = self.candidate_evaluations = 0
        with torch.no_grad():
            self._linear = policy.network.linearize(theta, batch.obs)
            self.outputs = self._linear.outputs
            self.double_outputs = self.outputs.double()
            self.log_ratio = policy.family.log_prob(self.double_outputs, batch.actions) - batch.log_probs
        require_finite(log_ratios=self.log_ratio)

    @cached_property
    def value(self) -> float:
        """The surrogate at theta."""
        return float(self.surrogate.value(self.log_ratio, self.batch))

    @cached_property
    def visitation(self) -> Tensor | None:
        """Weights [B] of the rows, where the surrogate's visitation is not the batch's own."""
        weights = self.surrogate.visitation(self.batch)
        return None if weights is None else weights.to(self.outputs.dtype)

    def mean(self, values: Tensor) -> Tensor:
        """Of values [B] of the batch's rows, under the surrogate's visitation."""
        return values.mean() if self.visitation is None else (values * self.visitation).mean()

    @cached_property
    def score(self) -> Tensor:
        """The gradient of log pi of the batch's actions by the outputs, [B, D]."""
        return self.policy.family.score(self.outputs, self.batch.actions)

    @cached_property
    def gradient(self) -> Tensor:
        """The surrogate's gradient g [P]: J' (d value/d log_ratio * score)."""
        self.gradient_evaluations += 1
        weights = self.surrogate.gradient(self.log_ratio, self.batch).to(self.outputs.dtype)
        gradient = self._linear.vjp(weights.unsqueeze(-1) * self.score)
        require_finite(gradient=gradient)
        return gradient

    def fisher(self, v: Tensor) -> Tensor:
        """F v [P], exact on the batch and undamped."""
        return self.metric_product(Fisher())(v)

    def metric_product(self, metric: Metric) -> Callable[[Tensor], Tensor]:
        """v -> G v [P] for another metric G of the same batch; every product with data in it is counted."""
        product = metric.product(self.policy, self.theta, self.batch, self._linear, self.visitation)

        def counted(v: Tensor) -> Tensor:
            self.fisher_products += metric.cost
            return product(v)

        return counted

    def preconditioned(self, preconditioner: Preconditioner, damping: float) -> Callable[[Tensor], Tensor] | None:
        """v -> about (F + damping I)^-1 v [P]; the scores are those of the batch's own actions."""
        return preconditioner.prepare(self._linear, self.score, damping)

    def curvature(self, v: Tensor) -> float:
        """v'Fv, twice the quadratic model of the mean KL(theta || theta + v)."""
        moved = self._linear.jvp(v)
        metric = self.policy.family.fisher(self.outputs)
        curvature = float(self._weigh(moved * metric(moved)).sum() / len(moved))
        require_finite(curvature=curvature)
        return curvature

    def _weigh(self, rows: Tensor) -> Tensor:
        """Rows [B, D] times their weights."""
        return rows if self.visitation is None else rows * self.visitation.unsqueeze(-1)

    def candidate(self, theta: Tensor) -> "Candidate":
        """What the batch says of another theta."""
        self.candidate_evaluations += 1
        return Candidate(self, theta)


class Candidate:
    """A theta nearby. Divergences are KL(old || new) with old the model's own theta."""

    def __init__(self, model: LocalModel, theta: Tensor) -> None:
        self.theta = theta
        self._model = model
        with torch.no_grad():
            self._outputs = model.policy.outputs(theta, model.batch.obs).double()

    @property
    def asked(self) -> dict[str, float]:
        """The numbers that were asked for so far; nan for the others, which cost nothing."""
        return {name: vars(self).get(name, NAN) for name in ("surrogate_gain", "kl", "max_kl")}

    @property
    def is_finite(self) -> bool:
        """Whether the outputs are, and what was asked for so far."""
        asked = [value for value in vars(self).values() if isinstance(value, float)]
        return bool(self._outputs.isfinite().all()) and all(map(isfinite, asked))

    @cached_property
    def surrogate_gain(self) -> float:
        """Surrogate here less surrogate at the model's theta."""
        model = self._model
        return float(model.surrogate.value(self._log_ratio, model.batch)) - model.value

    @cached_property
    def _log_ratio(self) -> Tensor:
        model = self._model
        return model.policy.family.log_prob(self._outputs, model.batch.actions) - model.batch.log_probs

    @cached_property
    def gain_error(self) -> float:
        """Standard error of `surrogate_gain`: by leaving out one episode at a time, or one row where there is one."""
        model, batch = self._model, self._model.batch
        terms = [model.surrogate.terms(log_ratio, batch) for log_ratio in (self._log_ratio, model.log_ratio)]
        groups = batch.episodes if len(batch.episodes.unique()) > 1 else torch.arange(len(batch.obs))
        new, old = (left_out(*parts, groups.to(batch.episodes.device)) for parts in terms)
        return sqrt(jackknife(new - old))

    @cached_property
    def _kl(self) -> Tensor:
        return self._model.policy.family.kl(self._model.double_outputs, self._outputs)

    @cached_property
    def kl(self) -> float:
        """Mean KL(old || new)."""
        return float(self._model.mean(self._kl))

    @cached_property
    def max_kl(self) -> float:
        """Largest KL(old || new) over the batch."""
        return float(self._kl.max())

    @cached_property
    def reverse_kl(self) -> float:
        """Mean KL(new || old)."""
        return float(self._model.mean(self._model.policy.family.kl(self._outputs, self._model.double_outputs)))
