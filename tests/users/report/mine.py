"""How much of the entropy a run has kept, and how the reward moved."""


def late_kl(results, *, better="lower"):
    """Mean KL of the second half of the updates."""
    updates = results.updates
    half = updates.groupby("run_id")["update"].transform("max") / 2
    return updates[updates["update"] > half].groupby("run_id").kl.mean()


def surrogate(frame, ax, style, *, table="updates"):
    """Median of the surrogate gain over runs."""
    for label, part in frame.groupby("label"):
        middle = part.groupby("env_steps").surrogate_gain.median()
        ax.plot(middle.index, middle, label=label, **style[label].line)
    ax.set_xlabel("environment steps")
    return ax
