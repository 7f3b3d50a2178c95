"""Angles at which a path is seen end on, and which paths a scanner or a C-arm lets a person follow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from osteoplan.errors import UnknownName
from osteoplan.knowledge.guidance import Guidance, guidance
from osteoplan.model.trajectory import Position, Trajectory
from osteoplan.trajectory.reach import POSITIONS, c_arm_angles, followed, reachable, view_angles

HERE = np.array([10.0, -20.0, 30.0])
LEFT, BACK, HEAD = np.eye(3)


def limits(id: str, **changes: float) -> Guidance:
    """A guidance with some limits of its imaging changed."""
    one = guidance(id)
    known = {name: replace(one.imaging.limits[name], value=value) for name, value in changes.items()}
    return replace(one, imaging=replace(one.imaging, limits={**one.imaging.limits, **known}))


def follow(id: str | Guidance, outward: object, position: Position = "prone", out: float = 150.0):
    """Reach of paths whose outer ends lie ``out`` mm from the isocentre."""
    u = np.asarray(outward, dtype=float)
    u = u / np.linalg.norm(u, axis=-1, keepdims=True)
    how = guidance(id) if isinstance(id, str) else id
    return reachable(how, u, position=position, outer_end_mm=HERE + out * u, isocentre_mm=HERE)


@pytest.mark.parametrize(
    ("outward", "around", "along"),
    [
        (BACK, 0.0, 0.0),
        (-BACK, 0.0, 0.0),
        (BACK + LEFT, 45.0, 0.0),  # left posterior oblique entry: detector to the left
        (-BACK + LEFT, 45.0, 0.0),
        (BACK - np.sqrt(3.0) * LEFT, -60.0, 0.0),
        (BACK + HEAD, 0.0, 45.0),
        (BACK - HEAD, 0.0, -45.0),
        (LEFT, 90.0, 0.0),
        (BACK + LEFT + np.sqrt(2.0) * HEAD, 45.0, 45.0),
    ],
)
def test_view_angles_of_known_directions(outward: np.ndarray, around: float, along: float) -> None:
    found = view_angles(3.0 * outward)
    assert found.lao_rao_deg == pytest.approx(around)
    assert found.cra_cau_deg == pytest.approx(along)
    assert (found.in_plane_deg, found.cranio_caudal_deg) == (found.lao_rao_deg, found.cra_cau_deg)


def test_view_angles_give_the_direction_back() -> None:
    u = np.random.default_rng(1).standard_normal((200, 3))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    a, b = np.radians(view_angles(u)[:2])
    again = np.stack([np.cos(b) * np.sin(a), np.sign(u[:, 1]) * np.cos(b) * np.cos(a), np.sin(b)], axis=-1)
    assert again == pytest.approx(u)


@pytest.mark.parametrize("position", POSITIONS)
def test_the_c_arm_turned_by_its_angles_looks_along_the_path(position: Position) -> None:
    u = np.random.default_rng(2).standard_normal((200, 3))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    orbital, angulation = c_arm_angles(u, position)
    up = np.array(POSITIONS[position])
    across = np.cross(HEAD, up)
    for o, a, wanted in zip(orbital, angulation, u, strict=True):
        arc = Rotation.from_rotvec(np.radians(o) * np.cross(up, across)).apply(up)  # slides in its stand
        assert Rotation.from_rotvec(np.radians(a) * np.cross(up, HEAD)).apply(arc) == pytest.approx(wanted)
        assert -90.0 <= a <= 90.0


def test_a_detector_straight_above_is_zero_in_every_position() -> None:
    for position, up in POSITIONS.items():
        orbital, angulation = c_arm_angles(up, position)
        assert (float(orbital), float(angulation)) == (0.0, 0.0)


def test_a_straight_path_is_reached_by_everything() -> None:
    for id in ("freehand_ct", "robot", "fluoroscopy", "cbct_navigation"):
        assert follow(id, BACK).ok
        assert follow(id, BACK).why() == ()


def test_out_of_the_slice_counts_at_the_best_tilt_of_the_gantry() -> None:
    steep = BACK * np.cos(np.radians(40)) + HEAD * np.sin(np.radians(40))
    found = follow("freehand_ct", np.stack([steep, BACK]))
    assert found.ok.tolist() == [False, True]
    assert found.why(0) == ("40 deg out of the slice at the best gantry tilt, 30 deg can be followed",)
    tilting = limits("freehand_ct", gantry_tilt_max_deg=30.0)
    assert follow(tilting, steep).ok
    assert follow(tilting, steep).asked["off_plane_deg"] == pytest.approx(10.0)
    downward = BACK * np.cos(np.radians(40)) - HEAD * np.sin(np.radians(40))
    assert follow(tilting, downward).asked["off_plane_deg"] == pytest.approx(10.0)
    assert follow(tilting, downward, "prone").ok
    # for a path that lies across the table a tilt about that axis does little
    sideways = LEFT * np.cos(np.radians(40)) + HEAD * np.sin(np.radians(40))
    assert follow(tilting, sideways).asked["off_plane_deg"] == pytest.approx(
        np.degrees(np.arcsin(np.sin(np.radians(40)) * np.cos(np.radians(30))))
    )


def test_the_outer_end_must_lie_in_the_bore() -> None:
    assert follow("robot", BACK, out=329.0).ok
    far = follow("robot", BACK, out=331.0)
    assert not far.ok
    assert far.why() == ("outer end 331 mm from the middle of the bore, 330 mm are free",)
    assert follow("robot", BACK + 0.4 * HEAD, out=345.0).ok  # along the table the bore is open


def test_the_c_arm_turns_far_across_and_little_to_the_head() -> None:
    across = np.stack([np.sin(np.radians(85)) * LEFT + np.cos(np.radians(85)) * BACK])
    assert follow("fluoroscopy", across).ok.all()
    assert follow("fluoroscopy", across * [-1, 1, 1]).ok.all()  # it can stand on either side
    steep = BACK * np.cos(np.radians(50)) + HEAD * np.sin(np.radians(50))
    found = follow("fluoroscopy", steep)
    assert not found.ok
    assert found.why() == (
        "the C-arm would have to tilt 50 deg to head or feet, 45 deg are advised near a patient",
    )


@pytest.mark.parametrize("id", ["freehand_ct", "fluoroscopy"])
def test_no_path_comes_from_below_the_table(id: str) -> None:
    for position, up in POSITIONS.items():
        below = -np.array(up) * np.sin(np.radians(20)) + np.cross(HEAD, up) * np.cos(np.radians(20))
        found = follow(id, below, position)
        assert not found.ok
        assert "comes 20 deg from below the horizontal" in " ".join(found.why())
        assert follow(id, np.cross(HEAD, up), position).ok


def test_the_position_decides_which_paths_come_from_above() -> None:
    assert follow("freehand_ct", BACK, "prone").ok
    assert not follow("freehand_ct", BACK, "supine").ok
    assert follow("freehand_ct", LEFT, "lateral_right_down").ok
    assert not follow("freehand_ct", LEFT, "lateral_left_down").ok


def test_many_paths_at_once_and_one_by_one_agree() -> None:
    u = np.random.default_rng(3).standard_normal((50, 3))
    for id in ("laser_ct", "cbct_navigation"):
        together = follow(id, u, out=340.0)
        alone = [follow(id, one, out=340.0) for one in u]
        assert together.ok.tolist() == [bool(one.ok) for one in alone]
        assert [together.why(n) for n in range(50)] == [one.why() for one in alone]
        assert 0 < together.ok.sum() < 50


def test_an_unknown_position_or_limit_names_its_neighbour() -> None:
    with pytest.raises(UnknownName, match="did you mean 'prone'"):
        follow("robot", BACK, "pronee")  # type: ignore[arg-type]
    with pytest.raises(UnknownName, match="bore_radius_mm"):
        guidance("robot").imaging.limit("bore_radius")


@pytest.mark.parametrize("outward", [LEFT, -LEFT])
def test_straight_across_the_table_there_is_no_angulation(outward: np.ndarray) -> None:
    orbital, angulation = c_arm_angles(outward, "prone")
    assert abs(orbital) == pytest.approx(90.0)
    assert angulation == 0.0


def test_a_corridor_that_nothing_can_follow_does_not_fit_and_one_that_did_not_keeps_its_own_reason() -> None:
    fits = Trajectory(
        "w", "w", "corridor", "own", "fits", entry_mm=(0.0, 0.0, 0.0), target_mm=(0.0, 0.0, -50.0),
        fits=("screw",),
    )  # fmt: skip
    ct, level = (guidance("freehand_ct"),), (0.0, 80.0, 0.0)

    def followed_as(way: Trajectory, position: Position | None) -> Trajectory:
        return followed([way], ct, position=position, isocentre_mm=None)[0]

    assert followed_as(fits, None) is fits
    refused = followed_as(fits, "prone")  # straight along the table: 90 deg out of every slice
    assert (refused.status, refused.fits) == ("none", ())
    assert refused.reasons[0].startswith("cannot be followed with the patient prone: ")
    none = replace(fits, status="none", reasons=("too narrow",))
    assert followed_as(none, "prone").reasons == ("too narrow",)
    good = followed_as(replace(fits, entry_mm=level, target_mm=(0.0, 0.0, 0.0)), "prone")
    assert (good.status, good.fits, good.reach) == ("fits", ("screw",), {"freehand_ct": ""})
