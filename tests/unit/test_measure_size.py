"""Volume, diameters and shares of lesions of known size, on grids with three different edges."""

import numpy as np
import pytest

from osteoplan.anatomy.measure import measure
from osteoplan.anatomy.measure.size import widths
from osteoplan.model.anatomy import Structure
from tests.synthetic_long_bone import AXES, CENTRE, GRIDS, SPACING, ellipsoid, grid, local, made

HALF = (13.0, 8.5, 10.5)
VOXEL = max(SPACING)


def block(name, where, *, structures=lambda left, back, up: ()):
    """A block of bone, 60 x 40 x 50 mm, with a lesion."""
    image = grid(name, (90.0, 80.0, 90.0))
    left, back, up = local(image)
    bone = (np.abs(left) < 30.0) & (np.abs(back) < 20.0) & (np.abs(up) < 25.0)
    intact = np.where(bone, 150.0, 0.0)
    lesion = where(left, back, up)
    now = np.where(lesion, 0.0, intact)
    return made(image, bone, lesion, intact, now, structures=structures(left, back, up))


def found(anatomy, **given):
    findings, unmeasured = measure(anatomy, **given)
    return {f.name: f for f in findings}, unmeasured


@pytest.mark.parametrize("name", GRIDS)
def test_volume_is_right_to_two_per_cent_and_lengths_to_a_voxel(name):
    said, _ = found(block(name, ellipsoid(HALF)))
    volume = 4.0 / 3.0 * np.pi * np.prod(HALF) / 1000.0
    assert said["lesion_volume_mL"].value == pytest.approx(volume, rel=0.02)
    assert said["size_mm"].value == pytest.approx(2 * max(HALF), abs=VOXEL)
    along = [float(width) for width in said["axes_mm"].value.split(" x ")]
    assert along == pytest.approx([2 * half for half in HALF], abs=VOXEL)
    assert said["lesion_volume_mL"].unit == "mL"
    assert {f.source for f in said.values()} <= {"measured", "derived", "given"}
    assert all(f.because for f in said.values())


@pytest.mark.parametrize("name", GRIDS)
def test_the_axial_diameters_are_those_of_the_widest_slice(name):
    image = grid(name, (90.0, 80.0, 90.0))
    slices = int(np.argmax(np.abs(image.direction[2])))
    first, second, normal = (image.direction[:, a] for a in (*({0, 1, 2} - {slices}), slices))
    positions = image.positions_mm(np.moveaxis(np.indices(image.shape), 0, -1)) - CENTRE
    turned = (first * 0.8 + second * 0.6, second * 0.8 - first * 0.6, normal)
    radius = sum((positions @ way / half) ** 2 for way, half in zip(turned, (14.0, 9.0, 7.0), strict=True))
    bone = np.ones(image.shape, dtype=bool)
    anatomy = made(image, bone, radius < 1, np.full(image.shape, 150.0), np.where(radius < 1, 0.0, 150.0))
    said, _ = found(anatomy)
    assert said["axial_diameter_mm"].value == pytest.approx(28.0, abs=VOXEL)
    assert said["axial_perpendicular_mm"].value == pytest.approx(18.0, abs=VOXEL)


def test_a_single_voxel_is_as_wide_as_its_edges():
    image = grid("left_handed", (30.0, 30.0, 30.0))
    assert widths(image, np.array([[3, 4, 5]]), image.direction.T) == pytest.approx(SPACING)


@pytest.mark.parametrize("name", GRIDS)
def test_the_part_beyond_the_bone_is_soft_tissue_and_the_rest_is_its_share_of_the_bone(name):
    # a ball of radius 12 whose centre is 4 mm inside the front face: the cap beyond has height 8
    said, _ = found(block(name, ellipsoid((12.0, 12.0, 12.0), at=(0.0, -16.0, 0.0))))
    end_cap = np.pi * 8.0**2 * (3 * 12.0 - 8.0) / 3.0 / 1000.0
    whole = 4.0 / 3.0 * np.pi * 12.0**3 / 1000.0
    assert said["soft_tissue_mL"].value == pytest.approx(end_cap, rel=0.05)
    assert said["bone_involved_pct"].value == pytest.approx(
        100 * (whole - end_cap) / (60 * 40 * 50 / 1e3), rel=0.03
    )


def test_what_lies_in_the_next_bone_is_not_soft_tissue():
    def other(left, back, up):
        return (Structure("hip_right", "bone", back < -20.0, given=True),)

    said, _ = found(block("oblique", ellipsoid((12.0,) * 3, at=(0.0, -16.0, 0.0)), structures=other))
    assert said["soft_tissue_mL"].value == 0.0
    assert "lie in hip_right and are not counted" in said["soft_tissue_mL"].because


def test_a_lesion_wholly_inside_has_no_soft_tissue_part_and_erodes_nothing():
    said, _ = found(block("oblique", ellipsoid((5.0, 5.0, 5.0))))
    assert said["soft_tissue_mL"].value == 0.0
    assert said["cortex_lost_pct"].value == 0.0
    assert said["cortical_erosion"].value is False


@pytest.mark.parametrize("name", ["oblique", "left_handed"])
def test_the_share_of_the_shell_beside_a_lesion_is_that_of_the_surface(name):
    # a column of 16 x 16 mm through the front face of a block: of its shell within 10 mm, all in the column
    # is lost; with the rounded frame of 10 mm around it: 256 / (256 + 4 * 160 + pi * 100)
    def column(left, back, up):
        return (np.abs(left) < 8.0) & (np.abs(up) < 8.0) & (back < -5.0) & (back > -20.0)

    said, _ = found(block(name, column))
    assert said["cortex_lost_pct"].value == pytest.approx(100 * 256 / (256 + 640 + 314), abs=2.5)
    assert said["cortical_erosion"].value is True


def test_density_beside_and_inside_are_medians_and_name_their_kind():
    said, _ = found(block("oblique", ellipsoid(HALF)))
    assert said["bone_density"].value == 150.0
    assert said["lesion_density"].value == 0.0
    assert "K2HPO4" in said["bone_density"].because


def test_the_axes_follow_the_bone_not_the_grid():
    anatomy = block("straight", ellipsoid((16.0, 5.0, 5.0)))
    wide = widths(anatomy.image, np.argwhere(anatomy.lesion_mask), AXES)
    assert wide == pytest.approx([32.0, 10.0, 10.0], abs=VOXEL)
