"""The load case on a real hip bone at 3 mm: what a lesion takes, and what screws and cement give back."""

from __future__ import annotations

import pytest

from osteoplan.io.nifti import read_nifti
from osteoplan.knowledge.loads import load_case
from osteoplan.knowledge.structures import scheme
from osteoplan.mechanics.cases.hemipelvis import build_hemipelvis
from osteoplan.mechanics.load import load, settings_of
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.labels import LabelMap
from tests.pelvis_made import cement, hemipelvis, screws


@pytest.mark.data
@pytest.mark.slow
def test_a_real_hip_bone_loses_stiffness_by_a_lesion_and_gains_by_screws_and_cement(data):
    folder = data / "pelvis_hip"
    labels = read_nifti(folder / "example_seg_fast_force_split.nii.gz", "label")
    ct = read_nifti(folder / "example_ct.nii.gz", "HU")
    real = hemipelvis(ct, LabelMap(labels, scheme("totalsegmentator")), "right")
    model = build_hemipelvis(real, settings_of(load_case("hemipelvis_hip_contact"), 3.0))
    assert model.diagnostics["contact_area_mm2"] > 1500
    filled, rods = cement(real, real.lesion_mask & real.bone_mask), screws(real)
    told = {
        "intact": {"image": "intact"},
        "now": {"image": "now"},
        "screws": {"image": "now", "effects": rods},
        "cement": {"image": "now", "fields": (filled,)},
        "both": {"image": "now", "fields": (filled,), "effects": rods},
    }
    found = {name: load(model, ensemble=Ensemble(1, 8), **how).outcomes[0] for name, how in told.items()}
    ratio = {name: one.ratio_to(found["intact"], "stiffness_ratio_to_intact") for name, one in found.items()}
    value = {name: one.value for name, one in ratio.items()}
    assert 50 < value["now"] < 95
    assert value["screws"] > 1.03 * value["now"]
    assert value["cement"] > 1.05 * value["now"]
    assert value["both"] > max(value["screws"], value["cement"])
    for one in ratio.values():
        assert one.low <= one.value <= one.high
