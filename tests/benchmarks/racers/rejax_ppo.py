"""rejax's PPO. Environment and training are one compiled function; its evaluation is left out."""

from collections.abc import Callable

import jax
import rejax

PACKAGES = ("rejax", "jax")


def make(rule: str, env: str, n_envs: int, batch: int, updates: int) -> Callable[[], None]:
    """A function that trains for so many updates."""
    learner = rejax.PPO.create(
        env=env,
        num_envs=n_envs,
        num_steps=batch // n_envs,
        num_epochs=10,
        num_minibatches=batch // 64,
        agent_kwargs={"activation": "tanh", "hidden_layer_sizes": (64, 64)},
        total_timesteps=updates * batch,
        eval_freq=updates * batch,
        skip_initial_evaluation=True,
    ).replace(eval_callback=lambda *_: ())
    state = jax.jit(learner.init_state)(jax.random.PRNGKey(0))
    compiled = jax.jit(lambda state: learner.train(train_state=state)[0])

    def train() -> None:
        nonlocal state
        state = jax.block_until_ready(compiled(state))

    return train
