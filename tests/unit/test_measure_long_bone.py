"""Destroyed cortex of a tube with notches that are known exactly, on oblique and left-handed brick grids."""

from dataclasses import replace

import numpy as np
import pytest

from osteoplan.anatomy.measure import measure
from osteoplan.knowledge.vocabulary import vocabulary
from osteoplan.model.findings import Findings
from osteoplan.pathway.facts import Facts
from osteoplan.pathway.scores import applicable_scores, items_from
from osteoplan.pathway.vocabulary import parse_facts
from tests.synthetic_long_bone import CENTRE, GRIDS, RADIUS, SPACING, THICK, ball, frame, notch, tube

VOXEL = max(SPACING)


def said(anatomy, frames=None):
    findings, unmeasured = measure(anatomy, frames={"femoral_shaft": frame()} if frames is None else frames)
    return {f.name: f for f in findings}, unmeasured


def proximal(head_up=95.0, lesser_up=45.0):
    """A frame whose tube's middle is (lesser_up) below the lesser trochanter; head to the right, on top."""
    place = {
        "head_centre": (-40.0, 0.0, head_up),
        "neck_centre": (-22.0, 0.0, head_up - 15.0),
        "greater_trochanter": (8.0, 0.0, head_up - 5.0),
        "lesser_trochanter": (-12.0, 6.0, lesser_up),
        "shaft_axis_top": (0.0, 0.0, lesser_up),
    }
    return frame(
        "proximal_femur",
        landmarks_mm={name: frame().world(at) for name, at in place.items()},
        lengths_mm={"head_radius": 22.0, "neck_diameter": 28.0},
    )


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize(("degrees", "length"), [(120.0, 40.0), (90.0, 25.0), (200.0, 31.0)])
def test_a_notch_has_its_length_and_its_share_of_the_circumference(name, degrees, length):
    found, _ = said(tube(name, notch(degrees, length, turn=37.0)))
    assert found["axial_mm"].value == pytest.approx(length, abs=VOXEL)
    assert found["circ_pct"].value == pytest.approx(degrees / 3.6, abs=100 * VOXEL / (2 * np.pi * RADIUS))
    assert found["axial_mm"].unit == "mm"
    assert found["circ_pct"].unit == "%"


@pytest.mark.parametrize("spacing", [(0.7, 0.7, 2.5), (3.0, 2.0, 1.0)])
def test_coarse_bricks_cost_no_more_than_one_of_their_edges(spacing):
    found, _ = said(tube("oblique", notch(120.0, 40.0), spacing=spacing))
    assert found["axial_mm"].value == pytest.approx(40.0, abs=max(spacing))
    assert found["circ_pct"].value == pytest.approx(33.3, abs=100 * max(spacing) / (2 * np.pi * RADIUS))


def test_noise_does_not_destroy_cortex():
    found, _ = said(tube("oblique", notch(120.0, 40.0), noise=60.0))
    assert found["axial_mm"].value == pytest.approx(40.0, abs=VOXEL)
    assert found["circ_pct"].value == pytest.approx(33.3, abs=2.5)


@pytest.mark.parametrize("name", ["oblique", "left_handed"])
def test_a_scallop_that_leaves_more_than_half_the_cortex_destroys_none(name):
    inner = ball((0.0, 0.0, 0.0), RADIUS - THICK + 1.5)  # 1.5 of 5 mm of cortex, from inside
    found, _ = said(tube(name, inner))
    assert found["axial_mm"].value == 0.0
    assert found["circ_pct"].value == 0.0
    assert found["cortex_thickness_lost_pct"].value == pytest.approx(30.0, abs=15.0)


def test_half_of_the_outer_cortex_is_read_as_its_thickness():
    found, _ = said(tube("oblique", notch(120.0, 40.0, deep=2.0)))
    assert found["cortex_thickness_lost_pct"].value == pytest.approx(40.0, abs=12.0)
    assert found["circ_pct"].value < 8.0


def test_two_notches_far_apart_do_not_add_their_lengths():
    def both(left, back, up):
        return notch(90.0, 20.0)(left, back, up - 25.0) | notch(90.0, 14.0)(left, back, up + 25.0)

    found, _ = said(tube("oblique", both))
    assert found["axial_mm"].value == pytest.approx(20.0, abs=VOXEL)


def test_a_lesion_that_keeps_its_density_destroys_nothing():
    kept = tube("oblique", notch(120.0, 40.0))
    found, _ = said(replace(kept, image=kept.image_intact))
    assert found["axial_mm"].value == 0.0
    assert found["circ_pct"].value == 0.0


@pytest.mark.parametrize(
    ("radius", "third"), [(3.5, "under_third"), (7.0, "third_to_two_thirds"), (12.0, "over_two_thirds")]
)
def test_size_is_a_fraction_of_the_diameter_and_says_what_the_other_definition_gives(radius, third):
    found, _ = said(tube("oblique", ball((0.0, 0.0, 0.0), radius), marrow=150.0))
    assert found["bone_diameter_pct"].value == pytest.approx(100 * radius / RADIUS, abs=100 * VOXEL / 28)
    assert found["size_fraction"].value == third
    assert found["size_definition"].value == "bone_diameter"
    assert "cortical thickness, reads" in found["size_definition"].because
    assert found["size_fraction"].source == "measured"


def test_without_the_axis_of_a_shaft_the_cortex_stays_unknown():
    bare = frame("proximal_femur")
    found, unmeasured = said(tube(), {"proximal_femur": bare})
    assert not {"axial_mm", "circ_pct", "size_fraction", "region"} & set(found)
    assert any("axis of its shaft was not found" in sentence for sentence in unmeasured)
    assert any("lesser trochanter was not found" in sentence for sentence in unmeasured)


def test_the_region_of_a_femur_follows_from_the_lesser_trochanter():
    near, far = proximal(lesser_up=45.0), proximal(lesser_up=55.0)
    here, _ = said(tube(), {"femoral_shaft": frame(), "proximal_femur": near})
    there, _ = said(tube(), {"femoral_shaft": frame(), "proximal_femur": far})
    assert here["region"].value == "prox_femur"
    assert here["peritrochanteric"].value is True
    assert there["region"].value == "femur_shaft"
    assert "peritrochanteric" not in there
    assert "below the lesser trochanter" in there["region"].because


def test_a_lesion_of_the_neck_is_proximal_and_not_about_the_trochanters():
    shape = ball((0.0, 0.0, 0.0), 8.0)
    moved = proximal(head_up=20.0, lesser_up=-50.0)
    places = {k: v + frame().left * 30.0 for k, v in moved.landmarks_mm.items()}
    found, _ = said(tube("oblique", shape), {"proximal_femur": replace(moved, landmarks_mm=places)})
    assert found["region"].value == "prox_femur"
    assert found["peritrochanteric"].value is False


def test_near_the_condyles_it_is_the_distal_femur():
    low = proximal(lesser_up=200.0)
    backs = {
        "condyle_medial": frame().world((-20, 20, -50.0)),
        "condyle_lateral": frame().world((20, 20, -50.0)),
    }
    knee = replace(low, landmarks_mm={**low.landmarks_mm, **backs})
    found, _ = said(tube(), {"femoral_shaft": frame(), "proximal_femur": knee})
    assert found["region"].value == "distal_femur"


@pytest.mark.parametrize(("up", "region"), [(40.0, "prox_humerus"), (60.0, "humerus_shaft")])
def test_the_region_of_a_humerus_follows_from_its_head(up, region):
    head = frame(
        "proximal_humerus",
        landmarks_mm={"head_centre": CENTRE + up * frame().superior},
        lengths_mm={"head_radius": 23.0},
    )
    found, _ = said(
        tube(name="humerus_left"), {"humeral_shaft": frame("humeral_shaft"), "proximal_humerus": head}
    )
    assert found["region"].value == region


def test_mirels_is_filled_from_the_measurements_and_waits_only_for_pain():
    findings, _ = measure(tube(), frames={"femoral_shaft": frame(), "proximal_femur": proximal()})
    facts = {k: v for k, v in Findings.of(*findings).facts().items() if k in vocabulary()}
    assert parse_facts(facts) == facts  # every value is one that the vocabulary knows
    assert items_from("mirels", facts) == {
        "site": "peritrochanteric",
        "pain": None,
        "lesion": "lytic",
        "size": "over_two_thirds",
        "size_definition": "bone_diameter",
    }
    mirels = {score.id: score for score in applicable_scores(Facts(facts))}["mirels"]
    assert mirels.total == (10, 12)
    assert mirels.missing == ("pain",)


def test_in_the_shaft_mirels_reads_lower_limb():
    far = {"femoral_shaft": frame(), "proximal_femur": proximal(lesser_up=60.0)}
    findings, _ = measure(tube("oblique", ball((4.0, 0.0, 0.0), 5.0), marrow=150.0), frames=far)
    items = items_from("mirels", Findings.of(*findings).facts())
    assert items["site"] == "lower_limb"
    assert items["size"] == "third_to_two_thirds"
