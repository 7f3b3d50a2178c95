import json
from functools import cache

import numpy as np
import pytest
from scipy import ndimage

from osteoplan.anatomy.phantom import make_phantom
from osteoplan.errors import BadInput, UnknownName

COARSE = (3.6, 3.1, 4.3)
GRIDS = ["axial", "flipped", "left_handed", "oblique"]
BONES = {
    "pelvis": ["sacrum", "hip_left", "hip_right", "femur_left", "femur_right", "vertebrae_L5"],
    "femur": ["femur_left", "hip_left"],
    "humerus": ["humerus_left", "scapula_left", "clavicula_left"],
    "spine": ["vertebrae_T11", "vertebrae_T12", "vertebrae_L1"],
}


@cache
def phantom(site, grid="axial", side="left", spacing=COARSE, **options):
    return make_phantom(site, seed=4, side=side, grid=grid, spacing_mm=spacing, **options)


def points_of(made, name):
    return made.labels.volume.positions_mm(np.argwhere(made.labels.mask(name)))


@pytest.mark.parametrize("site", BONES)
@pytest.mark.parametrize("grid", GRIDS)
def test_every_bone_is_where_it_is_on_every_grid(site, grid):
    made, straight = phantom(site, grid), phantom(site)
    assert made.ct.left_handed == (grid == "left_handed")
    assert len({round(float(s), 3) for s in made.ct.spacing_mm}) == 3
    for name in BONES[site]:
        if not name.startswith("vertebrae") and grid == "oblique":
            # a turned field of view cuts other ends off: compare what both hold
            low, high = (np.array(v) for v in ((-25.0, -25.0, -20.0), (25.0, 25.0, 20.0)))
            middle = np.median(points_of(straight, name), axis=0)
            ours, theirs = (
                p[((p > middle + low) & (p < middle + high)).all(axis=1)]
                for p in (points_of(made, name), points_of(straight, name))
            )
        else:
            ours, theirs = points_of(made, name), points_of(straight, name)
        assert len(ours) == pytest.approx(len(theirs), rel=0.12)
        assert ours.mean(axis=0) == pytest.approx(theirs.mean(axis=0), abs=1.5)  # under half a voxel


HEADS = [("pelvis", "femur_left"), ("pelvis", "femur_right"), ("femur", "femur_left")]


@pytest.mark.parametrize(("site", "bone"), HEADS)
def test_the_head_is_a_sphere_of_the_stated_radius_about_the_stated_centre(site, bone):
    made = phantom(site)
    truth = made.truth[bone]
    from_centre = points_of(made, bone) - truth["head_centre_mm"]
    r = np.linalg.norm(from_centre, axis=1)
    away = from_centre @ truth["neck_axis"] > 5.0  # the side of the joint
    assert r[away].max() == pytest.approx(truth["head_radius_mm"], abs=2.0)
    shell = away & (r < truth["head_radius_mm"])
    voxel = made.ct.voxel_volume_mm3
    height = truth["head_radius_mm"] - 5.0
    end_cap = np.pi * height**2 * (3 * truth["head_radius_mm"] - height) / 3
    assert shell.sum() * voxel == pytest.approx(end_cap, rel=0.05)


@pytest.mark.slow
def test_the_shaft_is_a_tube_about_the_stated_axis():
    made = make_phantom("femur", seed=4, spacing_mm=(1.0, 1.2, 6.0), noise_HU=0.0)
    truth = made.truth["femur_left"]
    for x, y, z in truth["shaft_points_mm"][1:]:
        bone = points_of(made, "femur_left")
        section = bone[np.abs(bone[:, 2] - z) < 3.1]
        assert section.mean(axis=0)[:2] == pytest.approx([x, y], abs=1.0)
        area = len(section) * 1.2 / max(len(np.unique(section[:, 2])), 1)
        assert area == pytest.approx(np.pi * truth["shaft_radius_mm"] ** 2, rel=0.08)
        k = int(np.rint(made.ct.indices((x, y, z))[2]))
        row = int(np.rint(made.ct.indices((x, y, z))[1]))
        line = made.ct.array[:, row, k] > 700
        runs = np.diff(np.flatnonzero(np.diff(line.astype(int))))[::2]
        assert runs == pytest.approx([truth["shaft_cortex_mm"]] * 2, abs=1.1)


@pytest.mark.slow
def test_the_joint_gap_between_sacrum_and_ilium_is_the_stated_one():
    made = phantom("pelvis", spacing=(1.9, 1.7, 2.3))
    gap = made.truth["sacrum"]["si_gap_mm"]
    for name in ("hip_left", "hip_right"):
        outside = ndimage.distance_transform_edt(~made.labels.mask("sacrum"), sampling=made.ct.spacing_mm)
        nearest = outside[made.labels.mask(name)].min()
        assert gap <= nearest + 0.5 < gap + 3.0  # between voxel centres
        close = outside[made.labels.mask(name)] < gap + 3.0
        assert close.sum() * made.ct.voxel_volume_mm3 > 500  # a joint, not a point
    assert not (made.labels.mask("hip_left") & made.labels.mask("hip_right")).any()


def test_the_socket_lies_about_the_head_and_opens_out_front_and_down():
    made = phantom("pelvis")
    for side, sign in (("left", 1), ("right", -1)):
        truth = made.truth[f"hip_{side}"]
        from_centre = points_of(made, f"hip_{side}") - truth["acetabulum_centre_mm"]
        r = np.linalg.norm(from_centre, axis=1)
        assert r.min() == pytest.approx(truth["acetabulum_radius_mm"], abs=2.0)
        near = r < truth["acetabulum_radius_mm"] + 6.0
        assert (from_centre[near] @ truth["acetabulum_axis"]).mean() < -5.0
        assert sign * truth["acetabulum_axis"][0] > 0.5
        assert truth["acetabulum_axis"][1] < 0
        assert truth["acetabulum_axis"][2] < 0


@pytest.mark.slow
def test_foramina_and_canal_hold_no_bone():
    made = phantom("pelvis", spacing=(1.9, 1.7, 2.3))
    sacrum = made.truth["sacrum"]
    at = np.rint(made.ct.indices(list(sacrum["foramina_mm"].values()) + sacrum["canal_axis_mm"])).astype(int)
    assert len(sacrum["foramina_mm"]) == 8
    assert (made.labels.volume.array[tuple(at.T)] == 0).all()
    assert sacrum["foramina_mm"]["S1 left"][0] > sacrum["foramina_mm"]["S1 right"][0] + 30


@pytest.mark.parametrize("site", ["femur", "humerus"])
def test_right_is_the_mirror_image_of_left(site):
    left, right = phantom(site), phantom(site, side="right")
    bone = f"{site}_left"
    ours, theirs = points_of(left, bone), points_of(right, bone.replace("left", "right"))
    assert len(ours) == pytest.approx(len(theirs), rel=0.01)
    axis = left.truth[bone]["neck_axis"]
    assert np.array(axis) * [-1, 1, 1] == pytest.approx(right.truth[f"{site}_right"]["neck_axis"])
    assert axis[0] < 0  # a left head looks to the midline, to the patient's right


def test_the_humeral_head_stands_before_the_glenoid_and_the_lung_lies_medial():
    made = phantom("humerus")
    truth = made.truth["humerus_left"]
    scapula = points_of(made, "scapula_left") - truth["head_centre_mm"]
    assert np.linalg.norm(scapula, axis=1).min() > truth["head_radius_mm"]
    assert points_of(made, "lung_upper_lobe_left")[:, 0].mean() < truth["head_centre_mm"][0] - 60
    assert points_of(made, "humerus_left")[:, 2].min() < truth["head_centre_mm"][2] - 200


@pytest.mark.parametrize("kind", ["qrm", "mindways"])
@pytest.mark.parametrize("grid", ["axial", "oblique"])
def test_rods_read_what_the_truth_says(kind, grid):
    made = make_phantom("femur", seed=4, spacing_mm=(2.2, 2.4, 11.0), grid=grid, rods_in=kind)
    told = made.truth["rods"]
    assert told["unit"] == {"qrm": "mgHA/cm3", "mindways": "mgK2HPO4/cm3"}[kind]
    for rod in told["rods"]:
        x, y, z = rod["centre_mm"]
        at = np.rint(made.ct.indices([(x, y, z + dz) for dz in np.arange(-150.0, 20.0, 11.0)])).astype(int)
        assert made.ct.array[tuple(at.T)].mean() == pytest.approx(rod["HU"], abs=12)
    if kind == "qrm":
        line = [told["slope"] * rod["HU"] + told["intercept"] for rod in told["rods"]]
        assert line == pytest.approx([rod["density_mg_cm3"] for rod in told["rods"]])


@pytest.mark.parametrize("site", BONES)
def test_metal_cement_and_contrast_are_there_when_asked_for(site):
    plain = phantom(site)
    assert plain.ct.array.max() < 1700
    metal, cement = (phantom(site, implant=kind) for kind in ("metal", "cement"))
    assert metal.ct.array.max() > 2000
    x = cement.truth["implant"]["centre_mm"]
    assert cement.ct.array[tuple(np.rint(cement.ct.indices(x)).astype(int))] > 1300
    assert plain.truth["HU"]["contrast"] is None
    assert phantom(site, contrast=True).truth["HU"]["contrast"] > 200
    assert (phantom(site, contrast=True).ct.array != plain.ct.array).any()


@pytest.mark.parametrize("site", BONES)
def test_truth_is_json_and_the_seed_moves_no_shape(site):
    made, again = phantom(site), make_phantom(site, seed=4, spacing_mm=COARSE)
    other = make_phantom(site, seed=5, spacing_mm=COARSE)
    assert json.loads(json.dumps(made.truth))["generated"] is True
    assert np.array_equal(made.ct.array, again.ct.array)
    assert np.array_equal(made.labels.volume.array, other.labels.volume.array)
    assert not np.array_equal(made.ct.array, other.ct.array)
    assert made.ct.array.dtype == np.int16


def test_tissues_have_their_hu():
    made = phantom("femur", spacing=(1.9, 1.7, 3.3), noise_HU=0.0)
    truth = made.truth["femur_left"]
    shaft = tuple(np.rint(made.ct.indices(truth["shaft_points_mm"][1])).astype(int))
    assert made.ct.array[shaft] == pytest.approx(made.truth["HU"]["marrow"], abs=90)
    head = tuple(np.rint(made.ct.indices(truth["head_centre_mm"])).astype(int))
    assert made.ct.array[head] == pytest.approx(made.truth["HU"]["dense_trabecular"], abs=120)
    assert np.percentile(made.ct.array, 1) == -1000


def test_what_cannot_be_made_is_refused():
    with pytest.raises(UnknownName, match="pelvis"):
        make_phantom("pelvos", seed=1)
    with pytest.raises(UnknownName, match="side"):
        make_phantom("femur", seed=1, side="both")
    with pytest.raises(UnknownName, match="oblique"):
        make_phantom("femur", seed=1, grid="obliqe")
    with pytest.raises(BadInput, match="positive"):
        make_phantom("femur", seed=1, spacing_mm=(1, 0, 2))
    with pytest.raises(BadInput, match="right angles"):
        make_phantom("femur", seed=1, grid=np.ones((3, 3)))
    with pytest.raises(UnknownName, match="rods"):
        make_phantom("femur", seed=1, spacing_mm=COARSE, rods_in="toshiba")
