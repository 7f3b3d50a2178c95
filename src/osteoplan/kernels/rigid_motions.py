"""Which rigid motions its supports leave a body, found without rounding, and their names.

    u = t + w x p,  p = h n on corner n            a held component c: u_c = 0
    h_c u_c = T_c + (W x n)_c                      T_c = h_c t_c,  W_x = h_y h_z w_x (and cyclic)

On a lattice the rows of (T, W) are whole numbers, whatever its edges.  So a lever of one voxel in a thousand
holds, and pins on one line leave the turn about it.  Every rigid motion is a turn about an axis and a slide
along it (Chasles).

Tests: tests/analytic/test_rigid_motions.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from osteoplan.arrays import F64, Array, Bool
from osteoplan.kernels.elasticity import CORNERS

__all__ = ["FreeMotions", "free_motions"]

ROUND = 1e-9  # of a direction, or of the reach of the body: less is rounding


@dataclass(frozen=True, eq=False)
class FreeMotions:
    """What a body can still do.

    Attributes:
        slides: (a, 3) unit directions; turns: (b, 3) unit axes.
        through_mm: (b, 3) a point of each axis, near the middle of the body; one for all where they meet.
        per_turn_mm: (b,) slide along the axis that goes with a whole turn.
    """

    slides: F64
    turns: F64
    through_mm: F64
    per_turn_mm: F64

    def __len__(self) -> int:
        return len(self.slides) + len(self.turns)

    def words(self, edges_mm: Sequence[float] | None = None) -> str:
        """Such as *slides along x and turns about z through (4, 8, 20) mm*; with edges, corners too."""
        told = [f"slides along {_and([_axis(way) for way in self.slides])}"] if len(self.slides) else []
        axes = [_axis(way) for way in self.turns]
        points = [f"{_three(at, '.4g')} mm" for at in self.through_mm]
        if edges_mm is not None:
            corners = [_three(at, ".4g") for at in self.through_mm / np.array(edges_mm)]
            points = [f"corner {corner} = {at}" for corner, at in zip(corners, points, strict=True)]
        if len(set(points)) == 1:
            axes, points = ["any axis" if len(axes) == 3 else _and(axes)], points[:1]
        for axis, point, slide in zip(axes, points, self.per_turn_mm, strict=False):
            hand = "right" if slide > 0.0 else "left"
            screw = f" as a {hand}-hand screw of {abs(slide):.3g} mm a turn" if slide else ""
            told.append(f"turns about {axis} through {point}{screw}")
        return _and(told)

    def placed(self, affine: F64, edges_mm: Sequence[float] | F64) -> FreeMotions:
        """The same where an affine (4, 4) puts the lattice of corners."""
        turn = affine[:3, :3] / np.array(edges_mm)
        return FreeMotions(
            self.slides @ turn.T, self.turns @ turn.T, self.through_mm @ turn.T + affine[:3, 3],
            self.per_turn_mm * np.sign(np.linalg.det(turn)),
        )  # fmt: skip


def free_motions(cells: Array, held: Bool, edges_mm: Sequence[float] | F64) -> FreeMotions:
    """Of a body that is held at some corners of its voxels.

    Args:
        cells: (n, 3) lattice indices of its voxels; held: (ni + 1, nj + 1, nk + 1, 3) components of corners.
        edges_mm: of a voxel; corner (0, 0, 0) is the origin.
    """
    mine = np.zeros(held.shape[:3], dtype=bool)
    for corner in CORNERS:
        mine[tuple((cells + corner).T)] = True
    *at, component = np.nonzero(held & mine[..., None])
    h, middle = np.array(edges_mm, dtype=np.float64), (cells.min(axis=0) + cells.max(axis=0) + 1) // 2
    unit = np.eye(3, dtype=np.int64)[component]
    rows = np.concatenate([np.cross(np.stack(at, axis=1) - middle, unit), unit], axis=1)
    free = np.array(_null_space(rows.T @ rows), dtype=np.float64).reshape(-1, 6)  # of (W, T)
    w, t = free[:, :3] * h / h.prod(), free[:, 3:] / h
    turns = w.any(axis=1)
    slides = t[~turns] / np.linalg.norm(t[~turns], axis=1, keepdims=True)
    along, _ = np.linalg.qr(slides.T)
    across = np.eye(3) - along @ along.T  # any slide may be added to a turn: none is the nearest
    size = np.linalg.norm(w[turns], axis=1, keepdims=True)
    w, t = w[turns] / size, t[turns] @ across / size
    points, screws = np.cross(w, t), 2.0 * np.pi * (w * t).sum(axis=1)
    every = range(len(w))
    for some in (*([n] for n in every), list(every)):  # all together where they meet
        still = _still_point(w[some], t[some], across)
        if still is not None:
            points[some], screws[some] = still, 0.0
    return FreeMotions(slides, w, points + middle * h, screws)


def _null_space(normal: Array) -> list[list[Fraction]]:
    """Motions (W, T) that a symmetric (6, 6) matrix of whole numbers sends to nothing; slides come last.

    Gauss and Jordan on (normal, 1): where nothing is left of a row, its other half is such a motion.
    """
    rows = [[Fraction(int(x)) for x in (*row, *one)] for row, one in zip(normal, np.eye(6), strict=True)]
    done = 0
    for m in range(12):
        pivot = next((n for n in range(done, 6) if rows[n][m]), None)
        if pivot is None:
            continue
        rows[done], rows[pivot] = rows[pivot], rows[done]
        top = rows[done] = [x / rows[done][m] for x in rows[done]]
        for n in range(6):
            if n != done and rows[n][m]:
                rows[n] = [x - rows[n][m] * y for x, y in zip(rows[n], top, strict=True)]
        done += 1
    return [row[6:] for row in rows if not any(row[:6])]


def _still_point(w: F64, t: F64, across: F64) -> F64 | None:
    """(3,) nearest y that all motions leave where it is, but for slides; None where there is none."""
    A = np.concatenate([np.zeros((1, 3)), *(across @ np.cross(axis, np.eye(3)).T for axis in w)])
    b = np.concatenate([np.zeros(1), -t.ravel()])
    y: F64 = np.linalg.lstsq(A, b, rcond=ROUND)[0]
    return y if np.abs(A @ y - b).max() <= ROUND * max(1.0, float(np.abs(b).max())) else None


def _and(words: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def _axis(way: F64) -> str:
    most = int(np.argmax(np.abs(way)))
    return "xyz"[most] if abs(way[most]) > 1.0 - ROUND else _three(way * np.sign(way[most]), ".2f")


def _three(values: F64, to: str) -> str:
    return "(" + ", ".join(format(float(x) + 0.0, to) for x in np.round(values, 6)) + ")"
