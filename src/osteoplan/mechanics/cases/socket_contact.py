"""A ball that presses into a socket of cubes, on a bed of springs.

    p = k max(delta . n, 0)       F = sum over faces of p a n

    n   from the centre of the socket to a face       a   area of the face as the ball sees it
    delta   the ball's move, found so that F is 1 N in the wanted direction (and no force across it)

F is the gradient of the convex energy sum a max(delta . n, 0)^2 / 2, so delta is unique; Newton's method
finds it.  A stair of faces and the sphere it stands for have the same area along n: a = h^2 max(-n . m, 0), m
the outer normal of the face.  Tests: tests/unit/test_hemipelvis.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from osteoplan.arrays import F64, I64
from osteoplan.kernels.elasticity import Bricks
from osteoplan.model.volume import Volume

__all__ = ["Faces", "Pressed", "press", "socket_faces"]

LEAST_FACES = 12  # numerics: fewer are no surface
STEPS = 60


@dataclass(frozen=True, eq=False)
class Faces:
    """Faces of elements that look at a ball.

    Attributes:
        corners: (n_faces, 4) nodes; normal: (n_faces, 3) from the ball's centre to the face;
            area_mm2: (n_faces,).
    """

    corners: I64
    normal: F64
    area_mm2: F64


@dataclass(frozen=True, eq=False)
class Pressed:
    """The load of a ball: (n_faces, 3) forces in patient space, 1 N in all.

    Attributes:
        area_mm2: of the faces that carry pressure.
        off_deg: angle between the ball's move and the force.
    """

    faces: Faces
    force_N: F64
    area_mm2: float
    off_deg: float

    def nodal(self, n_nodes: int) -> F64:
        """(n_nodes, 3) forces; each face gives a quarter to each of its nodes."""
        out = np.zeros((n_nodes, 3))
        for corner in range(4):
            np.add.at(out, self.faces.corners[:, corner], 0.25 * self.force_N)
        return out


def socket_faces(mesh: Bricks, grid: Volume, centre_mm: F64, radius_mm: float, depth_mm: float) -> Faces:
    """Outer faces within ``depth_mm`` of the sphere that look at its centre."""
    h = float(np.linalg.norm(grid.affine[:3, 0]))
    turn = grid.affine[:3, :3] / h
    number, solid = mesh.node_numbers, np.pad(mesh.solid, 1)
    corners, normals, areas = [], [], []
    for axis in range(3):
        for side in (0, 1):
            step = np.eye(3, dtype=int)[axis] * (2 * side - 1)
            bare = mesh.cells[~solid[tuple((mesh.cells + 1 + step).T)]]
            middle = (bare + 0.5 * step) @ grid.affine[:3, :3].T + grid.affine[:3, 3]
            away = middle - centre_mm
            reach = np.linalg.norm(away, axis=1)
            n = away / np.maximum(reach, 1e-9)[:, None]
            seen = -(n @ (turn @ step))
            here = (np.abs(reach - radius_mm) <= depth_mm) & (seen > 0.0)
            square = _square(axis, side)
            at = bare[here][:, None, :] + square
            corners.append(number[tuple(np.moveaxis(at, -1, 0))])
            normals.append(n[here])
            areas.append(h * h * seen[here])
    return Faces(np.concatenate(corners), np.concatenate(normals), np.concatenate(areas))


def press(faces: Faces, direction: F64) -> Pressed | None:
    """The pressure of 1 N along ``direction``; None where the faces cannot take it."""
    n, a = faces.normal, faces.area_mm2
    if len(a) < LEAST_FACES:
        return None
    weight = a / a.sum()
    move = direction * 3.0
    for _ in range(STEPS):
        touch = np.maximum(n @ move, 0.0)
        lack = direction - (weight * touch) @ n
        if np.linalg.norm(lack) < 1e-12:
            break
        bed = (n * (weight * (touch > 0.0))[:, None]).T @ n
        if np.linalg.eigvalsh(bed)[0] < 1e-6:
            return None
        move = move + _shortened(weight, n, move, np.linalg.solve(bed, lack), direction)
    else:
        return None
    force = (weight * touch)[:, None] * n
    off = np.degrees(np.arccos(np.clip(move @ direction / np.linalg.norm(move), -1.0, 1.0)))
    return Pressed(faces, force, float(a[touch > 0.0].sum()), float(off))


def _shortened(weight: F64, n: F64, move: F64, step: F64, direction: F64) -> F64:
    """The step, halved until the energy falls."""

    def energy(at: F64) -> float:
        return float(0.5 * (weight * np.maximum(n @ at, 0.0) ** 2).sum() - at @ direction)

    start = energy(move)
    for _ in range(30):
        if energy(move + step) <= start + 1e-15:
            break
        step = 0.5 * step
    return step


def _square(axis: int, side: int) -> I64:
    """(4, 3) corners of one face of a unit cube."""
    corners = np.array([(i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1)], dtype=np.int64)
    chosen: I64 = corners[corners[:, axis] == side]
    return chosen
