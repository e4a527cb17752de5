"""The world: specifications, environments, rollouts, the clock, rows, the store, and where cells run."""

import sys
from importlib.util import find_spec

if sys.argv[:1] == ["-m"] and find_spec("tyro") is None:  # python -m experiments... by a python without our packages
    sys.exit(
        f"policy-ascent is not installed for {sys.executable}; activate its environment first: . .venv/bin/activate"
    )

from experiments.loaded import install as _keep_sources

_keep_sources()
