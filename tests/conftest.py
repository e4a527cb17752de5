"""The suite runs one torch thread, as every cell does; a property that holds slowly holds."""

import torch
from hypothesis import settings

torch.set_num_threads(1)
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")
