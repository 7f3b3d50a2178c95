import json
from functools import cache

import numpy as np
import pytest
from scipy import ndimage

from osteoplan.anatomy.phantom import make_phantom
from osteoplan.anatomy.place import centre_in
from osteoplan.anatomy.simulate import Breach, Collapse, Recipe, simulate, simulate_several
from osteoplan.errors import BadInput, LesionError, UnknownName
from osteoplan.model.anatomy import BoneFrame
from osteoplan.model.labels import LabelMap
from osteoplan.model.volume import Volume


def turned(x, y, z):
    a, b, c = np.radians((x, y, z))
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


GRIDS = {"axial": np.eye(3), "left_handed": np.diag([1.0, 1.0, -1.0]), "oblique": turned(9.0, -6.0, 7.0)}


@cache
def tube(grid="oblique"):
    """A long bone: outer radius 14, canal 8, 90 mm long, in muscle; its frame; brick voxels."""
    spacing, shape = np.array([0.9, 1.0, 1.4]), (80, 76, 76)
    affine = np.eye(4)
    affine[:3, :3] = GRIDS[grid] * spacing
    affine[:3, 3] = np.array([40.0, -20.0, 600.0]) - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    frame = BoneFrame(np.array([40.0, -20.0, 600.0]), turned(6.0, 4.0, -3.0), "femoral_shaft")
    at = np.moveaxis(np.indices(shape), 0, -1) @ affine[:3, :3].T + affine[:3, 3]
    local = frame.local(at)
    r = np.hypot(local[..., 0], local[..., 1])
    bone = (r < 14.0) & (np.abs(local[..., 2]) < 45.0)
    hu = np.where(bone, np.where(r > 8.0, 1400.0, -40.0), 55.0)
    hu = hu + 10.0 * np.random.default_rng(3).normal(size=shape)
    return Volume(np.rint(hu).astype(np.int16), affine, "HU"), bone, frame, local


def put(grid="oblique", **changed):
    ct, bone, frame, _ = tube(grid)
    recipe = Recipe(**({"centre_mm": tuple(frame.origin_mm), "axes_mm": (14.0, 14.0, 26.0)} | changed))
    return simulate(ct, bone, recipe, frame=frame, seed=5)


@cache
def spine():
    made = make_phantom("spine", seed=2, spacing_mm=(1.2, 1.3, 1.6))
    low, high = (52, 20, 0), (162, 160, made.ct.shape[2])
    labels = LabelMap(made.labels.volume.crop(low, high), made.labels.values)
    frame = BoneFrame(np.array(made.truth["vertebra_T12"]["body_centre_mm"]), np.eye(3), "vertebra")
    return made.ct.crop(low, high), labels, frame


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("shape", ["ellipsoid", "irregular", "lobulated"])
def test_the_mask_holds_the_volume_of_the_ellipsoid_within_two_per_cent(grid, shape):
    made = put(grid, shape=shape, axes_mm=(20.0, 20.0, 30.0))
    truth = made.truth
    assert truth["volume_mL"] == pytest.approx(truth["solid_volume_mL"], rel=0.02)
    assert truth["ellipsoid_volume_mL"] == pytest.approx(np.pi / 6 * 12.0)
    if shape != "lobulated":  # whose lobes leave the bone
        assert truth["volume_mL"] == pytest.approx(truth["ellipsoid_volume_mL"], rel=0.02)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize(("axial", "degrees"), [(30.0, 90.0), (18.0, 180.0)])
def test_a_breach_destroys_the_stated_length_and_circumference(grid, axial, degrees):
    made = put(grid, breach=Breach("anterior", axial, circumference_deg=degrees))
    ct, bone, _, local = tube(grid)
    wall = bone & (np.hypot(local[..., 0], local[..., 1]) > 12.5)
    gone = made.mask & wall
    voxel = ct.spacing_mm.max()
    assert np.ptp(local[gone][:, 2]) + voxel == pytest.approx(axial, abs=1.2 * voxel)
    belt = wall & (np.abs(local[..., 2]) < axial / 2 - 1)
    assert (made.mask & belt).sum() / belt.sum() == pytest.approx(degrees / 360, abs=0.02)
    assert local[gone][:, 1].mean() < -6.0  # anterior
    assert made.truth["cortex"]["axial_mm"] == pytest.approx(axial, abs=2 * voxel)
    assert made.truth["cortex"]["circumference_deg"] == pytest.approx(degrees, abs=15)
    assert made.ct.array[ndimage.binary_erosion(gone)].mean() < 120


def test_spared_cortex_stays_and_reached_cortex_goes():
    spared = put(axes_mm=(30.0, 30.0, 30.0), cortex="spared")
    reached = put(axes_mm=(30.0, 30.0, 30.0))
    assert spared.truth["cortex"]["outer_voxels_destroyed"] == 0
    assert spared.truth["cortex"]["axial_mm"] is None
    assert reached.truth["cortex"]["circumference_deg"] > 300


@pytest.mark.parametrize("grid", GRIDS)
def test_soft_tissue_stands_out_of_the_breach_only(grid):
    made = put(grid, breach=Breach("left", 24.0, circumference_deg=100.0, soft_tissue_mm=8.0))
    _, bone, _, local = tube(grid)
    outside = made.mask & ~bone
    r = np.hypot(local[..., 0], local[..., 1])[outside]
    assert r.max() - 14.0 == pytest.approx(8.0, abs=1.5)
    assert local[outside][:, 0].min() > 0.0
    assert made.truth["soft_tissue_mL"] == pytest.approx(outside.sum() * 0.9 * 1.0 * 1.4 / 1000)
    assert not (made.mask & ~bone & (np.abs(local[..., 2]) > 13.5)).any()


def test_soft_tissue_leaves_labelled_neighbours_alone():
    ct, bone, frame, local = tube()
    vessel = np.hypot(local[..., 0], local[..., 1] + 18.0) < 3.0
    labels = LabelMap(ct.with_array(vessel.astype(np.uint8), "label"), {"artery": 1})
    recipe = Recipe(
        tuple(frame.world((0.0, -12.0, 0.0))), (20.0, 20.0, 20.0), soft_tissue_mm=12.0, shape="ellipsoid"
    )
    free, kept = (simulate(ct, bone, recipe, frame=frame, labels=given, seed=5) for given in (None, labels))
    assert (free.mask & vessel).any()
    assert not (kept.mask & vessel).any()
    assert (kept.ct.array == ct.array)[vessel].all()


def test_a_rim_is_sclerotic_and_around_the_lesion():
    made = put(axes_mm=(10.0, 10.0, 20.0), rim_mm=3.0, shape="ellipsoid")
    ct, bone, _, _ = tube()
    rim = (made.ct.array > 450) & (ct.array < 200) & bone
    assert not (rim & ndimage.binary_erosion(made.mask)).any()
    assert rim.sum() * ct.voxel_volume_mm3 / 1000 == pytest.approx(made.truth["rim_mL"], rel=0.35)
    assert made.truth["rim_mL"] > 0.5


def test_a_permeative_lesion_leaves_half_of_the_bone_in_place():
    made = put(shape="permeative", axes_mm=(28.0, 28.0, 50.0))
    ct = tube()[0]
    wall = made.mask & (ct.array > 1200)
    gone = (made.ct.array < 300) & wall
    left = (made.ct.array > 1000) & wall
    assert 0.15 < gone.sum() / wall.sum() < 0.5
    assert 0.15 < left.sum() / wall.sum() < 0.6
    assert made.truth["destroyed_share"] == pytest.approx(0.5, abs=0.08)


def test_a_lesion_in_density_is_the_one_in_HU_through_the_line():
    ct, bone, frame, _ = tube()
    slope, intercept = 0.8, -4.0
    density = Volume(ct.array * slope + intercept, ct.affine, "mgK2HPO4/cm3")
    recipe = {"centre_mm": tuple(frame.origin_mm), "axes_mm": (14.0, 14.0, 26.0)}
    made = simulate(density, bone, Recipe(**recipe, density_line=(slope, intercept)), frame=frame, seed=5)
    same = simulate(ct, bone, Recipe(**recipe), frame=frame, seed=5)
    assert np.array_equal(made.mask, same.mask)
    assert (made.ct.array - intercept) / slope == pytest.approx(same.ct.array, abs=0.51)


@pytest.mark.parametrize(("kind", "pct"), [("crush", 40.0), ("wedge", 30.0)])
def test_a_collapse_takes_the_stated_height_and_keeps_the_neighbours(kind, pct):
    ct, labels, frame = spine()
    bone = labels.mask("vertebrae_T12")
    recipe = Recipe(tuple(frame.origin_mm), (14.0, 12.0, 8.0), collapse=Collapse(pct, kind))
    made = simulate(ct, bone, recipe, frame=frame, labels=labels, seed=3)
    after, told = made.labels, made.truth["collapse"]

    def height(map_, name, back):
        points = frame.local(ct.positions_mm(np.argwhere(map_.mask(name))))
        near = points[(np.abs(points[:, 0]) < 5) & (np.abs(points[:, 1] - back) < 2.5)]
        return np.ptp(near[:, 2]) + 1.6

    places = {"front": -11.0, "middle": 0.0, "back": 11.0}
    for place, back in places.items():
        before, now = height(labels, "vertebrae_T12", back), height(after, "vertebrae_T12", back)
        if kind == "crush":
            assert before - now == pytest.approx(told["loss_mm"][place], abs=1.7)
        assert told["loss_pct"]["front"] == pytest.approx(pct, abs=0.5)
    if kind == "wedge":
        lost = [
            height(labels, "vertebrae_T12", b) - height(after, "vertebrae_T12", b) for b in places.values()
        ]
        assert lost[0] > lost[1] > lost[2] - 1.0
        assert lost[0] == pytest.approx(told["loss_mm"]["front"] * 26 / 30, abs=2.0)
    assert np.array_equal(after.mask("vertebrae_L1"), labels.mask("vertebrae_L1"))
    assert np.array_equal(made.bone, after.mask("vertebrae_T12"))
    if kind == "crush":  # what lies above comes down, as it was
        moved = [ct.positions_mm(np.argwhere(m.mask("vertebrae_T11"))).mean(axis=0) for m in (labels, after)]
        assert moved[0] - moved[1] == pytest.approx([0, 0, told["loss_mm"]["front"]], abs=0.81)
    assert after.mask("vertebrae_T11").sum() == pytest.approx(labels.mask("vertebrae_T11").sum(), rel=0.03)
    assert made.ct.array[np.abs(frame.local(_all(ct))[..., 2] + 25) < 1] == pytest.approx(
        ct.array[np.abs(frame.local(_all(ct))[..., 2] + 25) < 1]
    )


def _all(ct):
    return ct.positions_mm(np.moveaxis(np.indices(ct.shape), 0, -1))


def test_the_map_of_a_collapse_and_its_inverse_agree():
    from osteoplan.anatomy.simulate.collapse import compression

    ct, labels, frame = spine()
    bone = ct.with_array(labels.mask("vertebrae_T12"), "mask")
    points = frame.origin_mm + np.random.default_rng(1).uniform(-35, 35, (500, 3))
    for collapse in (Collapse(50.0), Collapse(35.0, "wedge")):
        squeezed = compression(bone, frame, collapse)
        assert squeezed.backward_mm(squeezed.forward_mm(points)) == pytest.approx(points, abs=0.1)
        assert squeezed.height_mm == pytest.approx(24.0, abs=2.0)  # hollow endplates


def test_a_breach_of_the_posterior_wall_stops_at_the_canal():
    ct, labels, frame = spine()
    bone = labels.mask("vertebrae_T12")
    recipe = Recipe(
        tuple(frame.world((0, 0, 0))), (16.0, 12.0, 12.0),
        breach=Breach("posterior", 10.0, width_mm=12.0, soft_tissue_mm=4.0),
    )  # fmt: skip
    made = simulate(ct, bone, recipe, frame=frame, seed=3)
    local = frame.local(ct.positions_mm(np.argwhere(made.mask)))
    assert 13.0 < local[:, 1].max() < 21.0
    assert (made.mask & ~bone).any()


def test_several_lesions_lie_beside_each_other_in_one_scan():
    ct, labels, frame = spine()
    bone = labels.mask("vertebrae_T12")
    recipes = [
        Recipe(tuple(frame.world((9, -2, 0))), (12, 12, 12), id="L1", collapse=Collapse(20.0)),
        Recipe(tuple(frame.world((-9, -2, 0))), (10, 12, 12), matrix="blastic", id="L2"),
    ]
    first, second = simulate_several(ct, bone, recipes, frame=frame, labels=labels, seed=3)
    assert not (first.mask & second.mask).any()
    assert second.ct.array[ndimage.binary_erosion(first.mask)].mean() < 120
    assert second.ct.array[ndimage.binary_erosion(second.mask)].mean() > 450
    assert [one.truth["id"] for one in (first, second)] == ["L1", "L2"]
    near = [recipes[0], Recipe(tuple(frame.world((7, -2, 0))), (10, 12, 12), id="L2")]
    with pytest.raises(LesionError, match="overlap"):
        simulate_several(ct, bone, near, frame=frame, seed=3)
    with pytest.raises(BadInput, match="first"):
        simulate_several(ct, bone, recipes[::-1], frame=frame, seed=3)


@pytest.mark.parametrize("grid", GRIDS)
def test_a_place_is_found_in_the_depth_and_at_the_cortex(grid):
    ct, bone, frame, _ = tube(grid)
    mask = ct.with_array(bone, "mask")
    deep = frame.local(centre_in(mask, frame, "centre", height_mm=10.0))
    assert deep == pytest.approx([0.0, 0.0, 10.0], abs=0.8)
    left = frame.local(centre_in(mask, frame, "left", height_mm=-12.0))
    assert left == pytest.approx([14.0, 0.0, -12.0], abs=1.0)
    below = frame.local(centre_in(mask, frame, "anterior", height_mm=0.0, inset_mm=5.0))
    assert below == pytest.approx([0.0, -9.0, 0.0], abs=1.0)
    with pytest.raises(LesionError, match="does not reach"):
        centre_in(mask, frame, height_mm=80.0)
    with pytest.raises(UnknownName, match="place"):
        centre_in(mask, frame, "medial")


def test_truth_is_json():
    made = put(breach=Breach("left", 24.0, width_mm=12.0, soft_tissue_mm=8.0), rim_mm=2.0)
    truth = json.loads(json.dumps(made.truth))
    assert truth["breach"]["toward"] == "left"
    assert truth["cortex_rule"] == "breach"


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Breach("left", 10.0), BadInput, "give one of them"),
        (lambda: Breach("left", -1.0, width_mm=3.0), BadInput, "positive"),
        (lambda: Breach("up", 10.0, width_mm=3.0), UnknownName, "direction"),
        (lambda: Breach("superior", 10.0, circumference_deg=90.0), BadInput, "looks to a side"),
        (lambda: Breach("left", 10.0, circumference_deg=400.0), BadInput, "full turn"),
        (lambda: Collapse(90.0), BadInput, "up to 70"),
        (lambda: Recipe((0, 0, 0), (9, 9, 9), shape="blob"), UnknownName, "shape"),
        (lambda: Recipe((0, 0, 0), (9, 9, 9), "blastic", "permeative"), BadInput, "lytic"),
        (lambda: Recipe((0, 0, 0), (9, 9, 9), rim_mm=-1), BadInput, "negative"),
        (lambda: put(collapse=Collapse(20.0)), BadInput, "for a vertebra"),
        (lambda: put(density_line=(0.8, 0.0)), BadInput, "HU already"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()
