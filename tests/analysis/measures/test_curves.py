import numpy as np
import pytest
from analysis_cases import GRID, write_cell

from analysis.anchors import Scale
from analysis.load import load
from analysis.measures.curves import COSTS, curves, imputed_return

NAN = float("nan")
UP, DOWN = Scale(0.0, 100.0, -20.0), Scale(10.0, -10.0, 10.0)  # of the second less is more


@pytest.mark.parametrize(
    ("lived", "scale", "expected", "last"),
    [
        ([50.0, 30], UP, -20, 30),
        ([50.0, -30], UP, -30, -30),
        ([], UP, -20, -20),
        ([3.0], DOWN, 10, 3),
        ([12.0], DOWN, 12, 12),
        ([12.0], None, NAN, NAN),
    ],
)
def test_a_failed_run_returns_as_random_actions_do_or_its_own_last_if_that_is_worse(lived, scale, expected, last):
    assert imputed_return(np.array(lived), scale) == pytest.approx(expected, nan_ok=True)
    assert imputed_return(np.array(lived), scale, "last value") == pytest.approx(last, nan_ok=True)


def of(folder, seed=0):
    whole = curves(load(folder))
    return whole[(whole.env == "Easy-v0") & (whole.label == "climbs") & (whole.seed == seed)]


def test_every_run_has_every_point_of_the_grid_however_early_it_failed(folder):
    for seed, reached in ((0, 0), (1, 1), (2, 5)):
        write_cell(folder, "Easy-v0", "climbs", seed, status="diverged", reached=reached)
    whole = curves(load(folder))
    grids = whole.groupby(["env", "label", "seed"]).grid_step.agg(list)
    assert len(grids) == 20 and all(grid == list(GRID) for grid in grids)
    assert whole.imputed.sum() == 9 + 8 + 4
    assert of(folder, 0).z.to_list() == [0.0] * 9 and of(folder, 3).imputed.sum() == 0
    assert of(folder, 2).return_mean.to_list() == [2.0, 12, 22, 32, 42, 0, 0, 0, 0]
    assert of(folder, 2).return_se.to_list() == [1.0] * 5 + [0.0] * 4
    assert of(folder, 2).z.to_list() == pytest.approx([0.02, 0.12, 0.22, 0.32, 0.42, 0, 0, 0, 0])


def test_costs_of_a_failed_run_go_on_at_its_pace(folder):
    write_cell(folder, "Easy-v0", "climbs", 0, status="diverged", reached=5)
    part = of(folder)
    assert part.train_s.to_list() == pytest.approx([step / 100 for step in GRID])
    assert part.fisher_products.to_list() == pytest.approx([step / 10 for step in GRID])
    write_cell(folder, "Easy-v0", "climbs", 0, status="diverged", reached=1)
    assert np.isnan(of(folder)[list(COSTS[1:])].to_numpy(float)[1:]).all(), "no pace is known at step 0"


def test_without_a_scale_a_failed_run_has_no_level(folder):
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"Easy-v0": [0.0, 100.0], ', ""))
    write_cell(folder, "Easy-v0", "climbs", 0, status="diverged", reached=5)
    part = of(folder)
    assert len(part) == 9 and part.return_mean.notna().sum() == 5 and part.z.isna().all()
