import json
from functools import cache

import numpy as np
import pytest
from scipy import ndimage

from osteoplan.errors import BadInput, GeometryMismatch, LesionError, UnknownName
from osteoplan.io.nifti import read_nifti
from osteoplan.knowledge.values import number
from osteoplan.model.anatomy import BoneFrame
from osteoplan.model.volume import Volume
from tests.made_lesion import simulate_lesion
from tests.synthetic_vertebra import rotation, vertebra

GRIDS = ["straight", "oblique", "left_handed"]
NOISE = 15.0
AXES = (16.0, 14.0, 12.0)


@cache
def scan(grid="oblique"):
    """The synthetic vertebra without its ball, as HU with noise that neighbours share; bone mask; frame."""
    made = vertebra(grid)
    white = np.random.default_rng(5).normal(size=made.image.shape)
    noise = ndimage.gaussian_filter(white, (0.7, 0.7, 0.0))
    hu = made.image_intact.array + NOISE * noise / noise.std()
    return made.image.with_array(np.rint(hu).astype(np.int16), "HU"), made.bone_mask, made.frame


def put(ct, bone, frame, *, at=(2.0, -1.0, 0.0), matrix="lytic", seed=3, **changed):
    given = {"centre_mm": frame.world(at), "axes_mm": AXES, "frame_axes": frame.axes}
    return simulate_lesion(ct, bone, matrix=matrix, seed=seed, **(given | changed))


def local_of(ct, frame):
    return frame.local(ct.positions_mm(np.moveaxis(np.indices(ct.shape), 0, -1)))


def core_of(lesion):
    return ndimage.binary_erosion(lesion.mask, iterations=2)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("matrix", ["lytic", "mixed", "blastic"])
def test_nothing_changes_outside_the_bone_or_far_from_the_lesion(grid, matrix):
    ct, bone, frame = scan(grid)
    lesion = put(ct, bone, frame, at=(16.0, 0.0, 0.0), matrix=matrix)  # reaches out of the bone
    changed = lesion.ct.array != ct.array
    assert changed.sum() == lesion.truth["voxels_changed"] > 500
    assert not changed[~bone].any()
    assert not changed[np.linalg.norm(local_of(ct, frame) - (16.0, 0.0, 0.0), axis=-1) > 14.0].any()
    assert not lesion.mask[~bone].any()
    assert lesion.ct.array.dtype == np.int16
    assert lesion.ct.same_grid(ct)


@pytest.mark.parametrize("grid", GRIDS)
def test_volume_is_that_of_the_ellipsoid(grid):
    ct, bone, frame = scan(grid)
    ellipsoid_mL = np.pi / 6 * np.prod(AXES) / 1000
    for seed in range(4):
        assert put(ct, bone, frame, seed=seed).truth["volume_mL"] == pytest.approx(ellipsoid_mL, rel=0.03)


@pytest.mark.parametrize("grid", GRIDS)
def test_volume_at_the_wall_is_that_of_ellipsoid_and_bone(grid):
    ct, bone, frame = scan(grid)
    at = np.array([16.0, 0.0, 0.0])
    rho = np.linalg.norm((local_of(ct, frame) - at) / (np.array(AXES) / 2), axis=-1)
    both_mL = ((rho < 1) & bone).sum() * ct.voxel_volume_mm3 / 1000
    whole_mL = np.pi / 6 * np.prod(AXES) / 1000
    assert both_mL < 0.95 * whole_mL
    volumes = [put(ct, bone, frame, at=at, seed=seed).truth["volume_mL"] for seed in range(6)]
    assert np.mean(volumes) == pytest.approx(both_mL, rel=0.05)
    assert volumes == pytest.approx([both_mL] * 6, rel=0.15)


@pytest.mark.parametrize("grid", GRIDS)
def test_lesion_lies_where_and_as_it_was_asked_to(grid):
    ct, bone, frame = scan(grid)
    axes = np.array([24.0, 14.0, 9.0])
    lesion = put(ct, bone, frame, at=(-3.0, 1.0, 2.0), axes_mm=axes)
    inside = local_of(ct, frame)[lesion.mask]
    assert inside.mean(axis=0) == pytest.approx([-3.0, 1.0, 2.0], abs=1.2)
    # a solid ellipsoid of full axis a has a standard deviation of a / (2 sqrt 5) along it
    assert inside.std(axis=0) * 2 * np.sqrt(5) == pytest.approx(axes, rel=0.15)


@pytest.mark.parametrize("grid", GRIDS)
def test_a_long_lesion_across_the_grid_is_not_cut_by_its_box(grid):
    ct, bone, _ = scan(grid)
    frame = BoneFrame(
        ct.positions_mm((np.array(ct.shape) - 1) / 2), np.eye(3)[[1, 2, 0]] @ rotation((5.0, -8.0, 12.0))
    )
    lesion = put(ct, np.ones_like(bone), frame, at=(0.0, 0.0, 0.0), axes_mm=(90.0, 12.0, 12.0))
    assert np.ptp(local_of(ct, frame)[lesion.mask][:, 0]) > 75.0
    assert lesion.truth["volume_mL"] == pytest.approx(np.pi / 6 * 90 * 12 * 12 / 1000, rel=0.05)


def test_the_same_lesion_appears_on_every_grid():
    masks = []
    for grid in GRIDS:
        ct, bone, frame = scan(grid)
        lesion = put(ct, bone, frame, at=(1.0, 0.0, 0.0), axes_mm=(24.0, 18.0, 14.0), seed=8)
        local = local_of(ct, frame)[lesion.mask]
        masks.append(np.concatenate([local.mean(axis=0), local.std(axis=0)]))
    assert masks[1] == pytest.approx(masks[0], abs=0.25)
    assert masks[2] == pytest.approx(masks[0], abs=0.25)


@pytest.mark.parametrize("grid", GRIDS)
def test_lytic_core_is_soft_tissue_with_the_noise_of_the_scan(grid):
    ct, bone, frame = scan(grid)
    lesion = put(ct, bone, frame, axes_mm=(24.0, 20.0, 16.0))
    core = lesion.ct.array[core_of(lesion)].astype(float)
    assert core.size > 300
    assert core.mean() == pytest.approx(number("simulated_lesions.lytic_HU"), abs=NOISE / 3)
    assert 0.5 * NOISE < core.std() < 1.5 * NOISE
    assert lesion.truth["noise_from"] == "soft tissue"


def test_noise_in_the_core_resembles_its_neighbours_as_in_the_scan():
    ct, bone, frame = scan("straight")
    lesion = put(ct, bone, frame, axes_mm=(30.0, 24.0, 18.0))
    soft = ndimage.binary_erosion((ct.array > -50) & (ct.array < 110) & ~bone, iterations=2)

    def shared(array, where, axis):
        rest = np.moveaxis(array - array[where].mean(), axis, 0)
        both = np.moveaxis(where, axis, 0)
        both = both[:-1] & both[1:]
        return (rest[:-1][both] * rest[1:][both]).mean() / (array[where].std() ** 2)

    for axis in range(3):
        ours = shared(lesion.ct.array.astype(float), core_of(lesion), axis)
        assert ours == pytest.approx(shared(ct.array.astype(float), soft, axis), abs=0.1)


def test_a_scan_without_noise_gets_none():
    made = vertebra("oblique")
    ct = made.image.with_array(made.image_intact.array, "HU")
    lesion = put(ct, made.bone_mask, made.frame)
    assert np.unique(lesion.ct.array[core_of(lesion)]) == pytest.approx(
        [number("simulated_lesions.lytic_HU")]
    )


def test_noise_is_told_to_come_from_bone_where_no_soft_tissue_is_near():
    made = vertebra("straight")
    noise = NOISE * np.random.default_rng(1).normal(size=made.image.shape)
    ct = made.image.with_array(np.where(made.bone_mask, 150.0 + noise, -1000.0), "HU")
    lesion = put(ct, made.bone_mask, made.frame)
    assert lesion.truth["noise_from"] == "bone"
    assert lesion.truth["noise_HU"] == pytest.approx(NOISE, rel=0.3)


def test_cortex_is_destroyed_where_the_lesion_reaches_it():
    ct, bone, frame = scan("straight")
    lesion = put(ct, bone, frame, at=(16.0, 0.0, 0.0), axes_mm=(18.0, 14.0, 12.0))
    deep = core_of(lesion) | (lesion.mask & (np.abs(local_of(ct, frame)[..., 0] - 19.0) < 1.0))
    cortex = deep & (ct.array > 500)
    assert cortex.sum() > 20
    assert np.median(lesion.ct.array[cortex]) < 120


def test_the_edge_is_blended_over_about_one_voxel():
    made = vertebra("straight")
    ct = made.image.with_array(np.full(made.image.shape, 1050.0), "HU")
    lesion = put(ct, made.bone_mask, made.frame, axes_mm=(24.0, 20.0, 16.0))
    share = (ct.array - lesion.ct.array) / (1050.0 - number("simulated_lesions.lytic_HU"))
    between = (share > 0.02) & (share < 0.98)
    surface = lesion.mask & ~ndimage.binary_erosion(lesion.mask)
    assert 0.5 * surface.sum() < between.sum() < 3.0 * surface.sum()
    # what the edge leaves partly is what it takes partly: the blended volume is the volume
    assert share.sum() == pytest.approx(lesion.mask.sum(), rel=0.03)


@pytest.mark.parametrize("grid", GRIDS)
def test_blastic_only_raises_and_stays_below_the_cap(grid):
    ct, bone, frame = scan(grid)
    lesion = put(ct, bone, frame, matrix="blastic", axes_mm=(24.0, 20.0, 16.0))
    before, after = ct.array.astype(float), lesion.ct.array.astype(float)
    assert (after >= before).all()
    assert after[after != before].max() <= number("simulated_lesions.blastic_cap_HU")
    assert after[core_of(lesion)].mean() == pytest.approx(number("simulated_lesions.blastic_HU"), abs=60)


def test_blastic_is_cut_at_the_cap(monkeypatch):
    ct, bone, frame = scan()
    low = {"simulated_lesions.blastic_cap_HU": 720.0}
    monkeypatch.setattr(
        "osteoplan.anatomy.simulate.tissue.number", lambda name: low[name] if name in low else number(name)
    )
    lesion = put(ct, bone, frame, matrix="blastic")
    changed = lesion.ct.array != ct.array
    assert lesion.ct.array[changed].max() == 720


def test_mixed_holds_both_soft_tissue_and_sclerosis():
    ct, bone, frame = scan("straight")
    lesion = put(ct, bone, frame, matrix="mixed", axes_mm=(26.0, 20.0, 16.0))
    core = lesion.ct.array[core_of(lesion)]
    assert (core < 110).mean() > 0.10
    assert (core > 500).mean() > 0.10


def test_the_seed_alone_decides():
    ct, bone, frame = scan()
    first, again, other = (put(ct, bone, frame, matrix="mixed", seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(first.ct.array, again.ct.array)
    assert first.truth == again.truth
    assert not np.array_equal(first.mask, other.mask)
    union, shared = (first.mask | other.mask).sum(), (first.mask & other.mask).sum()
    assert 0.6 < shared / union < 0.97  # another outline of the same lesion


def test_input_is_left_alone():
    ct, bone, frame = scan()
    kept, mask = ct.array.copy(), bone.copy()
    put(ct, bone, frame)
    assert np.array_equal(ct.array, kept)
    assert np.array_equal(bone, mask)


def test_truth_is_json_and_says_that_it_is_simulated():
    ct, bone, frame = scan()
    lesion = put(ct, bone, frame)
    truth = json.loads(json.dumps(lesion.truth))
    assert truth["simulated"] is True
    assert truth["knowledge_status"] == "design_default"
    assert truth["matrix"] == "lytic"
    assert truth["axes_mm"] == list(AXES)
    assert truth["parameters"]["lytic_HU"] == number("simulated_lesions.lytic_HU")
    assert truth["volume_mL"] == pytest.approx(lesion.mask.sum() * ct.voxel_volume_mm3 / 1000)
    assert truth["share_of_bone_pct"] == pytest.approx(100 * lesion.mask.sum() / bone.sum())


@pytest.mark.parametrize(
    ("changed", "error", "words"),
    [
        ({"at": (60.0, -40.0, 0.0)}, LesionError, "holds no bone"),
        ({"at": (900.0, 0.0, 0.0)}, LesionError, "outside the image"),
        ({"axes_mm": (3.0, 3.0, 3.0)}, LesionError, "voxels of bone"),
        ({"axes_mm": (10.0, -1.0, 3.0)}, BadInput, "positive lengths"),
        ({"axes_mm": (10.0, 12.0)}, BadInput, "positive lengths"),
        ({"centre_mm": (np.nan, 0.0, 0.0)}, BadInput, "finite"),
        ({"frame_axes": np.diag([-1.0, 1.0, 1.0])}, BadInput, "mirrored"),
        ({"frame_axes": np.eye(3) * 2}, BadInput, "right angles"),
        ({"matrix": "lytik"}, UnknownName, "did you mean 'lytic'"),
    ],
)
def test_a_lesion_that_cannot_be_is_refused_with_a_way_out(changed, error, words):
    ct, bone, frame = scan()
    with pytest.raises(error, match=words):
        put(ct, bone, frame, **changed)


def test_density_and_masks_of_other_grids_are_refused():
    ct, bone, frame = scan()
    with pytest.raises(BadInput, match="give the CT itself"):
        put(ct.with_array(ct.array, "mgK2HPO4/cm3"), bone, frame)
    with pytest.raises(GeometryMismatch, match="CT's grid"):
        put(ct, bone[1:], frame)
    with pytest.raises(GeometryMismatch, match="boolean"):
        put(ct, bone.astype(np.uint8), frame)


@pytest.mark.data
def test_a_lytic_lesion_in_a_real_vertebra_has_the_noise_of_the_scan(data):
    folder = data / "chest_spine"
    low, high = (160, 90, 12), (340, 260, 60)
    ct = read_nifti(folder / "cxr.nii.gz", "HU").crop(low, high)
    bone = read_nifti(folder / "mask.nii.gz", "label").crop(low, high).array == 32
    frame = BoneFrame(np.array([17.0, 49.0, -262.0]), np.eye(3))
    lesion = put(ct, bone, frame, at=(0.0, 0.0, 0.0), axes_mm=(22.0, 18.0, 17.0), seed=12)
    core = lesion.ct.array[core_of(lesion)].astype(float)
    assert core.mean() == pytest.approx(number("simulated_lesions.lytic_HU"), abs=5)
    assert 12 < core.std() < 32  # muscle 15 and aorta 24 HU in this scan, marrow 37
    assert not (lesion.ct.array != ct.array)[~bone].any()
    assert isinstance(lesion.ct, Volume)
