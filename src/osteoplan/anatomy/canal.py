"""The spinal canal and the back of the vertebral body, from the ring that body and arch close.

In a slice across the bone's own axis, at the height of pedicles and laminae, the canal is a hole in the bone.
Between such slices its outline is interpolated, above and below them it is drawn on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from osteoplan.anatomy.aligned import Aligned
from osteoplan.anatomy.frame import exits
from osteoplan.arrays import F32, F64, Indices, Mask
from osteoplan.errors import BadInput
from osteoplan.kernels.distance import signed_distance
from osteoplan.knowledge.values import number

__all__ = ["Canal", "PosteriorWall", "find_canal", "find_wall"]

BULGE_MM = 2.0  # a ring's side further than this from the median of all rings is an open side
WALL_OUTLIER_MM = 4.0  # a line of sight that leaves the body further off than this went past it
WALL_HALF_WIDTH = 0.8  # of the canal's half width: beyond it the pedicles grow out of the wall


@dataclass(frozen=True, eq=False)
class Canal:
    """The canal on the bone's own grid.

    Attributes:
        depth: (nl, np, ns) signed distance to its outline within each slice [mm], negative inside.
        rings: indices of the slices in which the bone closes around it.
        left_mm, right_mm: bone coordinates (left) of its sides: median over the rings.
        front_mm, back_mm: the same of its front and back (posterior).
        low_mm, high_mm: lowest and highest ring (superior).
    """

    depth: F32
    rings: Indices
    left_mm: float
    right_mm: float
    front_mm: float
    back_mm: float
    low_mm: float
    high_mm: float


@dataclass(frozen=True, eq=False)
class PosteriorWall:
    """The back of the vertebral body: p = a + b s + c s^2 + d m^2, m = min(|l - l0|, half width) [mm].

    ``points`` are (n, 3) bone coordinates where it was seen.
    """

    coefficients: F64
    middle: float
    half_width: float
    heights: tuple[float, float]
    points: F64

    def posterior_mm(self, left: F64, superior: F64) -> F64:
        """How far behind the origin the wall stands, at bone coordinates (left, superior)."""
        return (
            _terms(left - self.middle, np.clip(superior, *self.heights), self.half_width) @ self.coefficients
        )


def find_canal(bone: Aligned) -> Canal:
    """The canal of a vertebra.

    Raises:
        BadInput: the bone closes around nothing that could be the canal.
    """
    closing = number("vertebra.ring_closing_mm") / bone.step
    holes = {k: hole for k in range(bone.depth.shape[2]) if (hole := _hole(bone, k, closing)) is not None}
    if not holes:
        raise BadInput(
            "the vertebra's label closes around no canal (arch missing or cut?): "
            "correct the label, or give a scan that holds the whole bone"
        )
    rings = np.array(sorted(holes))
    edges = np.array([_edges(bone, holes[k]) for k in rings])
    # A ring that was closed across the neural foramina bulges to the sides.
    bulge = np.abs(edges - np.median(edges, axis=0))[:, :2].max(axis=1)
    slim = bulge <= max(BULGE_MM, float(bulge.min()))
    rings, edges = rings[slim], edges[slim]
    sections = np.stack([signed_distance(holes[k], (bone.step, bone.step)) for k in rings], axis=-1)
    right, left, front, back = np.median(edges, axis=0)
    heights = bone.axis(2)[rings]
    return Canal(
        _between(sections, rings, bone.depth.shape[2]), rings, float(left), float(right), float(front),
        float(back), float(heights[0]), float(heights[-1]),
    )  # fmt: skip


def _hole(bone: Aligned, k: int, closing: float) -> Mask | None:
    """The canal's section in slice k, or None where the bone does not close around it."""
    section = bone.depth[:, :, k]
    names, count = ndimage.label(section >= closing * bone.step)
    outer = np.unique(np.concatenate([names[0], names[-1], names[:, 0], names[:, -1]]))
    best, best_area = 0, 0.0
    for name in set(range(1, count + 1)) - set(outer.tolist()):
        where = np.argwhere(names == name) * bone.step + bone.low[:2]
        beside, behind = where.mean(axis=0)
        area = len(where) * bone.step**2
        if behind > 0 and abs(beside) < behind and area > best_area:
            best, best_area = name, area
    if not best:
        return None
    grown = signed_distance(names == best, (bone.step, bone.step)) <= closing * bone.step
    hole: Mask = grown & (section >= 0)
    area = hole.sum() * bone.step**2
    fits = number("vertebra.canal_area_min_mm2") <= area <= number("vertebra.canal_area_max_mm2")
    return hole if fits else None


def _edges(bone: Aligned, hole: Mask) -> tuple[float, float, float, float]:
    """Lowest and highest bone coordinate of a section, along left and along posterior."""
    across, along = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
    half = 0.5 * bone.step
    left, posterior = bone.axis(0), bone.axis(1)
    return (
        left[across[0]] - half,
        left[across[-1]] + half,
        posterior[along[0]] - half,
        posterior[along[-1]] + half,
    )


def _between(sections: F32, rings: Indices, slices: int) -> F32:
    """Outlines of all slices: linear between rings, the nearest ring's beyond them."""
    k = np.clip(np.arange(slices), rings[0], rings[-1])
    above = np.clip(np.searchsorted(rings, k), 1, len(rings) - 1) if len(rings) > 1 else np.zeros_like(k)
    below = np.maximum(above - 1, 0)
    gap = np.maximum(rings[above] - rings[below], 1)
    weight = ((k - rings[below]) / gap).astype(np.float32)
    between: F32 = (1 - weight) * sections[:, :, below] + weight * sections[:, :, above]
    return between


def find_wall(bone: Aligned, canal: Canal) -> PosteriorWall:
    """The back of the body, seen from within: lines from the body's centre to posterior leave the bone there.

    Raises:
        BadInput: too little of it is seen.
    """
    middle = 0.5 * (canal.left_mm + canal.right_mm)
    half = WALL_HALF_WIDTH * 0.5 * (canal.left_mm - canal.right_mm)
    columns = np.flatnonzero(np.abs(bone.axis(0) - middle) <= half)
    start = bone.nearest(1, 0.0)
    lines = np.moveaxis(bone.depth[columns][:, start:, :], 1, -1)
    behind = bone.axis(1)[start] + bone.step * exits(lines)
    seen = np.abs(behind - np.nanmedian(np.where(np.abs(behind - canal.front_mm) < 8, behind, np.nan)))
    usable = np.argwhere(np.nan_to_num(seen, nan=np.inf) <= WALL_OUTLIER_MM)
    if len(usable) < 20:
        raise BadInput(
            "the back of the vertebral body is not seen in its label: correct the label of the vertebra"
        )
    left, superior = bone.axis(0)[columns][usable[:, 0]], bone.axis(2)[usable[:, 1]]
    posterior = behind[tuple(usable.T)]
    terms = _terms(left - middle, superior, half)
    coefficients = np.linalg.lstsq(terms, posterior, rcond=None)[0]
    good = np.abs(terms @ coefficients - posterior) < 0.5 * WALL_OUTLIER_MM
    coefficients = np.linalg.lstsq(terms[good], posterior[good], rcond=None)[0]
    points = np.stack([left, posterior, superior], axis=1)[good]
    return PosteriorWall(coefficients, middle, half, (float(superior.min()), float(superior.max())), points)


def _terms(beside: F64, superior: F64, half_width: float) -> F64:
    inner = np.minimum(np.abs(beside), half_width)
    return np.stack([np.ones_like(superior), superior, superior**2, inner**2], axis=-1)
