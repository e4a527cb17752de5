"""A problem small enough to write down every episode: sampling without sampling noise."""

from itertools import product

import torch
from torch import Tensor

from algos.exact import FiniteMDP
from algos.policies import Categorical, Policy
from algos.types import Batch

STATES, ACTIONS = 4, 2
QUARTERS = [1, 3, 2, 1]  # how many quarters of the probability action 0 has in each state


def every_episode(gamma: float) -> tuple[FiniteMDP, Policy, Tensor, Batch]:
    """A problem, a policy with its theta, and a batch that holds each episode as often as it is probable.

    Action 0 moves one state on and action 1 two, so that states are reached at different times; beyond the last state
    the episode ends. Advantages are the exact ones.
    """
    transitions = torch.zeros(STATES, ACTIONS, STATES, dtype=torch.float64)
    for state in range(STATES):
        for action in range(ACTIONS):
            if state + action + 1 < STATES:
                transitions[state, action, state + action + 1] = 1.0
    rewards = torch.randn(STATES, ACTIONS, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    mdp = FiniteMDP(transitions, rewards, torch.eye(STATES, dtype=torch.float64)[0], gamma)
    policy = Policy.mlp(STATES, (), Categorical(ACTIONS))
    pi = torch.tensor([[n / 4, 1 - n / 4] for n in QUARTERS], dtype=torch.float64)
    theta = torch.cat([pi.log().T.flatten(), torch.zeros(ACTIONS, dtype=torch.float64)])
    rows = []
    for episode, draws in enumerate(product(range(4), repeat=STATES)):
        state, time = 0, 0
        while state < STATES:
            action = int(draws[time] >= QUARTERS[state])
            rows.append((state, action, episode, time))
            state, time = state + action + 1, time + 1
    states, actions, episodes, times = torch.tensor(rows).T
    obs = torch.eye(STATES, dtype=torch.float64)
    assert torch.allclose(policy.outputs(theta, obs).softmax(-1), pi)
    batch = Batch(
        obs=obs[states],
        actions=actions,
        advantages=mdp.advantage(pi)[states, actions],
        log_probs=pi[states, actions].log(),
        episodes=episodes,
        times=times,
        gamma=gamma,
    )
    return mdp, policy, theta, batch
