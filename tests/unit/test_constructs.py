"""Screws and wires together: distances, lengths, anchorage, hold and choice, against closed forms."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest

from osteoplan.errors import BadInput, UnknownName
from osteoplan.knowledge.devices import devices
from osteoplan.knowledge.materials import Density, conversion, law_of_bone, strength_law
from osteoplan.knowledge.values import number
from osteoplan.model.anatomy import Structure
from osteoplan.model.case import Calibration
from osteoplan.model.construct import Screw
from osteoplan.model.trajectory import ErrorBudget, Trajectory
from osteoplan.trajectory.constructs.checks import _skin, between_mm, checks
from osteoplan.trajectory.constructs.choose import ConstructLimits, constructs, lengths_of, screw_in
from osteoplan.trajectory.constructs.purchase import Thread, bedding, purchase
from osteoplan.trajectory.constructs.wires import FanLimits, fan
from osteoplan.trajectory.geometry import angle_deg, circle, segment_distance
from osteoplan.trajectory.surroundings import surroundings
from tests.synthetic_long_bone import AXES, CENTRE, GRIDS, grid, local, made

LIMITS = ConstructLimits(
    between_mm=2.0, tip_joint_mm=5.0, tip_cover_mm=1.0, reach_mm=5.0, anchor_mm=10.0, angle_deg=10.0,
    spread_mm=10.0, sourced_within_mm=1.0, screws_most=3, constructs_most=4, alike=0.5,
)  # fmt: skip
SHELF = devices()
HALF, WIDE, BALL = 50.0, 20.0, 9.0
FULL, SHORT = SHELF["screw_7_0_full"], SHELF["screw_7_0_32"]


def at(left: float, back: float, up: float) -> np.ndarray:
    """Bone coordinates -> LPS."""
    return np.array([left, back, up]) @ AXES + CENTRE


def point(*local_mm: float) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in at(*local_mm))
    return x, y, z


@cache
def bar(
    grid_name="oblique",
    *,
    values=None,
    ball=BALL,
    joint_above=None,
    calibration=None,
    spacing=(0.9, 1.2, 1.6),
):
    """A bar 40 x 40 x 100 mm with a spherical lesion in its middle; ``values`` of up [mm] is its density."""
    image = grid(grid_name, (70.0, 70.0, 130.0), spacing)
    left, back, up = local(image)
    bone = (np.abs(left) < WIDE) & (np.abs(back) < WIDE) & (np.abs(up) < HALF)
    lesion = np.sqrt(left**2 + back**2 + up**2) < ball
    intact = np.where(bone, 300.0 if values is None else values(up), 0.0)
    skin = (np.abs(left) < 32.0) & (np.abs(back) < 32.0) & (np.abs(up) < 58.0)
    structures = ()
    if joint_above is not None:
        structures = (Structure("hip_joint_left", "joint", up > joint_above, True),)
    anatomy = made(
        image, bone, lesion, intact, np.where(lesion, 0.0, intact), structures=structures, skin=skin
    )
    if calibration is not None:
        anatomy = replace(anatomy, calibration=calibration)
    return surroundings(anatomy)


def way(id, entry, target, *, fits=("screw_7_0_full",), approach="made_by_hand", **rest):
    return Trajectory(
        id=id, name=id.replace("_", " "), kind="corridor", approach=approach, status="fits", side="left",
        entry_mm=point(*entry), target_mm=point(*target), skin_mm=point(*entry), fits=fits, **rest,
    )  # fmt: skip


def screw(name, head, tip, outer=7.0) -> Screw:
    head, tip = np.asarray(head, float), np.asarray(tip, float)
    length = float(np.linalg.norm(tip - head))
    return Screw("screw_7_0_full", name, "made_by_hand", name, "left", tuple(head), tuple(tip), length, outer,
                 None, length, None)  # fmt: skip


# distances and angles ------------------------------------------------------------------------------------


def brute(a0, a1, b0, b1, n=401):
    s = np.linspace(0, 1, n)[:, None]
    a, b = (np.asarray(p0) + s * (np.asarray(p1) - np.asarray(p0)) for p0, p1 in ((a0, a1), (b0, b1)))
    return np.linalg.norm(a[:, None] - b[None], axis=-1).min()


@pytest.mark.parametrize("seed", range(12))
def test_the_distance_of_two_segments_is_that_of_a_dense_search(seed):
    ends = np.random.default_rng(seed).normal(0.0, 30.0, (4, 3))
    exact, dense = segment_distance(*ends), brute(*ends)
    assert exact <= dense + 1e-9
    assert dense - exact < 0.5
    assert segment_distance(ends[2], ends[3], ends[1], ends[0]) == pytest.approx(exact, abs=1e-9)


@pytest.mark.parametrize(
    ("ends", "distance"),
    [
        (([0, 0, 0], [10, 0, 0], [3, 4, 0], [8, 4, 0]), 4.0),  # parallel, side by side
        (([0, 0, 0], [10, 0, 0], [13, 4, 0], [20, 4, 0]), 5.0),  # parallel, one behind the other
        (([0, 0, 0], [10, 0, 0], [12, 0, 0], [20, 0, 0]), 2.0),  # on one line
        (([0, 0, 0], [10, 0, 0], [5, -3, 7], [5, 9, 7]), 7.0),  # crossing above
        (([0, 0, 0], [10, 0, 0], [5, 3, 7], [5, 9, 7]), np.hypot(3, 7)),  # an end is nearest
        (([1, 2, 3], [1, 2, 3], [1, 2, 9], [1, 2, 9]), 6.0),  # two points
        (([1, 2, 3], [1, 2, 3], [0, 2, 9], [5, 2, 9]), 6.0),  # a point and a segment
    ],
)
def test_special_segments_have_their_exact_distance(ends, distance):
    assert segment_distance(*ends) == pytest.approx(distance, abs=1e-12)


def test_an_angle_between_axes_does_not_know_their_sense():
    assert angle_deg([1, 0, 0], [-5, 0, 0]) == 0.0
    assert angle_deg([0, 2, 0], [0, 0, 3]) == pytest.approx(90.0)
    assert angle_deg([1, 0, 0], [1, 1e-9, 0]) == pytest.approx(np.degrees(1e-9), rel=1e-6)


def test_points_on_a_circle_are_at_right_angles_to_the_axis_and_evenly_spread():
    axis = np.array([1.0, 2.0, -3.0])
    around = circle(axis, 5)
    assert np.abs(around @ axis).max() < 1e-12
    assert np.linalg.norm(around - np.roll(around, 1, axis=0), axis=1) == pytest.approx(2 * np.sin(np.pi / 5))


# what lies around a screw --------------------------------------------------------------------------------


@pytest.mark.parametrize("grid_name", list(GRIDS))
def test_anchors_on_both_sides_of_a_ball_are_what_the_chord_leaves(grid_name):
    around = bar(grid_name)
    bed = bedding(around, Thread(at(0, 0, -40), at(0, 0, 45), 7.0, 85.0))
    chord = 2.0 * np.sqrt(BALL**2 - 3.5**2)
    assert bed.anchor_mm == pytest.approx((40.0 - chord / 2, 45.0 - chord / 2), abs=0.8)
    assert bed.held_mm == pytest.approx(85.0 - chord, abs=1.0)
    assert bed.lesion_gap_mm < 0


def test_thread_that_is_not_there_does_not_anchor():
    around = bar()
    bed = bedding(around, Thread(at(0, 0, -40), at(0, 0, 45), 7.0, 32.0))
    assert bed.anchor_mm[0] == 0.0
    assert bed.anchor_mm[1] == pytest.approx(32.0, abs=0.2)


def test_thread_outside_the_bone_does_not_anchor():
    bed = bedding(bar(), Thread(at(0, 0, -70), at(0, 0, 0), 7.0, 70.0))
    assert bed.anchor_mm[0] == pytest.approx(50.0 - np.sqrt(BALL**2 - 3.5**2), abs=0.8)


def test_a_screw_beside_the_lesion_is_divided_where_it_is_nearest():
    bed = bedding(bar(), Thread(at(15, 0, -40), at(15, 0, 45), 7.0, 85.0))
    assert bed.crossing_mm is None
    assert bed.lesion_gap_mm == pytest.approx(15.0 - 3.5 - BALL, abs=1.0)
    assert bed.anchor_mm == pytest.approx((40.0, 45.0), abs=1.5)


def test_a_screw_without_length_is_refused():
    with pytest.raises(BadInput, match="without length"):
        bedding(bar(), Thread(at(0, 0, 0), at(0, 0, 0), 7.0, 5.0))


def two_densities(up):
    return np.where(up < 20.0, 200.0, 400.0)


@pytest.mark.parametrize("grid_name", list(GRIDS))
def test_hold_is_the_mean_density_of_the_thread_and_the_area_of_its_crest(grid_name):
    around = bar(grid_name, values=two_densities, ball=0.0)
    bed = bedding(around, Thread(at(0, 0, 0), at(0, 0, 40), 7.0, 40.0))
    held = purchase(around, bed, FULL, "hip_left")
    assert held.mean == pytest.approx(300.0, abs=6.0)
    assert held.area_mm2 == pytest.approx(np.pi * 7.0 * 40.0, rel=0.01)
    assert held.meaning == "mgK2HPO4/cm3"
    assert held.pullout_N is None
    assert "not known" in held.because


def test_a_thread_with_pitch_and_root_in_a_bone_with_a_law_has_a_pull_out_force():
    device = SHELF["pedicle_screw_a_7_0"]  # 7.0 / 4.04, pitch 3
    around = bar(values=two_densities, ball=0.0)
    bed = bedding(around, Thread(at(0, 0, 0), at(0, 0, 40), 7.0, 40.0))
    law = strength_law(law_of_bone("femur_left"))
    by_hand = 0.0
    for density in (200.0, 400.0):
        value = Density.of_mg(density, "K2HPO4")
        for step in law.conversions:
            value = conversion(step)(value)
        by_hand += 0.5 * float(law(value)) * np.pi * 7.0 * 20.0
    shape = 0.5 + 0.57735 * (7.0 - 4.04) / 2 / 3
    held = purchase(around, bed, device, "femur_left")
    assert held.pullout_N == pytest.approx(by_hand * shape, rel=0.03)
    assert held.pullout_N > 0
    assert "no strength law" in purchase(around, bed, device, "hip_left").because


def test_without_calibration_there_is_an_image_mean_and_no_force():
    rough = Calibration.line("fixed", 0.8, 5.0, 0.1, 1.0, calibrated=False)
    around = bar(values=two_densities, ball=0.0, calibration=rough)
    bed = bedding(around, Thread(at(0, 0, 0), at(0, 0, 40), 7.0, 40.0))
    held = purchase(around, bed, SHELF["pedicle_screw_a_7_0"], "femur_left")
    assert held.pullout_N is None
    assert "not calibrated" in held.because
    assert held.meaning == around.grid.meaning


def test_the_numbers_behind_the_hold_say_where_they_come_from():
    assert number("purchase.shear_share_of_yield") == 0.5
    with pytest.raises(UnknownName, match=r"unknown value .shear. in knowledge.data.constructs.purchase"):
        number("purchase.shear")


# which screw, how long -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("room", "length"), [(85.0, 85.0), (84.9, 80.0), (89.99, 85.0), (31.0, 30.0), (500, 180)]
)
def test_lengths_are_rounded_down_to_a_step_of_the_catalogue(room, length):
    assert next(lengths_of(FULL).within(room)) == pytest.approx(length)


def test_a_room_shorter_than_the_shortest_screw_takes_none():
    assert list(lengths_of(FULL).within(29.0)) == []
    assert screw_in(bar(), way("short", (0, 0, 0), (0, 0, 12)), SHELF, LIMITS) is None


def test_the_widest_screw_that_fits_is_taken_and_ends_inside_the_corridor():
    around = bar()
    found = screw_in(
        around, way("a", (0, 0, -48), (0, 0, 45), fits=("screw_7_0_full", "screw_4_0")), SHELF, LIMITS
    )
    assert (found.device, found.length_mm) == ("screw_7_0_full", 90.0)
    assert found.tip_mm == pytest.approx(tuple(at(0, 0, 42)))
    assert found.head_mm == pytest.approx(tuple(at(0, 0, -48)))


def test_a_screw_of_known_root_goes_before_a_slightly_wider_one_of_unknown_root():
    fits = ("screw_8_0_nominal", "screw_7_3_nominal", "screw_7_0_32", "screw_7_0_full", "screw_4_0")
    found = screw_in(bar(), way("a", (0, 0, -48), (0, 0, 45), fits=fits), SHELF, LIMITS)
    assert found.device == "screw_7_0_full"  # 7.0 is within 1 mm of 8.0; full thread before 32 mm
    narrow = screw_in(
        bar(), way("a", (0, 0, -48), (0, 0, 45), fits=("screw_6_5_nominal", "screw_4_0")), SHELF, LIMITS
    )
    assert narrow.device == "screw_6_5_nominal"


def test_a_solid_screw_goes_over_no_wire():
    assert (
        screw_in(bar(), way("a", (0, 0, -48), (0, 0, 45), fits=("screw_6_5_solid_32",)), SHELF, LIMITS)
        is None
    )


def test_a_screw_is_shortened_until_its_tip_keeps_off_the_joint():
    around = bar(joint_above=46.0)
    found = screw_in(around, way("a", (0, 0, -48), (0, 0, 44)), SHELF, LIMITS)
    assert found.length_mm == 85.0  # 90 would end 4 mm below it, 85 ends 9 mm below


def test_a_tip_on_the_surface_of_the_bone_is_drawn_back():
    found = screw_in(bar(), way("a", (0, 0, -48), (0, 0, 50)), SHELF, LIMITS)
    assert found.length_mm == 95.0
    slanted = screw_in(bar(), way("a", (0, 0, -45), (0, 0, 50)), SHELF, LIMITS)  # 95 would end on the surface
    assert slanted.length_mm == 90.0


def test_a_screw_in_a_wide_corridor_is_shifted_to_the_lesion_beside_it():
    roomy = way("a", (-15, 0, -46), (-15, 0, 46), measures={"free_diameter_mm": 15.0})
    (moved,) = constructs(bar(), [roomy], SHELF, LIMITS)
    (stays,) = constructs(bar(), [replace(roomy, measures={})], SHELF, LIMITS)
    (one,), (other,) = moved.screws, stays.screws
    assert np.linalg.norm(np.subtract(one.tip_mm, other.tip_mm)) == pytest.approx(
        4.0, abs=0.3
    )  # (15 - 7) / 2
    assert one.lesion_gap_mm < other.lesion_gap_mm - 3.0
    assert one.length_mm >= 90.0


def test_screws_that_would_collide_are_moved_apart_within_their_corridors():
    ways = [
        way(name, (x, 0, -46), (x, 0, 46), measures={"free_diameter_mm": 13.0})
        for name, x in (("left", 2.0), ("right", -2.0))
    ]
    found = constructs(bar(), ways, SHELF, LIMITS)
    both = next(one for one in found if len(one.screws) == 2)
    assert between_mm(*both.screws) == pytest.approx(
        3.0, abs=0.1
    )  # the spread that is wanted: 10 between axes
    tight = [replace(w, measures={"free_diameter_mm": 8.0}) for w in ways]
    assert all(len(one.screws) == 1 for one in constructs(bar(), tight, SHELF, LIMITS))


# together ------------------------------------------------------------------------------------------------


def test_screws_may_pass_at_exactly_the_bound_and_no_nearer():
    around = bar()
    a = screw("a", (0, 0, 0), (0, 0, 60))
    for gap, ok in ((9.0, True), (8.999, False)):
        b = screw("b", (gap, 0, 0), (gap, 0, 60))
        check = next(c for c in checks(around, (a, b), LIMITS) if c.id == "between_screws_min_mm")
        assert check.ok is ok
        assert check.hard
        assert check.value == pytest.approx(gap - 7.0)


def test_crossing_screws_whose_axes_touch_collide():
    a, b = screw("a", (0, 0, 0), (0, 0, 60)), screw("b", (-30, 0, 30), (30, 0, 30))
    assert between_mm(a, b) == pytest.approx(-7.0)


CROSSED = [
    way("along", (-9, 0, -46), (-9, 0, 46)),
    way("slanted", (9, -6, -46), (9, 17, 44)),
    way("far", (-16, 16, -46), (-16, 16, 46)),
    way("over", (0, 2, -46), (0, 2, 46)),
]


@pytest.fixture(scope="module")
def found():
    return constructs(bar(), CROSSED, SHELF, LIMITS)


def test_the_best_construct_crosses_reaches_the_lesion_and_holds_on_both_sides(found):
    best = found[0]
    assert {s.way for s in best.screws} == {"slanted", "along"} or best.spanning >= 2
    assert best.failed == ()
    assert best.ok
    assert min(min(s.anchor_mm) for s in best.screws) >= LIMITS.anchor_mm


def test_constructs_are_genuinely_different(found):
    sets = [{s.way for s in c.screws} for c in found]
    assert len(found) <= LIMITS.constructs_most
    for i, a in enumerate(sets):
        for b in sets[:i]:
            assert len(a & b) / len(a | b) <= LIMITS.alike


def test_no_construct_holds_screws_that_collide(found):
    for one in found:
        for check in one.checks:
            if check.id == "between_screws_min_mm":
                assert check.value >= LIMITS.between_mm


def test_a_screw_that_passes_far_from_the_lesion_is_said_not_to_reinforce_it():
    (only,) = constructs(bar(), [way("far", (-16, 16, -46), (-16, 16, 46))], SHELF, LIMITS)
    assert not only.ok
    said = {check.id: check for check in only.failed}
    assert "does not reinforce" in said["screw_reach_mm"].text
    assert said["lesion_reach_max_mm"].value == pytest.approx(np.hypot(16, 16) - 3.5 - BALL, abs=1.0)
    assert only.screws[0].anchor_mm is None


def test_a_short_hold_is_told_with_its_length():
    (only,) = constructs(bar(), [way("short", (0, 0, -16), (0, 0, 46))], SHELF, LIMITS)
    said = [check for check in only.failed if check.id == "anchor_wanted_mm"]
    assert len(said) == 1
    assert "head's side" in said[0].text
    assert said[0].value == pytest.approx(16.0 - np.sqrt(BALL**2 - 3.5**2), abs=0.8)


def test_the_less_likely_breach_goes_first():
    def risky(p):
        return ErrorBudget("robot", 1.0, 1.0, 500, {"any": p}, {}, "", {})

    ways = [
        way("a", (-1, 0, -46), (-1, 0, 46), budget=risky(0.3)),
        way("b", (1, 0, -46), (1, 0, 46), budget=risky(0.1)),
    ]
    best = constructs(bar(), ways, SHELF, LIMITS)[0]
    assert best.screws[0].way == "b"
    assert best.breach == pytest.approx(0.1)


def test_an_unknown_joint_is_unchecked_and_not_safe(found):
    said = [check for check in found[0].checks if check.id == "tip_joint_min_mm"]
    assert said
    assert all(check.ok is None and "unchecked" in check.text for check in said)


def test_what_does_not_fit_or_is_no_corridor_is_passed_over():
    none = replace(CROSSED[0], status="none")
    needle = replace(CROSSED[0], kind="needle")
    assert constructs(bar(), [none, needle], SHELF, LIMITS) == ()


def test_the_mirrored_patient_gets_the_mirrored_construct():
    flip = np.array([-1.0, 1.0, 1.0])
    here = constructs(bar("straight"), CROSSED, SHELF, LIMITS)
    mirrored = bar("straight")
    anatomy = mirrored.anatomy
    affine = anatomy.image.affine.copy()
    affine[0] *= -1.0
    image = replace(anatomy.image, affine=affine)
    other = surroundings(replace(anatomy, image=image))
    ways = [
        replace(w, entry_mm=tuple(flip * w.entry_mm), target_mm=tuple(flip * w.target_mm)) for w in CROSSED
    ]  # fmt: skip
    there = constructs(other, ways, SHELF, LIMITS)
    assert [c.id for c in there] == [c.id for c in here]
    for one, two in zip(here, there, strict=True):
        for s, t in zip(one.screws, two.screws, strict=True):
            assert t.tip_mm == pytest.approx(tuple(flip * s.tip_mm))
            assert t.anchor_mm == pytest.approx(s.anchor_mm)
            assert t.purchase.mean == pytest.approx(s.purchase.mean)


# wires ---------------------------------------------------------------------------------------------------

FAN = FanLimits(wires=3, between_mm=1.0, wall_mm=2.0, anchor_mm=10.0, longest_mm=120.0)
WIRE = SHELF["wire_2_0"]


@pytest.mark.parametrize("grid_name", list(GRIDS))
def test_a_fan_spreads_in_the_lesion_without_crossing_and_holds_beyond_it(grid_name):
    around = bar(grid_name)
    made_fan = fan(around, WIRE, at(0, 0, -HALF), at(0, 0, 0), FAN)
    assert len(made_fan.wires) == 3
    assert made_fan.ok
    assert made_fan.failed == ()
    ends = np.array([[w.outer_mm, w.tip_mm] for w in made_fan.wires])
    for i in range(3):
        for j in range(i):
            apart = np.linalg.norm(ends[i] - ends[j], axis=1)
            assert apart[0] >= WIRE.values["outer_diameter_mm"].number + FAN.between_mm
            assert apart[1] > 8.0  # they spread
    depths = (ends[:, 1] - CENTRE) @ AXES.T
    assert (depths[:, 2] > BALL / 2 + 5.0).all()  # past the lesion, into sound bone
    assert (np.abs(depths[:, :2]) < WIDE - FAN.wall_mm - 1.0).all()


def test_a_fan_that_finds_no_bone_is_none():
    assert fan(bar(), WIRE, at(0, 0, -HALF), at(0, 0, 0), replace(FAN, wall_mm=25.0)) is None


def test_the_fan_says_that_its_benefit_is_not_shown():
    assert any("Cazzato 2018" in note for note in fan(bar(), WIRE, at(0, 0, -HALF), at(0, 0, 0), FAN).notes)


def test_a_screw_that_never_reaches_the_skin_is_refused_and_names_itself() -> None:
    whole, cut = (
        SimpleNamespace(name=name, way=name, skin_mm=skin) for name, skin in (("a", (0, 0, 0)), ("b", None))
    )
    (found,) = _skin((whole, cut))
    assert (found.id, found.ok, found.hard, found.of) == ("skin", False, True, ("b",))
    assert "use a wider CT" in found.text
