"""How the environments of a matrix and its settings go together: what is refused, and what one should know before."""

from collections.abc import Iterable, Mapping

from algos.policies import Categorical, Policy
from experiments.cell.gym_environments import family_of
from experiments.cell.spaces import Interface
from experiments.spec import RunSpec, Settings


def problem_of(interface: Interface | None, settings: Settings) -> str | None:
    """Why no policy with these settings acts in this environment, if so; None of one that could not be made."""
    try:
        if interface is not None:
            family_of(interface.actions, settings.action_distribution)
    except ValueError as error:
        return str(error)
    return None


def policies_of(interfaces: dict[str, Interface]) -> dict[str, Policy]:
    """An environment's name and a small policy for it, for each kind of action."""
    kinds = {it.actions: env for env, it in reversed(interfaces.items())}
    policies = {env: Policy.mlp(1, (1,), family_of(actions)) for actions, env in kinds.items()}
    return policies or {"any environment": Policy.mlp(1, (1,), Categorical(2))}


def notes_of(interfaces: Mapping[str, Interface], cells: Iterable[RunSpec]) -> tuple[str, ...]:
    """Of the environments whose episodes need not end."""
    most = {cell.env: cell.settings.eval_max_steps for cell in cells}
    return tuple(
        f"{env} has no time limit: an evaluated episode is cut after {most[env]:,} steps (settings.eval_max_steps), a "
        "training episode never; kwargs = {max_episode_steps = N} would end both"
        for env, interface in interfaces.items()
        if interface.time_limit is None and env in most
    )
