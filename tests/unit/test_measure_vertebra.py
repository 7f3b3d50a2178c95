"""A vertebra of known shapes: endplates, wall, arch, collapse, and the SINS that follows."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from osteoplan.anatomy.measure import measure
from osteoplan.anatomy.measure.result import sought
from osteoplan.anatomy.vertebra import read_vertebra
from osteoplan.knowledge.vocabulary import vocabulary
from osteoplan.model.volume import Volume
from osteoplan.pathway.facts import Facts
from osteoplan.pathway.scores import applicable_scores, items_from
from osteoplan.pathway.vocabulary import parse_facts
from osteoplan.report.facts_in_words import found_words
from tests.synthetic_vertebra import vertebra

GRIDS = ("straight", "oblique", "left_handed")


@cache
def read(grid):
    anatomy = vertebra(grid)
    return read_vertebra(anatomy.image.with_array(anatomy.bone_mask, "mask"))


def neighbours(anatomy):
    """The same bone a level above and a level below."""
    shifted = []
    for way in (1.0, -1.0):
        affine = anatomy.image.affine.copy()
        affine[:3, 3] += 26.0 * way * anatomy.frame.superior
        shifted.append(replace(anatomy.image.with_array(anatomy.bone_mask, "mask"), affine=affine))
    return shifted[0], shifted[1]


def said(grid="oblique", *, at=(4.0, -3.0, 0.0), radius=6.0, alone=True):
    anatomy = vertebra(grid, lesion_at=at, lesion_radius=radius)
    near = (None, None) if alone else neighbours(anatomy)
    findings, unmeasured = measure(anatomy, read(grid), near)
    return {f.name: f for f in findings}, unmeasured


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize(("up", "plate"), [(8.0, "superior"), (-8.0, "inferior")])
def test_a_ball_through_an_endplate_breaks_that_one(grid, up, plate):
    found, _ = said(grid, at=(0.0, 0.0, up))
    hole = 100.0 * np.pi * (6.0**2 - 3.0**2) / (np.pi * 20.0 * 14.0)
    assert found["endplate_defect"].value is True
    assert found["endplate_lost_pct"].value == pytest.approx(hole, abs=3.0)
    other = "inferior" if plate == "superior" else "superior"
    assert f"0 % of the {other}" in found["endplate_defect"].because


@pytest.mark.parametrize("grid", GRIDS)
def test_a_ball_in_the_middle_breaks_nothing_and_slices_of_2_mm_leave_that_open(grid):
    found, unmeasured = said(grid, at=(0.0, -2.0, 0.0))
    assert (found["endplate_lost_pct"].value, found["cortex_lost_pct"].value) == (0.0, 0.0)
    for name in ("endplate_defect", "posterior_wall_defect", "cortical_erosion"):
        words = f"{name.replace('_', ' ')}: none seen; slices of 2 mm may hide one, state it"
        assert name not in found
        assert words in unmeasured
    assert found["soft_tissue_mL"].value == 0.0


def test_a_ball_through_the_wall_breaks_the_wall_and_no_endplate():
    found, _ = said(at=(0.0, 9.0, 0.0), radius=7.0)
    assert found["posterior_wall_defect"].value is True
    assert found["canal_mm"].value == 0.0
    assert found["soft_tissue_mL"].value > 0.0
    assert found["endplate_lost_pct"].value == 0.0


@pytest.mark.parametrize(("edge", "said"), [(1.0, False), (1.5, False), (1.51, None)])
def test_what_is_not_seen_is_absent_on_thin_slices_and_open_on_thick_ones(edge, said):
    image = Volume(np.zeros((2, 2, 2), np.float32), np.diag((0.5, 0.5, edge, 1.0)), "HU", "patient")
    none = sought(image, "posterior_wall_defect", False, "0 % lost")
    assert none.value is said
    assert none.because.startswith(f"none seen; slices of {edge:.3g} mm")
    assert sought(image, "posterior_wall_defect", True, "9 % lost").value is True
    if said is False:
        assert found_words(none, {}) == f"none seen; slices of {edge:.3g} mm"


def test_distances_to_vessel_and_skin_are_there_and_to_nerves_are_not():
    found, _ = said()
    assert found["vessel_mm"].value == pytest.approx(np.hypot(4.0, 26.0) - 6.0 - 11.0, abs=2.0)
    assert "aorta, as labelled" in found["vessel_mm"].because
    assert "skin_mm" in found
    assert "nerve_mm" not in found


def test_no_measurement_has_two_values():
    anatomy = vertebra("oblique")
    findings, _ = measure(anatomy, read("oblique"), neighbours(anatomy))
    names = [f.name for f in findings]
    assert len(names) == len(set(names))


def test_sins_is_filled_from_the_measurements():
    found, unmeasured = said(at=(14.0, 10.0, 3.0), radius=7.0, alone=False)
    facts = {k: f.value for k, f in found.items() if k in vocabulary()}
    assert parse_facts(facts) == facts
    assert all("none seen; slices of 2 mm" in sentence for sentence in unmeasured)
    assert items_from("sins", facts) == {
        "location": "junctional",
        "pain": None,
        "lesion": "lytic",
        "alignment": None,
        "collapse": "none",
        "posterolateral": "unilateral",
    }
    sins = {score.id: score for score in applicable_scores(Facts(facts))}["sins"]
    assert sins.missing == ("pain", "alignment")
    assert sins.total == (6, 13)


def test_a_vertebra_that_was_not_read_says_so():
    findings, unmeasured = measure(vertebra("oblique"))
    assert "lesion_volume_mL" in {f.name for f in findings}
    assert any("was not read" in sentence for sentence in unmeasured)
