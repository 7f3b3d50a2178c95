"""Derived structures: on shapes with known answers, on any grid, and on two real scans."""

import numpy as np
import pytest
from scipy import ndimage

from osteoplan.anatomy.derive import derived_structures
from osteoplan.anatomy.derive.canvas import Canvas
from osteoplan.anatomy.derive.joints import joint_space
from osteoplan.anatomy.derive.pelvis import find_notch, head_sphere
from osteoplan.anatomy.derive.sacrum import sacral_openings
from osteoplan.errors import Cancelled, GeometryMismatch, UnknownName
from osteoplan.io.nifti import read_nifti
from osteoplan.knowledge.approaches import derived_families
from osteoplan.knowledge.structures import scheme
from osteoplan.model.labels import LabelMap
from osteoplan.model.volume import Volume
from tests.synthetic_vertebra import rotation

NAMES = scheme("totalsegmentator")
GRIDS = {
    "straight": np.eye(3),
    "oblique": rotation((8.0, -6.0, 11.0)),
    "left_handed": np.diag([-1.0, 1.0, 1.0]),
}


def grid(name, shape=(90, 84, 60), spacing=(1.0, 1.2, 2.0)):
    """An empty brick grid, and the LPS positions of its voxels; its middle is the origin."""
    affine = np.eye(4)
    affine[:3, :3] = GRIDS[name] * np.asarray(spacing)
    affine[:3, 3] = -affine[:3, :3] @ (np.asarray(shape) - 1) / 2
    volume = Volume(np.zeros(shape, dtype=np.int16), affine, "HU")
    return volume, volume.positions_mm(np.moveaxis(np.indices(shape), 0, -1))


def canvas_of(ct, labels):
    """A canvas over the whole grid; ``labels`` are name -> mask, later ones win."""
    array = np.zeros(ct.shape, dtype=np.uint8)
    for name, mask in labels.items():
        array[mask] = NAMES[name]
    whole = tuple(slice(0, n) for n in ct.shape)
    return Canvas(ct, LabelMap(ct.with_array(array, "label"), NAMES), whole)


def by_name(structures):
    return {one.name: one for one in structures}


def reordered(volume):
    """The same image stored another way: axes permuted and two of them reversed."""
    array = np.ascontiguousarray(np.transpose(volume.array, (1, 2, 0))[::-1, :, ::-1])
    turn = np.zeros((4, 4))
    turn[1, 0], turn[2, 1], turn[0, 2], turn[3, 3] = -1, 1, -1, 1
    turn[1, 3], turn[0, 3] = volume.shape[1] - 1, volume.shape[0] - 1
    return Volume(array, volume.affine @ turn, volume.meaning)


@pytest.mark.parametrize("name", GRIDS)
def test_a_joint_is_the_gap_between_two_bones_and_no_more(name):
    ct, at = grid(name)
    x, y, z = np.moveaxis(at, -1, 0)
    slab = (np.abs(y) < 20) & (np.abs(z) < 20)
    found = joint_space(
        canvas_of(ct, {"sacrum": slab & (x < 0), "hip_left": slab & (x > 4)}), "sacroiliac_joint", "left"
    )
    (joint,) = found.structures
    assert joint.kind == "joint"
    assert not joint.given
    free = joint.mask & slab
    assert x[free].min() > -1.5
    assert x[free].max() < 5.5
    inner = (np.abs(y) < 16) & (np.abs(z) < 16) & (x > 1) & (x < 3)
    assert joint.mask[inner].all()


def test_a_joint_whose_bone_is_missing_is_told_and_not_left_out_in_silence():
    ct, at = grid("straight")
    bone = np.linalg.norm(at, axis=-1) < 15
    found = joint_space(canvas_of(ct, {"femur_left": bone}), "hip_joint", "left")
    assert found.structures == ()
    assert found.notes == ("hip_joint_left is not derived: hip_left not labelled on this scan",)


@pytest.mark.parametrize("name", GRIDS)
def test_the_femoral_head_is_a_sphere_through_the_joint(name):
    ct, at = grid(name, shape=(90, 84, 56))
    radius, centre = 22.0, np.array([3.0, -4.0, 2.0])
    distance = np.linalg.norm(at - centre, axis=-1)
    cup = (distance > radius + 3) & (distance < radius + 8) & (at[..., 2] > centre[2] - 5)
    canvas = canvas_of(ct, {"hip_left": cup, "femur_left": distance < radius})
    middle, found = head_sphere(canvas, "left")
    assert np.linalg.norm(middle - centre) < 0.7
    assert found == pytest.approx(radius, abs=1.0)


@pytest.mark.parametrize("name", ["straight", "oblique", "left_handed"])
def test_sacral_foramina_are_found_where_holes_were_drilled(name):
    ct, at = grid(name, shape=(100, 60, 56))
    x, y, z = np.moveaxis(at, -1, 0)
    solid = (np.abs(x) < 42) & (np.abs(y) < 17) & (np.abs(z) < 50)
    truth = {level: 26.0 - 26.0 * n for n, level in enumerate(("S1", "S2", "S3"))}
    holes = np.zeros(ct.shape, dtype=bool)
    for height in truth.values():
        holes |= (np.abs(x) - 20) ** 2 + (z - height) ** 2 < 6.0**2
    canal = x**2 + (y - 4) ** 2 < 6.0**2
    found = by_name(sacral_openings(canvas_of(ct, {"sacrum": solid & ~holes & ~canal})).structures)
    for level, height in truth.items():
        for side, sign in (("left", 1), ("right", -1)):
            middle = at[found[f"sacral_foramen_{level}_{side}"].mask].mean(axis=0)
            assert middle[0] == pytest.approx(sign * 20, abs=2.5)
            assert middle[2] == pytest.approx(height, abs=2.5)
    assert np.abs(x[found["sacral_canal"].mask]).max() < 8.0


def test_a_sacrum_without_holes_gives_notes_for_every_level():
    ct, at = grid("straight", shape=(100, 60, 56))
    found = sacral_openings(canvas_of(ct, {"sacrum": (np.abs(at) < (42, 17, 50)).all(axis=-1)}))
    assert found.structures == ()
    for level in ("S1", "S2", "S3"):
        assert any(f"sacral_foramen_{level}" in note for note in found.notes)


def test_the_notch_is_the_bay_behind_and_not_the_one_in_front():
    y, z = np.meshgrid(np.arange(-60, 61, 2.0), np.arange(-90, 91, 2.0), indexing="ij")
    plate = (np.abs(y) < 40) & (np.abs(z) < 80)
    behind = (y - 45) ** 2 + (z - 10) ** 2 < 25**2
    before = (y + 45) ** 2 + (z - 20) ** 2 < 32**2
    flat = np.stack([y, z], axis=-1)[plate & ~behind & ~before]
    points = np.concatenate([np.column_stack([np.full(len(flat), x), flat]) for x in (70.0, 72.0)])
    notch = find_notch(points)
    assert notch.top_mm[0] == pytest.approx(71.0)
    assert notch.top_mm[1] == pytest.approx(20.0, abs=4.0)
    assert notch.top_mm[2] == pytest.approx(10.0, abs=4.0)


def test_the_notch_follows_the_bones_edge_and_thins_out_away_from_its_top():
    """A plate that slants: behind, its edge lies 30 mm farther to the middle than in front."""
    y, z = np.meshgrid(np.arange(-60, 61, 2.0), np.arange(-90, 91, 2.0), indexing="ij")
    whole = (np.abs(y) < 40) & (np.abs(z) < 80) & ~((y - 45) ** 2 + (z - 10) ** 2 < 25**2)
    flat = np.stack([y, z], axis=-1)[whole]
    notch = find_notch(np.column_stack([70.0 - 0.4 * flat[:, 0], flat]))
    away = np.stack([*np.meshgrid(np.arange(30.0, 91.0, 1.0), [0.0, 16.0], indexing="ij")], axis=-1)
    at = np.concatenate(
        [away[..., :1], notch.top_mm[1] + away[..., 1:], np.full_like(away[..., :1], 10.0)], -1
    )
    held = notch.holds(at, 45.0, 18.0)
    thick = held.sum(axis=0)
    assert 30 <= thick[0] <= 36  # mm
    assert thick[1] < thick[0]
    assert not notch.holds(notch.top_mm + np.array([0.0, 46.0, 0.0]), 45.0, 18.0)
    middles = [at[held[:, n], n, 0].mean() for n in (0, 1)]
    assert middles[0] == pytest.approx(notch.top_mm[0], abs=2.5)
    assert middles[1] < middles[0]


def test_labels_of_another_grid_unknown_bones_and_a_stop_are_refused():
    ct, at = grid("straight")
    canvas = canvas_of(ct, {"femur_left": np.linalg.norm(at, axis=-1) < 15})
    with pytest.raises(GeometryMismatch, match="label map"):
        derived_structures(ct.crop((1, 0, 0), ct.shape), canvas.labels)
    with pytest.raises(UnknownName, match="femur_left"):
        derived_structures(ct, canvas.labels, bone="femur_lft")
    with pytest.raises(Cancelled):
        derived_structures(ct, canvas.labels, bone="femur_left", on_step=lambda *_: False)


@pytest.fixture(scope="module")
def spine(data):
    """CT and labels of T10 to L2 of the chest scan, and what is derived on it around T12."""
    folder = data / "chest_spine"
    ct = read_nifti(folder / "T10-L2_ct.nii.gz", "HU")
    labels = LabelMap(read_nifti(folder / "T10-L2_mask.nii.gz", "label"), NAMES)
    return ct, labels, derived_structures(ct, labels, bone="vertebra_T12")


@pytest.mark.data
def test_roots_and_foramina_of_a_real_spine_lie_between_the_pedicles_and_never_in_bone(spine):
    ct, labels, (structures, _) = spine
    found = by_name(structures)
    bones = labels.any_of(name for name in NAMES if name.startswith(("vertebrae_", "rib_")))
    heights = {
        level: ct.positions_mm(np.argwhere(labels.mask(f"vertebrae_{level}")))[:, 2].mean()
        for level in ("T12", "L1")
    }
    canal = ct.positions_mm(np.argwhere(found["spinal_canal"].mask))[:, 0].mean()
    for side, sign in (("left", 1), ("right", -1)):
        for name in (f"neural_foramen_T12_L1_{side}", f"nerve_root_T12_{side}"):
            mask = found[name].mask
            middle = ct.positions_mm(np.argwhere(mask)).mean(axis=0)
            assert found[name].kind == "nerve"
            assert not (mask & bones).any()
            assert heights["L1"] - 5 < middle[2] < heights["T12"] + 5
            assert sign * (middle[0] - canal) > 8.0
        reach = [
            (sign * (ct.positions_mm(np.argwhere(found[name].mask))[:, 0] - canal)).max()
            for name in (f"nerve_root_T12_{side}", f"neural_foramen_T12_L1_{side}")
        ]
        assert reach[0] > reach[1] + 8.0  # the root goes on to its own side
        assert (found[f"nerve_root_T12_{side}"].mask & found["spinal_canal"].mask).any()
        assert (found[f"nerve_root_T12_{side}"].mask & found[f"neural_foramen_T12_L1_{side}"].mask).any()


@pytest.mark.data
def test_the_canal_holds_the_labelled_cord_from_level_to_level(spine):
    ct, labels, (structures, _) = spine
    canal = by_name(structures)["spinal_canal"].mask
    cord = labels.mask("spinal_cord")
    heights = ct.positions_mm(np.argwhere(labels.mask("vertebrae_T12")))[:, 2]
    at = ct.positions_mm(np.moveaxis(np.indices(ct.shape), 0, -1))[..., 2]
    here = cord & (at > heights.min()) & (at < heights.max())
    assert here.any()
    assert canal[here].mean() > 0.97


@pytest.mark.data
def test_the_order_of_indices_does_not_move_what_is_derived(spine):
    ct, labels, (structures, notes) = spine
    other = LabelMap(reordered(labels.volume), NAMES)
    turned, more = derived_structures(reordered(ct), other, bone="vertebra_T12")
    assert [one.name for one in turned] == [one.name for one in structures]
    assert len(more) == len(notes)
    for one, two in zip(structures, turned, strict=True):
        same = reordered(ct.with_array(one.mask)).array
        assert 2 * (same & two.mask).sum() / (same.sum() + two.mask.sum()) > 0.93, one.name


@pytest.mark.data
def test_a_crop_gives_the_same_masks_as_the_whole(spine):
    ct, labels, (structures, _) = spine
    box = (slice(30, 100), slice(40, 200), slice(5, 40))  # reaches beyond the scan, and is clipped
    cropped, _ = derived_structures(ct, labels, near=box, bone="vertebra_T12")
    found = by_name(structures)
    assert cropped
    for one in cropped:
        assert (one.mask == found[one.name].mask[box]).all()
    missing = set(found) - set(by_name(cropped))
    assert not any(found[name].mask[box].any() for name in missing)


@pytest.fixture(scope="module")
def pelvis(data):
    folder = data / "pelvis_hip"
    ct = read_nifti(folder / "example_ct.nii.gz", "HU")
    labels = LabelMap(read_nifti(folder / "example_seg_fast_force_split.nii.gz", "label"), NAMES)
    return ct, labels, derived_structures(ct, labels)


@pytest.mark.data
def test_a_real_pelvis_has_every_structure_on_the_side_that_its_name_says(pelvis):
    ct, labels, (structures, _) = pelvis
    found = by_name(structures)
    middle = ct.positions_mm(np.argwhere(labels.mask("sacrum")))[:, 0].mean()
    names = ["sacroiliac_joint", "hip_joint", "greater_sciatic_notch", "superior_gluteal", "inferior_gluteal"]
    names += ["sciatic_nerve", "femoral_neurovascular", *(f"sacral_foramen_S{n}" for n in (1, 2, 3))]
    for name in names:
        for side, sign in (("left", 1), ("right", -1)):
            lateral = ct.positions_mm(np.argwhere(found[f"{name}_{side}"].mask))[:, 0] - middle
            assert sign * lateral.mean() > 8.0, name
    s1, s2, s3 = (
        ct.positions_mm(np.argwhere(found[f"sacral_foramen_S{n}_left"].mask))[:, 2].mean() for n in (1, 2, 3)
    )
    assert s1 > s2 + 10 > s3 + 20


@pytest.mark.data
def test_vessels_and_nerve_templates_run_where_a_radiologist_expects_them(pelvis):
    ct, labels, (structures, _) = pelvis
    found = by_name(structures)
    for side in ("left", "right"):
        hip = ct.positions_mm(np.argwhere(found[f"hip_joint_{side}"].mask)).mean(axis=0)
        bundle = ct.positions_mm(np.argwhere(found[f"femoral_neurovascular_{side}"].mask))
        at_head = bundle[np.abs(bundle[:, 2] - hip[2]) < 10].mean(axis=0)
        assert at_head[1] < hip[1] - 25
        vessels = labels.mask(f"iliac_artery_{side}")
        caudal = vessels & (ct.positions_mm(np.moveaxis(np.indices(ct.shape), 0, -1))[..., 2] < hip[2] + 20)
        assert found[f"femoral_neurovascular_{side}"].mask[caudal].mean() > 0.9
        nerve = ct.positions_mm(np.argwhere(found[f"sciatic_nerve_{side}"].mask))
        assert nerve[nerve[:, 2] < hip[2]][:, 1].mean() > hip[1] + 15
        assert "template" in found[f"sciatic_nerve_{side}"].because


@pytest.mark.data
def test_the_pleura_goes_on_below_the_lung_behind_and_not_in_bone(pelvis):
    ct, labels, (structures, _) = pelvis
    bones = labels.any_of(name for name in NAMES if name.startswith(("vertebrae_", "rib_")))
    for side in ("left", "right"):
        recess = by_name(structures)[f"pleural_recess_{side}"].mask
        lung = labels.any_of(name for name in NAMES if name.startswith("lung_") and name.endswith(side))
        low = ct.positions_mm(np.argwhere(lung))[:, 2].min()
        below = low - ct.positions_mm(np.argwhere(recess))[:, 2].min()
        assert 40 <= below <= 56
        assert not (recess & (lung | bones)).any()


@pytest.mark.data
def test_every_derived_structure_is_marked_and_explained(pelvis, spine):
    for _, _, (structures, notes) in (pelvis, spine):
        for one in structures:
            assert not one.given
            assert len(one.because) > 20
            assert any(f"{one.name}_".startswith(f"{family}_") for family in derived_families())
        assert all(" not derived" in note or "may end too high" in note for note in notes)


@pytest.mark.data
def test_bones_alone_suffice(pelvis):
    ct, labels, _ = pelvis
    bones = [n for n in NAMES if n.startswith(("vertebrae_", "rib_", "hip_", "femur_", "sacrum"))]
    only = {name: NAMES[name] for name in bones}
    array = np.where(np.isin(labels.volume.array, list(only.values())), labels.volume.array, 0)
    found = by_name(derived_structures(ct, LabelMap(labels.volume.with_array(array), only))[0])
    assert "no vessel label reaches it" in found["femoral_neurovascular_left"].because
    assert "air inside the chest" in found["pleural_recess_left"].because


@pytest.mark.parametrize("spine", [True, False])
def test_no_sheet_of_pleura_is_drawn_through_a_lung_that_is_larger_than_the_other(spine):
    """The middle of all air lies in the larger lung: it is no border between the sides."""
    affine = np.diag([3.0, 3.0, 4.0, 1.0])
    affine[:3, 3] = (-180.0 - 250.0, -120.0, 0.0)  # wholly at negative x
    shape = (121, 81, 60)
    x, y, z = np.moveaxis(
        Volume(np.zeros(shape), affine, "HU").positions_mm(np.moveaxis(np.indices(shape), 0, -1)), -1, 0
    )
    x = x + 250.0
    hu = np.where((x / 165.0) ** 2 + (y / 105.0) ** 2 < 1.0, 40, -1000)
    right = ((x + 62.0) / 58.0) ** 2 + (y / 66.0) ** 2 + ((z - 150.0) / 78.0) ** 2 < 1.0
    left = ((x - 80.0) / 32.0) ** 2 + (y / 50.0) ** 2 + ((z - 150.0) / 60.0) ** 2 < 1.0
    lungs = right | left
    hu[lungs] = -850
    body = (np.hypot(x, y - 60.0) < 18.0) | ((np.abs(x) < 4.0) & (y > 60.0) & (y < 90.0))
    body &= np.abs(z - 60.0) < 14.0
    labels = np.where(body, NAMES["vertebrae_T12"], 0) if spine else np.zeros(shape, int)
    ct = Volume(hu.astype(np.int16), affine, "HU")
    label_map = LabelMap(ct.with_array(labels.astype(np.uint8), "label"), NAMES)
    found = by_name(derived_structures(ct, label_map)[0])
    for side in ("left", "right"):
        recess = found[f"pleural_recess_{side}"].mask
        deep = recess & ndimage.binary_erosion(lungs, iterations=2)
        assert deep.sum() < 10  # air is looked at in every second voxel; a sheet has hundreds


def test_what_is_left_of_a_lung_beside_the_spine_has_a_recess_and_bowel_before_it_has_none():
    affine = np.diag([3.0, 3.0, 4.0, 1.0])
    affine[:3, 3] = (-180.0, -120.0, 0.0)
    shape = (121, 81, 60)
    grid = Volume(np.zeros(shape), affine, "HU").positions_mm(np.moveaxis(np.indices(shape), 0, -1))
    x, y, z = np.moveaxis(grid, -1, 0)
    hu = np.where((x / 165.0) ** 2 + (y / 105.0) ** 2 < 1.0, 40, -1000)
    left = ((x - 80.0) / 40.0) ** 2 + (y / 66.0) ** 2 + ((z - 150.0) / 60.0) ** 2 < 1.0
    remnant = (np.abs(x + 40.0) < 9.0) & (np.abs(y - 62.0) < 14.0) & (np.abs(z - 150.0) < 40.0)
    bowel = (np.abs(x + 70.0) < 20.0) & (np.abs(y + 55.0) < 14.0) & (np.abs(z - 150.0) < 40.0)
    hu[left | remnant | bowel] = -850
    body = (np.hypot(x, y - 60.0) < 18.0) | ((np.abs(x) < 4.0) & (y > 60.0) & (y < 90.0))
    labels = np.where(body & (np.abs(z - 60.0) < 14.0), NAMES["vertebrae_T12"], 0).astype(np.uint8)
    ct = Volume(hu.astype(np.int16), affine, "HU")
    found = by_name(derived_structures(ct, LabelMap(ct.with_array(labels, "label"), NAMES))[0])
    recess = found["pleural_recess_right"].mask
    assert (recess & ndimage.binary_dilation(remnant) & ~remnant).any()
    assert not (recess & ndimage.binary_dilation(bowel)).any()
