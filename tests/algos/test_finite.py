import math

import pytest
import torch

from algos.finite import NonFinite, require_finite


def test_finite_numbers_and_tensors_pass():
    require_finite(number=1.0, whole=torch.arange(3), none=torch.empty(0))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_the_first_that_is_not_finite_is_named(bad):
    with pytest.raises(NonFinite, match=f"the slope is {bad}"):
        require_finite(fine=1.0, the_slope=bad)
    with pytest.raises(NonFinite, match="log ratios holds nan or infinity"):
        require_finite(log_ratios=torch.tensor([0.0, bad]))
