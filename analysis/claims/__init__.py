"""What is claimed, how it is decided, and what the rows say: the ledger.

claims.toml is written before the runs; `python -m analysis.claims` decides what has run. A metric (metrics.py) makes a
number per run of a matrix; a test (decide.py) makes a verdict of these numbers.
"""
