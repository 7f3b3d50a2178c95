"""Load cases of long bones: shafts of known shape on oblique and left-handed bricks, and a real femur."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from osteoplan.anatomy.laterality import shape_side
from osteoplan.anatomy.phantom import make_phantom
from osteoplan.errors import NotAvailable
from osteoplan.mechanics.cases import femur, shaft
from osteoplan.mechanics.cases.cement_pads import platen
from osteoplan.mechanics.load import solve, tissue_of
from osteoplan.mechanics.specimen import Specimen
from osteoplan.mechanics.state import MechanicsSettings
from osteoplan.mechanics.uncertainty.samples import central_sample, modulus
from osteoplan.model.anatomy import Anatomy, BoneFrame
from osteoplan.model.field import Field
from tests import synthetic_long_bone as made
from tests.femur_made import femur_of, in_a_mirror, real_femur, real_shaft

LAW = "femur_sigmoid"
COARSE = MechanicsSettings(spacing_mm=2.5, laws=(LAW,))
NECK = (-20.0, 0.0, -14.0)  # of the real femur, in its frame


def tube(grid: str = "oblique", where: made.Where | None = None, *, name: str = "femur_left") -> Anatomy:
    """The synthetic tube with a frame of its shaft."""
    ends = {end: made.CENTRE + z * made.AXES[2] for end, z in (("axis_top", 68.0), ("axis_bottom", -68.0))}
    frame = made.frame("femoral_shaft", landmarks_mm=ends)
    return replace(made.tube(grid, where, name=name), frames={"femoral_shaft": frame}, frame=frame)


def stiffness(specimen: Specimen, state: str = "intact", fields: tuple[Field, ...] = ()) -> float:
    tissue = tissue_of(specimen, state, tuple(field.volume for field in fields))  # type: ignore[arg-type]
    E = modulus(tissue, central_sample(specimen.anatomy.calibration, LAW))
    return solve(specimen, E).stiffness


def core(anatomy: Anatomy, radius_mm: float = 9.0) -> Field:
    """Cement around the axis of the tube."""
    left, back, up = made.local(anatomy.image)
    inside = (np.hypot(left, back) < radius_mm) & (np.abs(up) < 50.0)
    return Field("cement_fraction", anatomy.image.with_array(inside.astype(np.float32), "fraction"), "1")


def test_a_couple_bends_or_twists_and_pushes_nowhere() -> None:
    at = np.random.default_rng(3).normal(size=(40, 2)) * [9.0, 5.0] + [3.0, -7.0]
    side = np.array([0.6, -0.8])
    bent, twisted = shaft.bending(at, side), shaft.torsion(at)
    for force in (bent, twisted):
        assert force.sum(axis=0) == pytest.approx(np.zeros(3), abs=1e-12)
    assert (bent[:, 2] * (at @ side)).sum() == pytest.approx(1.0)
    assert (at[:, 0] * twisted[:, 1] - at[:, 1] * twisted[:, 0]).sum() == pytest.approx(1.0)


def test_the_gauge_lies_around_the_lesion_and_inside_the_shaft() -> None:
    assert shaft.gauge(-90.0, 90.0, 100.0, 20.0, pot_mm=8.0) == (20.0, 100.0)
    assert shaft.gauge(-90.0, 90.0, 100.0, 80.0, pot_mm=8.0) == (32.0, 100.0)
    assert shaft.gauge(-30.0, 30.0, 100.0, 20.0, pot_mm=8.0) == (0.0, 44.0)
    assert shaft.gauge(-8.0, 8.0, 100.0, 0.0, pot_mm=8.0) is None


@pytest.mark.parametrize("grid", ["oblique", "left_handed"])
def test_a_tube_bends_and_twists_as_its_section_says(grid: str) -> None:
    """Closed form with the modulus of the cortex; the rim of the image is softer by partial volume."""
    anatomy = tube(grid)
    fine = MechanicsSettings(spacing_mm=1.25, laws=(LAW,))
    outer, inner = made.RADIUS, made.RADIUS - made.THICK
    for build, section in (
        (shaft.build_coronal, np.pi / 4 * (outer**4 - inner**4)),
        (shaft.build_torsion, np.pi / 2 * (outer**4 - inner**4) / 2.6),
    ):
        specimen = build(anatomy, fine)
        E = modulus(tissue_of(specimen, "intact"), central_sample(anatomy.calibration, LAW))
        E = np.where(specimen.end_cap | (E > 3000.0), E, 0.1)
        E = np.where(specimen.end_cap, E, np.where(E > 1.0, 10_000.0, 0.1))
        found = solve(specimen, E).stiffness * float(specimen.counted["gauge_mm"])
        assert found == pytest.approx(10_000.0 * section, rel=0.08), build.__name__


def test_cement_on_the_neutral_axis_of_a_shaft_gives_no_bending_gain() -> None:
    """The published ordering (Cazzato 2018), intact and with a lesion inside the canal."""
    anatomy = tube(where=made.ball((0.0, 0.0, 0.0), 8.5))
    for build in (shaft.build_coronal, shaft.build_sagittal, shaft.build_torsion):
        specimen = build(anatomy, COARSE)
        for state in ("intact", "now"):
            gain = stiffness(specimen, state, (core(anatomy),)) / stiffness(specimen, state) - 1.0
            assert 0.0 < gain < 0.05, (build.__name__, state)


@pytest.mark.slow
def test_cement_in_the_canal_of_a_real_shaft_gives_no_bending_gain(data: Path) -> None:
    """Twenty-one millilitres along a piece of a real femoral shaft: less than three per cent."""
    anatomy = real_shaft(data)
    frame = anatomy.frame
    at = anatomy.image.positions_mm(np.moveaxis(np.indices(anatomy.image.shape), 0, -1))
    away = np.hypot(*np.moveaxis(frame.local(at), -1, 0)[:2])
    canal = anatomy.bone_mask & (anatomy.image.array < 400.0) & (away < 9.0)
    cement = Field("cement_fraction", anatomy.image.with_array(canal.astype(np.float32), "fraction"), "1")
    for build in (shaft.build_coronal, shaft.build_sagittal, shaft.build_torsion):
        specimen = build(anatomy, COARSE)
        assert float(specimen.counted["gauge_mm"]) > 60.0
        gain = stiffness(specimen, "intact", (cement,)) / stiffness(specimen) - 1.0
        assert 0.0 < gain < 0.03, build.__name__


def test_a_notch_costs_most_in_the_plane_that_it_lies_in() -> None:
    anatomy = tube()  # a sector on the left side
    loss = {
        build: 1.0 - stiffness(build(anatomy, COARSE), "now") / stiffness(build(anatomy, COARSE))
        for build in (shaft.build_coronal, shaft.build_sagittal, shaft.build_torsion)
    }
    assert loss[shaft.build_coronal] > 3.0 * loss[shaft.build_sagittal] > 0.0
    assert loss[shaft.build_torsion] > loss[shaft.build_coronal]


def test_a_lesion_outside_the_shaft_or_too_little_shaft_is_told() -> None:
    anatomy = tube()
    frame = anatomy.frame
    short = replace(
        frame, landmarks_mm={"axis_top": frame.world([0, 0, 20.0]), "axis_bottom": frame.world([0, 0, -20.0])}
    )
    with pytest.raises(NotAvailable, match="40 mm of true shaft"):
        shaft.build_torsion(replace(anatomy, frames={"femoral_shaft": short}), COARSE)
    above = replace(
        frame, landmarks_mm={"axis_top": frame.world([0, 0, 68.0]), "axis_bottom": frame.world([0, 0, 0.0])}
    )
    low = tube(where=made.ball((0.0, 0.0, -60.0), 5.0))
    with pytest.raises(NotAvailable, match="outside the shaft"):
        shaft.build_torsion(replace(low, frames={"femoral_shaft": above}), COARSE)
    with pytest.raises(NotAvailable, match="no femoral shaft"):
        shaft.build_torsion(replace(anatomy, frames={}), COARSE)


def test_a_pad_fills_from_the_bone_to_one_plane_at_either_end() -> None:
    bone = np.zeros((4, 5, 9), dtype=bool)
    bone[1, 1, 3:5], bone[2, 1, 3:6] = True, True
    up = platen(bone, bone, edge_mm=2.0, thickness_mm=4.0, up=True)
    assert up.plane == 8
    assert up.elements[1, 1].nonzero()[0].tolist() == [5, 6, 7]
    assert up.elements[2, 1].nonzero()[0].tolist() == [6, 7]
    down = platen(bone, bone, edge_mm=2.0, thickness_mm=4.0, up=False)
    assert down.plane == 1
    assert down.elements[1, 1].nonzero()[0].tolist() == [1, 2]


@pytest.mark.parametrize("side", ["left", "right"])
def test_ground_lies_behind_the_lateral_side_and_the_knee_lies_high(side: str) -> None:
    """Axes of the fall: a femur turned inward by 15 and adducted by 10 degrees, of either side."""
    lateral = 1.0 if side == "left" else -1.0
    points = {"head_centre": made.CENTRE, "shaft_axis_top": made.CENTRE + lateral * 40.0 * made.AXES[0]}
    bone = BoneFrame(made.CENTRE, made.AXES, "proximal_femur", points)
    down = -femur.fall_frame(bone, 15.0, 10.0).superior
    out, back, up = bone.local(made.CENTRE + down)
    assert out == pytest.approx(lateral * np.cos(np.radians(15)) * np.cos(np.radians(10)))
    assert back == pytest.approx(np.sin(np.radians(15)) * np.cos(np.radians(10)))
    assert up == pytest.approx(np.sin(np.radians(10)))


@pytest.fixture(scope="module")
def bone(data: Path) -> Anatomy:
    return real_femur(data, lesion_mm=NECK)


@pytest.mark.parametrize("build", [femur.build_stance, femur.build_fall])
@pytest.mark.slow
def test_a_real_femur_in_a_mirror_is_as_stiff(bone: Anatomy, build) -> None:  # type: ignore[no-untyped-def]
    here, there = build(bone, COARSE), build(in_a_mirror(bone), COARSE)
    assert len(here.mesh.cells) == len(there.mesh.cells)
    assert stiffness(there) == pytest.approx(stiffness(here), rel=1e-5)
    assert there.push == pytest.approx(here.push * [-1.0, 1.0, 1.0], abs=1e-9)


@pytest.mark.parametrize("build", [femur.build_stance, femur.build_fall])
def test_a_real_femur_is_held_and_loaded_where_the_case_says(bone: Anatomy, build) -> None:  # type: ignore[no-untyped-def]
    specimen, frame = build(bone, COARSE), bone.frames["proximal_femur"]
    head = np.linalg.norm(specimen.loaded_mm - frame.landmarks_mm["head_centre"], axis=1)
    assert head.min() > 0.9 * frame.lengths_mm["head_radius"]
    assert head.max() < 1.6 * frame.lengths_mm["head_radius"]
    held = frame.local(specimen.held_mm)
    assert (held[:, 2] < frame.local(frame.landmarks_mm["lesser_trochanter"])[2]).any()
    if build is femur.build_fall:
        at = frame.landmarks_mm["greater_trochanter_lateral"]
        assert np.linalg.norm(specimen.held_mm - at, axis=1).min() < 20.0
    assert 0.7 < stiffness(specimen, "now") / stiffness(specimen) < 1.0


def test_a_femur_cut_above_its_lesser_trochanter_is_not_loaded(bone: Anatomy) -> None:
    frame = bone.frames["proximal_femur"]
    points = {name: at for name, at in frame.landmarks_mm.items() if name != "lesser_trochanter"}
    cut = replace(bone, frames={"proximal_femur": replace(frame, landmarks_mm=points)})
    for build in (femur.build_stance, femur.build_fall):
        with pytest.raises(NotAvailable, match="lesser trochanter"):
            build(cut, COARSE)
    with pytest.raises(NotAvailable, match="no proximal femur"):
        femur.build_stance(replace(bone, frames={}), COARSE)


def test_the_femur_of_the_file_is_a_right_one_by_shape(bone: Anatomy) -> None:
    mask = bone.image.with_array(bone.bone_mask, "mask")
    assert shape_side("femur_left", mask).side == "right"


@cache
def phantom(site: str, grid: str) -> Anatomy:
    """The left long bone of a phantom on bricks of three different edges."""
    made_up = make_phantom(site, seed=4, side="left", grid=grid, spacing_mm=(3.6, 3.1, 4.3))
    mask = made_up.labels.mask(f"{site}_left")
    where = np.argwhere(mask)
    low = np.maximum(where.min(axis=0) - 4, 0)
    high = np.minimum(where.max(axis=0) + 5, mask.shape)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    image = made_up.ct.crop(low, high)
    density = image.with_array((0.8 * image.array).astype(np.float32), "mgK2HPO4/cm3")
    return femur_of(density, mask[box], f"{site}_left")


@pytest.mark.parametrize(
    ("site", "build"),
    [("humerus", femur.build_head), ("femur", femur.build_stance), ("femur", femur.build_fall)],
)
@pytest.mark.slow
def test_a_bone_is_as_stiff_however_its_scan_is_stored(site: str, build) -> None:  # type: ignore[no-untyped-def]
    coarse = MechanicsSettings(spacing_mm=4.0, laws=(LAW,))
    here, there = build(phantom(site, "axial"), coarse), build(phantom(site, "left_handed"), coarse)
    assert there.push == pytest.approx(here.push, abs=0.05)
    assert stiffness(there) == pytest.approx(stiffness(here), rel=0.15)


def test_a_humeral_head_is_pressed_in_the_middle_of_its_joint_surface() -> None:
    anatomy = phantom("humerus", "axial")
    specimen, frame = (
        femur.build_head(anatomy, MechanicsSettings(spacing_mm=4.0, laws=(LAW,))),
        anatomy.frame,
    )
    points = frame.landmarks_mm
    assert np.linalg.norm(specimen.loaded_mm.mean(axis=0) - points["head_apex"]) < 8.0
    inward = (points["head_centre"] - points["head_apex"]) / frame.lengths_mm["head_radius"]
    assert specimen.push == pytest.approx(inward, abs=1e-6)
    assert frame.local(specimen.held_mm)[:, 2].max() < -2.2 * frame.lengths_mm["head_radius"]
    without = replace(frame, landmarks_mm={k: v for k, v in points.items() if k != "shaft_axis_bottom"})
    with pytest.raises(NotAvailable, match="down the arm"):
        femur.build_head(replace(anatomy, frames={"proximal_humerus": without}), COARSE)
