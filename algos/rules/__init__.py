"""The table of update rules. A new rule is one file here and one line below."""

from collections.abc import Callable
from typing import Any

from algos.rules import trpo_ablations as ablations
from algos.rules.history_pg import history_pg, history_pg_adam
from algos.rules.history_trpo import history_trpo
from algos.rules.line_search_pg import line_search_pg
from algos.rules.mdpo import mdpo
from algos.rules.mm_penalty import mm_penalty, mm_penalty_adaptive
from algos.rules.mm_quadratic import mm_adaptive, mm_quadratic
from algos.rules.mm_theory import mm_theory
from algos.rules.npg import npg, tnpg
from algos.rules.per_step_pg import per_step_pg
from algos.rules.pois import pois
from algos.rules.ppo import ppo, ppo_kl_stop
from algos.rules.ppo_penalty import ppo_penalty
from algos.rules.reuse_pg import reuse_pg, reuse_pg_adam
from algos.rules.spo import spo
from algos.rules.trpo import trpo, trpo_adaptive, trpo_annealed, trpo_divergence, trpo_euclidean
from algos.rules.trpo_held_out import trpo_confident, trpo_held_out, trpo_in_sample
from algos.rules.trpo_memory import trpo_memory
from algos.rules.trpo_schedules import trpo_hypergradient, trpo_signal
from algos.rules.trpo_solvers import trpo_kfac, trpo_steihaug
from algos.rules.trpo_surrogates import trpo_discounted, trpo_entropy
from algos.rules.vanilla_pg import vanilla_pg, vanilla_pg_adam, vanilla_pg_discounted
from algos.types import UpdateRule

RuleFactory = Callable[..., UpdateRule[Any]]  # (policy, *, hyper-parameters with defaults) -> rule

RULES: dict[str, RuleFactory] = {
    "vanilla_pg": vanilla_pg,
    "vanilla_pg_adam": vanilla_pg_adam,
    "vanilla_pg_discounted": vanilla_pg_discounted,
    "per_step_pg": per_step_pg,
    "line_search_pg": line_search_pg,
    "reuse_pg": reuse_pg,
    "reuse_pg_adam": reuse_pg_adam,
    "history_pg": history_pg,
    "history_pg_adam": history_pg_adam,
    "history_trpo": history_trpo,
    "npg": npg,
    "tnpg": tnpg,
    "trpo": trpo,
    "trpo_adaptive": trpo_adaptive,
    "trpo_divergence": trpo_divergence,
    "trpo_annealed": trpo_annealed,
    "trpo_held_out": trpo_held_out,
    "trpo_in_sample": trpo_in_sample,
    "trpo_confident": trpo_confident,
    "trpo_signal": trpo_signal,
    "trpo_hypergradient": trpo_hypergradient,
    "trpo_memory": trpo_memory,
    "trpo_discounted": trpo_discounted,
    "trpo_entropy": trpo_entropy,
    "trpo_steihaug": trpo_steihaug,
    "trpo_kfac": trpo_kfac,
    "trpo_euclidean": trpo_euclidean,
    "trpo_surrogate_check": ablations.trpo_surrogate_check,
    "trpo_kl_check": ablations.trpo_kl_check,
    "trpo_loose": ablations.trpo_loose,
    "trpo_max_kl": ablations.trpo_max_kl,
    "trpo_reverse_kl": ablations.trpo_reverse_kl,
    "trpo_keep_rejected": ablations.trpo_keep_rejected,
    "trpo_identity": ablations.trpo_identity,
    "trpo_subsampled_fisher": ablations.trpo_subsampled_fisher,
    "trpo_empirical_fisher": ablations.trpo_empirical_fisher,
    "trpo_one_score": ablations.trpo_one_score,
    "trpo_damped_radius": ablations.trpo_damped_radius,
    "trpo_kronecker": ablations.trpo_kronecker,
    "trpo_warm_start": ablations.trpo_warm_start,
    "mm_quadratic": mm_quadratic,
    "mm_adaptive": mm_adaptive,
    "mm_penalty": mm_penalty,
    "mm_penalty_adaptive": mm_penalty_adaptive,
    "mm_theory": mm_theory,
    "mdpo": mdpo,
    "pois": pois,
    "ppo": ppo,
    "ppo_kl_stop": ppo_kl_stop,
    "ppo_penalty": ppo_penalty,
    "spo": spo,
}
