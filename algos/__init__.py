"""Policy-gradient update rules as pure mathematics: torch only; no environment, file, clock or global generator.

Read in this order: `types` (the contract), `policies`, `estimators`, `curvature`, `ascent` (the algebra), `rules`
(the named points in it).
"""
