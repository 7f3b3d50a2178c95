"""A proximal humerus with its shaft, and the scapula that it moves on, as signed distances.

Coordinates (lateral, posterior, superior) from the centre of the humeral head [mm]; the other side is its
mirror image.  The arm lies beside the trunk.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from osteoplan.anatomy.phantom.solids import blob, capsule, cut, ellipse, join, meet, plane, polygon, ramp
from osteoplan.arrays import F32, F64

__all__ = [
    "HUMERUS", "PhantomHumerus", "clavicle_distance", "cortex_mm", "humerus_distance", "neck_axis",
    "scapula_distance",
]  # fmt: skip


@dataclass(frozen=True)
class PhantomHumerus:
    """Sizes [mm] and angles of the shoulder."""

    head_radius: float = 23.5
    socket_radius: float = 27.0  # of the glenoid: the head's plus cartilage
    offset: float = 8.0  # from the head's centre to the shaft's axis
    retroversion_deg: float = 28.0
    neck_shaft_deg: float = 135.0
    shaft_radius: float = 11.0
    lean: float = -0.03  # the shaft goes lateral by this share of the way down
    cortex_thin: float = 1.2
    cortex_thick: float = 4.2


HUMERUS = PhantomHumerus()


def neck_axis() -> F64:
    """Unit vector from the shaft to the middle of the joint's face: medial, back, up."""
    tilt, turn = np.radians(HUMERUS.neck_shaft_deg - 90.0), np.radians(HUMERUS.retroversion_deg)
    return np.array([-np.cos(tilt) * np.cos(turn), np.cos(tilt) * np.sin(turn), np.sin(tilt)])


def shaft_centre(up: npt.ArrayLike) -> tuple[F64, F64]:
    """Lateral and posterior coordinate of the shaft's axis at a height [mm]."""
    z = np.asarray(up, dtype=np.float64)
    return HUMERUS.offset + HUMERUS.lean * z, np.full_like(z, -4.0)


def humerus_distance(side: F32, back: F32, up: F32) -> F32:
    """Signed distance to the humerus [mm]."""
    h = HUMERUS
    head = blob(side, back, up, (0.0, 0.0, 0.0), (h.head_radius,) * 3)
    greater = capsule(side, back, up, (15.0, 0.0, 10.0), (15.0, -3.0, -14.0), 11.5, 13.0)
    lesser = capsule(side, back, up, (5.0, -18.0, 4.0), (7.0, -15.0, -16.0), 7.5, 7.0)
    groove = capsule(side, back, up, (14.5, -20.0, 25.0), (12.5, -18.0, -60.0), 3.6, 2.4)
    x = side - np.float32(h.offset) - np.float32(h.lean) * up
    wide = 1.0 + 0.75 * ramp(up, -62.0, -14.0)
    shaft = ellipse(
        (x / wide).astype(np.float32),
        ((back + np.float32(4.0)) / wide).astype(np.float32),
        h.shaft_radius,
        h.shaft_radius - 0.7,
    )
    bump = capsule(side, back, up, (h.offset + 13.0, -5.0, -105.0), (h.offset + 12.5, -5.0, -135.0), 3.0)
    shaft = join(shaft, bump, 8.0)
    shaft = meet(shaft, np.asarray(up - np.float32(4.0), dtype=np.float32), 8.0)
    d = join(join(head, join(greater, lesser, 5.0), 4.0), shaft, 10.0)
    return np.asarray(cut(d, groove), dtype=np.float32)


def cortex_mm(up: F32) -> F32:
    """Thickness of the cortex [mm]: thin over the head, thick in the shaft."""
    grown = ramp(up, -35.0, -95.0)
    return HUMERUS.cortex_thin + np.float32(HUMERUS.cortex_thick - HUMERUS.cortex_thin) * grown


def marrow(side: F32, back: F32, up: F32, *, dense: float, loose: float, fatty: float) -> F32:
    """HU of what the cortex holds: dense under the joint's face, loose below, fat in the shaft."""
    from_axis = plane(side, back, up, (0.0, 0.0, 0.0), tuple(float(v) for v in neck_axis()))  # type: ignore[arg-type]
    head = ramp(from_axis, -16.0, 12.0)
    shaft = ramp(up, -30.0, -70.0)
    hu = loose + (dense - loose) * head
    mixed: F32 = hu + (fatty - hu) * shaft
    return mixed.astype(np.float32)


def scapula_distance(side: F32, back: F32, up: F32) -> F32:
    """Glenoid, neck, blade along the chest wall, spine with acromion, coracoid [mm]."""
    cup = capsule(side, back, up, (-31.0, 4.0, 9.0), (-31.0, 4.0, -9.0), 13.0)
    cup = meet(cup, np.asarray(np.abs(side + np.float32(33.0)) - np.float32(11.0), dtype=np.float32), 4.0)
    neck = capsule(side, back, up, (-38.0, 8.0, 2.0), (-54.0, 16.0, 0.0), 11.0, 6.5)
    d = join(cup, neck, 8.0)
    # the blade: a sheet that follows the ribs
    along = -(side + 46.0)
    sheet = np.abs(back - 13.0 - 0.62 * along + 0.0035 * along**2) / 1.18
    outline = polygon(
        np.asarray(along, dtype=np.float32), up,
        [(-4.0, 16.0), (30.0, 34.0), (62.0, 40.0), (72.0, 10.0), (60.0, -60.0), (48.0, -104.0),
         (38.0, -100.0),
         (14.0, -42.0), (-6.0, -12.0)],
    )  # fmt: skip
    thick = 1.7 + 3.2 * np.exp(np.minimum(outline, 0.0) / 5.0)
    blade = meet(np.asarray(sheet - thick, dtype=np.float32), outline, 3.0)
    d = join(d, blade, 5.0)
    ridge = capsule(side, back, up, (-104.0, 44.0, 14.0), (-28.0, 42.0, 22.0), 4.5, 6.0)
    web = capsule(side, back, up, (-96.0, 36.0, 13.0), (-50.0, 28.0, 16.0), 4.0, 4.5)
    acromion = capsule(side, back, up, (-28.0, 42.0, 22.0), (8.0, 18.0, 36.0), 6.5, 6.0)
    tip = capsule(side, back, up, (8.0, 18.0, 36.0), (2.0, -8.0, 37.5), 6.0, 5.0)
    d = join(d, join(join(ridge, web, 6.0), join(acromion, tip, 5.0), 6.0), 5.0)
    root = capsule(side, back, up, (-38.0, -3.0, 16.0), (-38.0, -22.0, 27.0), 7.5, 6.5)
    beak = capsule(side, back, up, (-38.0, -22.0, 27.0), (-18.0, -38.0, 14.0), 6.0, 5.0)
    d = join(d, join(root, beak, 4.0), 5.0)
    return np.asarray(
        cut(d, blob(side, back, up, (0.0, 0.0, 0.0), (HUMERUS.socket_radius,) * 3)), dtype=np.float32
    )


def clavicle_distance(side: F32, back: F32, up: F32) -> F32:
    """Outer part of the clavicle, to the acromion [mm]."""
    outer = capsule(side, back, up, (-8.0, -8.0, 40.0), (-48.0, -10.0, 42.0), 5.5, 6.0)
    inner = capsule(side, back, up, (-48.0, -10.0, 42.0), (-120.0, -38.0, 32.0), 6.0, 6.5)
    return join(outer, inner, 4.0)
