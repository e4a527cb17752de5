"""Simple policy optimisation: a price for ratios far from 1 in place of the clip."""

from algos.ascent import Adam
from algos.estimators.regularised import RatioPenalised
from algos.policies import Policy
from algos.rules.ppo import PPO
from algos.search_space import Clip, Epochs, Minibatch, MinibatchRate


def spo(
    policy: Policy,
    *,
    epsilon: Clip = 0.2,
    epochs: Epochs = 10,
    minibatch: Minibatch = 64,
    lr: MinibatchRate = 3e-4,
    max_grad_norm: float = 0.5,
    adam_epsilon: float = 1e-5,
    seed: int = 0,
) -> PPO:
    """Maximise mean(w A - |A| (w - 1)^2 / (2 epsilon)) (Xie et al. 2025, ICML, "Simple policy optimization").

    Where `ppo` stops a row at 1 +- epsilon, here that is the row's optimum, and steps beyond are led back: so most
    ratios stay within. epsilon, epochs, lr and max_grad_norm: 0.2, 10, 3e-4 and 0.5, those of the authors' own code for
    MuJoCo, which has minibatches of 512 (or 64) of 2,048 rows and a rate that falls to zero. minibatch: 64,
    adam_epsilon and seed: as in `ppo`, so that the two differ in the objective alone.
    """
    surrogate = RatioPenalised(epsilon)
    return PPO(policy, surrogate, Adam(epsilon=adam_epsilon), epochs, minibatch, lr, max_grad_norm, seed)
