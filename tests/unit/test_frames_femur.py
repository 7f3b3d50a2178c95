"""Head, neck, shaft, trochanter and condyles of a femur, each found by itself on a bone of known shapes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from osteoplan.anatomy.frames.femur import (
    Neck,
    _highest_bump,
    _on_condyles,
    femur_frames,
    head_of,
    lesser_trochanter,
    neck_of,
    upper_shaft,
)
from osteoplan.anatomy.frames.fit import Sphere
from osteoplan.anatomy.frames.surface import BoneSurface
from osteoplan.model.anatomy import BoneFrame
from tests.unit.test_frames_analytic import (
    GRIDS,
    HEAD,
    JUNCTION,
    LESSER,
    NSA,
    RADIUS,
    ball,
    capsule,
    femur_mask,
    sampled,
)

ALONG = np.array([np.sin(NSA), 0.0, np.cos(NSA)])  # from the head down the neck
TRUE_HEAD = Sphere(HEAD, RADIUS, 0.0, np.ones(0, dtype=bool), share=0.7, roundness=0.3)


@pytest.fixture(scope="module")
def bone():
    return BoneSurface.of(femur_mask("oblique"))


def proximal(shaft_top=JUNCTION):
    """The true frame of the bone: the shaft runs along z through the junction."""
    return BoneFrame(HEAD, np.eye(3), "proximal_femur", {"shaft_axis_top": shaft_top}, {})


def test_a_head_is_found_by_its_surface_and_a_peg_is_none(bone):
    head = head_of(bone)
    assert np.linalg.norm(head.centre_mm - HEAD) < 0.5
    assert head.radius_mm == pytest.approx(RADIUS, abs=0.4)
    box = HEAD - [20, 20, 90], HEAD + np.array([20, 20, 20])
    peg = sampled(
        lambda p: capsule(p, HEAD - [0, 0, 80], HEAD - [0, 0, 8], 6.0), *box, np.eye(3), (1.2, 1.4, 1.7)
    )
    assert head_of(BoneSurface.of(peg)) is None


@pytest.mark.parametrize("grid", GRIDS)
def test_the_neck_is_the_narrowest_section_across_its_own_way(grid):
    neck = neck_of(BoneSurface.of(femur_mask(grid)), TRUE_HEAD)
    assert neck.area_mm2 == pytest.approx(np.pi * 14.0**2, rel=0.05)
    assert np.degrees(np.arccos(neck.direction @ ALONG)) < 3.0
    off = neck.centre_mm - HEAD
    assert np.linalg.norm(off - (off @ ALONG) * ALONG) < 1.0  # on its axis
    assert RADIUS < off @ ALONG < 1.9 * RADIUS


def test_a_waist_is_found_where_it_is():
    """A neck of two cones: 13 mm wide at 34 mm from the head's centre, wider to either side."""

    def waisted(points):
        s = (points - HEAD) @ ALONG
        r = np.linalg.norm(points - HEAD - s[..., None] * ALONG, axis=-1)
        cone = (r < 13.0 + 0.35 * np.abs(s - 34.0)) & (s > 0.0) & (s < 60.0)
        return ball(points, HEAD, RADIUS) | cone

    box = HEAD - [30, 30, 60], HEAD + np.array([75, 30, 30])
    neck = neck_of(BoneSurface.of(sampled(waisted, *box, GRIDS["oblique"], (1.0, 1.2, 1.5))), TRUE_HEAD)
    assert (neck.centre_mm - HEAD) @ ALONG == pytest.approx(34.0, abs=1.5)
    assert neck.area_mm2 == pytest.approx(np.pi * 13.0**2, rel=0.06)


def test_a_neck_that_the_image_cuts_or_that_is_not_there_is_none():
    only_head = sampled(lambda p: ball(p, HEAD, RADIUS), HEAD - 30, HEAD + 30, np.eye(3), (1.4, 1.6, 1.8))
    assert neck_of(BoneSurface.of(only_head), TRUE_HEAD) is None
    cut = sampled(
        lambda p: ball(p, HEAD, RADIUS) | capsule(p, HEAD, HEAD + 80 * ALONG, 14.0),
        HEAD - 30, HEAD + np.array([26.0, 30, 30]), np.eye(3), (1.4, 1.6, 1.8),
    )  # fmt: skip
    assert neck_of(BoneSurface.of(cut), TRUE_HEAD) is None


def test_a_shaft_is_measured_below_the_head_and_a_stump_counts_as_none(bone):
    shaft, seen = upper_shaft(bone, TRUE_HEAD, -3.0, -1.5)
    assert abs(shaft.axis.direction @ [0.0, 0.0, 1.0]) == pytest.approx(1.0, abs=2e-3)
    assert np.linalg.norm((shaft.axis.at(HEAD) - JUNCTION)[:2]) < 0.7
    assert 0.0 < seen < 140.0
    stump, none = upper_shaft(BoneSurface.of(femur_mask("axial", low=35.0)), TRUE_HEAD, -3.0, -1.5)
    assert none == 0.0
    assert stump is None or abs(stump.axis.direction[2]) > 0.9


def test_the_lesser_trochanter_is_the_highest_bump_on_its_side(bone):
    found = lesser_trochanter(bone, TRUE_HEAD, proximal())
    # the ball of 8 mm stands out of the shaft's 15 where it lies, medial and behind
    out = LESSER - JUNCTION
    reach = np.hypot(out[0], out[1]) + 8.0
    at = found.tip_mm - JUNCTION
    assert np.hypot(at[0], at[1]) == pytest.approx(reach, abs=1.5)
    assert found.tip_mm[2] == pytest.approx(LESSER[2], abs=3.0)
    assert np.degrees(found.angle) == pytest.approx(np.degrees(np.arctan2(out[1], -out[0])), abs=12.0)
    assert found.prominence_mm == pytest.approx(reach - 15.0, abs=1.5)
    forward = np.radians(np.arange(-90, -29, 10))  # in front there is none
    assert lesser_trochanter(bone, TRUE_HEAD, proximal(), forward) is None
    far = replace(proximal(), origin_mm=HEAD + np.array([0, 0, 400.0]))
    assert lesser_trochanter(bone, TRUE_HEAD, far) is None


def test_a_bump_stands_as_high_above_a_rod_as_it_was_made():
    angle = np.radians(35.0)
    way = np.array([-np.cos(angle), np.sin(angle), 0.0])
    z = np.linspace(-60.0, 0.0, 400)
    turn = np.linspace(-0.5, 0.5, 41)
    grid = np.array([(z_, t) for z_ in z for t in turn])
    height = 6.0 * np.exp(-(((grid[:, 0] + 25.0) / 4.0) ** 2)) * np.exp(-((grid[:, 1] / 0.3) ** 2))
    r, t = 15.0 + height, grid[:, 1]
    on = np.stack([-r * np.cos(angle + t), r * np.sin(angle + t), grid[:, 0]], axis=1)
    tip, prominence = _highest_bump(on, way)
    assert prominence == pytest.approx(6.0, abs=1.3)  # smoothed over layers of 2 mm
    assert tip[2] == pytest.approx(-25.0, abs=1.0)
    assert 19.0 < tip @ way < 21.0  # the mean of the outermost cap
    smooth = np.where(height[:, None] > -1, on * (15.0 / r)[:, None] * [1, 1, 0] + on * [0, 0, 1], on)
    assert _highest_bump(smooth, way) is None
    assert _highest_bump(on[:20], way) is None


def test_turned_to_the_condyles_a_neck_points_forward_by_its_anteversion():
    for version in (-8.0, 0.0, 17.0):
        a = np.radians(version)
        # seen from the knee (its line along x), the neck runs laterally and backward from the head
        neck = Neck(np.zeros(3), np.array([np.cos(a), np.sin(a), -0.8]), 600.0)
        for turn in (0.0, 25.0, -40.0):
            c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
            R = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
            backs = R @ [-22.0, 25.0, -380.0], R @ [22.0, 25.0, -372.0]
            frame = _on_condyles(proximal(), replace(neck, direction=R @ neck.direction), backs)
            assert frame.lengths_mm["anteversion_deg"] == pytest.approx(version, abs=1e-9)
            np.testing.assert_allclose(frame.left, R[:, 0], atol=1e-12)
            np.testing.assert_allclose(np.linalg.det(frame.axes), 1.0)
            assert frame.superior == pytest.approx([0, 0, 1])
            assert (frame.landmarks_mm["condyle_medial"] == backs[0]).all()


def test_a_shaft_without_a_head_still_has_a_frame_of_its_own():
    shaft = sampled(
        lambda p: capsule(p, JUNCTION - [0, 0, 20], JUNCTION - [0, 0, 140], 14.0),
        JUNCTION - [22, 22, 120], JUNCTION + np.array([22.0, 22, -40]), GRIDS["oblique"], (1.1, 1.3, 1.9),
    )  # fmt: skip
    frames = femur_frames(BoneSurface.of(shaft))
    assert set(frames) == {"femoral_shaft"}
    assert abs(frames["femoral_shaft"].superior @ [0.0, 0.0, 1.0]) == pytest.approx(1.0, abs=2e-3)
    assert frames["femoral_shaft"].lengths_mm["outer_diameter_mean"] == pytest.approx(28.0, abs=0.8)
