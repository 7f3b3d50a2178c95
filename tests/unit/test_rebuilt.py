"""A bone on cubes along its load: axes, what is kept, what is counted."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from osteoplan.errors import BadInput, NotAvailable
from osteoplan.kernels.elasticity import Bricks
from osteoplan.knowledge.loads import load_case
from osteoplan.mechanics.cases.resampled import (
    ResampledBone,
    away_from_grips,
    counts_of,
    frame_of,
    image_of,
    load_frame,
    one_piece,
    rebuild,
    words_of,
)
from osteoplan.model.anatomy import BoneFrame
from osteoplan.model.volume import Volume
from tests.synthetic_long_bone import GRIDS, HALF, RADIUS, notch, tube

SHAPE = (4, 5, 9)


def box(bone, *, lesion=None, now=None):
    """A body of cubes of 1.5 mm."""
    values = np.arange(bone.size, dtype=float).reshape(bone.shape)
    nothing = np.zeros(bone.shape, dtype=bool)
    return ResampledBone(
        BoneFrame(np.zeros(3), np.eye(3)), Volume(nothing, np.diag([1.5, 1.5, 1.5, 1.0]), "mask"), 1.5, bone,
        nothing if lesion is None else lesion, values if now is None else now, values + 0.5, 7,
    )  # fmt: skip


def full():
    return np.ones(SHAPE, dtype=bool)


def layers(*wanted):
    return np.isin(np.indices(SHAPE)[2], wanted)


def test_axes_of_a_load_are_right_handed_with_the_third_along_it():
    along, across = np.array([1.0, -2.0, 4.0]), np.array([0.3, 1.0, 0.2])
    frame = load_frame(np.array([5.0, 6.0, 7.0]), 3.0 * along, across)
    np.testing.assert_allclose(frame.axes @ frame.axes.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(frame.axes) == pytest.approx(1.0)
    np.testing.assert_allclose(frame.axes[2], along / np.linalg.norm(along))
    # as near to `across` as a direction at right angles to the load can be
    assert frame.axes[0] @ across == pytest.approx(np.sqrt(across @ across - (across @ frame.axes[2]) ** 2))


@pytest.mark.parametrize("grid", GRIDS)
def test_a_bone_on_cubes_has_its_own_volume_place_and_density(grid):
    anatomy = tube(grid, notch(90.0, 30.0))
    along = load_frame(anatomy.frame.origin_mm, anatomy.frame.axes[0], anatomy.frame.axes[2])
    body = rebuild(anatomy, along, 2.0, margin_mm=(4.0, 0.0, 6.0))
    assert body.grid.spacing_mm == pytest.approx([2.0] * 3)
    assert body.unseen == 0
    at = anatomy.frame.local(body.at_mm()[body.bone])
    assert np.hypot(at[:, 0], at[:, 1]).max() < RADIUS + 1.0
    assert np.abs(at[:, 2]).max() == pytest.approx(HALF, abs=2.0)
    assert at.mean(axis=0) == pytest.approx([0.0, 0.0, 0.0], abs=0.15)
    assert body.bone.sum() * 8.0 == pytest.approx(2 * HALF * np.pi * RADIUS**2, rel=0.02)
    assert (body.lesion & body.bone).sum() * 8.0 == pytest.approx(30.0 * np.pi * RADIUS**2 / 4, rel=0.08)
    inside = anatomy.frame.local(body.at_mm()[body.lesion & body.bone])
    assert inside[:, 0].mean() > 5.0  # to the left, where the notch was cut
    assert np.nanmean(body.intact[body.lesion]) > np.nanmean(body.now[body.lesion]) + 300.0
    # the margin is kept on every side, and the load's own axis is the cubes' third
    spare = (
        np.argwhere(body.bone).min(axis=0),
        np.array(body.bone.shape) - 1 - np.argwhere(body.bone).max(axis=0),
    )
    assert (np.minimum(*spare) >= [2, 0, 3]).all()
    third = body.grid.affine[:3, 2] / 2.0
    assert third == pytest.approx(anatomy.frame.axes[0])


def test_bone_that_the_scan_does_not_show_is_left_out_and_counted():
    anatomy = tube("oblique")
    whole = rebuild(anatomy, anatomy.frame, 2.5, margin_mm=(0.0, 0.0, 0.0))
    array = anatomy.image_intact.array.copy()
    array[~anatomy.bone_mask] = np.nan  # no number right beside the bone: cubes of its surface read none
    bare = replace(anatomy, image_intact=anatomy.image_intact.with_array(array))
    body = rebuild(bare, anatomy.frame, 2.5, margin_mm=(0.0, 0.0, 0.0))
    assert body.unseen > 100
    assert body.bone.sum() + body.unseen == whole.bone.sum()
    assert np.isfinite(body.intact[body.bone]).all()
    array[anatomy.bone_mask] = np.nan
    with pytest.raises(BadInput, match="holds no number"):
        rebuild(bare, anatomy.frame, 2.5, margin_mm=(0.0, 0.0, 0.0))
    with pytest.raises(BadInput, match="edge of the finite elements"):
        rebuild(anatomy, anatomy.frame, -2.0, margin_mm=(0.0, 0.0, 0.0))


def test_the_piece_that_joins_the_ends_is_kept_and_none_that_does_not():
    solid = full()
    solid[2] = False  # two slabs: one of two layers, one of one
    low, high = layers(0), layers(8)
    kept = one_piece(solid, low, high, name="left femur", between="head and knee")
    assert kept[:2].all()
    assert not kept[2:].any()
    solid[:2, :, 4] = False  # the larger is cut through
    kept = one_piece(solid, low, high, name="left femur", between="head and knee")
    assert kept[3].all()
    assert not kept[:3].any()
    solid[3, :, 4] = False
    with pytest.raises(NotAvailable, match="left femur: no bone joins head and knee"):
        one_piece(solid, low, high, name="left femur", between="head and knee")


def test_a_frame_that_the_scan_does_not_show_is_asked_for_in_words():
    anatomy = replace(tube(), frames={"femoral_shaft": tube().frame})
    assert frame_of(anatomy, "femoral_shaft") is anatomy.frames["femoral_shaft"]
    with pytest.raises(NotAvailable, match="no proximal femur is found"):
        frame_of(anatomy, "proximal_femur")


def test_bone_near_a_grip_does_not_count():
    """Cubes of 1.5 mm: a cap of one layer, and what is farther than 4 mm from it."""
    body, caps = box(full()), layers(0)
    assert (away_from_grips(body, caps, full(), 4.0) == layers(3, 4, 5, 6, 7, 8)).all()
    assert (away_from_grips(body, caps, full(), 4.6) == layers(4, 5, 6, 7, 8)).all()
    assert away_from_grips(body, layers(), full(), 4.0).all()
    # what is bone and is not to be counted is a grip as well
    assert (away_from_grips(body, layers(), ~layers(8), 4.0) == layers(0, 1, 2, 3, 4, 5)).all()


def test_caps_outside_the_scan_read_zero_and_bone_keeps_its_value():
    now = np.arange(full().size, dtype=float).reshape(SHAPE)
    now[:, :, 0] = np.nan
    body = box(full(), now=now)
    mesh = Bricks.of(full())
    values = image_of(body, mesh, layers(0, 8))
    assert (mesh.box(values["now"])[:, :, 0] == 0.0).all()
    assert (mesh.box(values["now"])[:, :, 1:] == now[:, :, 1:]).all()
    assert (mesh.box(values["intact"]) == now.size * 0 + np.arange(now.size).reshape(SHAPE) + 0.5).all()


def test_what_is_left_out_of_the_model_is_counted_and_said():
    bone, caps = ~layers(8), layers(8)
    kept = full()
    kept[0, :, :2] = False
    lesion = layers(1, 2, 8)
    body, mesh = box(bone, lesion=lesion), Bricks.of(kept)
    found = counts_of(body, mesh, caps)
    assert found == {
        "elements_outside_the_scan": 7,
        "elements_left_out": 10,
        "lesion_elements_modelled": 35,
        "lesion_elements_left_out": 5,
    }
    case, anatomy = load_case("femur_stance"), SimpleNamespace(level="left femur")
    said = words_of(anatomy, case, body, mesh, caps)
    assert "part of the lesion lies outside" in said[-1]
    whole = words_of(anatomy, case, box(bone, lesion=layers(2)), mesh, caps)
    assert len(whole) == len(said) - 1 == len(case.warnings)
