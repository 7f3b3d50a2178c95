"""The pedicle of a vertebra: where it is narrowest, and how wide a ball fits there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from osteoplan.arrays import Point
from osteoplan.errors import NotAvailable
from osteoplan.trajectory.surroundings import Surroundings, distance_maps, point

__all__ = ["Pedicle", "PedicleSide", "pedicle"]

PedicleSide = Literal["left", "right"]

SLAB_MM = 1.0  # of the pedicle's cross-sections
DEEP = 0.7  # share of a cross-section's greatest depth that counts as its middle


@dataclass(frozen=True)
class Pedicle:
    """Where a pedicle is narrowest, which way it runs, and how far it reaches back.

    Attributes:
        isthmus_mm: centre of its isthmus.
        radius_mm: of the largest ball that fits there.
        backward: unit vector along the pedicle, out of the body.
        behind_mm: length of the pedicle behind its isthmus: what enters the bone there came through its side.
    """

    side: PedicleSide
    isthmus_mm: Point
    radius_mm: float
    backward: Point
    behind_mm: float


def pedicle(around: Surroundings, side: PedicleSide) -> Pedicle:
    """The isthmus of a pedicle.

    Raises:
        NotAvailable: the anatomy has no such pedicle.
    """
    return around.memo.once(("pedicle", side), lambda: _pedicle(around, side))


def _pedicle(around: Surroundings, side: PedicleSide) -> Pedicle:
    anatomy = around.anatomy
    mask = anatomy.parts.get(f"pedicle_{side}")
    if mask is None or not mask.any():
        raise NotAvailable(f"{anatomy.bone} has no {side} pedicle in its parts: no way through it is planned")
    # The mask's ends are cut obliquely, so the bone around it is looked at: all of it that lies between the
    # mask's own sides and heights.
    bone = np.argwhere(anatomy.bone_mask)
    local = anatomy.frame.local(anatomy.image.positions_mm(bone))
    low, high = np.percentile(local[mask[tuple(bone.T)]], [5, 95], axis=0)
    beside = ((local >= low) & (local <= high)).all(axis=1)
    local, depth = local[beside], -distance_maps(around).of("bone")[tuple(bone[beside].T)]
    slab = np.floor((local[:, 1] - low[1]) / SLAB_MM).astype(int)
    widest = np.full(slab.max() + 1, -np.inf)
    np.maximum.at(widest, slab, depth)
    radius = float(widest[widest > 0].min())
    narrow = np.flatnonzero((widest > 0) & (widest < radius + 0.25))
    core = (slab == narrow[len(narrow) // 2]) & (depth >= radius - 0.5 * SLAB_MM)
    isthmus = local[core].mean(axis=0)
    # The line through the middles of its cross-sections; a middle is the mean of what lies deepest there.
    deep = depth >= DEEP * widest[slab]
    middles = np.array([local[deep & (slab == n)].mean(axis=0) for n in np.flatnonzero(widest > 0)])
    along = np.linalg.svd(middles - middles.mean(axis=0))[2][0]
    along *= np.sign(along[1])
    behind = float(high[1] - isthmus[1]) / float(along[1])
    backward = point(along @ anatomy.frame.axes)
    return Pedicle(side, point(anatomy.frame.world(isthmus)), radius, backward, behind)
