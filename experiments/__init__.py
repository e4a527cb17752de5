"""The world: specifications, environments, rollouts, the clock, rows, the store, and where cells run."""
