"""A proximal femur and its shaft, as signed distance: sphere, neck, trochanters, bowed tube.

Coordinates (lateral, posterior, superior) from the centre of the head [mm]; the other side is its mirror
image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from osteoplan.anatomy.phantom.solids import blob, capsule, ellipse, join, meet, plane, ramp
from osteoplan.arrays import F32, F64

__all__ = ["FEMUR", "PhantomFemur", "cortex_mm", "femur_distance", "neck_axis", "shaft_centre"]


@dataclass(frozen=True)
class PhantomFemur:
    """Sizes [mm] and angles of the femur."""

    head_radius: float = 24.0
    offset: float = 44.0  # from the head's centre to the shaft's axis
    neck_shaft_deg: float = 127.0
    anteversion_deg: float = 12.0
    neck_radius: float = 15.5
    shaft_radius: float = 14.0
    lean: float = 0.09  # the shaft goes medially by this share of the way down
    bow_radius: float = 1100.0
    cortex_thin: float = 1.3  # head
    cortex_thick: float = 6.0  # shaft

    @property
    def neck_base(self) -> float:
        """Where the neck's axis meets the shaft's, above the head's centre (negative)."""
        return -self.offset / float(np.tan(np.radians(180.0 - self.neck_shaft_deg)))


FEMUR = PhantomFemur()


def shaft_centre(up: npt.ArrayLike) -> tuple[F64, F64]:
    """Lateral and posterior coordinate of the shaft's axis at a height [mm]; bowed to the front."""
    z = np.asarray(up, dtype=np.float64)
    down = FEMUR.neck_base - z
    back = _base_back() - (down * 300.0 - down**2) / (2.0 * FEMUR.bow_radius) * (down > 0)
    return FEMUR.offset - FEMUR.lean * down, back


def _base_back() -> float:
    """The shaft lies behind the head by the anteversion of the neck."""
    return FEMUR.offset * float(np.tan(np.radians(FEMUR.anteversion_deg)))


def neck_axis() -> F64:
    """Unit vector along the neck, from the shaft to the head (lateral, posterior, superior)."""
    axis = np.array([-FEMUR.offset, -_base_back(), -FEMUR.neck_base])
    unit: F64 = axis / np.linalg.norm(axis)
    return unit


def femur_distance(side: F32, back: F32, up: F32) -> F32:
    """Signed distance to the femur [mm]."""
    f, base = FEMUR, (FEMUR.offset, _base_back(), FEMUR.neck_base)
    head = blob(side, back, up, (0.0, 0.0, 0.0), (f.head_radius,) * 3)
    neck = capsule(side, back, up, (6.0, 1.3, -4.5), base, f.neck_radius, f.neck_radius + 3.0)
    d = join(head, neck, 6.0)
    crest = capsule(
        side, back, up, (f.offset + 9.0, base[1] + 4.0, -8.0), (f.offset + 8.0, base[1], -34.0), 13.0, 15.0
    )
    tip = capsule(
        side, back, up, (f.offset + 8.0, base[1] + 6.0, -8.0), (f.offset + 3.0, base[1] + 10.0, 2.0), 9.0, 6.5
    )
    d = join(d, join(crest, tip, 6.0), 8.0)
    lesser = capsule(
        side,
        back,
        up,
        (f.offset - 12.0, base[1] + 8.0, -58.0),
        (f.offset - 19.0, base[1] + 15.0, -60.0),
        9.0,
        5.0,
    )
    d = join(join(d, _shaft(side, back, up), 10.0), lesser, 8.0)
    return np.asarray(d, dtype=np.float32)


def _shaft(side: F32, back: F32, up: F32) -> F32:
    """Tube that widens towards the trochanters; the rough line stands out behind."""
    down = np.float32(FEMUR.neck_base) - up
    below = np.maximum(down, 0.0)
    x = side - np.float32(FEMUR.offset) + np.float32(FEMUR.lean) * down
    bow = (below * np.float32(300.0) - below**2) / np.float32(2.0 * FEMUR.bow_radius)
    y = back - np.float32(_base_back()) + bow
    wide = 1.0 + 0.42 * ramp(down, 50.0, -5.0)
    tube = ellipse(x / wide, y / wide, FEMUR.shaft_radius, FEMUR.shaft_radius - 0.5)
    line = np.hypot(x / 1.2, y - 12.5) - 3.2
    tube = join(tube, np.where(down > 45.0, line, np.float32(50.0)), 5.0)
    return meet(tube, np.asarray(up - np.float32(FEMUR.neck_base + 6.0), dtype=np.float32), 6.0)


def cortex_mm(up: F32) -> F32:
    """Thickness of the cortex [mm]: thin over the head, thick in the shaft."""
    grown = ramp(up, -40.0, -110.0)
    return FEMUR.cortex_thin + np.float32(FEMUR.cortex_thick - FEMUR.cortex_thin) * grown


def marrow(side: F32, back: F32, up: F32, *, dense: float, loose: float, fatty: float) -> F32:
    """HU of what the cortex holds: dense in the head, loose in the trochanters, fat in the shaft."""
    from_axis = plane(side, back, up, (0.0, 0.0, 0.0), tuple(float(v) for v in neck_axis()))  # type: ignore[arg-type]
    head = ramp(from_axis, -30.0, -8.0)
    shaft = ramp(up, -55.0, -90.0)
    hu = loose + (dense - loose) * head
    mixed: F32 = hu + (fatty - hu) * shaft
    return mixed.astype(np.float32)
