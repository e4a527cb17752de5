"""The evidence: result directories become measures, intervals, tables and figures, without torch or a simulator."""
