"""Stiff islands in soft surroundings move as rigid bodies; those motions are solved for exactly.

A ball of cement in a lytic cavity, or a screw in marrow, hardly resists being moved as a whole.  Averaged
coarse grids smear it and see that late.  Deflated conjugate gradients take the six rigid motions of every
island (columns of W) out of the iteration:

    r with W^T r = 0;   p = z + beta p - W (W^T A W)^-1 (A W)^T z

An island is a connected part of the cells stiffer than a threshold whose surroundings are, on average,
``CONTRAST`` times softer.  A part within a part counts as another one.  Where a support holds some of it, the
motions that are left are those that move nothing that is held.  The whole body is one more where its supports
barely stop it (as pins do).

Sources: Saad, Yeung, Erhel & Guyomarc'h 2000 (deflated conjugate gradients); Jonsthovel et al. 2012 (rigid
bodies of stiff parts).  Tests: tests/analytic/test_multigrid.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numba import njit
from scipy import ndimage

from osteoplan.arrays import F32, F64, I32, I64, U8, Array, Bool
from osteoplan.kernels.beams import Tie
from osteoplan.kernels.elasticity import Bricks
from osteoplan.kernels.rod_motions import RodMotions, inverse
from osteoplan.kernels.rows import Rows, add_stiffness

__all__ = ["Deflation", "Island", "islands"]

CONTRAST = 30.0
THRESHOLDS = (10.0, 100.0, 1000.0)  # below the stiffest cell
LEAST_CELLS = 8
MOST = 6  # islands of each threshold, the largest first
FEW_SUPPORTS = 8  # nodes; a component held at no more than these may turn or drift
STOPPED = 1e-9  # eigenvalue of the rows of what is held; less is a motion that nothing stops


def islands(mesh: Bricks, edges_mm: F64, modulus: Array, fixed: Bool) -> list[Island]:
    """Each island with the motions that its supports leave it, and the whole body where supports are few.

    Args:
        modulus: (n_elements,); fixed: (n_nodes, 3).
    """
    found: list[Island] = []
    top = float(modulus.max())
    if top > CONTRAST * float(modulus.min()):
        box = mesh.box(modulus.astype(np.float32))
        seen: list[tuple[int, ...]] = []
        for threshold in THRESHOLDS:
            labels, parts = _parts(box, top / threshold)
            of_cell = labels[tuple(mesh.cells.T)] if parts else labels
            for one, where in parts:
                hit = np.zeros(len(mesh.nodes), dtype=bool)
                hit[mesh.corners[of_cell == one]] = True
                nodes = np.flatnonzero(hit)
                key = (len(nodes), int(nodes[0]), int(nodes[-1]))
                if key in seen:
                    continue
                seen.append(key)
                twists = _left_free(_arms(mesh, nodes, edges_mm), fixed[nodes])
                if twists.shape[1] and _is_island(box, labels, one, where):  # the dearer comes last
                    found.append(replace(Island.of(mesh, nodes, edges_mm), twists=twists))
    if int(fixed.sum(axis=0).min()) <= FEW_SUPPORTS:
        found.append(Island.of(mesh, np.arange(len(mesh.nodes)), edges_mm))
    return found


def _arms(mesh: Bricks, nodes: I64, edges_mm: F64) -> F64:
    """(n, 3) from the centre of some nodes, over their reach."""
    at = mesh.nodes[nodes]
    arm: F64 = (at - at.mean(axis=0)) * edges_mm
    arm /= max(float(np.abs(arm).max()), 1e-300)
    return arm


def _left_free(arm: F64, fixed: Bool) -> F64:
    """(6, q) rigid motions that move nothing that is fixed (n, 3)."""
    at, component = np.nonzero(fixed)
    unit = np.eye(3)[component]
    rows = np.concatenate([unit, np.cross(arm[at], unit)], axis=1)
    values, vectors = np.linalg.eigh(rows.T @ rows)
    free: F64 = vectors[:, values <= STOPPED * max(float(values[-1]), 1.0)]
    return free


def _parts(box: F32, threshold: float) -> tuple[I32, list[tuple[int, tuple[slice, ...]]]]:
    """(labels, (label, bounding box) of the largest connected parts above a threshold)."""
    labels, count = ndimage.label(box > threshold)
    if count == 0:
        return labels, []
    sizes = np.bincount(labels.ravel())[1:]
    where = ndimage.find_objects(labels)
    largest = [int(one) for one in np.argsort(-sizes, kind="stable")[:MOST] if sizes[one] >= LEAST_CELLS]
    return labels, [(one + 1, where[one]) for one in largest]


def _is_island(box: F32, labels: I32, one: int, part: tuple[slice, ...]) -> bool:
    wider = tuple(slice(max(s.start - 1, 0), s.stop + 1) for s in part)
    inside = labels[wider] == one
    ring = ndimage.binary_dilation(inside, np.ones((3, 3, 3))) & ~inside & (box[wider] > 0)
    if not ring.any():
        return False
    return bool(CONTRAST * box[wider][ring].mean() < box[wider][inside].mean())


@dataclass(frozen=True, eq=False)
class Island:
    """Where an island lies in memory.

    Attributes:
        place: of its nodes; arm: (n, 3) from its centre, over its reach.
        span: places of the box around it, one node wider, and planes: those of the box.
        twists: (6, q) translations and turns of its rigid motions, one in each column.
    """

    place: I64
    arm: F64
    span: I64
    planes: tuple[int, int]
    twists: F64 = field(default_factory=lambda: np.eye(6))

    @classmethod
    def of(cls, mesh: Bricks, nodes: I64, edges_mm: F64) -> Island:
        """Of an island's node numbers."""
        at = mesh.nodes[nodes] - np.array(mesh.corner)
        place = mesh.rows.at[at[:, 0], at[:, 1]] + at[:, 2]
        return cls(place, _arms(mesh, nodes, edges_mm), *_around(mesh.rows, at))


@dataclass(frozen=True, eq=False)
class Deflation:
    """W of a system: rigid motions of islands where they may move.

    Attributes:
        parts: the islands.
        images: of each island, (places, (n, 18) values) of A W in its columns, components first.
        rods: the motions of rods, which follow those of islands.
        solve: (q, q) inverse of W^T A W.
    """

    parts: tuple[Island, ...]
    images: tuple[tuple[I64, F64], ...]
    solve: F64
    free: U8
    rods: RodMotions | None = None

    @classmethod
    def of(
        cls, rows: Rows, parts: tuple[Island, ...], *, blocks: F64, E: F64, free: U8,
        ties: Sequence[Tie], rods: RodMotions | None, w: F64, y: F64,
    ) -> Deflation:  # fmt: skip
        """Work out A W; w and y (3, nodes) are room to work in."""
        bare, images = cls(parts, (), np.zeros((0, 0)), free), []
        ends = bare.ends
        gram = np.zeros((ends[-1], ends[-1]))
        for m, part in enumerate(parts):
            span = part.span
            if ties:  # a rod carries the motion on
                span = np.union1d(span, np.concatenate([tie.nodes.ravel() for tie in ties]))
            columns = np.empty((part.twists.shape[1], 3, len(span)))
            w[:] = y[:] = 0.0
            for mode, twist in enumerate(part.twists.T):
                _clear(w, part.place)
                _move(w, part.place, part.arm, free, twist)
                _clear(y, span)
                add_stiffness(rows, blocks, E, w, y, planes=part.planes)
                for tie in ties:
                    tie.add(w.T, y.T)
                _take(y, span, free, columns[mode])
                gram[:, ends[m] + mode] = bare.along(y)
            hit, values = _not_zero(columns)
            images.append((span[hit], values))
        gram = 0.5 * (gram + gram.T)
        if rods is not None:
            of_islands = [part.twists.T @ _mixed(rods, part.place, part.arm, free) for part in parts]
            mixed = np.concatenate([np.zeros((0, len(rods.gram))), *of_islands])
            gram = np.block([[gram, mixed], [mixed.T, rods.gram]])
        return cls(parts, tuple(images), inverse(gram), free, rods)

    @cached_property
    def ends(self) -> I64:
        """Where the motions of each island begin, and one past the last."""
        return np.cumsum([0, *(part.twists.shape[1] for part in self.parts)])

    def move(self, u: F64, motion: F64) -> None:
        """u += W motion."""
        for m, part in enumerate(self.parts):
            own = motion[self.ends[m] : self.ends[m + 1]]
            _move(u, part.place, part.arm, self.free, part.twists @ own)
        if self.rods is not None:
            self.rods.move(u, motion[self.ends[-1] :])

    def along(self, v: F64) -> F64:
        """W^T v."""
        parts = [part.twists.T @ _along(v, part.place, part.arm, self.free) for part in self.parts]
        return np.concatenate(parts if self.rods is None else [*parts, self.rods.along(v)])

    def correction(self, r: F64) -> F64:
        """Motion that leaves W^T (r - A W motion) = 0."""
        return self.solve @ self.along(r)

    def excess(self, z: Array) -> F64:
        """(W^T A W)^-1 (A W)^T z."""
        parts = [_image(z, place, image) for place, image in self.images]
        motion: F64 = self.solve @ np.concatenate(
            parts if self.rods is None else [*parts, self.rods.image(z)]
        )
        return motion

    def cleanse(self, u: F64, r: F64) -> None:
        """Bring W^T r back to zero, where rounding has lost it, by a motion of u."""
        motion = self.correction(r)
        self.move(u, motion)
        for m, (place, image) in enumerate(self.images):
            _take_image_off(r, place, image, motion[self.ends[m] : self.ends[m + 1]])
        if self.rods is not None:
            self.rods.take_off(r, motion[self.ends[-1] :])


def _around(rows: Rows, at: I64) -> tuple[I64, tuple[int, int]]:
    """(places in memory of the box of nodes around some, its planes), one node wider."""
    i0, j0, k0 = np.maximum(at.min(axis=0) - 1, 0)
    i1, j1, k1 = np.minimum(at.max(axis=0) + 2, np.array(rows.shape) + 1)
    k = np.arange(k0, k1)
    part = np.s_[i0:i1, j0:j1, None]
    there = (k >= rows.low[part]) & (k < rows.high[part])
    return (rows.at[part] + k)[there], (int(i0), int(i1))


def _mixed(rods: RodMotions, place: I64, arm: F64, free: U8) -> F64:
    """(6, q) rigid motions of an island times A V of rods."""
    shared, here, there = np.intersect1d(place, rods.place, return_indices=True)
    motion = np.zeros((6, 3, len(shared)))
    for mode in range(6):
        t, r = np.eye(6)[mode, :3], np.eye(6)[mode, 3:]
        motion[mode] = (t + np.cross(r, arm[here])).T * free[:, shared]
    AV = rods.AV.reshape(-1, 3, rods.AV.shape[1])[there]
    mixed: F64 = np.einsum("mcp,pcq->mq", motion, AV)
    return mixed


@njit(cache=True, nogil=True)
def _move(u, place, arm, free, motion):  # type: ignore[no-untyped-def]
    tx, ty, tz, rx, ry, rz = motion
    for n in range(len(place)):
        at, x, y, z = place[n], arm[n, 0], arm[n, 1], arm[n, 2]
        u[0, at] += free[0, at] * (tx + ry * z - rz * y)
        u[1, at] += free[1, at] * (ty + rz * x - rx * z)
        u[2, at] += free[2, at] * (tz + rx * y - ry * x)


@njit(cache=True, nogil=True)
def _clear(u, place):  # type: ignore[no-untyped-def]
    for c in range(3):
        for n in range(len(place)):
            u[c, place[n]] = 0.0


@njit(cache=True, nogil=True)
def _take(y, span, free, column):  # type: ignore[no-untyped-def]
    """What moves of y on ``span``, there and in ``column``."""
    for c in range(3):
        for n in range(len(span)):
            y[c, span[n]] *= free[c, span[n]]
            column[c, n] = y[c, span[n]]


@njit(cache=True, nogil=True)
def _not_zero(columns):  # type: ignore[no-untyped-def]
    """(where some column is more than rounding, (n, 3 q) values of all of them there)."""
    modes, _, count = columns.shape
    largest = np.zeros(count)
    for mode in range(modes):
        for c in range(3):
            column = columns[mode, c]
            for n in range(count):
                largest[n] = max(largest[n], abs(column[n]))
    at = np.flatnonzero(largest > 1e-14 * largest.max())
    values = np.empty((len(at), 3 * modes))
    for n in range(len(at)):
        for mode in range(modes):
            for c in range(3):
                values[n, modes * c + mode] = columns[mode, c, at[n]]
    return at, values


@njit(cache=True, nogil=True)
def _along(v, place, arm, free):  # type: ignore[no-untyped-def]
    out = np.zeros(6)
    for n in range(len(place)):
        at, x, y, z = place[n], arm[n, 0], arm[n, 1], arm[n, 2]
        a, b, c = v[0, at] * free[0, at], v[1, at] * free[1, at], v[2, at] * free[2, at]
        out[0] += a
        out[1] += b
        out[2] += c
        out[3] += y * c - z * b
        out[4] += z * a - x * c
        out[5] += x * b - y * a
    return out


@njit(cache=True, nogil=True)
def _take_image_off(r, place, image, motion):  # type: ignore[no-untyped-def]
    modes = len(motion)
    for n in range(len(place)):
        for c in range(3):
            for mode in range(modes):
                r[c, place[n]] -= image[n, modes * c + mode] * motion[mode]


@njit(cache=True, nogil=True)
def _image(z, place, image):  # type: ignore[no-untyped-def]
    modes = image.shape[1] // 3
    out = np.zeros(modes)
    for n in range(len(place)):
        at = place[n]
        for c in range(3):
            v = np.float64(z[c, at])
            for mode in range(modes):
                out[mode] += image[n, modes * c + mode] * v
    return out
