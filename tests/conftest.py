"""The suite runs one torch thread, as every cell does."""

import torch

torch.set_num_threads(1)
