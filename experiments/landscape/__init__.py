"""What lies around a policy: return, surrogate, models and bounds along directions and on a plane."""
