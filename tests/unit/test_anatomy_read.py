"""From a case to an anatomy: what is found, what is measured, and what is refused in one sentence."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from osteoplan.anatomy.intact import filled_in
from osteoplan.anatomy.phantom import spine_phantom
from osteoplan.anatomy.place import centre_at_wall
from osteoplan.anatomy.read import bone_on_scan, build_anatomy
from osteoplan.anatomy.structures import body_surface
from osteoplan.errors import BadInput, Cancelled, GeometryMismatch, LesionError, UnknownName
from osteoplan.model.case import Case, Lesion
from osteoplan.model.volume import Volume
from tests.made_lesion import simulate_lesion
from tests.synthetic_vertebra import TRABECULAR, vertebra

AXES = (22.0, 18.0, 17.0)


@cache
def scan():
    return spine_phantom(seed=3)


@cache
def case(wall_mm=0.0, matrix="lytic", left_mm=0.0):
    """The phantom with a lesion whose back is ``wall_mm`` before the posterior wall."""
    ct, labels, structures = scan()
    empty = Case("p", ct, (), {"kind": "fixed", "kvp": 120}, labels, structures)
    on_scan = bone_on_scan(empty, "vertebra_T12")
    bone, read = on_scan.mask, on_scan.vertebra
    made = simulate_lesion(
        ct,
        bone,
        centre_mm=centre_at_wall(read, AXES, wall_mm=wall_mm, left_mm=left_mm),
        axes_mm=AXES,
        frame_axes=read.frame.axes,
        matrix=matrix,
        seed=1,
    )
    lesion = Lesion(
        "L1", "vertebra_T12", "midline", ct.with_array(made.mask, "mask"), matrix=matrix, simulated=True
    )
    return Case("p", made.ct, (lesion,), {"kind": "fixed", "kvp": 120}, labels, structures, ct_before=ct)


@cache
def built(wall_mm=0.0, matrix="lytic"):
    anatomy, findings = build_anatomy(case(wall_mm, matrix), case(wall_mm, matrix).target)
    return anatomy, {finding.name: finding for finding in findings}


def refused(changed, lesion=None, **changes):
    lesion = lesion or changed.target
    return build_anatomy(changed, replace(lesion, **changes) if changes else lesion)


def test_everything_is_on_the_grid_of_the_image_and_the_scan_keeps_its_voxels():
    anatomy, _ = built()
    masks = [anatomy.bone_mask, anatomy.lesion_mask, anatomy.body_surface, *anatomy.parts.values()]
    masks += [structure.mask for structure in anatomy.structures]
    assert {mask.shape for mask in masks} == {anatomy.image.shape}
    assert all(mask.dtype == bool for mask in masks)
    low = np.rint(case().ct.indices(anatomy.image.affine[:3, 3])).astype(int)
    box = tuple(slice(a, a + n) for a, n in zip(low, anatomy.image.shape, strict=True))
    assert (anatomy.image.array == case().ct.array[box]).all()
    assert (anatomy.image_intact.array == scan()[0].array[box]).all()
    assert anatomy.intact_basis == "the scan before the simulated lesion"


def test_the_crop_reaches_from_the_vessels_to_the_skin_behind():
    anatomy, _ = built()
    assert anatomy.structure("aorta").mask.any()
    back = anatomy.frame.local(anatomy.image.positions_mm(np.argwhere(anatomy.body_surface)))[:, 1].max()
    spinous = anatomy.frame.local(anatomy.image.positions_mm(np.argwhere(anatomy.bone_mask)))[:, 1].max()
    assert back > spinous + 5.0
    assert not anatomy.body_surface.all()
    assert anatomy.body_surface[anatomy.bone_mask].all()


def test_lungs_are_inside_the_patient_though_they_are_air():
    anatomy, _ = built()
    lungs = [s for s in anatomy.structures if s.kind == "pleura"]
    assert lungs
    for lung in lungs:
        assert anatomy.body_surface[lung.mask].mean() > 0.99


def test_structures_have_kinds_and_say_whether_they_were_given():
    anatomy, _ = built()
    kinds = {s.name: (s.kind, s.given) for s in anatomy.structures}
    assert kinds["spinal_canal"] == ("canal", False)
    assert kinds["spinal_cord"] == ("canal", True)
    assert kinds["aorta"] == ("vessel", True)
    assert kinds["vertebrae_T11"] == ("bone", True)
    assert "vertebrae_T12" not in kinds


def test_the_cord_lies_in_the_derived_canal():
    anatomy, _ = built()
    cord, canal = anatomy.structure("spinal_cord").mask, anatomy.structure("spinal_canal").mask
    height = anatomy.frame.local(anatomy.image.positions_mm(np.argwhere(cord)))[:, 2]
    inside = canal[cord][np.abs(height) < 12]
    assert inside.mean() > 0.97


def test_the_lesion_is_measured():
    _, found = built()
    volume = np.pi / 6 * np.prod(AXES) / 1000.0
    assert found["lesion_volume_mL"].value == pytest.approx(volume, rel=0.1)
    assert found["size_mm"].value == pytest.approx(22.0, abs=2.5)
    body = built()[0].parts["body"].sum() * built()[0].image.voxel_volume_mm3 / 1000.0
    assert found["body_involved_pct"].value == pytest.approx(100.0 * volume / body, rel=0.1)
    assert found["region"].value == "spine"
    assert found["vertebra"].value == "T12"
    assert found["size_mm"].source == "measured"
    axes = [float(width) for width in str(found["axes_mm"].value).split(" x ")]
    assert axes == pytest.approx(AXES, abs=3.0)
    assert found["wall_mm"].value == pytest.approx(0.0, abs=1.0)
    assert found["lesion_density"].value < found["body_density"].value
    assert "uncalibrated" in found["lesion_density"].because


def test_a_lesion_at_the_wall_breaks_it_and_one_before_it_does_not():
    at, before = built(0.0)[1], built(5.0)[1]
    assert at["posterior_wall_defect"].value is True
    assert at["canal_mm"].value == 0.0
    assert at["cortex_lost_pct"].value > 1.0
    assert at["cortical_erosion"].value is True
    assert "the lesion is 0.0 mm from it" in at["posterior_wall_defect"].because
    assert before["posterior_wall_defect"].value is False
    assert any(f"the lesion is {mm}." in before["posterior_wall_defect"].because for mm in (3, 4, 5))
    assert before["canal_mm"].value == pytest.approx(5.0, abs=2.0)
    assert before["cortex_lost_pct"].value < 0.3
    assert before["cortical_erosion"].value is False


def test_what_differs_from_the_earlier_scan_outside_the_lesion_is_not_its_work():
    before = case().ct_before.array.copy()
    before[~case().target.mask.array] += 60
    _, findings = refused(replace(case(), ct_before=case().ct.with_array(before)))
    lost = {finding.name: finding.value for finding in findings}["cortex_lost_pct"]
    assert lost == pytest.approx(built()[1]["cortex_lost_pct"].value, rel=0.3)


def test_a_blastic_lesion_loses_no_cortex():
    assert built(0.0, "blastic")[1]["cortex_lost_pct"].value == 0.0


def test_a_body_of_full_height_has_no_collapse_and_a_flattened_one_has():
    assert built()[1]["collapse_pct"].value == 0.0
    ct, labels, structures = scan()
    flat = labels.array.copy()
    bone = np.argwhere(flat == structures["vertebrae_T12"])
    frame = built()[0].frame
    local = frame.local(labels.positions_mm(bone))
    crushed = bone[(local[:, 2] > 4.0) & (local[:, 1] < 8.0)]
    flat[tuple(crushed.T)] = 0
    changed = replace(case(), labels=labels.with_array(flat))
    small = ct.with_array(case().target.mask.array & (flat == structures["vertebrae_T12"]), "mask")
    _, findings = build_anatomy(changed, replace(case().target, mask=small))
    found = {finding.name: finding.value for finding in findings}
    assert 20.0 < found["collapse_pct"] < 45.0


def test_collapse_stays_unknown_without_both_neighbours():
    changed = replace(case(), structures={k: v for k, v in case().structures.items() if k != "vertebrae_T11"})
    anatomy, findings = refused(changed)
    assert "collapse_pct" not in {finding.name for finding in findings}
    assert any("collapse is not measured" in warning for warning in anatomy.warnings)


def test_the_distance_to_a_nerve_is_to_a_derived_root_and_says_so():
    anatomy, found = built()
    roots = [s for s in anatomy.structures if s.kind == "nerve"]
    assert roots
    assert not any(s.given for s in roots)
    assert "root" in found["nerve_mm"].because or "canal" in found["nerve_mm"].because
    assert not {"alignment", "bilsky"} & set(found)


def test_a_label_that_nobody_knows_is_warned_about():
    structures = {"thing" if k == "aorta" else k: v for k, v in case().structures.items()}
    anatomy, _ = refused(replace(case(), structures=structures))
    assert any("not avoided: thing" in warning for warning in anatomy.warnings)


def test_contrast_in_the_aorta_is_warned_about():
    assert any("contrast was given (aorta" in warning for warning in built()[0].warnings)


def test_padding_reads_as_air():
    ct = case().ct
    padded = ct.array.copy()
    padded[:3] = -2048
    anatomy, _ = refused(replace(case(), ct=ct.with_array(padded), ct_before=None))
    assert anatomy.image.array.min() >= -1024


def test_a_lesion_that_the_label_leaves_out_counts_as_bone():
    labels = case().labels.array.copy()
    labels[case(5.0).target.mask.array] = 0
    changed = replace(case(5.0), labels=case().labels.with_array(labels))
    anatomy, _ = refused(changed)
    assert (anatomy.lesion_mask & anatomy.bone_mask).sum() > 0.98 * anatomy.lesion_mask.sum()
    assert any("left out of the label" in warning for warning in anatomy.warnings)


def test_skin_is_the_edge_of_the_largest_piece_with_its_air_filled_and_without_the_table():
    grid = vertebra("left_handed").image
    trunk, table = np.zeros(grid.shape, dtype=bool), np.zeros(grid.shape, dtype=bool)
    trunk[0:100, 10:70] = True  # cut by the edge of the image on one side
    table[30:140, 71:76] = True
    table[60, 70] = True  # touches the skin
    air = np.zeros(grid.shape, dtype=bool)
    air[20:50, 20:50, 3:] = True
    values = np.where((trunk & ~air) | table, 40.0, -1000.0)
    found = body_surface(grid.with_array(values, "HU"), -300.0)
    assert found[trunk].mean() > 0.97  # where the table comes within a voxel, a rim may go with it
    assert found[~trunk].sum() < 0.01 * trunk.sum()


# Refusals: each its own sentence.


def test_an_empty_lesion_is_refused():
    empty = case().ct.with_array(np.zeros(case().ct.shape, dtype=bool), "mask")
    with pytest.raises(LesionError, match="its mask is empty"):
        refused(case(), mask=empty)


def test_a_lesion_outside_its_bone_is_refused_with_the_share():
    moved = np.roll(case().target.mask.array, 60, axis=0)
    with pytest.raises(LesionError, match="0 % of it lies in vertebra_T12"):
        refused(case(), mask=case().ct.with_array(moved, "mask"))


def test_a_side_that_the_mask_contradicts_is_refused():
    lateral = case(5.0, "lytic", 11.0)
    assert refused(lateral, side="left")[0].lesion.side == "left"
    with pytest.raises(LesionError, match=r"side is right, but its centre is 1\d mm to the patient's left"):
        refused(lateral, side="right")


def test_a_lateral_lesion_called_midline_is_warned_about():
    anatomy, _ = refused(case(5.0, "lytic", 13.0))
    assert any("called midline, but its centre" in warning for warning in anatomy.warnings)


def test_a_bone_cut_by_the_edge_of_the_scan_is_refused():
    whole = case()
    bone = np.flatnonzero((whole.labels.array == 32).any(axis=(0, 1)))
    low, high = (0, 0, bone[3]), whole.ct.shape
    lesion = replace(whole.target, mask=whole.target.mask.crop(low, high))
    cut = replace(whole, ct=whole.ct.crop(low, high), labels=whole.labels.crop(low, high), ct_before=None)
    with pytest.raises(BadInput, match="vertebra_T12 is cut by the scan's edge"):
        build_anatomy(cut, lesion)


@pytest.mark.parametrize("bone", ["vertebre_T12", "vertebrae_T12"])
def test_an_unknown_bone_names_the_nearest(bone):
    with pytest.raises(UnknownName, match="did you mean 'vertebra_T12'"):
        refused(case(), bone=bone)


def test_a_label_map_without_the_bone_is_refused():
    with pytest.raises(UnknownName, match=r"not labelled.*'vertebrae_L4'"):
        refused(case(), bone="vertebra_L4")
    with pytest.raises(BadInput, match="no label map"):
        refused(replace(case(), labels=None))


def test_a_lesion_on_another_grid_is_refused():
    mask = case().target.mask
    with pytest.raises(GeometryMismatch, match="resample it onto the CT"):
        refused(case(), mask=mask.crop((0, 0, 0), np.array(mask.shape) - 1))


def test_reading_can_be_stopped():
    with pytest.raises(Cancelled):
        build_anatomy(case(), case().target, on_step=lambda step, residual: step < 2)


# In-fill


@pytest.mark.parametrize("grid", ["straight", "oblique", "left_handed"])
def test_the_infill_gives_back_a_layered_bone(grid):
    truth = vertebra(grid, lesion_at=(4.0, 7.0, 0.0), lesion_radius=7.0)
    filled = filled_in(truth.image, truth.bone_mask, truth.lesion_mask)
    outside = ~(truth.lesion_mask & truth.bone_mask)
    assert (filled.array == truth.image.array)[outside].all()
    wrong = np.abs(filled.array - truth.image_intact.array)[truth.lesion_mask & truth.bone_mask]
    assert np.median(wrong) == 0.0
    assert wrong.mean() < 0.25 * TRABECULAR


def test_an_infill_without_bone_around_it_is_refused():
    truth = vertebra("straight")
    with pytest.raises(BadInput, match="no bone is left around the lesion"):
        filled_in(truth.image, truth.bone_mask, np.ones_like(truth.bone_mask))


def test_a_case_without_an_earlier_scan_says_that_it_was_filled_in():
    anatomy, _ = refused(replace(case(), ct_before=None))
    assert "filled in with the median" in anatomy.intact_basis
    gap = anatomy.image_intact.array.astype(float) - built()[0].image_intact.array
    assert abs(np.median(gap[anatomy.lesion_mask & anatomy.bone_mask])) < 15.0


def test_density_images_are_read_too():
    whole = case()
    ct = Volume(0.8 * whole.ct.array.astype(np.float32), whole.ct.affine, "mgK2HPO4/cm3")
    changed = replace(whole, ct=ct, ct_before=None, calibration_request={"kind": "density"})
    anatomy, _ = refused(changed)
    assert anatomy.calibration.calibrated
    assert anatomy.body_surface[anatomy.bone_mask].all()
    assert anatomy.parts["body"].sum() == built()[0].parts["body"].sum()
