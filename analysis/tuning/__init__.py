"""What a tuning says: the best settings, what they gain, and how much each rule needs them."""
