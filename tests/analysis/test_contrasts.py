import math

import numpy as np
import pytest
from analysis_cases import write_cell

from analysis.contrasts import MEASURES, NoContrast, contrast_of, pooled, restricted_steps
from analysis.load import load
from analysis.measures import measure_runs


def easy(measures):
    return measures[measures.env == "Easy-v0"]


def test_a_threshold_never_reached_counts_the_whole_budget(shared_measures):
    stays = easy(shared_measures[shared_measures.label == "stays"])
    assert restricted_steps(stays).tolist() == [400] * 5


def test_runs_of_the_same_seeds_are_pairs_whatever_the_order_of_the_rows(shared_measures):
    shuffled = easy(shared_measures).sample(frac=1, random_state=0)
    contrast = contrast_of(shuffled, "climbs", "stays", MEASURES["final_sampled"])
    assert contrast.paired and contrast.trim == 0.25
    np.testing.assert_array_equal(contrast.first - contrast.second, 70)


def test_runs_of_other_seeds_are_not(shared_measures):
    part = easy(shared_measures)
    part = part.assign(seed=part.seed.where(part.label == "climbs", part.seed + 100))
    contrast = contrast_of(part, "climbs", "stays", MEASURES["nauc"])
    assert not contrast.paired and len(contrast.first) == len(contrast.second) == 5


@pytest.mark.parametrize(("more", "common", "paired"), [(12, 8, True), (8, 5, False)])
def test_rules_with_unequal_numbers_of_seeds_meet_on_the_common_ones_where_these_can_decide(
    folder, more, common, paired
):
    for seed in range(5, more):
        write_cell(folder, "Easy-v0", "climbs", seed)
    for seed in range(5, common):
        write_cell(folder, "Easy-v0", "stays", seed)
    import json

    manifest = json.loads((folder / "manifest.json").read_text())
    first = manifest["cells"][0]
    known = {cell["run_id"] for cell in manifest["cells"]}
    for label, n in (("climbs", more), ("stays", common)):
        for seed in range(5, n):
            cell = first | {"label": label, "seed": seed, "run_id": f"{label}-Easy-v0-{seed}"}
            manifest["cells"] += [] if cell["run_id"] in known else [cell]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    contrast = contrast_of(easy(measure_runs(load(folder))), "climbs", "stays", MEASURES["nauc"])
    assert contrast.paired == paired
    assert (len(contrast.first), len(contrast.second)) == ((common, common) if paired else (more, common))


def test_what_cannot_be_compared_says_why(shared_measures):
    part, measure = easy(shared_measures), MEASURES["nauc"]
    for wrong, why in (
        (part[part.seed < 3], "too few runs"),
        (part.assign(nauc=math.nan), "no score"),
        (part.assign(status="missing"), "incomplete"),
        (part[part.label == "climbs"], "incomplete"),
    ):
        with pytest.raises(NoContrast, match=f"^{why}$"):
            contrast_of(wrong, "climbs", "stays", measure)


def test_over_environments_values_are_in_units_of_the_score(shared, shared_measures):
    final, found = MEASURES["final_sampled"], {}
    for env, part in shared_measures.groupby("env"):
        found[env] = contrast_of(part, "climbs", "stays", final), final.unit(part, shared.scores[env])
    name, strata = pooled(found, 2)
    assert name == "all 2 environments"
    assert [each.first[0] - each.second[0] for each in strata] == pytest.approx([0.7, 3.5])
    found["Hard-v0"] = found["Hard-v0"][0], math.nan
    assert pooled(found, 2) is None, "an environment without a score cannot be pooled, and one is not several"
    found["Else-v0"] = found["Easy-v0"]
    assert pooled(found, 3)[0] == "2 of 3 environments"


def test_a_declared_effect_is_in_scores(shared, shared_measures):
    part = shared_measures[shared_measures.env == "Hard-v0"]
    assert MEASURES["final_sampled"].own(0.1, part, (-10.0, 10.0)) == pytest.approx(2.0)
    assert MEASURES["nauc"].own(0.1, part, (-10.0, 10.0)) == 0.1
    assert MEASURES["final_sampled"].own(0.1, part, None) is None
    assert MEASURES["steps_to_half"].own(0.1, part, (-10.0, 10.0)) is None
    assert MEASURES["nauc"].own(None, part, None) is None
