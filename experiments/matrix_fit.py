"""How the environments of a matrix and its settings go together: what is refused, and what one should know before."""

from collections.abc import Iterable, Mapping

import psutil

from algos.policies import Categorical, Policy
from experiments.cell.gym_environments import family_of
from experiments.cell.networks import policy_of
from experiments.cell.spaces import Interface, Observations
from experiments.outside import name_of
from experiments.spec import NETWORKS, RunSpec, Settings

FLAT_BYTES = 32  # of memory per number of a batch: raw and normalised, this and the next observation, what lies between
PIXEL_BYTES = 10  # per pixel: a byte of this and one of the next image, a float32 of policy's and critic's each


def problem_of(interface: Interface | None, settings: Settings) -> str | None:
    """Why no policy with these settings acts in this environment, if so; None of one that could not be made."""
    if interface is None:
        return None
    try:
        family = family_of(interface.actions, settings.action_distribution)
    except ValueError as error:
        return str(error)
    try:
        policy_of(settings, interface.observations, family)
    except ValueError as error:
        return f'network = "{name_of(settings.network)}": {error}'
    return None


def policies_of(interfaces: dict[str, Interface]) -> dict[str, Policy]:
    """An environment's name and a small policy for it, for each kind of action."""
    kinds = {it.actions: env for env, it in reversed(interfaces.items())}
    policies = {env: Policy.mlp(1, (1,), family_of(actions)) for actions, env in kinds.items()}
    return policies or {"any environment": Policy.mlp(1, (1,), Categorical(2))}


def notes_of(interfaces: Mapping[str, Interface], cells: Iterable[RunSpec]) -> tuple[str, ...]:
    """What is worth knowing of an environment with the settings of its cells, each once."""
    kinds = {(cell.env, cell.settings): None for cell in cells}
    found = [
        note
        for env, settings in kinds
        if env in interfaces
        for note in (
            _endless(env, interfaces[env], settings),
            _flattened(env, interfaces[env], settings),
            _memory(env, interfaces[env].observations, settings),
        )
    ]
    return tuple(dict.fromkeys(note for note in found if note))


def batch_bytes(observations: Observations, settings: Settings) -> int:
    """About how much memory the observations of one batch take, what a network keeps for derivatives left out."""
    pixels = observations.brightest is not None and not settings.flat_observations
    return settings.batch_size * observations.size * (PIXEL_BYTES if pixels else FLAT_BYTES)


def _endless(env: str, interface: Interface, settings: Settings) -> str:
    """Of an environment whose episodes need not end."""
    if interface.time_limit is not None:
        return ""
    return (
        f"{env} has no time limit: an evaluated episode is cut after {settings.eval_max_steps:,} steps "
        "(settings.eval_max_steps), a training episode never; kwargs = {max_episode_steps = N} would end both"
    )


def _flattened(env: str, interface: Interface, settings: Settings) -> str:
    """Of an image that a network is given as a vector."""
    observations = interface.observations
    if interface.flattened_images and settings.network in NETWORKS:  # a user's knows what it is given
        shapes = ", ".join(str(list(shape)) for shape in interface.flattened_images)
        return (
            f"{env} shows images of shape {shapes} among other things, which a network takes as numbers side by side; "
            'a network for images (network = "cnn") wants one image alone: a wrapper can leave the rest out, and a '
            "network of your own (FILE.py:FUNCTION) can take the parts from the vector"
        )
    if observations.brightest is None or not settings.flat_observations:
        return ""
    names = ("nature_cnn", "cnn")  # the first is for large images
    fitting = [name for name in names if not problem_of(interface, settings.model_copy(update={"network": name}))]
    return (
        f'{env} shows images of shape {list(observations.shape)}, which network = "mlp" takes as '
        f"{observations.size:,} numbers side by side; "
        + (f'network = "{fitting[0]}" is for such images' if fitting else "no network here is for images like these")
    )


def _memory(env: str, observations: Observations, settings: Settings) -> str:
    """Of an image, and of whatever fills half of this machine."""
    needed, there = batch_bytes(observations, settings), psutil.virtual_memory().total
    if observations.brightest is None and needed < there / 2:
        return ""
    return (
        f"{env}: the observations of a batch of {settings.batch_size:,} take about {needed / 1e6:,.0f} MB, and what a "
        "network keeps for derivatives comes on top"
        + (f"; this machine has {there / 1e6:,.0f} MB, so lower batch_size" if needed >= there / 2 else "")
    )
