"""Lesions drawn from three diameters or by a threshold, against shapes that are known."""

import numpy as np
import pytest

from osteoplan.anatomy.lesion_shapes import ellipsoid_at, threshold_in_ellipsoid
from osteoplan.anatomy.vertebra import read_vertebra
from osteoplan.errors import LesionError
from osteoplan.io.nifti import read_nifti
from osteoplan.knowledge.structures import scheme
from osteoplan.model.volume import Volume
from tests.made_lesion import simulate_lesion
from tests.synthetic_long_bone import AXES, CENTRE, GRIDS, SPACING, ball, ellipsoid, grid, local

DIAMETERS = (26.0, 17.0, 21.0)


def scan(name="oblique", where=None, *, tissue=50.0, bone_HU=200.0, noise=15.0, spacing=(0.8, 1.0, 1.6)):
    """A block of bone in soft tissue, HU with grain, blurred as by a scanner; the lesion reads ``tissue``."""
    from scipy import ndimage

    image = grid(name, (80.0, 80.0, 80.0), spacing)
    left, back, up = local(image)
    bone = (np.abs(left) < 26.0) & (np.abs(back) < 24.0) & (np.abs(up) < 25.0)
    lesion = (ellipsoid((10.0, 8.0, 9.0)) if where is None else where)(left, back, up)
    sharp = np.where(lesion & bone, tissue, np.where(bone, bone_HU, 40.0))
    sharp = np.where(back < -34.0, -800.0, sharp)
    blurred = ndimage.gaussian_filter(sharp, 0.6 / np.asarray(spacing))
    grain = np.random.default_rng(2).normal(0.0, noise, image.shape)
    return Volume((blurred + grain).astype(np.float32), image.affine, "HU"), bone, lesion & bone


def dice(a, b):
    return 2.0 * (a & b).sum() / (a.sum() + b.sum())


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("axes", [None, AXES])
def test_an_ellipsoid_has_the_volume_of_its_three_diameters(name, axes):
    ct = grid(name, (80.0, 80.0, 80.0))
    mask = ellipsoid_at(ct, CENTRE, DIAMETERS, axes)
    volume = mask.array.sum() * ct.voxel_volume_mm3
    assert volume == pytest.approx(np.pi / 6 * np.prod(DIAMETERS), rel=0.02)
    assert mask.meaning == "mask"
    positions = mask.positions_mm(np.argwhere(mask.array)) - CENTRE
    along = positions if axes is None else positions @ AXES.T
    assert np.ptp(along, axis=0) == pytest.approx(DIAMETERS, abs=2 * max(SPACING))
    assert np.abs(positions.mean(axis=0)).max() < 0.5


def test_along_the_bone_is_what_the_bone_says_it_is():
    ct = grid("left_handed", (80.0, 80.0, 80.0))
    left, back, up = local(ct)
    truth = ellipsoid(tuple(d / 2 for d in DIAMETERS))(left, back, up)
    assert (ellipsoid_at(ct, CENTRE, DIAMETERS, AXES).array == truth).mean() > 0.9999


def test_an_ellipsoid_cut_by_the_edge_of_the_scan_keeps_its_part():
    ct = grid("straight", (40.0, 40.0, 40.0))
    edge = ct.positions_mm([ct.shape[0] - 0.5, *ct.indices(CENTRE)[1:]])  # the outer face of the last voxels
    whole, half = (ellipsoid_at(ct, at, (20, 20, 20)).array.sum() for at in (CENTRE, edge))
    assert half == pytest.approx(whole / 2, rel=0.03)


@pytest.mark.parametrize(
    ("centre", "diameters", "axes", "sentence"),
    [
        ((0, 0, 0), (10, 0, 10), None, "three positive diameters"),
        ((0, 0, 0), (10, np.nan, 10), None, "three positive diameters"),
        ((0, 0), (10, 10, 10), None, "three numbers"),
        ((900, 900, 900), (10, 10, 10), None, "its mask is empty: check the centre"),
        (CENTRE, (10, 10, 10), np.ones((3, 3)), "not unit vectors at right angles"),
    ],
)
def test_an_ellipsoid_that_cannot_be_meant_is_refused(centre, diameters, axes, sentence):
    with pytest.raises(LesionError, match=sentence):
        ellipsoid_at(grid("oblique", (40.0, 40.0, 40.0)), centre, diameters, axes)


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize(("matrix", "tissue"), [("lytic", 50.0), ("blastic", 600.0)])
def test_a_threshold_finds_the_lesion_that_is_there(name, matrix, tissue):
    ct, bone, truth = scan(name, tissue=tissue)
    mask, because = threshold_in_ellipsoid(ct, CENTRE, (28, 24, 26), matrix=matrix, bone_mask=bone, axes=AXES)
    assert dice(mask.array, truth) > 0.95
    assert mask.array.sum() == pytest.approx(truth.sum(), rel=0.05)
    assert "half way between the lesion" in because


def test_a_mixed_lesion_is_what_differs_either_way():
    def patches(left, back, up):
        return ellipsoid((10.0, 8.0, 9.0))(left, back, up) & (np.floor(left / 5.0) % 2 == 0)

    whole = scan(where=ellipsoid((10.0, 8.0, 9.0)))[2]
    ct, bone, lytic = scan(where=patches)
    dense = np.where(whole & ~lytic, 600.0, ct.array)
    mask, because = threshold_in_ellipsoid(
        ct.with_array(dense), CENTRE, (28, 24, 26), matrix="mixed", bone_mask=bone, axes=AXES
    )
    assert dice(mask.array, whole) > 0.9
    assert "above the bone around the ellipsoid" in because


def test_what_the_label_leaves_out_of_the_bone_is_still_found():
    ct, bone, truth = scan()
    mask, _ = threshold_in_ellipsoid(ct, CENTRE, (28, 24, 26), matrix="lytic", bone_mask=bone & ~truth)
    assert dice(mask.array, truth) > 0.95


def test_soft_tissue_beyond_the_bone_is_no_lesion():
    # a lesion that opens the front of the block at back = -24
    ct, bone, truth = scan(where=ball((0.0, -20.0, 0.0), 9.0))
    centre = CENTRE + AXES.T @ [0.0, -18.0, 0.0]
    mask, _ = threshold_in_ellipsoid(ct, centre, (26, 26, 26), matrix="lytic", bone_mask=bone)
    assert not (mask.array & ~bone).any()
    assert dice(mask.array, truth) > 0.93


def test_a_second_hole_in_the_ellipsoid_is_left_alone():
    def two(left, back, up):
        return ball((0.0, 0.0, 0.0), 6.0)(left, back, up) | ball((12.0, 0.0, 0.0), 3.0)(left, back, up)

    ct, bone, _ = scan(where=two)
    mask, _ = threshold_in_ellipsoid(ct, CENTRE, (34, 24, 24), matrix="lytic", bone_mask=bone, axes=AXES)
    assert mask.array.sum() * ct.voxel_volume_mm3 == pytest.approx(4 / 3 * np.pi * 6.0**3, rel=0.08)


def test_a_dense_grain_in_a_hole_is_filled():
    def ring(left, back, up):
        return ball((0.0, 0.0, 0.0), 9.0)(left, back, up) & ~ball((2.0, 2.0, 0.0), 2.5)(left, back, up)

    ct, bone, _ = scan(where=ring)
    mask, _ = threshold_in_ellipsoid(ct, CENTRE, (26, 26, 26), matrix="lytic", bone_mask=bone)
    assert mask.array.sum() * ct.voxel_volume_mm3 == pytest.approx(4 / 3 * np.pi * 9.0**3, rel=0.06)


@pytest.mark.parametrize(
    ("tissue", "matrix", "sentence"),
    [
        (200.0, "lytic", "no threshold tells lesion from bone"),
        (600.0, "lytic", "it is denser, so it is not lytic"),
        (50.0, "blastic", "it is less dense, so it is not blastic"),
        (200.0, "mixed", "nothing in the ellipsoid lies"),
    ],
)
def test_where_nothing_differs_or_the_other_way_it_is_refused(tissue, matrix, sentence):
    ct, bone, _ = scan(tissue=tissue, noise=0.0 if matrix == "mixed" else 15.0)
    with pytest.raises(LesionError, match=sentence):
        threshold_in_ellipsoid(ct, CENTRE, (28, 24, 26), matrix=matrix, bone_mask=bone)


def test_an_ellipsoid_in_soft_tissue_has_no_bone_around_it():
    ct, bone, _ = scan()
    beside = CENTRE + np.full(3, 33.0)
    with pytest.raises(LesionError, match="no bone is found around the ellipsoid"):
        threshold_in_ellipsoid(ct, beside, (8, 8, 8), matrix="lytic", bone_mask=bone)


def test_densities_have_their_own_thresholds():
    ct, bone, truth = scan(noise=5.0)
    density = Volume(ct.array - 40.0, ct.affine, "mgK2HPO4/cm3")
    mask, because = threshold_in_ellipsoid(density, CENTRE, (28, 24, 26), matrix="lytic", bone_mask=bone)
    assert dice(mask.array, truth) > 0.95
    assert "mg/cm3" in because


@pytest.fixture(scope="module")
def t12(data):
    """A real T12: scan, bone mask, frame."""
    ct = read_nifti(data / "chest_spine" / "T10-L2_ct.nii.gz", "HU")
    labels = read_nifti(data / "chest_spine" / "T10-L2_mask.nii.gz", "label")
    bone = np.rint(labels.array) == scheme("totalsegmentator")["vertebrae_T12"]
    return ct, bone, read_vertebra(labels.with_array(bone, "mask")).frame


@pytest.mark.parametrize(("matrix", "least"), [("lytic", 0.85), ("mixed", 0.82), ("blastic", 0.92)])
def test_in_a_real_vertebra_the_drawn_lesion_is_the_simulated_one(t12, matrix, least):
    ct, bone, frame = t12
    centre, axes = frame.world([4.0, -2.0, 0.0]), frame.axes
    made = simulate_lesion(
        ct, bone, centre_mm=centre, axes_mm=(22, 18, 16), frame_axes=axes, matrix=matrix, seed=3
    )
    mask, _ = threshold_in_ellipsoid(made.ct, centre, (30, 24, 20), matrix=matrix, bone_mask=bone, axes=axes)
    assert dice(mask.array, made.mask) > least
    assert mask.array.sum() == pytest.approx(made.mask.sum(), rel=0.1)


def test_sound_marrow_of_a_real_vertebra_is_no_lysis(t12):
    ct, bone, frame = t12
    with pytest.raises(LesionError, match="no threshold tells lesion from bone"):
        threshold_in_ellipsoid(
            ct, frame.world([4.0, -2.0, 0.0]), (30, 24, 20), matrix="lytic", bone_mask=bone
        )
