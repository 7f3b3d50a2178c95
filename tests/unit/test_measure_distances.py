"""Distances between shapes that are a known way apart, and silence where nothing is there to measure to."""

from dataclasses import replace

import numpy as np
import pytest

from osteoplan.anatomy.measure.distances import distances, gap_mm
from osteoplan.model.anatomy import Structure
from tests.synthetic_long_bone import CENTRE, GRIDS, SPACING, ball, frame, grid, local, made, tube

VOXEL = max(SPACING)


def scene(name="oblique", *, kinds=("canal", "nerve", "vessel"), lesion=None):
    """A ball of radius 8; a rod of each kind at 20, 24 or 28 mm from its centre; skin 30 mm behind."""
    image = grid(name, (110.0, 110.0, 60.0))
    left, back, up = local(image)
    rods = {"canal": (20.0, 0.0, 4.0), "nerve": (0.0, -24.0, 3.0), "vessel": (-28.0, 0.0, 5.0)}
    structures = tuple(
        Structure(
            f"{kind}_1", kind, np.hypot(left - rods[kind][0], back - rods[kind][1]) < rods[kind][2], True
        )
        for kind in kinds
    )
    bone = np.hypot(left, back) < 14.0
    where = (ball((0.0, 0.0, 0.0), 8.0) if lesion is None else lesion)(left, back, up)
    values = np.zeros(image.shape)
    return made(image, bone, where, values, values, name="sacrum", structures=structures, skin=back < 30.0)


def said(anatomy, frames=None):
    return {f.name: f for f in distances(anatomy, frames or {}).findings}


@pytest.mark.parametrize("name", GRIDS)
def test_every_distance_is_right_to_a_voxel(name):
    found = said(scene(name))
    assert found["canal_mm"].value == pytest.approx(20.0 - 4.0 - 8.0, abs=VOXEL)
    assert found["vessel_mm"].value == pytest.approx(28.0 - 5.0 - 8.0, abs=VOXEL)
    assert found["skin_mm"].value == pytest.approx(30.0 - 8.0, abs=VOXEL)
    assert found["nerve_mm"].value == found["canal_mm"].value  # the canal is nearer than the nerve
    assert "canal 1, as labelled" in found["nerve_mm"].because


def test_a_nerve_that_is_nearer_than_the_canal_is_named():
    found = said(scene(lesion=ball((0.0, -6.0, 0.0), 6.0)))
    assert found["nerve_mm"].value == pytest.approx(24.0 - 6.0 - 3.0 - 6.0, abs=VOXEL)
    assert "nerve 1" in found["nerve_mm"].because


def test_a_canal_alone_says_nothing_of_nerves_and_no_vessel_says_nothing_of_vessels():
    found = said(scene(kinds=("canal",)))
    assert "canal_mm" in found
    assert not {"nerve_mm", "vessel_mm", "joint_mm"} & set(found)


def test_shapes_that_touch_or_overlap_are_no_distance_apart():
    assert said(scene(lesion=ball((14.0, 0.0, 0.0), 8.0)))["canal_mm"].value == 0.0
    assert said(scene(lesion=ball((0.0, 26.0, 0.0), 8.0)))["skin_mm"].value == 0.0


def test_bricks_are_measured_from_face_to_face():
    image = grid("left_handed", (30.0, 30.0, 30.0))
    one = np.array([[2, 2, 2]])
    a, b, c = SPACING
    assert gap_mm(image, one, np.array([[3, 3, 3]])) == pytest.approx(0.0, abs=1e-5)
    assert gap_mm(image, one, np.array([[5, 2, 3]])) == pytest.approx(2 * a, abs=1e-5)
    assert gap_mm(image, one, np.array([[5, 4, 7]])) == pytest.approx(
        np.hypot(np.hypot(2 * a, b), 4 * c), abs=1e-5
    )


def test_a_derived_structure_says_how_it_came_about():
    anatomy = scene(kinds=("canal",))
    tubes = Structure(
        "root_left_S1", "nerve", anatomy.structure("canal_1").mask, False, "a tube through the foramen"
    )
    found = said(replace(anatomy, structures=(tubes,)))
    assert "root left S1, a tube through the foramen" in found["nerve_mm"].because


def test_a_distance_beyond_the_edge_of_the_scan_is_cautioned():
    found = said(scene("straight", lesion=ball((-2.0, 0.0, 24.0), 5.0), kinds=("vessel",)))
    assert "another may be nearer" in found["vessel_mm"].because


@pytest.mark.parametrize("name", ["oblique", "left_handed"])
def test_a_joint_without_label_is_the_sphere_of_the_head_away_from_its_neck(name):
    # the end of the tube is a neck below a head of radius 20
    anatomy = tube(name, ball((0.0, 0.0, 50.0), 6.0))
    left, back, up = local(anatomy.image)
    head = np.sqrt(left**2 + back**2 + (up - 60.0) ** 2) < 20.0
    whole = replace(anatomy, bone_mask=anatomy.bone_mask | head)
    sphere = {
        "proximal_femur": frame(
            "proximal_femur",
            landmarks_mm={"head_centre": CENTRE + 60.0 * frame().superior},
            lengths_mm={"head_radius": 20.0},
        )
    }
    gap = said(whole, sphere)["joint_mm"]
    # nearest articular point: 60 degrees off the neck, (20 sin 60, 60 - 20 cos 60) from the ball's centre
    expected = np.hypot(20.0 * np.sin(np.pi / 3), 50.0 - (60.0 - 20.0 * 0.5)) - 6.0
    assert gap.value == pytest.approx(expected, abs=VOXEL)
    assert "femoral head taken as a sphere" in gap.because


def test_a_canal_is_no_matter_for_a_bone_that_is_far_from_it():
    assert "canal_mm" not in said(replace(scene(), bone="femur_left"))
