"""What lies around a policy: return, surrogate, models and bounds along directions and on a plane."""

from experiments.landscape.measure import Options, measure_landscape

__all__ = ["Options", "measure_landscape"]
