"""Frames on bones made of spheres and capsules, whose answers are known, on hard grids."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from scipy.spatial.transform import Rotation

from osteoplan.anatomy.frames import bone_frames, cautions, radius_profile
from osteoplan.anatomy.frames.fit import find_sphere, fit_line
from osteoplan.anatomy.frames.surface import BoneSurface
from osteoplan.errors import BadInput, GeometryMismatch
from osteoplan.model.anatomy import BoneFrame
from osteoplan.model.volume import Volume

F64 = npt.NDArray[np.float64]
Inside = Callable[[F64], npt.NDArray[np.bool_]]

HEAD = np.array([60.0, -20.0, 100.0])
RADIUS = 24.0
NSA = np.radians(130.0)
JUNCTION = HEAD + 50.0 * np.array([np.sin(NSA), 0.0, np.cos(NSA)])
LESSER = JUNCTION + np.array([-12.0, 12.0, -38.0])
VOXEL = 1.8
GRIDS = {
    "axial": np.eye(3),
    "flipped": np.diag([-1.0, -1.0, 1.0]),
    "left-handed": np.diag([1.0, -1.0, 1.0])[:, [2, 0, 1]],
    "oblique": Rotation.from_euler("xyz", [25, -18, 40], degrees=True).as_matrix(),
}


def capsule(points: F64, a: F64, b: F64, radius: float) -> npt.NDArray[np.bool_]:
    along = np.clip((points - a) @ (b - a) / ((b - a) @ (b - a)), 0.0, 1.0)
    gap: npt.NDArray[np.bool_] = np.linalg.norm(points - a - along[..., None] * (b - a), axis=-1) < radius
    return gap


def ball(points: F64, centre: F64, radius: float) -> npt.NDArray[np.bool_]:
    return capsule(points, centre, centre + np.array([0, 0, 1e-6]), radius)


def left_femur(points: F64, *, length: float = 130.0) -> npt.NDArray[np.bool_]:
    """Head, neck at 130 degrees, both trochanters, and a shaft along z."""
    return (
        ball(points, HEAD, RADIUS)
        | capsule(points, HEAD, JUNCTION, 14.0)
        | capsule(points, JUNCTION, JUNCTION - [0, 0, length], 15.0)
        | capsule(points, JUNCTION, JUNCTION + np.array([14, 6, 22]), 10.0)
        | ball(points, LESSER, 8.0)
    )


def whole_femur(points: F64) -> npt.NDArray[np.bool_]:
    """The same on condyles that are turned in by 15 degrees: 15 degrees of anteversion."""
    knee = JUNCTION - [0, 0, 340]
    way = 25.0 * np.array([np.cos(np.radians(15)), -np.sin(np.radians(15)), 0.0])
    return left_femur(points, length=340.0) | ball(points, knee + way, 20.0) | ball(points, knee - way, 20.0)


def left_humerus(points: F64) -> npt.NDArray[np.bool_]:
    """Head on a shaft, its cap cut at 135 degrees by the tuberosity; the shaft stands 10 mm to lateral."""
    top = HEAD + np.array([10.0, 0.0, -14.0])
    return (
        ball(points, HEAD, RADIUS)
        | capsule(points, top, top - [0, 0, 200], 12.0)
        | capsule(points, HEAD + np.array([14, 0, -10]), HEAD + np.array([20, 0, -4]), 14.0)
    )


def left_hip(points: F64) -> npt.NDArray[np.bool_]:
    """A socket that opens along OPENING, with a wing, a pubis and an ischium of rods and plates."""
    gap = np.linalg.norm(points - CUP, axis=-1)
    shell = (gap > 25.0) & (gap < 32.0) & ((points - CUP) @ OPENING < 0.0)
    rods = capsule(points, CUP + np.array([-20, -20, -10]), TUBERCLE + np.array([0, 8, 0]), 8.0)
    rods |= capsule(points, CUP + np.array([-22, 20, -20]), CUP + np.array([-25, 30, -80]), 12.0)
    for tip in (ASIS + np.array([0, 6, 0]), PSIS - [0, 6, 0], CUP + np.array([20, 10, 150])):
        rods |= capsule(points, CUP + np.array([-10, 15, 30]), tip, 6.0)
    rods |= capsule(points, ASIS + np.array([0, 6, 0]), CUP + np.array([20, 10, 150]), 5.0)
    return shell | (rods & (gap > 25.0))


CUP = np.array([85.0, -30.0, 0.0])
OPENING = np.array([np.sin(np.radians(42)) * np.cos(np.radians(18)), -np.sin(np.radians(18)), 0.0])
OPENING[2] = -np.sqrt(1 - OPENING[0] ** 2 - OPENING[1] ** 2)
TUBERCLE = CUP + np.array([-65.0, -55.0, -30.0])
ASIS = CUP + np.array([40.0, -55.0, 80.0])
PSIS = CUP + np.array([-45.0, 80.0, 95.0])


def sampled(inside: Inside, low: F64, high: F64, axes: F64, voxel: tuple[float, float, float]) -> Volume:
    """A mask of a shape on a grid with these axes (columns) that holds the box low..high."""
    corners = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T @ axes
    start = corners.min(axis=0)
    shape = np.ceil((corners.max(axis=0) - start) / voxel).astype(int) + 1
    affine = np.eye(4)
    affine[:3, :3] = axes * voxel
    affine[:3, 3] = axes @ start
    frame = Volume(np.zeros(shape, dtype=bool), affine, "mask")
    at = frame.positions_mm(np.moveaxis(np.indices(frame.shape), 0, -1))
    return frame.with_array(inside(at))


@cache
def femur_mask(grid: str = "axial", low: float = -60.0) -> Volume:
    axes = GRIDS[grid]
    box = np.array([25.0, -55.0, low]), np.array([140.0, 30.0, 130.0])
    return sampled(left_femur, *box, axes, (1.4, 1.6, VOXEL))


@cache
def hip_mask(grid: str = "axial") -> Volume:
    axes = GRIDS[grid]
    return sampled(left_hip, CUP - [90, 85, 110], CUP + np.array([65, 105, 170]), axes, (2.0, 2.2, 2.5))


def noisy(mask: Volume, share: float = 0.3) -> Volume:
    """A part of the surface voxels exchanged, and speckle all over, as a threshold leaves."""
    from scipy import ndimage

    draw = np.random.default_rng(5).random(mask.shape)
    edge = ndimage.binary_dilation(mask.array) & ~ndimage.binary_erosion(mask.array)
    return mask.with_array((mask.array ^ (edge & (draw < share))) ^ (draw > 0.999))


@cache
def read(bone: str, grid: str) -> Mapping[str, BoneFrame]:
    return bone_frames(bone, femur_mask(grid) if bone == "femur_left" else hip_mask(grid))


@pytest.fixture(scope="module")
def femur() -> Volume:
    return femur_mask()


@pytest.mark.parametrize("grid", GRIDS)
def test_a_femurs_head_neck_and_shaft_are_found_on_every_grid(grid: str) -> None:
    frames = read("femur_left", grid)
    frame = frames["proximal_femur"]
    assert np.linalg.norm(frame.origin_mm - HEAD) < 0.5
    assert frame.lengths_mm["head_radius"] == pytest.approx(RADIUS, abs=0.4)
    assert frame.lengths_mm["neck_shaft_angle_deg"] == pytest.approx(130.0, abs=3.0)
    assert frame.lengths_mm["neck_diameter"] == pytest.approx(28.0, abs=1.0)
    assert np.allclose(frame.axes, np.eye(3), atol=np.sin(np.radians(3.0)))
    tip = JUNCTION + np.array([14, 6, 32])
    assert np.linalg.norm(frame.landmarks_mm["greater_trochanter"] - tip) < 2 * VOXEL
    bump = frame.landmarks_mm["lesser_trochanter"]
    assert np.linalg.norm(bump - LESSER) < 8.0 + 2 * VOXEL
    assert frames["femoral_shaft"].lengths_mm["outer_diameter_most"] == pytest.approx(30.0, abs=0.8)
    assert np.linalg.det(frame.axes) == pytest.approx(1.0)


@pytest.mark.parametrize("grid", ["flipped", "left-handed", "oblique"])
@pytest.mark.parametrize("bone", ["femur_left", "hemipelvis_left"])
def test_landmarks_stay_within_a_voxel_whatever_the_grid(grid: str, bone: str) -> None:
    coarsest = VOXEL if bone == "femur_left" else 2.5
    straight, turned = read(bone, "axial"), read(bone, grid)
    assert straight.keys() == turned.keys()
    for kind, frame in straight.items():
        assert frame.landmarks_mm.keys() == turned[kind].landmarks_mm.keys()
        for name, point in frame.landmarks_mm.items():
            if name in ("shaft_axis_top", "shaft_axis_bottom", "axis_top", "axis_bottom", "narrowest"):
                continue  # ends of what is seen: they move by a section's step
            assert np.linalg.norm(point - turned[kind].landmarks_mm[name]) < coarsest, name


@pytest.mark.parametrize(
    ("left", "right"), [("femur_left", "femur_right"), ("hemipelvis_left", "hemipelvis_right")]
)
def test_a_mirrored_bone_gives_mirrored_landmarks_exactly(left: str, right: str) -> None:
    mask = femur_mask("oblique") if left == "femur_left" else hip_mask("oblique")
    mirror = np.diag([-1.0, 1.0, 1.0, 1.0])
    there = bone_frames(right, Volume(mask.array, mirror @ mask.affine, "mask"))
    for kind, frame in read(left, "oblique").items():
        other = there[kind]
        assert np.linalg.det(other.axes) == pytest.approx(1.0)
        assert other.superior == pytest.approx(frame.superior * [-1, 1, 1])
        assert other.lengths_mm == pytest.approx(frame.lengths_mm)
        for name, point in frame.landmarks_mm.items():
            assert other.landmarks_mm[name] == pytest.approx(point * [-1, 1, 1], abs=1e-6), name


@pytest.mark.slow
def test_a_threshold_mask_with_noise_moves_centres_by_less_than_a_voxel(femur: Volume) -> None:
    frame = bone_frames("femur_left", noisy(femur))["proximal_femur"]
    assert np.linalg.norm(frame.origin_mm - HEAD) < VOXEL / 2
    assert frame.lengths_mm["head_radius"] == pytest.approx(RADIUS, abs=0.6)
    assert frame.lengths_mm["neck_shaft_angle_deg"] == pytest.approx(130.0, abs=4.0)
    hip = bone_frames("hemipelvis_left", noisy(hip_mask()))["acetabulum"]
    assert np.linalg.norm(hip.origin_mm - CUP) < VOXEL


def test_without_shaft_the_axis_is_the_patients_and_a_caution_says_so() -> None:
    frames = bone_frames("femur_left", femur_mask(low=60.0))
    frame = frames["proximal_femur"]
    assert "neck_shaft_angle_deg" not in frame.lengths_mm
    assert "femoral_shaft" not in frames
    assert frame.superior == pytest.approx([0, 0, 1])
    said = " ".join(cautions("femur_left", frames))
    assert "no shaft on the scan" in said
    assert "no femoral shaft frame" in said


@pytest.mark.slow
def test_anteversion_is_known_only_with_the_condyles(femur: Volume) -> None:
    assert "anteversion_deg" not in bone_frames("femur_left", femur)["proximal_femur"].lengths_mm
    box = np.array([30.0, -55.0, -310.0]), np.array([140.0, 30.0, 130.0])
    whole = sampled(whole_femur, *box, GRIDS["axial"], (2.2, 2.4, 2.8))
    frame = bone_frames("femur_left", whole)["proximal_femur"]
    assert frame.lengths_mm["anteversion_deg"] == pytest.approx(15.0, abs=2.0)
    assert frame.left == pytest.approx([np.cos(np.radians(15)), -np.sin(np.radians(15)), 0], abs=0.04)


@pytest.mark.parametrize("grid", ["axial", "oblique"])
def test_a_sockets_centre_and_opening_are_found_without_the_femur(grid: str) -> None:
    frames = read("hemipelvis_left", grid)
    cup = frames["acetabulum"]
    assert np.linalg.norm(cup.origin_mm - CUP) < 0.7
    assert cup.lengths_mm["radius"] == pytest.approx(25.0, abs=0.5)
    axis = (cup.landmarks_mm["opening"] - cup.origin_mm) / cup.lengths_mm["radius"]
    assert np.degrees(np.arccos(axis @ OPENING)) < 4.0
    hip = frames["hemipelvis"]
    for name, truth in (("asis", ASIS), ("psis", PSIS), ("pubic_tubercle", TUBERCLE)):
        assert np.linalg.norm(hip.landmarks_mm[name] - truth) < 4.0, name
    plane = ASIS - TUBERCLE
    up = np.array([0.0, plane[1], plane[2]]) / np.hypot(plane[1], plane[2])
    assert np.degrees(np.arccos(hip.superior @ up)) < 2.0
    assert any("mirrored at the patient's sagittal plane" in s for s in cautions("hemipelvis_left", frames))


@pytest.mark.slow
def test_a_raised_arm_gives_the_same_bone_directions_as_a_hanging_one() -> None:
    box = np.array([20.0, -60.0, -80.0]), np.array([110.0, 20.0, 130.0])
    hanging = sampled(left_humerus, *box, GRIDS["axial"], (1.0, 1.2, VOXEL))
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("x", 175, degrees=True).as_matrix()
    raised = Volume(hanging.array, turn @ hanging.affine, "mask")
    down, up = (bone_frames("humerus_left", mask) for mask in (hanging, raised))
    assert np.linalg.norm(down["proximal_humerus"].origin_mm - HEAD) < 0.5
    assert down["humeral_shaft"].lengths_mm["outer_diameter_mean"] == pytest.approx(24.0, abs=0.5)
    for kind in ("proximal_humerus", "humeral_shaft"):
        assert up[kind].axes @ turn[:3, :3] == pytest.approx(down[kind].axes, abs=0.04)
    assert any("arm is raised" in s for s in cautions("humerus_left", up))
    assert not any("arm is raised" in s for s in cautions("humerus_left", down))


def test_the_radius_profile_follows_a_shaft_that_widens() -> None:
    def cone(points: F64) -> npt.NDArray[np.bool_]:
        r = 14.0 - 0.02 * points[..., 2]
        on = np.hypot(points[..., 0], points[..., 1]) < r
        return on & (np.abs(points[..., 2]) < 70.0)

    mask = sampled(
        cone,
        np.full(3, -22.0) - [0, 0, 60],
        np.full(3, 22.0) + np.array([0, 0, 60]),
        GRIDS["oblique"],
        (0.8, 1.0, 1.3),
    )
    frame = bone_frames("femur_left", mask)["femoral_shaft"]
    heights, radii = radius_profile(BoneSurface.of(mask), frame)
    slope = np.polyfit(heights[2:-2], radii[2:-2], 1)[0]
    assert slope == pytest.approx(-0.02, abs=0.003)
    assert np.median(radii) == pytest.approx(14.0, abs=0.3)


def test_a_sphere_of_which_a_third_is_seen_is_fitted_and_a_plate_is_none() -> None:
    mask = sampled(
        lambda p: ball(p, HEAD, 20.0) & (p[..., 2] > HEAD[2] + 6.0),
        HEAD - 26,
        HEAD + 26,
        GRIDS["oblique"],
        (0.9, 1.1, 1.4),
    )
    bone = BoneSurface.of(mask)
    end_cap = find_sphere(bone.surface_mm, bone.normals, hollow=False, radii_mm=(16.0, 32.0))
    assert end_cap is not None
    assert np.linalg.norm(end_cap.centre_mm - HEAD) < 0.6
    assert 0.2 < end_cap.share < 0.6
    plate = BoneSurface.of(
        sampled(
            lambda p: np.abs(p[..., 2]) < 3.0,
            np.array([-30.0, -30, -8]),
            np.array([30.0, 30, 8]),
            np.eye(3),
            (1, 1, 1),
        )
    )
    found = find_sphere(plate.surface_mm, plate.normals, hollow=False, radii_mm=(16.0, 32.0))
    assert found is None or found.share < 0.2


def test_a_line_ignores_one_point_that_does_not_belong() -> None:
    along = np.arange(0.0, 60.0, 3.0)[:, None] * [0.0, 0.6, 0.8]
    along[7] += [9.0, 0.0, 0.0]
    line = fit_line(along)
    assert abs(line.direction @ [0.0, 0.6, 0.8]) == pytest.approx(1.0, abs=1e-3)


def test_what_shows_no_bone_is_refused_with_a_sentence(femur: Volume) -> None:
    with pytest.raises(BadInput, match="mask is empty"):
        bone_frames("femur_left", femur.with_array(np.zeros(femur.shape, dtype=bool)))
    with pytest.raises(BadInput, match="no acetabulum"):
        bone_frames("hemipelvis_left", femur)
    small = femur.with_array(np.zeros(femur.shape, dtype=bool))
    small.array[20:30, 20:30, 20:30] = True
    with pytest.raises(BadInput, match="neither a head nor a stretch of shaft"):
        bone_frames("femur_left", small)
    with pytest.raises(GeometryMismatch, match="frame other"):
        bone_frames(
            "femur_left", femur, context={"hip_left": Volume(femur.array, femur.affine, "mask", "other")}
        )
