"""The world: specifications, environments, rollouts, the clock, rows, the store, and where cells run."""

from experiments.loaded import install as _keep_sources

_keep_sources()
