"""The evidence: result directories become measures, intervals, tables and figures, without torch or a simulator."""

import sys
from importlib.util import find_spec

if sys.argv[:1] == ["-m"] and find_spec("tyro") is None:  # python -m analysis... by a python without our packages
    sys.exit(
        f"policy-ascent is not installed for {sys.executable}; activate its environment first: . .venv/bin/activate"
    )
