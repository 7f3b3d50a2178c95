"""Which needle paths are tried and what they meet, in a body of flat faces where all of it is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from osteoplan.errors import NotAvailable
from osteoplan.knowledge.approaches import approach
from osteoplan.knowledge.devices import device
from osteoplan.knowledge.guidance import guidance
from osteoplan.model.anatomy import Structure
from osteoplan.trajectory.needles.candidates import (
    Candidates,
    Window,
    candidates,
    deep_enough_mm,
    neighbours,
    outward_axis,
    window_of,
)
from osteoplan.trajectory.needles.limits import NeedleTask, needle_rules
from osteoplan.trajectory.needles.measure import NO_SKIN_MM, Scene, meet, shortfalls
from osteoplan.trajectory.surroundings import DistanceMaps, distance_maps, surroundings
from tests.synthetic_long_bone import AXES, CENTRE, grid, local, made

GRIDS = ("straight", "oblique", "left_handed")
BONE, SKIN, VESSEL, LESION = 10.0, 26.0, 18.0, 7.0  # half depth, behind, to the left; radius
SPACING = (1.0, 1.2, 1.6)
VOXEL = float(np.linalg.norm(SPACING))  # bricks are near by up to half of that on a slanted face


def block(name="oblique", *, bare=False):
    """A block of bone under flat skin behind it; a flat vessel to its left, a joint below, a ball in it."""
    image = grid(name, (76.0, 76.0, 60.0), SPACING)
    left, back, up = local(image)
    bone = (np.abs(back) < BONE) & (np.abs(left) < 15.0) & (np.abs(up) < 13.0)
    lesion = left**2 + (back + 1.0) ** 2 + up**2 < LESION**2
    vessel = Structure("aorta", "vessel", (left > VESSEL) & (left < VESSEL + 6.0), True)
    joint = Structure("sacroiliac_joint_left", "joint", (np.abs(back - 15.0) < 2.0) & (up < -8.0), True)
    skin = np.ones_like(bone) if bare else back < SKIN
    return made(
        image, bone, lesion, 1.0 * bone, 1.0 * (bone & ~lesion), structures=(vessel, joint), skin=skin
    )


def task(name="iliac", side="left", **changes):
    needle = {
        key: changes.pop(key) for key in tuple(changes) if key in ("inside", "joints_crossed", "outward")
    }
    way = approach(name)
    way = way.model_copy(update={"needle": way.needle.model_copy(update=needle)})
    whole = NeedleTask(
        way, side, "prone", device("cannula_13g"), (guidance("freehand_ct"),), needle_rules(), tuple(CENTRE)
    )
    return replace(whole, **changes)


def scene(anatomy, asked=None, window=None):
    around = surroundings(anatomy)
    return Scene.of(around, distance_maps(around), asked or task(), window)


def paths(*ways, tip=(0.0, 0.0, 0.0)):
    """From one place along directions in bone coordinates (left, posterior, superior)."""
    unit = np.array([np.array(way) / np.linalg.norm(way) for way in ways])
    tips = np.tile(CENTRE + np.array(tip) @ AXES, (len(ways), 1))
    return Candidates(tips, unit @ AXES)


def lean(deg):
    """Backward and so far to the left."""
    return (np.sin(np.radians(deg)), np.cos(np.radians(deg)), 0.0)


ANGLES = np.array([0.0, 12.0, 25.0])


@pytest.mark.parametrize("name", GRIDS)
def test_lengths_gaps_and_angles_are_those_of_flat_faces(name):
    made_of, tried = scene(block(name)), paths(*map(lean, ANGLES))
    found = meet(made_of, tried, beyond_mm=25.0)
    cosine, radius = np.cos(np.radians(ANGLES)), task().diameter_mm / 2
    assert found.length_mm == pytest.approx(SKIN / cosine, abs=VOXEL / 2)
    assert found.reaches_skin.all()
    assert found.skin_angle_deg == pytest.approx(ANGLES, abs=4.0)
    assert found.cortex_angle_deg == pytest.approx(ANGLES, abs=12.0)
    beside = VESSEL - SKIN * np.tan(np.radians(ANGLES)) - radius  # nearest where it enters
    assert found.gap_mm["vessel"] == pytest.approx(beside, abs=0.6 * VOXEL)
    # what no limit asks beyond is not looked for beyond
    most = task().rules.farthest_mm + 1.0
    np.testing.assert_allclose(
        meet(made_of, tried).gap_mm["vessel"], np.minimum(found.gap_mm["vessel"], most), atol=1e-5
    )
    # a way that runs beside the vessel is as near anywhere; one that leans is nearest at its skin
    assert found.at_mm["vessel"][1:] == pytest.approx(found.length_mm[1:], abs=1.5)
    at = (found.bone_mm - CENTRE) @ AXES.T
    assert at[:, 1] == pytest.approx([BONE] * 3, abs=0.6 * VOXEL)
    assert at[:, 0] == pytest.approx(BONE * np.tan(np.radians(ANGLES)), abs=0.6 * VOXEL)
    np.testing.assert_allclose(np.linalg.norm(found.entry_mm - CENTRE, axis=1), found.length_mm, rtol=1e-12)
    assert found.tip_mm == pytest.approx([LESION - 1.0] * 3, abs=0.6 * VOXEL)
    assert np.isinf(found.wall_mm).all()
    assert not found.missed_mm.any()


def test_a_left_and_a_right_are_told_apart():
    found = meet(scene(block()), paths(lean(20.0), lean(-20.0)), beyond_mm=60.0)
    assert found.gap_mm["vessel"][1] > found.gap_mm["vessel"][0] + 6.0


def test_a_path_that_meets_no_bone_has_none_and_no_angle_to_it():
    found = meet(scene(block()), paths((0.0, 1.0, 0.0), tip=(-24.0, 0.0, 0.0)))
    assert np.isnan(found.bone_mm).all()
    assert found.cortex_angle_deg == pytest.approx(0.0)
    assert found.tip_mm[0] < -10.0


def test_an_image_that_ends_before_the_skin_is_never_fit():
    around = scene(block(bare=True))
    found = meet(around, paths((0.0, 1.0, 0.0)))
    assert not found.reaches_skin.any()
    assert shortfalls(around, found)["skin"] == pytest.approx([NO_SKIN_MM])


def test_a_joint_that_is_crossed_on_purpose_is_left_out_and_others_stay():
    anatomy = block()
    through = paths((0.0, 1.0, 0.0), tip=(0.0, 0.0, -11.0))
    assert meet(scene(anatomy), through).gap_mm["joint"][0] < 0.0
    crossing = task(joints_crossed=("sacroiliac_joint",))
    assert "joint" not in meet(scene(anatomy, crossing), through).gap_mm
    left, back, _ = local(anatomy.image)
    other = Structure("facet_joint", "joint", (np.abs(back - 15.0) < 2.0) & (left > 12.0), True)
    both = replace(anatomy, structures=(*anatomy.structures, other))
    found = meet(scene(both, crossing), through)
    beside = 12.0 - crossing.diameter_mm / 2
    assert found.gap_mm["joint"] == pytest.approx([beside], abs=0.6 * VOXEL)
    assert found.at_mm["joint"] == pytest.approx([15.0], abs=3.5)


def window(lateral_mm=None, radius=6.0, *, back=BONE):
    """A disc across the way backward, in the bone's own axes."""
    return Window(CENTRE + np.array([0.0, back, 0.0]) @ AXES, AXES[1], AXES[0], AXES[2], lateral_mm, radius)


def test_the_wall_beside_a_needle_is_read_between_waypoint_and_tip_alone():
    """From the tip to the disc at 4 mm it runs 15 - 9 mm from the side and 13 - 8 from the top."""
    asked = task(inside=True)
    found = meet(
        scene(block(), asked, window(back=4.0)), paths((0.0, 1.0, 0.0), (0.0, 1.0, 0.0), tip=(-9.0, 0.0, 0.0))
    )
    assert found.wall_mm == pytest.approx(6.0 - asked.diameter_mm / 2, abs=0.6 * VOXEL)
    far = meet(scene(block(), asked, window(back=9.0)), paths((0.0, 1.0, 0.0), tip=(-9.0, 0.0, 0.0)))
    assert far.wall_mm[0] < found.wall_mm[0] - 3.0  # a disc at the cortex: the way out of the bone counts


def test_every_shortfall_is_what_is_missing_of_its_limit_and_zero_where_it_is_kept():
    around = scene(block())
    found = meet(around, paths(*map(lean, ANGLES)))
    rules = around.task.rules
    made_up = replace(
        found,
        gap_mm={"vessel": np.array([rules.clearance_mm["vessel"] - 0.4, 99.0, rules.clearance_mm["vessel"]])},
        wall_mm=np.array([rules.wall_mm, rules.wall_mm - 0.3, np.inf]),
        missed_mm=np.array([0.0, 2.5, 0.0]),
        tip_mm=np.array([around.tip_mm - 0.7, around.tip_mm, around.tip_mm + 1.0]),
        length_mm=np.array([around.task.reach_mm, around.task.reach_mm + 8.0, 10.0]),
        skin_angle_deg=np.array([rules.skin_angle_deg + 3.0, 0.0, rules.skin_angle_deg]),
        cortex_angle_deg=np.array([0.0, rules.cortex_angle_deg, rules.cortex_angle_deg + 5.0]),
    )
    missing = shortfalls(around, made_up)
    assert missing["vessel_clearance_min_mm"] == pytest.approx([0.4, 0.0, 0.0])
    assert missing["wall_depth_min_mm"] == pytest.approx([0.0, 0.3, 0.0])
    assert missing["waypoint"] == pytest.approx([0.0, 2.5, 0.0])
    assert missing["tip_depth_min_mm"] == pytest.approx([0.7, 0.0, 0.0], abs=2e-4)
    assert missing["length_mm"] == pytest.approx([0.0, 8.0, 0.0])
    assert missing["skin_angle_max_deg"] == pytest.approx([3.0, 0.0, 0.0])
    assert missing["cortex_angle_max_deg"] == pytest.approx([0.0, 0.0, 5.0])
    assert not missing["skin"].any()


def test_a_path_that_one_guidance_can_follow_is_within_reach():
    """Prone, from in front: no one can; from behind: all can; and the better of two counts."""
    ahead, behind = (0.0, -1.0, 0.0), (0.0, 1.0, 0.0)
    one = scene(block())
    found = shortfalls(one, meet(one, paths(behind, ahead)))["reach"]
    assert found[0] == 0.0 < found[1]
    far = scene(block(), task(isocentre_mm=tuple(CENTRE + np.array([0.0, -400.0, 0.0]) @ AXES)))
    assert shortfalls(far, meet(far, paths(behind)))["reach"][0] > 0.0
    rooms = tuple(guidance(name) for name in ("freehand_ct", "cbct_navigation"))
    both = scene(block(), replace(far.task, guidances=rooms))
    measured = meet(both, paths(behind, ahead))
    each = [np.sum(list(reach.short.values()), axis=0) for reach in measured.reach.values()]
    assert shortfalls(both, measured)["reach"] == pytest.approx(np.minimum(*each))


# --- which paths are tried ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("side", ["left", "right"])
def test_directions_lie_evenly_in_the_cone_of_their_side(name, side):
    anatomy, asked = block(name), task(side=side)
    around = surroundings(anatomy)
    tried = candidates(around, distance_maps(around), asked)
    way = asked.approach.needle
    axis = outward_axis(anatomy.frame, way, side)
    sign = -1.0 if side == "right" else 1.0
    told = np.array(way.outward) * [sign, 1.0, 1.0]
    np.testing.assert_allclose(axis @ AXES.T, told / np.linalg.norm(told), atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(tried.outward, axis=1), 1.0, rtol=1e-12)
    cosine = tried.outward @ axis
    half = np.radians(way.within_deg)
    assert cosine.min() >= np.cos(half) - 1e-9
    own = np.unique(tried.outward.round(9), axis=0)
    assert len(own) * len(np.unique(tried.tips_mm, axis=0)) == len(tried) <= asked.rules.candidates
    spacing = np.radians(asked.rules.direction_spacing_deg)
    assert len(own) == pytest.approx(2 * np.pi * (1 - np.cos(half)) / spacing**2, rel=0.15)
    assert (np.abs(own - axis).max(axis=1) < 1e-8).any()  # the approach's own is among them
    assert own.mean(axis=0) @ axis == pytest.approx((1 + np.cos(half)) / 2, abs=0.03)
    across = own.mean(axis=0) - (own.mean(axis=0) @ axis) * axis
    assert np.linalg.norm(across) < 0.03


@pytest.mark.parametrize("name", GRIDS)
def test_tips_lie_deep_enough_in_the_lesion_and_apart(name):
    anatomy, asked = block(name), task()
    around = surroundings(anatomy)
    maps = distance_maps(around)
    tips = np.unique(candidates(around, maps, asked).tips_mm, axis=0)
    assert deep_enough_mm(maps, 2.0) == 2.0
    assert (-maps.at("lesion", tips) >= asked.rules.tip_depth_mm - 1e-3).all()
    apart = np.linalg.norm(tips[:, None] - tips, axis=-1) + 1e3 * np.eye(len(tips))
    assert len(tips) > 1
    assert np.ptp(tips, axis=0).max() < 2 * LESION
    assert apart.min() >= min(SPACING) - 1e-9


def test_a_thin_lesion_is_aimed_at_in_its_middle():
    anatomy = block()
    left, back, up = local(anatomy.image)
    thin = (np.abs(up) < 1.7) & (np.hypot(left, back) < 6.0)
    around = surroundings(replace(anatomy, lesion_mask=thin))
    maps = distance_maps(around)
    deepest = -float(maps.of("lesion").min())
    assert deep_enough_mm(maps, 50.0) == pytest.approx(0.7 * deepest)
    tips = candidates(around, maps, task()).tips_mm
    assert np.abs((tips - CENTRE) @ AXES[2]).max() < 1.7
    nowhere = replace(anatomy, lesion_mask=np.zeros_like(thin))
    around = surroundings(nowhere)
    with pytest.raises(NotAvailable, match="no needle can be aimed"):
        candidates(around, DistanceMaps(around.grid, (), np.zeros((*around.grid.shape, 0), "f4"), ()), task())


def test_a_waypoint_is_passed_by_every_path_that_is_tried():
    anatomy = block()
    frame = replace(
        anatomy.frame,
        kind="proximal_femur",
        landmarks_mm={"neck_centre": CENTRE + np.array([12.0, 0, -9]) @ AXES},
    )
    around = surroundings(replace(anatomy, frame=frame, frames={"proximal_femur": frame}))
    asked = task("femoral_neck")
    tried = candidates(around, distance_maps(around), asked)
    disc = window_of(around, asked)
    assert len(tried) > 100
    assert not disc.missed_mm(tried).any()
    axis = outward_axis(frame, asked.approach.needle, "left")
    assert (tried.outward @ axis).min() >= np.cos(np.radians(asked.approach.needle.within_deg)) - 1e-9
    np.testing.assert_allclose(disc.normal, axis)
    np.testing.assert_allclose(
        np.stack([disc.lateral, disc.upward, disc.normal]) @ disc.normal, [0, 0, 1], atol=1e-12
    )
    assert disc.lateral @ AXES[0] > 0.5  # away from the midline on the left
    with pytest.raises(NotAvailable, match="no proximal femur frame"):
        window_of(surroundings(anatomy), asked)
    assert window_of(around, task()) is None


def test_what_a_disc_is_missed_by():
    disc = window()
    tried = paths((0.0, 1.0, 0.0), lean(40.0), (0.0, 1.0, 1.0), (0.0, -1.0, 0.0), (1.0, 0.0, 0.0))
    assert disc.crossing_mm(tried)[:3] == pytest.approx(BONE / np.cos(np.radians([0.0, 40.0, 45.0])))
    assert disc.crossing_mm(tried)[3:] == pytest.approx([-BONE, -1.0])  # behind the tip; never
    missed = disc.missed_mm(tried)
    expected = [0.0, BONE * np.tan(np.radians(40.0)) - 6.0, BONE - 6.0, 1e3, 1e3]
    assert missed == pytest.approx(expected)
    flat = window((-2.0, 9.0), radius=3.0)
    assert flat.missed_mm(tried)[:3] == pytest.approx([0.0, 0.0, 7.0])
    assert flat.missed_mm(paths(lean(-30.0)))[0] == pytest.approx(BONE * np.tan(np.radians(30.0)) - 2.0)


def test_places_of_a_disc_fill_it_evenly():
    for disc in (window(), window((-2.0, 9.0), radius=3.0)):
        at = (disc.places() - CENTRE) @ AXES.T
        assert at[:, 1] == pytest.approx(BONE)
        low, high = disc.lateral_mm or (-6.0, 6.0)
        area = (high - low) * 2 * disc.radius_mm if disc.lateral_mm else np.pi * 36.0
        assert low - 1e-9 <= at[:, 0].min() < low + 1.5
        assert high - 1.5 < at[:, 0].max() <= high + 1e-9
        assert len(at) * 1.5**2 == pytest.approx(area, rel=0.45)
    assert np.hypot(at[:, 0], at[:, 2]).max() > 9.0  # a rectangle keeps its corners


def test_neighbours_are_one_step_and_one_turn_away_and_hold_the_path_itself():
    tried = paths((0.2, 1.0, -0.4), (0.0, 1.0, 0.0))
    around = neighbours(tried, 0.5, 3.0)
    assert len(around) == 2 * 27 * 9
    first = around.take(np.arange(243))
    step = np.abs(first.tips_mm - tried.tips_mm[0])
    assert np.unique(step.round(9)).tolist() == [0.0, 0.5]
    turn = np.degrees(np.arccos(np.clip(first.outward @ tried.outward[0], -1, 1)))
    corner = np.degrees(np.arctan(np.sqrt(2) * np.tan(np.radians(3.0))))
    assert np.unique(turn.round(4)).tolist() == pytest.approx([0.0, 3.0, corner], abs=2e-4)
    both = np.concatenate([first.tips_mm - tried.tips_mm[0], first.outward - tried.outward[0]], axis=1)
    assert (np.abs(both).max(axis=1) < 1e-9).sum() == 1
    assert len(np.unique(np.hstack([first.tips_mm, first.outward]).round(9), axis=0)) == 243
