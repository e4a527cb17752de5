import re

import pytest
import torch

from algos.types import Batch


def test_a_batch_whose_rows_do_not_fit_is_refused_by_name(problem):
    columns = vars(problem.batch) | {"log_probs": torch.zeros(7)}
    with pytest.raises(ValueError, match=re.escape("Batch.log_probs has 7 rows, expected 60, as many as obs")):
        Batch(**columns)
