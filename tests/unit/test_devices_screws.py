"""Screws and wires on the shelf: complete enough to be planned with, honest about what was not found."""

from __future__ import annotations

import pytest

from osteoplan.knowledge.devices import devices
from osteoplan.knowledge.refs import citations
from osteoplan.knowledge.values import values

SHELF = devices()
SCREWS = {id: device for id, device in SHELF.items() if device.kind == "screw"}
WIRES = {id: device for id, device in SHELF.items() if device.kind == "wire"}
NOT_FOUND = ("screw_8_0_nominal", "screw_7_3_nominal", "screw_6_5_nominal")


def text(device, key):
    return None if key not in device.values else device.values[key].value


def test_there_are_screws_for_pelvis_and_limbs_and_for_vertebrae():
    assert len([s for s in SCREWS.values() if text(s, "for_bones") == "vertebra"]) == 14
    assert len([s for s in SCREWS.values() if text(s, "for_bones") == "pelvis and limbs"]) == 10
    assert set(WIRES) == {"wire_2_0", "wire_1_25", "wire_of_the_screw"}


@pytest.mark.parametrize("id", sorted(SCREWS))
def test_diameters_of_a_screw_stand_in_an_order_that_can_be(id):
    screw = SCREWS[id]
    number = {k: screw.values[k].number for k in screw.values if k.endswith("_mm")}
    outer = number["outer_diameter_mm"]
    assert 2.0 < outer < 10.0
    for inner in ("core_diameter_mm", "shaft_diameter_mm", "bore_diameter_mm", "wire_diameter_mm"):
        assert number.get(inner, 0.0) < outer
    assert number.get("wire_diameter_mm", 0.0) <= number.get("bore_diameter_mm", outer)
    assert number.get("head_diameter_mm", outer) >= outer


@pytest.mark.parametrize(
    "id", sorted(i for i, s in SCREWS.items() if text(s, "for_bones") == "pelvis and limbs")
)
def test_a_screw_that_may_be_proposed_has_lengths_a_thread_and_a_wire_on_the_shelf(id):
    screw = SCREWS[id]
    low, high, step = (screw.values[f"length_{name}_mm"].number for name in ("shortest", "longest", "step"))
    assert (high - low) % step == 0
    assert step == 5.0
    assert screw.values["length_longest_mm"].status == "design_default"
    assert ("fully_threaded" in screw.values) != ("thread_length_mm" in screw.values)
    if screw.values["cannulated"].value:
        assert SHELF[str(text(screw, "wire_device"))].kind == "wire"
    else:
        assert "wire_device" not in screw.values


@pytest.mark.parametrize("id", NOT_FOUND)
def test_what_was_not_found_is_left_out_and_not_invented(id):
    values = SCREWS[id].values
    assert not {"wire_diameter_mm", "bore_diameter_mm", "core_diameter_mm", "shaft_diameter_mm"} & set(values)
    assert values["outer_diameter_mm"].status == "design_default"
    assert "not found" in values["outer_diameter_mm"].note


def test_the_synthes_screw_reads_as_its_guide():
    screw = SCREWS["screw_7_0_32"]
    read = {"outer_diameter_mm": 7.0, "shaft_diameter_mm": 4.5, "head_diameter_mm": 8.0}
    read |= {"wire_diameter_mm": 2.0, "thread_length_mm": 32.0}
    for key, value in read.items():
        assert screw.values[key].number == value
        assert screw.values[key].status == "verified"
    assert "bore_diameter_mm" not in screw.values


@pytest.mark.parametrize("id", sorted({**SCREWS, **WIRES}))
def test_every_material_is_one_that_mechanics_knows(id):
    material = text(SHELF[id], "material")
    assert material is None or material in values("metal")


@pytest.mark.parametrize("id", sorted({**SCREWS, **WIRES}))
def test_a_verified_number_names_a_source_that_exists(id):
    for known in SHELF[id].values.values():
        assert set(known.cite) <= set(citations())
        assert known.cite or known.status != "verified"


def test_the_usual_share_of_a_root_is_the_mean_of_the_pedicle_screws():
    shares = [
        s.values["core_diameter_mm"].number / s.values["outer_diameter_mm"].number
        for s in SCREWS.values()
        if text(s, "for_bones") == "vertebra" and "core_diameter_mm" in s.values
    ]
    told = values("purchase")["core_share_of_outer"]
    assert told.value == pytest.approx(sum(shares) / len(shares), abs=0.001)
    assert told.low == pytest.approx(min(shares), abs=0.005)
    assert told.high == pytest.approx(max(shares), abs=0.005)
