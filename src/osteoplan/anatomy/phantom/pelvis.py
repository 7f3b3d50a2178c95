"""Hemipelves and sacrum as signed distances: sheets, shells, rods and a bent wedge.

Coordinates (side or left, posterior, superior) from the middle between the centres of the femoral heads [mm];
``side`` counts from the midline outward, so that both hemipelves are one function.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from osteoplan.anatomy.phantom.solids import (
    blob,
    capsule,
    cut,
    ellipse,
    join,
    meet,
    plane,
    polygon,
    ramp,
    slab,
)
from osteoplan.arrays import F32, F64

__all__ = [
    "PELVIS", "PhantomPelvis", "endplate_mm", "foramina_mm", "hip_distance", "sacral_canal",
    "sacral_canal_mm", "sacral_plane", "sacrum_distance",
]  # fmt: skip

# outline of the ilium seen from the side: (posterior, superior)
ILIUM = [
    (-38.0, 84.0), (-34.0, 70.0), (-29.0, 58.0), (-35.0, 44.0), (-32.0, 32.0), (-22.0, 8.0), (0.0, -2.0),
    (22.0, 0.0), (32.0, 10.0), (40.0, 28.0), (54.0, 37.0), (70.0, 38.0), (78.0, 48.0), (86.0, 68.0),
    (83.0, 84.0), (66.0, 106.0), (45.0, 122.0), (18.0, 130.0), (-10.0, 122.0), (-30.0, 103.0),
]  # fmt: skip


@dataclass(frozen=True)
class PhantomPelvis:
    """Sizes [mm] of the pelvis."""

    hip_apart: float = 88.0  # from the midline to the centre of a head
    socket_radius: float = 27.5
    wall: float = 9.0  # of the socket
    opening: tuple[float, float, float] = (0.74, -0.28, -0.61)  # normal of the socket's rim: out, front, down
    si_gap: float = 3.0
    symphysis_half: float = 2.5
    arc_centre: tuple[float, float] = (-22.0, 20.0)  # of the sacrum's front: posterior, superior
    arc_radius: float = 76.0
    first_deg: float = 66.0  # of the promontory, seen from the arc's centre
    sacral_slope_deg: float = 40.0
    sacrum_length: float = 112.0


PELVIS = PhantomPelvis()
FORAMINA = ((34.0, 20.0, 5.5), (54.0, 18.0, 5.0), (73.0, 16.0, 4.5), (90.0, 14.5, 4.0))  # along, side, radius


def hip_distance(side: F32, back: F32, up: F32) -> F32:
    """Signed distance to a hemipelvis [mm], not yet parted from the sacrum."""
    p, hip = PELVIS, PELVIS.hip_apart
    wing = _wing(side, back, up)
    socket = blob(side, back, up, (hip, 0.0, 0.0), (p.socket_radius + p.wall,) * 3)
    rim = plane(side, back, up, (hip, 0.0, 0.0), p.opening) - np.float32(4.0)
    socket = meet(socket, rim, 5.0)
    socket = meet(socket, np.asarray(np.float32(56.0) - side, dtype=np.float32), 4.0)
    column = capsule(side, back, up, (74.0, 22.0, 24.0), (63.0, 27.0, -20.0), 15.0, 12.0)
    d = join(join(wing, socket, 12.0), column, 10.0)
    ischium = capsule(side, back, up, (66.0, 26.0, -18.0), (57.0, 27.0, -60.0), 13.5, 14.5)
    tuber = blob(side, back, up, (56.0, 26.0, -64.0), (13.5, 15.5, 19.0))
    spine = capsule(side, back, up, (58.0, 34.0, 2.0), (49.0, 44.0, -9.0), 7.0, 2.5)
    d = join(join(d, join(ischium, tuber, 6.0), 8.0), spine, 6.0)
    ramus = capsule(side, back, up, (72.0, -24.0, 2.0), (17.0, -50.0, -8.0), 11.0, 7.5)
    body = blob(side, back, up, (11.0, -50.0, -22.0), (11.0, 8.5, 21.0))
    lower = capsule(side, back, up, (13.0, -48.0, -40.0), (50.0, 20.0, -76.0), 6.5, 8.0)
    d = join(d, join(join(ramus, body, 8.0), lower, 8.0), 8.0)
    d = cut(d, blob(side, back, up, (hip, 0.0, 0.0), (p.socket_radius,) * 3))
    return cut(d, np.asarray(side - np.float32(p.symphysis_half), dtype=np.float32))


def _wing(side: F32, back: F32, up: F32) -> F32:
    """The blade of the ilium: a bent sheet, thick at its crest, over the socket and at the sacrum."""
    ahead = np.float32(6.0) * np.logaddexp(0.0, (np.float32(42.0) - back) / np.float32(6.0)).astype(
        np.float32
    )
    behind = back - np.float32(42.0) + ahead
    slope = 0.45 + 0.35 * np.clip((up - 30.0) / 50.0, 0.0, 1.2)
    bulge = 16.0 * np.clip((up - 55.0) / 60.0, 0.0, 1.0) * np.exp(-(((back - 2.0) / 32.0) ** 2))
    middle = 57.0 + 0.05 * (up - 30.0) + slope * ahead - 0.34 * behind + bulge
    edge = polygon(back, up, ILIUM)
    half = (
        2.6 + 4.2 * np.exp(np.minimum(edge, 0.0) / 7.0)
        + 8.0 * ramp(up, 52.0, 16.0) + 6.0 * ramp(back, 28.0, 58.0) * ramp(up, 118.0, 95.0)
    )  # fmt: skip
    tilt = np.sqrt(1.0 + (slope * ramp(back, 52.0, 32.0) + 0.34 * ramp(back, 32.0, 52.0)) ** 2)
    sheet = (np.abs(side - middle) - half) / tilt
    return meet(sheet.astype(np.float32), edge, 6.0)


def sacral_plane(back: F32, up: F32) -> tuple[F32, F32]:
    """Way along the sacrum from its promontory, and depth behind its front [mm]."""
    b, u = back - np.float32(PELVIS.arc_centre[0]), up - np.float32(PELVIS.arc_centre[1])
    along = (np.float32(np.radians(PELVIS.first_deg)) - np.arctan2(u, b)) * np.float32(PELVIS.arc_radius)
    return along, np.hypot(b, u) - np.float32(PELVIS.arc_radius)


def _on_sacrum(along: float, depth: float) -> tuple[float, float]:
    """Posterior and superior coordinate of a point of the sacrum [mm]."""
    angle = np.radians(PELVIS.first_deg) - along / PELVIS.arc_radius
    r = PELVIS.arc_radius + depth
    return float(PELVIS.arc_centre[0] + r * np.cos(angle)), float(PELVIS.arc_centre[1] + r * np.sin(angle))


def endplate_mm() -> tuple[F64, F64]:
    """Middle of the first sacral endplate, and its unit normal, (left, posterior, superior)."""
    slope = np.radians(PELVIS.sacral_slope_deg)
    back, up = _on_sacrum(0.0, 0.0)
    middle = np.array([0.0, back + 16.0 * np.cos(slope), up + 16.0 * np.sin(slope)])
    return middle, np.array([0.0, -np.sin(slope), np.cos(slope)])


def foramina_mm() -> dict[str, F64]:
    """Centre of the front opening of each sacral foramen (side, posterior, superior), S1 to S4."""
    return {
        f"S{n}": np.array([side, *_on_sacrum(along, 2.0)]) for n, (along, side, _) in enumerate(FORAMINA, 1)
    }


def sacral_canal_mm(n: int = 12) -> F64:
    """(n, 3) points of the axis of the sacral canal (left, posterior, superior), from above."""
    ways = np.linspace(8.0, 84.0, n)
    return np.array([[0.0, *_on_sacrum(float(s), _canal_depth(float(s)))] for s in ways])


def _canal_depth(along: float) -> float:
    return float(np.interp(along, [0.0, 30.0, 60.0, 112.0], [36.0, 27.0, 19.0, 9.0]))


def sacral_canal(left: F32, back: F32, up: F32) -> F32:
    """Signed distance to the sacral canal [mm]; it ends at S4."""
    along, depth = sacral_plane(back, up)
    centre = np.interp(along, [0.0, 30.0, 60.0, 112.0], [36.0, 27.0, 19.0, 9.0]).astype(np.float32)
    size = np.interp(along, [0.0, 30.0, 95.0], [1.0, 0.8, 0.35]).astype(np.float32)
    tube = ellipse(left / size, (depth - centre) / size, 13.0, 7.0) * size
    canal: F32 = np.maximum(tube, along - np.float32(98.0)).astype(np.float32)
    return canal


def sacrum_distance(left: F32, back: F32, up: F32) -> F32:
    """Signed distance to the sacrum [mm]: a bent wedge with wings, crest, canal and foramina."""
    side = np.abs(left)
    along, depth = sacral_plane(back, up)
    width = np.interp(along, [-10.0, 12.0, 40.0, 62.0, 90.0, 112.0], [58.0, 59.0, 56.0, 45.0, 26.0, 12.0])
    thick = np.interp(along, [-10.0, 25.0, 60.0, 112.0], [36.0, 30.0, 20.0, 8.0])
    wing = thick * (1.0 - 0.25 * ramp(side, 18.0, 50.0))
    hollow = 3.0 * (1.0 - ramp(side, 14.0, 34.0)) * ramp(along, 4.0, 16.0)  # the bodies lie a little deeper
    wedge = meet(
        slab(((depth - hollow) / wing).astype(np.float32), 0.0, 1.0) * wing,
        np.asarray(side - width + 0.22 * np.maximum(depth, 0.0), dtype=np.float32), 8.0,
    )  # fmt: skip
    arch = _arch(side, along, depth)
    whole = join(wedge.astype(np.float32), arch, 5.0)
    whole = meet(whole, _upper_limit(side, back, up), 4.0)
    whole = meet(whole, np.asarray(along - np.float32(PELVIS.sacrum_length), dtype=np.float32), 5.0)
    whole = cut(whole, sacral_canal(left, back, up))
    for s, out, r in FORAMINA:
        canal = _canal_depth(s)
        front = capsule(side, along, depth, (9.0, s - 2.0, canal), (out + 3.0, s, -4.0), r - 0.5, r + 1.0)
        rear = capsule(side, along, depth, (9.0, s, canal), (out + 2.0, s + 1.0, canal + 22.0), r - 1.8)
        whole = cut(whole, np.minimum(front, rear))
    return np.asarray(whole, dtype=np.float32)


def _arch(side: F32, along: F32, depth: F32) -> F32:
    """Ring behind the canal and the median crest."""
    centre = np.interp(along, [0.0, 30.0, 60.0, 112.0], [36.0, 27.0, 19.0, 9.0])
    size = np.interp(along, [0.0, 30.0, 95.0], [1.0, 0.8, 0.45])
    ring = (
        ellipse((side / size).astype(np.float32), ((depth - centre) / size).astype(np.float32), 18.5, 11.5)
        * size
    )
    crest = np.maximum(side - 2.0 - 1.5 * np.cos(along / 4.0), np.abs(depth - centre - 9.0) - 9.0 * size)
    arch = join(ring.astype(np.float32), crest.astype(np.float32), 3.0)
    return np.asarray(np.maximum(arch, np.float32(4.0) - along), dtype=np.float32)


def _upper_limit(side: F32, back: F32, up: F32) -> F32:
    """The first endplate, and the sloping tops of the wings."""
    middle, normal = endplate_mm()
    above = (back - np.float32(middle[1])) * np.float32(normal[1]) + (
        up - np.float32(middle[2])
    ) * np.float32(normal[2])
    limited: F32 = above + 0.30 * np.maximum(side - 26.0, 0.0) - 5.0 * ramp(side, 24.0, 34.0)
    return limited.astype(np.float32)
