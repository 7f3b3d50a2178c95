"""An independent and slow check of a straight device: no distance map, no kernel, only bricks.

Every labelled voxel is a solid box.  The axis is walked in steps of 0.1 mm, and from every step the distance
to every box that could be nearest is computed exactly:

    d^2 = sum over axes of  max(|x_a - c_a| - h_a / 2, 0)^2        in the grid's own axes, in mm

A grid is orthogonal, however it is turned or mirrored, so lengths in its own axes are lengths in the patient.
A tree of box centres picks out who could be nearest.  Distances are never too short by more than rounding,
and never too long by more than half a step.

It shares nothing with ``osteoplan.trajectory`` or ``osteoplan.kernels``: it imports neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_erosion, map_coordinates
from scipy.spatial import cKDTree

F64 = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

STEP_MM = 0.1
REACH_MM = 25.0  # farther than that from the device nothing is looked at
CHUNK = 2_000_000  # pairs at once: bounds the memory


@dataclass(frozen=True)
class Capsule:
    """A straight device: the two ends of its axis [mm, LPS], and its radius."""

    entry_mm: tuple[float, float, float]
    target_mm: tuple[float, float, float]
    radius_mm: float

    @property
    def length_mm(self) -> float:
        return float(np.linalg.norm(np.subtract(self.target_mm, self.entry_mm)))

    def steps(self) -> F64:
        """(n,) ways from the entry, ends included."""
        return np.linspace(0.0, self.length_mm, max(int(np.ceil(self.length_mm / STEP_MM)), 1) + 1)

    def points(self, s: F64) -> F64:
        """(n, 3) points of the axis."""
        a, b = np.asarray(self.entry_mm), np.asarray(self.target_mm)
        return a + (s / max(self.length_mm, 1e-12))[:, None] * (b - a)


@dataclass(frozen=True)
class Violation:
    """A margin that is not kept: what, how much there is, how much is asked."""

    name: str
    gap_mm: float
    needed_mm: float


def gap_to(mask: Mask, affine: F64, capsule: Capsule) -> float:
    """Distance [mm] from the capsule's surface to the nearest box of a mask; -radius if its axis is inside.

    ``inf`` where no box lies within ``REACH_MM`` of the surface.
    """
    return float(_distances(mask, affine, capsule.points(capsule.steps())).min() - capsule.radius_mm)


def wall_around(
    bone: Mask, affine: F64, capsule: Capsule, *, from_mm: float = 0.0, to_mm: float | None = None
) -> float:
    """Bone [mm] between the capsule's surface and the nearest box that is not bone.

    Looked at between two ways from the entry.  Beyond the image nothing is known, and no hole is seen.
    """
    s = capsule.steps()
    s = s[(s >= from_mm - 1e-9) & (s <= (capsule.length_mm if to_mm is None else to_mm) + 1e-9)]
    return float(_distances(~bone, affine, capsule.points(s)).min() - capsule.radius_mm)


def wall_across(
    bone: Mask, affine: F64, capsule: Capsule, *, from_mm: float = 0.0, to_mm: float | None = None
) -> float:
    """Bone [mm] beside the capsule, straight out from its axis, to where the label is half bone.

    The label is read between voxel centres (trilinear), so its surface is smooth: on voxels of 3 mm the
    corners of bricks reach more than a millimetre beyond what anybody would draw.  48 rays, every 0.5 mm.
    Beyond the image the edge's label counts.
    """
    s = np.arange(from_mm, (capsule.length_mm if to_mm is None else to_mm) + 1e-9, 0.5)
    axis = np.subtract(capsule.target_mm, capsule.entry_mm) / capsule.length_mm
    one = np.cross(axis, np.eye(3)[int(np.abs(axis).argmin())])
    one /= np.linalg.norm(one)
    turn = np.linspace(0.0, 2.0 * np.pi, 48, endpoint=False)[:, None]
    rays = np.cos(turn) * one + np.sin(turn) * np.cross(axis, one)
    out = np.arange(0.0, REACH_MM, STEP_MM)
    places = capsule.points(s)[:, None, None] + out[:, None] * rays[:, None]
    index = _indices(affine, places.reshape(-1, 3))
    share = map_coordinates(bone.astype(np.float32), index.T, order=1, mode="nearest").reshape(
        places.shape[:3]
    )
    hole = share < 0.5
    free = np.where(hole.any(axis=2), out[hole.argmax(axis=2)], np.inf)
    return float(free.min() - capsule.radius_mm)


def profile(bone: Mask, affine: F64, capsule: Capsule) -> tuple[F64, F64]:
    """Ways from the entry, and the distance of the axis there to the nearest box that is not bone."""
    s = capsule.steps()
    return s, _distances(~bone, affine, capsule.points(s))


def inside(mask: Mask, affine: F64, position_mm: npt.ArrayLike) -> bool:
    """True where the box at a position is of the mask."""
    index = np.floor(_indices(affine, np.asarray(position_mm, dtype=float)[None])[0] + 0.5).astype(int)
    return bool(((index >= 0) & (index < mask.shape)).all() and mask[tuple(index)])


def violations(
    masks: Mapping[str, Mask], affine: F64, capsule: Capsule, needed_mm: Mapping[str, float]
) -> tuple[Violation, ...]:
    """Every margin that the capsule does not keep to a named mask."""
    found = []
    for name, needed in needed_mm.items():
        gap = gap_to(masks[name], affine, capsule)
        if gap < needed:
            found.append(Violation(name, gap, needed))
    return tuple(found)


def masks_of(around: Any) -> dict[str, dict[str, Mask]]:
    """Kind -> name -> mask of all that a region holds, ``metal`` and ``other_bone`` among the kinds."""
    kinds: dict[str, dict[str, Mask]] = {}
    for structure in around.structures:
        if structure.mask.any():
            kinds.setdefault(structure.kind, {})[structure.name] = structure.mask
    if around.metal.any():
        kinds["metal"] = {"metal": around.metal}
    others = {name: mask for name, mask in around.bones.items() if name != around.target and mask.any()}
    if others:
        kinds["other_bone"] = others
    return kinds


def check_kinds(
    around: Any, capsule: Capsule, needed_mm: Mapping[str, float], *, leave_out: frozenset[str] = frozenset()
) -> tuple[Violation, ...]:
    """Margins by kind of structure that a capsule does not keep; ``leave_out`` is crossed on purpose."""
    found: list[Violation] = []
    for kind, masks in masks_of(around).items():
        if kind in needed_mm:
            asked = {name: needed_mm[kind] for name in masks if name not in leave_out}
            found.extend(violations(masks, around.grid.affine, capsule, asked))
    return tuple(found)


def _indices(affine: F64, positions: F64) -> F64:
    return np.linalg.solve(affine[:3, :3], (positions - affine[:3, 3]).T).T


def _distances(mask: Mask, affine: F64, points: F64) -> F64:
    """(n,) distance from each point to the nearest box of the mask [mm]; inf beyond ``REACH_MM``."""
    edges = np.sqrt((affine[:3, :3] ** 2).sum(axis=0))
    at = _indices(affine, points)
    low = np.maximum(np.floor(at.min(axis=0) - REACH_MM / edges), 0).astype(int)
    high = np.minimum(np.ceil(at.max(axis=0) + REACH_MM / edges) + 1, mask.shape).astype(int)
    if (high <= low).any():
        return np.full(len(points), np.inf)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    # a box with its own kind on all six sides is never the nearest to a point outside
    outer = mask[box] & ~binary_erosion(mask[box])
    centres = (np.argwhere(outer) + low) * edges
    here, half = at * edges, 0.5 * edges
    best = np.full(len(points), np.inf)
    if not len(centres):
        return best
    own = np.floor(at + 0.5).astype(int)
    known = ((own >= 0) & (own < mask.shape)).all(axis=1)
    best[known] = np.where(mask[tuple(own[known].T)], 0.0, np.inf)
    tree, diagonal = cKDTree(centres), float(np.linalg.norm(half))
    nearest, _ = tree.query(here)
    # the box whose centre is nearest is at most that far; any box that is nearer has its centre within that
    # distance and half a diagonal
    near = nearest <= REACH_MM + diagonal
    for part in np.array_split(np.flatnonzero(near), max(1, int(near.sum()) * 60 // CHUNK + 1)):
        boxes = tree.query_ball_point(here[part], nearest[part] + diagonal)
        rows = np.repeat(part, [len(found) for found in boxes])
        columns = np.concatenate([np.asarray(found, dtype=int) for found in boxes]) if len(boxes) else []
        off = np.maximum(np.abs(here[rows] - centres[columns]) - half, 0.0)
        np.minimum.at(best, rows, np.sqrt((off**2).sum(axis=1)))
    return best
