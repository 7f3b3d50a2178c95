"""Which straight paths a scanner or a C-arm lets a person follow, and at which angles they are seen end on.

Patient space is LPS; ``u`` is the unit vector along the path from its tip outward through the skin.

    LAO / RAO         atan2(u_left, |u_posterior|)   detector towards the patient's left is LAO, positive
    CRA / CAU         asin(u_superior)               detector towards the head is CRA, positive

Both are counted from the line from front to back, on the side on which the device enters: the detector is
taken to be on that side.  For a detector in front of the patient they are the positioner angles of DICOM; for
one behind, DICOM's primary angle is 180 deg less the first.  In the words of CT the same two are the angle in
the axial plane and the angle out of it, to the head positive.

The room has its own axes: up (from the patient's position), across the table, and along it.  A mobile C-arm
stands beside the table: the arc slides in its stand (orbital o), and the stand's joint tilts it (angulation
a), so that

    u = (sin o, cos o cos a, cos o sin a)       across, up, along

It can stand on either side, so o counts in both senses.  The scanner's gantry tilts about the axis across the
table: at tilt t the angle of the path out of the slice is asin(u_along cos t - u_up sin t).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from osteoplan.arrays import F64, Bool, Point
from osteoplan.errors import UnknownName
from osteoplan.knowledge.guidance import Guidance, Imaging, guidances
from osteoplan.model.trajectory import Position, Trajectory

__all__ = [
    "LEAST_DEG", "POSITIONS", "Reach", "ViewAngles", "angle_words", "c_arm_angles", "followed",
    "reachable", "view_angles", "why_not",
]  # fmt: skip


LEAST_DEG = 0.5  # a smaller angle is told as none

# Up, in the patient's own axes (left, posterior, superior).
POSITIONS: Mapping[Position, tuple[float, float, float]] = {
    "prone": (0.0, 1.0, 0.0),
    "supine": (0.0, -1.0, 0.0),
    "lateral_left_down": (-1.0, 0.0, 0.0),
    "lateral_right_down": (1.0, 0.0, 0.0),
}


class ViewAngles(NamedTuple):
    """Angles of n paths [deg], each (...): see the module's head for their signs."""

    lao_rao_deg: F64
    cra_cau_deg: F64
    in_plane_deg: F64
    cranio_caudal_deg: F64


@dataclass(frozen=True, eq=False)
class Reach:
    """Which of n paths can be followed.

    Attributes:
        ok: (...) True where every limit is kept.
        short: limit -> (...) by how much it is missed, 0 where it is kept.
        words: limit -> a sentence with two places for numbers: what is asked for, and what there is.
        asked, bounds: limit -> (...) what the path asks for, and the limit.
    """

    ok: Bool
    short: Mapping[str, F64]
    words: Mapping[str, str]
    asked: Mapping[str, F64]
    bounds: Mapping[str, float]

    def why(self, index: int | tuple[int, ...] = ()) -> tuple[str, ...]:
        """One sentence for each limit that one path misses."""
        return tuple(
            self.words[name].format(float(self.asked[name][index]), self.bounds[name])
            for name, short in self.short.items()
            if short[index] > 0
        )


def view_angles(outward: npt.ArrayLike) -> ViewAngles:
    """(..., 3) directions from tip to skin, any length, LPS -> angles at which they are seen end on."""
    left, back, up = np.moveaxis(_unit(outward), -1, 0)
    around = np.degrees(np.arctan2(left, np.abs(back)))
    along = np.degrees(np.arcsin(np.clip(up, -1.0, 1.0)))
    return ViewAngles(around, along, around, along)


def angle_words(outward: npt.ArrayLike) -> str:
    """``20° L, 7° CAU``: what is set on gantry and table to look down a path from tip to skin (3,).

    L or R: the side of the patient from which the device comes; CRA or CAU: from the head's side or the
    feet's.  An angle that rounds to nothing is left out, *straight* where both do.
    """
    seen = view_angles(outward)
    told = [
        f"{abs(angle):.0f}° {words[angle < 0]}"
        for angle, words in (
            (float(seen.in_plane_deg), ("L", "R")), (float(seen.cranio_caudal_deg), ("CRA", "CAU")),
        )
        if abs(angle) >= LEAST_DEG
    ]  # fmt: skip
    return ", ".join(told) or "straight"


def c_arm_angles(outward: npt.ArrayLike, position: Position) -> tuple[F64, F64]:
    """Orbital and angulation [deg], (...) each, of a C-arm beside the table that looks along the paths.

    Orbital is 0 with the detector straight above, and positive across the table towards the patient's left
    where the patient is supine; angulation is positive towards the head.
    """
    across, up, along = _in_room(outward, position)
    o = np.degrees(np.arcsin(np.clip(across, -1.0, 1.0)))
    over = np.where(across >= 0, 180.0, -180.0) - o
    a = np.degrees(np.arctan2(np.where(up >= 0, along, -along), np.abs(up)))
    return np.where(up >= 0, o, over), np.where(np.abs(across) > 1.0 - 1e-12, 0.0, a)


def reachable(
    guidance: Guidance, outward: npt.ArrayLike, *, position: Position, outer_end_mm: npt.ArrayLike,
    isocentre_mm: npt.ArrayLike,
) -> Reach:  # fmt: skip
    """Whether paths can be followed with a guidance.

    Args:
        guidance: its imaging has the limits.
        outward: (..., 3) from tip to skin, any length, LPS.
        position: how the patient lies.
        outer_end_mm: (..., 3) outer end of the device: the entry and what stands out of the skin there.
        isocentre_mm: (3,) or (..., 3) middle of the bore, or of the C-arm's turn.

    Raises:
        UnknownName: no such position.
    """
    if position not in POSITIONS:
        raise UnknownName("position", position, POSITIONS)
    room = _in_room(outward, position)
    offset = np.asarray(outer_end_mm, dtype=np.float64) - np.asarray(isocentre_mm, dtype=np.float64)
    measure = _in_scanner if guidance.imaging.kind == "ct" else _in_c_arm
    limits = {**measure(guidance.imaging, room, offset, outward, position), **_over_table(guidance, room)}
    asked = {name: value for name, (value, _, _) in limits.items()}
    bounds = {name: bound for name, (_, bound, _) in limits.items()}
    short = {name: np.maximum(value - bounds[name], 0.0) for name, value in asked.items()}
    ok = np.all([value <= _CLOSE for value in short.values()], axis=0)
    return Reach(ok, {n: np.where(s <= _CLOSE, 0.0, s) for n, s in short.items()},
                 {n: words for n, (_, _, words) in limits.items()}, asked, bounds)  # fmt: skip


_CLOSE = 1e-9  # of rounding
_Limits = dict[str, tuple[F64, float, str]]


def _in_scanner(
    imaging: Imaging, room: tuple[F64, F64, F64], offset: F64, outward: npt.ArrayLike, position: Position
) -> _Limits:
    """Angle out of the tilted slice, and the outer end in the bore."""
    _, up, along = room
    tilt_max = np.radians(imaging.limit("gantry_tilt_max_deg").number)
    # the tilt that brings the path into the slice, from the vertical on either side
    tilt = np.clip(np.arctan2(np.where(up >= 0, along, -along), np.abs(up)), -tilt_max, tilt_max)
    off = np.degrees(np.arcsin(np.clip(np.abs(along * np.cos(tilt) - up * np.sin(tilt)), 0.0, 1.0)))
    # the bore is round about the table's long axis, which is the patient's: left and posterior count
    radius = np.hypot(offset[..., 0], offset[..., 1])
    free = imaging.limit("bore_radius_mm").number - imaging.limit("bore_clearance_mm").number
    return {
        "off_plane_deg": (
            off, imaging.limit("off_plane_max_deg").number,
            "{:.0f} deg out of the slice at the best gantry tilt, {:.0f} deg can be followed",
        ),
        "bore_mm": (
            np.broadcast_to(radius, off.shape), free,
            "outer end {:.0f} mm from the middle of the bore, {:.0f} mm are free",
        ),
    }  # fmt: skip


def _in_c_arm(
    imaging: Imaging, room: tuple[F64, F64, F64], offset: F64, outward: npt.ArrayLike, position: Position
) -> _Limits:
    """Orbital and angulation within the joint, from whichever side the C-arm stands on."""
    orbital, angulation = c_arm_angles(outward, position)
    # seen from the other side of the table the sense of the orbital turns over: the larger reach counts
    reach = max(imaging.limit("orbital_max_deg").number, -imaging.limit("orbital_min_deg").number)
    return {
        "orbital_deg": (
            np.abs(orbital), reach,
            "the C-arm would have to turn {:.0f} deg about the patient, {:.0f} deg at most",
        ),
        "angulation_deg": (
            np.abs(angulation), imaging.limit("angulation_max_deg").number,
            "the C-arm would have to tilt {:.0f} deg to head or feet, {:.0f} deg are advised near a patient",
        ),
        "outer_end_mm": (
            np.broadcast_to(np.linalg.norm(offset, axis=-1), orbital.shape),
            imaging.limit("outer_end_max_mm").number,
            "outer end {:.0f} mm from the isocentre, {:.0f} mm are free before the detector",
        ),
    }  # fmt: skip


def _over_table(guidance: Guidance, room: tuple[F64, F64, F64]) -> _Limits:
    """No path may come from below the table."""
    below = -np.degrees(np.arcsin(np.clip(room[1], -1.0, 1.0)))
    words = "comes {:.0f} deg from below the horizontal, where the table is; {:.0f} deg at most"
    return {"below_horizontal_deg": (below, guidance.imaging.limit("below_horizontal_max_deg").number, words)}


def _in_room(outward: npt.ArrayLike, position: Position) -> tuple[F64, F64, F64]:
    """Parts of unit vectors across the table, up, and along it to the patient's head."""
    u, vertical, head = _unit(outward), np.array(POSITIONS[position]), np.array([0.0, 0.0, 1.0])
    return u @ np.cross(vertical, head) * -1.0, u @ vertical, u @ head


def _unit(vectors: npt.ArrayLike) -> F64:
    v = np.asarray(vectors, dtype=np.float64)
    unit: F64 = v / np.linalg.norm(v, axis=-1, keepdims=True)
    return unit


def followed(
    ways: Iterable[Trajectory],
    guided: Sequence[Guidance],
    *,
    position: Position | None,
    isocentre_mm: Point | None,
) -> tuple[Trajectory, ...]:
    """The trajectories with what can guide them; one that nothing can guide does not fit.

    Args:
        ways: corridors; those without two ends stay as they are.
        guided: what is at hand; every guidance where none is given.
        position: of the patient; None leaves the ways as they are.
        isocentre_mm: middle of the scanner; None does not ask whether the entry lies in the bore.
    """
    return tuple(_followed(way, guided, position, isocentre_mm) for way in ways)


def why_not(
    skin_mm: npt.ArrayLike, target_mm: npt.ArrayLike, guided: Sequence[Guidance], *, position: Position,
    isocentre_mm: Point | None,
) -> dict[str, str]:  # fmt: skip
    """Guidance id -> why it cannot follow a straight device; empty words where it can.

    The device is taken to end at the skin: how far a driver stands out is not known.
    """
    entry = np.asarray(skin_mm, dtype=np.float64)
    outward = entry - np.asarray(target_mm, dtype=np.float64)
    middle = entry if isocentre_mm is None else np.asarray(isocentre_mm, dtype=np.float64)
    asked = tuple(guided) or tuple(guidances().values())
    found = {
        one.id: reachable(one, outward, position=position, outer_end_mm=entry, isocentre_mm=middle)
        for one in asked
    }
    return {id: "; ".join(reach.why()) for id, reach in found.items()}


def _followed(
    way: Trajectory, guided: Sequence[Guidance], position: Position | None, isocentre_mm: Point | None
) -> Trajectory:
    if position is None or way.entry_mm is None or way.target_mm is None:
        return way
    reach = why_not(
        way.skin_mm or way.entry_mm, way.target_mm, guided, position=position, isocentre_mm=isocentre_mm
    )
    told = replace(way, position=position, reach=reach)
    if not way.ok or any(not why for why in reach.values()):
        return told
    id, why = next(iter(reach.items()))
    said = f"cannot be followed with the patient {position.replace('_', ' ')}: {why} ({id.replace('_', ' ')})"
    return replace(told, status="none", fits=(), reasons=(said, *way.reasons))
