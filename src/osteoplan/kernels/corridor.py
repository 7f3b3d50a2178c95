"""The widest straight cylinder between two regions of a bone: a coarse search on maps, a fine one on points.

Bone is told twice: by its depth d(x) on a grid, for the coarse search, and by points y on its surface, for
the fine one, where a cylinder's radius is the least distance of such a point from its axis.

    coarse   s(p, q) = min over t of  min(d(t) - m, c(t))      c: clearance of everything else, margins off
    fine     r(axis) = min over y of  rho(y),   s = min(r - m, min over t of c(t))

rho(y), t(y): distance of y from the axis, and its place along it.  The face that a screw goes through is no
wall: near an end at t_e, a point counts only where  |t - t_e| > skip  and  |t - t_e| > rho tan(cone)
(coarse: where d < |t - t_e| cos(cone)).  So every wall farther than r tan(cone) from both ends is at least r
away, and within that the bone may fall off as a face that is met at the cone's angle.

The fine search moves both ends in planes across the axis: a compass search over all 80 neighbours in four
coordinates, its step halved where none is better.

Sources: Hart 1996 (sphere tracing); Kolda, Lewis, Torczon 2003 (compass search).  Tests:
tests/unit/test_corridors_made.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from osteoplan.arrays import F32, F64, I64
from osteoplan.kernels.threads import shared_out

__all__ = ["BOX", "FOUND", "pair_scores", "refined"]

BOX = 19  # numbers of a box: landmark 3, axes 9 (rows), low 3, high 3, greatest distance 1
FOUND = 14  # numbers of a found axis, see ``refined``
NEVER = -1e9
WALK_MM = 10.0  # an end's surface is looked for this far along the axis
STEP_MM = 0.5  # between samples along an axis


def pair_scores(
    depth: F32, affine: F64, clear: F32, clear_affine: F64, starts: F64, ends: F64, pairs: I64, *,
    wall_mm: float, skip_mm: float, cone: float, slop_mm: float, inside: bool, step_mm: float,
    floor_mm: float,
) -> F64:  # fmt: skip
    """(n,) coarse score of pairs of points [mm]; one that is at most ``floor_mm`` may be told too high.

    Args:
        depth, clear: maps [mm], each on its own grid.
        affine, clear_affine: (4, 4) index -> position of these grids.
        starts, ends: (a, 3), (b, 3) positions [mm].
        pairs: (n, 2) indices into both.
        wall_mm: bone that must stay around.
        skip_mm: at an end, not looked at.
        cone: cosine of the angle to the face at an end.
        slop_mm: how much too small a depth may be.
        inside: the far end is a tip in the bone, without a face.
        step_mm: between samples.
        floor_mm: a pair is given up once it is worse.
    """
    inverse, inverse_c = _inverse(affine), _inverse(clear_affine)
    scores = np.empty(len(pairs))
    shared_out(
        lambda a, b: _pair_scores(
            depth, inverse, clear, inverse_c, starts, ends, pairs, wall_mm, skip_mm, cone, slop_mm, inside,
            step_mm, floor_mm, a, b, scores,
        ),
        len(pairs), least=2000,
    )  # fmt: skip
    return scores


def refined(
    level: F32, depth: F32, affine: F64, clear: F32, clear_affine: F64, surface: F64, starts: F64, ends: F64,
    boxes: F64, *,
    wall_mm: float, skip_mm: float, cone: float, inside: bool, tip_depth_mm: float, widest_mm: float,
    least_length_mm: float, first_mm: float, last_mm: float, reach_mm: float, threads: int = 0,
) -> F64:  # fmt: skip
    """(n, 14) the best axis near each of n axes; row: score, radius in bone, place of its limit along the
    axis, clearance of all else less margins, its place, length, entry (3), exit (3), times measured, 1 where
    bone limits it.  A score of ``NEVER`` is an axis that does not run from face to face in the bone.

    Args:
        level: (ni, nj, nk), positive in the bone, 0 on its surface.
        depth: depth in the bone [mm] on the same grid.
        affine: (4, 4) index -> position of that grid.
        clear, clear_affine: map of all else [mm], and its own grid.
        surface: (m, 3) points of the bone's surface [mm].
        starts, ends: (n, 3) axes [mm].
        boxes: (3, 19) where entry, exit and waist must lie.
        wall_mm, skip_mm, inside: as in ``pair_scores``.
        cone: tangent of the angle to the face at an end.
        tip_depth_mm: least depth of a tip in the bone.
        widest_mm: no wider cylinder is looked for.
        least_length_mm: a shorter one does not count.
        first_mm, last_mm, reach_mm: first and last step of the search, greatest shift of an end.
        threads: how many at most; 0 for every core.
    """
    inverse, inverse_c = _inverse(affine), _inverse(clear_affine)
    found = np.empty((len(starts), FOUND))
    limits = np.array([
        wall_mm, skip_mm, cone, 1.0 if inside else 0.0, tip_depth_mm, widest_mm, least_length_mm, first_mm,
        last_mm, reach_mm,
    ])  # fmt: skip
    shared_out(
        lambda a, b: _refined(
            level, depth, inverse, clear, inverse_c, surface, starts, ends, boxes, limits, a, b, found
        ),
        len(starts), least=1, threads=threads,
    )  # fmt: skip
    return found


def _inverse(affine: F64) -> F64:
    return np.ascontiguousarray(np.linalg.inv(affine)[:3])


@njit(cache=True, nogil=True, error_model="numpy")
def _at(field, inverse, px, py, pz):  # type: ignore[no-untyped-def] # pragma: no cover
    """Trilinear value at a position; beyond the grid its edge's."""
    ni, nj, nk = field.shape
    x = inverse[0, 0] * px + inverse[0, 1] * py + inverse[0, 2] * pz + inverse[0, 3]
    y = inverse[1, 0] * px + inverse[1, 1] * py + inverse[1, 2] * pz + inverse[1, 3]
    z = inverse[2, 0] * px + inverse[2, 1] * py + inverse[2, 2] * pz + inverse[2, 3]
    x = min(max(x, 0.0), ni - 1.0)
    y = min(max(y, 0.0), nj - 1.0)
    z = min(max(z, 0.0), nk - 1.0)
    i, j, k = int(x), int(y), int(z)
    i1, j1, k1 = min(i + 1, ni - 1), min(j + 1, nj - 1), min(k + 1, nk - 1)
    a, b, c = x - i, y - j, z - k
    low = (1 - b) * ((1 - c) * field[i, j, k] + c * field[i, j, k1]) + b * (
        (1 - c) * field[i, j1, k] + c * field[i, j1, k1]
    )
    high = (1 - b) * ((1 - c) * field[i1, j, k] + c * field[i1, j, k1]) + b * (
        (1 - c) * field[i1, j1, k] + c * field[i1, j1, k1]
    )
    return (1 - a) * low + a * high


@njit(cache=True, nogil=True, error_model="numpy")
def _pair_scores(
    depth: Any, inverse: Any, clear: Any, inverse_c: Any, starts: Any, ends: Any, pairs: Any, wall: float,
    skip: float, cone: float, slop: float, inside: bool, step: float, floor: float, first: int, last: int,
    scores: Any,
) -> None:  # fmt: skip
    """Score pairs first to last: middle outward by bisection, so that a bad pair is given up early."""
    for n in range(first, last):
        px, py, pz = starts[pairs[n, 0], 0], starts[pairs[n, 0], 1], starts[pairs[n, 0], 2]
        dx, dy, dz = (
            ends[pairs[n, 1], 0] - px, ends[pairs[n, 1], 1] - py, ends[pairs[n, 1], 2] - pz,
        )  # fmt: skip
        length = np.sqrt(dx * dx + dy * dy + dz * dz)
        count = int(length / step) + 1
        best = 1e9
        # strides of 8, then what lies between: the same samples in another order
        for stride in range(8):
            offset = (stride * 5) % 8
            for m in range(offset, count + 1, 8):
                share = m / count
                t = share * length
                x, y, z = px + share * dx, py + share * dy, pz + share * dz
                value = _at(clear, inverse_c, x, y, z)
                near = t if inside else min(t, length - t)
                if near >= skip:
                    d = _at(depth, inverse, x, y, z)
                    if d + slop < near * cone:
                        value = min(value, d - wall)
                best = min(best, value)
                if best <= floor:
                    break
            if best <= floor:
                break
        scores[n] = best


@njit(cache=True, nogil=True, error_model="numpy")
def _outside(box, x, y, z):  # type: ignore[no-untyped-def] # pragma: no cover
    """How far [mm] a position lies outside a box."""
    dx, dy, dz = x - box[0], y - box[1], z - box[2]
    far = max(0.0, np.sqrt(dx * dx + dy * dy + dz * dz) - box[18])
    for a in range(3):
        local = box[3 + 3 * a] * dx + box[4 + 3 * a] * dy + box[5 + 3 * a] * dz
        far = max(far, box[12 + a] - local, local - box[15 + a])
    return far


@njit(cache=True, nogil=True, error_model="numpy")
def _face(level, inverse, x, y, z, ux, uy, uz):  # type: ignore[no-untyped-def] # pragma: no cover
    """Way from a position along -u (bone there) or +u (none there) to the surface; inf where there is none.

    ``u`` points into the bone; the way is counted along it, so it is negative where the surface lies behind.
    """
    here = _at(level, inverse, x, y, z)
    sign = -1.0 if here > 0.0 else 1.0
    t = 0.0
    while t < WALK_MM:
        there = _at(
            level, inverse, x + sign * (t + STEP_MM) * ux, y + sign * (t + STEP_MM) * uy,
            z + sign * (t + STEP_MM) * uz,
        )  # fmt: skip
        if (here > 0.0) != (there > 0.0):
            return sign * (t + STEP_MM * here / (here - there))
        here = there
        t += STEP_MM
    return np.inf


@njit(cache=True, nogil=True, error_model="numpy")
def _measure(
    level: Any, depth: Any, inverse: Any, clear: Any, inverse_c: Any, points: Any, count: int, ax: float,
    ay: float, az: float, bx: float, by: float, bz: float, boxes: Any, limits: Any, floor: float, row: Any,
) -> float:  # fmt: skip
    """Score of one axis; given up (``NEVER``) once it is not above ``floor``.  Fills a row of ``refined``."""
    wall, skip, cone, inside = limits[0], limits[1], limits[2], limits[3] > 0.5
    ux, uy, uz = bx - ax, by - ay, bz - az
    length = np.sqrt(ux * ux + uy * uy + uz * uz)
    ux, uy, uz = ux / length, uy / length, uz / length
    entry = _face(level, inverse, ax, ay, az, ux, uy, uz)
    leave = 0.0 if inside else _face(level, inverse, bx, by, bz, -ux, -uy, -uz)
    if not (abs(entry) < 1e6 and abs(leave) < 1e6):
        return NEVER
    ax, ay, az = ax + entry * ux, ay + entry * uy, az + entry * uz
    length = length - entry - leave
    bx, by, bz = ax + length * ux, ay + length * uy, az + length * uz
    if length < limits[6] or _outside(boxes[0], ax, ay, az) > 1.0 or _outside(boxes[1], bx, by, bz) > 1.0:
        return NEVER
    t = (boxes[2, 0] - ax) * ux + (boxes[2, 1] - ay) * uy + (boxes[2, 2] - az) * uz
    if _outside(boxes[2], ax + t * ux, ay + t * uy, az + t * uz) > 0.0:
        return NEVER
    if inside and _at(depth, inverse, bx, by, bz) < limits[4]:
        return NEVER
    radius, at = limits[5], 0.5 * length
    for n in range(count):
        dx, dy, dz = points[n, 0] - ax, points[n, 1] - ay, points[n, 2] - az
        t = dx * ux + dy * uy + dz * uz
        if t <= skip or (t >= length - skip and not inside):
            continue
        rho2 = max(dx * dx + dy * dy + dz * dz - t * t, 0.0)
        if inside and t > length:
            rho2 += (t - length) ** 2
        if rho2 >= radius * radius:
            continue
        rho = np.sqrt(rho2)
        if t <= rho * cone or (length - t <= rho * cone and not inside):
            continue
        radius, at = rho, min(t, length)
        if radius - wall <= floor:
            return NEVER
    free, where, t = 1e9, 0.0, 0.0
    while True:
        value = _at(clear, inverse_c, ax + t * ux, ay + t * uy, az + t * uz)
        if value < free:
            free, where = value, t
            if free <= floor:
                return NEVER
        if t >= length:
            break
        t = min(t + max(STEP_MM, value - free), length)
    t = skip
    while t < (length if inside else length - skip):
        if _at(level, inverse, ax + t * ux, ay + t * uy, az + t * uz) <= 0.0:
            return NEVER
        t += STEP_MM
    score: float = min(radius - wall, free)
    row[0], row[1], row[2], row[3], row[4], row[5] = score, radius, at, free, where, length
    row[6], row[7], row[8], row[9], row[10], row[11] = ax, ay, az, bx, by, bz
    row[13] = 1.0 if radius - wall <= free else 0.0
    return score


@njit(cache=True, nogil=True, error_model="numpy")
def _refined(
    level: Any, depth: Any, inverse: Any, clear: Any, inverse_c: Any, surface: Any, starts: Any, ends: Any,
    boxes: Any, limits: Any, first: int, last: int, found: Any,
) -> None:  # fmt: skip
    """Compass search of axes first to last."""
    near = np.empty((surface.shape[0], 3))
    ranks = np.empty(surface.shape[0])
    shift, tried = np.empty(4), np.empty(4)
    row = np.empty(FOUND)
    for n in range(first, last):
        a, b = starts[n], ends[n]
        u = (b - a) / np.sqrt(((b - a) ** 2).sum())
        least = int(np.argmin(np.abs(u)))
        e = np.zeros(3)
        e[least] = 1.0
        v = np.cross(u, e)
        v = v / np.sqrt((v * v).sum())
        w = np.cross(u, v)
        length = np.sqrt(((b - a) ** 2).sum())
        reach = limits[5] + limits[9]
        count = 0
        for m in range(surface.shape[0]):
            dx, dy, dz = surface[m, 0] - a[0], surface[m, 1] - a[1], surface[m, 2] - a[2]
            t = dx * u[0] + dy * u[1] + dz * u[2]
            rho2 = dx * dx + dy * dy + dz * dz - t * t
            if rho2 < reach * reach and -WALK_MM - reach < t < length + WALK_MM + reach:
                near[count, 0], near[count, 1], near[count, 2] = surface[m, 0], surface[m, 1], surface[m, 2]
                ranks[count] = rho2
                count += 1
        # nearest first: a worse axis is given up after few points
        order = np.argsort(ranks[:count])
        points = near[:count][order]
        shift[:] = 0.0
        best = _measure(
            level, depth, inverse, clear, inverse_c, points, count, a[0], a[1], a[2], b[0], b[1], b[2], boxes,
            limits, NEVER, row,
        )  # fmt: skip
        found[n, 0] = best
        if best > NEVER:
            found[n, :] = row
        step, times = limits[7], 1
        while step >= limits[8]:
            better = False
            for code in range(81):
                if code == 40:
                    continue
                rest, far = code, 0.0
                for c in range(4):
                    tried[c] = shift[c] + step * (rest % 3 - 1)
                    rest //= 3
                    far = max(far, abs(tried[c]))
                if far > limits[9]:
                    continue
                times += 1
                score = _measure(
                    level, depth, inverse, clear, inverse_c, points, count,
                    a[0] + tried[0] * v[0] + tried[1] * w[0], a[1] + tried[0] * v[1] + tried[1] * w[1],
                    a[2] + tried[0] * v[2] + tried[1] * w[2], b[0] + tried[2] * v[0] + tried[3] * w[0],
                    b[1] + tried[2] * v[1] + tried[3] * w[1], b[2] + tried[2] * v[2] + tried[3] * w[2],
                    boxes, limits, best, row,
                )  # fmt: skip
                if score > best:
                    best, better = score, True
                    shift[:] = tried
                    found[n, :] = row
            if not better:
                step *= 0.5
        found[n, 12] = times
