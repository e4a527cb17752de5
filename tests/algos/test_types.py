import re
from dataclasses import replace

import pytest
import torch

from algos.types import Batch, Normalization


def test_a_batch_whose_rows_do_not_fit_is_refused_by_name(problem):
    columns = vars(problem.batch) | {"log_probs": torch.zeros(7)}
    with pytest.raises(ValueError, match=re.escape("Batch.log_probs has 7 rows, expected 60, as many as obs")):
        Batch(**columns)


def test_observations_pass_from_one_normalisation_to_another_by_way_of_raw_ones():
    raw = torch.tensor([[1.0, -3.0], [2.0, 40.0]]).double()
    first = Normalization(torch.tensor([0.5, 1.0]).double(), torch.tensor([2.0, 4.0]).double(), 5.0)
    second = Normalization(torch.tensor([-1.0, 0.0]).double(), torch.tensor([1.0, 0.5]).double(), 5.0)
    obs = torch.tensor([[0.25, -1.0], [0.75, 5.0]])  # (raw - mean) / std; 39 / 4 is cut to 5, as if raw had been 21
    assert first.convert(obs, second).tolist() == [[2.0, -5.0], [3.0, 5.0]]
    assert first.convert(obs, first).tolist() == obs.tolist()
    wide = Normalization(second.mean, second.std, 1e6)
    torch.testing.assert_close(first.convert(obs, wide)[1], torch.tensor([3.0, 42.0]))
    assert first.convert(obs[:1], wide).tolist() == ((raw[:1] + torch.tensor([1.0, 0.0])) / wide.std).float().tolist()
    in_columns = first.convert(obs.view(-1, 2, 1), second)
    assert in_columns.shape[1:] == (2, 1) and in_columns.flatten(1).equal(first.convert(obs, second))


def test_a_batch_takes_its_normalisation_along_to_another_device(problem):
    made = Normalization(torch.zeros(3), torch.ones(3), 10.0)
    moved = replace(problem.batch, normalization=made).to("meta")
    assert (
        moved.obs.device.type == moved.normalization.mean.device.type == moved.normalization.std.device.type == "meta"
    )
    assert problem.batch.to("meta").normalization is None
