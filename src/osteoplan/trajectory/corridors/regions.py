"""Entry and exit regions of a corridor: points of a bone in a box around a landmark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from osteoplan.arrays import F64, Bool
from osteoplan.errors import NotAvailable
from osteoplan.knowledge.corridors import RegionRow
from osteoplan.knowledge.values import number
from osteoplan.model.anatomy import BoneFrame
from osteoplan.trajectory.corridors.bone import BoneField, bone_field
from osteoplan.trajectory.surroundings import Surroundings

__all__ = ["Missing", "OffScan", "Region", "inside_points", "region", "surface_points"]

FAR = 1e6
CAP_MM = 2.0  # an outermost point is the mean of a cap this high


class Missing(NotAvailable):
    """A region rests on something that was not found; the message says what."""


class OffScan(Missing):
    """A region rests on something that the scan stops short of; the message says by how much."""


@dataclass(frozen=True, eq=False)
class Region:
    """A box around a landmark, in patient space.

    Attributes:
        box: the numbers as ``kernels.corridor`` reads them.
        facing: (3,) unit direction that the surface faces, or None.
        facing_deg: to this angle.
    """

    box: F64
    facing: F64 | None
    facing_deg: float

    def holds(self, positions_mm: F64) -> Bool:
        """(n, 3) positions -> (n,) True inside the box."""
        away = positions_mm - self.box[:3]
        local = away @ self.box[3:12].reshape(3, 3).T
        inside = ((local >= self.box[12:15]) & (local <= self.box[15:18])).all(axis=-1)
        near = np.linalg.norm(away, axis=-1) <= self.box[18]
        return np.asarray(inside & near)

    def crossed(self, starts_mm: F64, ends_mm: F64) -> Bool:
        """(n, 3) segments -> (n,) True where the point nearest to the landmark lies in the box."""
        along = ends_mm - starts_mm
        share = ((self.box[:3] - starts_mm) * along).sum(axis=-1) / (along**2).sum(axis=-1)
        return self.holds(starts_mm + share[:, None] * along)


EVERYWHERE = Region(
    np.concatenate([np.zeros(3), np.eye(3).ravel(), [-FAR] * 3, [FAR] * 3, [FAR]]), None, 180.0
)


def region(around: Surroundings, row: RegionRow | None, names: Mapping[str, str]) -> Region:
    """The box of a region on this scan; everywhere where there is no row.

    Raises:
        Missing: the frame or the landmark is not there.
    """
    if row is None:
        return EVERYWHERE
    label = (row.of or row.bone).format(**names)
    frame = _frame(around, label, row.frame)
    sign = -1.0 if names["side"] == "right" else 1.0
    axes = frame.axes * np.array([[sign], [1.0], [1.0]])
    place = frame.origin_mm if row.landmark == "origin" else frame.landmarks_mm.get(row.landmark)
    if place is None:
        raise _lacking(around, label, f"the {_words(row.landmark)} of {_words(label)}", "is not on this scan")
    unit = _unit(around, label, frame, row.unit)
    boxes = [(-FAR, FAR) if b is None else (b[0] * unit, b[1] * unit)
             for b in (row.lateral, row.posterior, row.superior)]  # fmt: skip
    within = FAR if row.within is None else row.within * unit
    box = np.concatenate([place, axes.ravel(), [b[0] for b in boxes], [b[1] for b in boxes], [within]])
    facing = None
    if row.facing is not None:
        way = np.asarray(row.facing) @ axes
        facing = way / np.linalg.norm(way)
    return Region(np.asarray(box, dtype=np.float64), facing, row.facing_deg)


def surface_points(whole: BoneField, own: BoneField, where: Region) -> F64:
    """(n, 3) points of one bone's surface in a region that are on the surface of the whole, too."""
    chosen = where.holds(own.points) & ~own.edge
    if where.facing is not None:
        chosen &= own.normals @ where.facing >= np.cos(np.radians(where.facing_deg))
    points = own.points[chosen]
    if own is not whole:
        # a point with bone on both sides (a bridged joint) is no surface of the whole
        points = points[np.abs(whole.at(whole.level, points)) < 0.25]
    return thinned(points)


def inside_points(whole: BoneField, own: BoneField, where: Region, depth_mm: float) -> F64:
    """(n, 3) points inside one bone in a region, as deep as asked."""
    at = np.argwhere(own.depth >= max(depth_mm, 0.5 * own.voxel_mm))
    points = own.positions_mm(at)
    points = points[where.holds(points)]
    return thinned(points[whole.at(whole.depth, points) >= depth_mm] if len(points) else points)


def thinned(points_mm: F64) -> F64:
    """Points not much closer than the region's spacing, and not too many: one per cube, the first of each."""
    spacing = number("corridor_search.patch_mm")
    while True:
        cube = np.floor(points_mm / spacing).astype(np.int64)
        _, first = np.unique(cube @ np.array([1, 1 << 20, 1 << 40]), return_index=True)
        if len(first) <= number("corridor_search.patch_points"):
            return np.ascontiguousarray(points_mm[np.sort(first)])
        spacing *= 1.2


def _frame(around: Surroundings, label: str, kind: str) -> BoneFrame:
    if label not in around.bones:
        raise Missing(f"{_words(label)} is not on this scan")
    if kind == "patient":
        return _patient_frame(around, label)
    if kind == "own":
        return _own_frame(around, label)
    frame = around.frames.get(label, {}).get(kind)
    if frame is None:
        what = f"the axes ({_words(kind)}) of {_words(label)}"
        raise _lacking(around, label, what, "were not read on this scan")
    return frame


def _lacking(around: Surroundings, label: str, what: str, said: str) -> Missing:
    """What a bone does not show: beyond the scan's edge where that cuts the bone, else not found."""
    mask, size = around.bones[label], np.array(around.grid.shape)
    at = np.argwhere(mask)
    cut = at[((at == 0) | (at == size - 1)).any(axis=1)]
    if not len(cut):
        return Missing(f"{what} {said}")
    # the middle of the lesion is a place that everybody who reads this knows
    shown = around.lesion if around.lesion.any() else mask
    lesion = around.grid.positions_mm(np.argwhere(shown)).mean(axis=0)
    away = float(np.linalg.norm(around.grid.positions_mm(cut) - lesion, axis=1).min())
    return OffScan(f"not judged: the scan stops {away:.0f} mm from the lesion, short of {what}")


def _patient_frame(around: Surroundings, label: str) -> BoneFrame:
    """Axes of the scan; ``highest`` and ``lowest`` point of the bone."""
    points = around.grid.positions_mm(np.argwhere(around.bones[label]))
    ends = _ends(points, np.array([0.0, 0.0, 1.0]), ("highest", "lowest"))
    return BoneFrame(points.mean(axis=0), np.eye(3), "patient", ends)


def _own_frame(around: Surroundings, label: str) -> BoneFrame:
    """Superior along the bone's longest axis, posterior as near to the patient's as that allows."""
    points = around.grid.positions_mm(np.argwhere(around.bones[label]))
    middle = points.mean(axis=0)
    superior = np.linalg.eigh(np.cov((points - middle).T))[1][:, -1]
    superior = superior * (1.0 if superior[2] >= 0 else -1.0)
    posterior = np.array([0.0, 1.0, 0.0]) - superior[1] * superior
    if np.linalg.norm(posterior) < 0.3:
        raise Missing(
            f"the longest axis of {_words(label)} runs from front to back: it has no axes of its own"
        )
    posterior = posterior / np.linalg.norm(posterior)
    axes = np.stack([np.cross(posterior, superior), posterior, superior])
    return BoneFrame(middle, axes, "own", _ends(points, superior, ("top", "bottom")))


def _ends(points_mm: F64, up: F64, names: tuple[str, str]) -> dict[str, F64]:
    height = points_mm @ up
    return {
        names[0]: points_mm[height >= height.max() - CAP_MM].mean(axis=0),
        names[1]: points_mm[height <= height.min() + CAP_MM].mean(axis=0),
    }


def _unit(around: Surroundings, label: str, frame: BoneFrame, unit: str) -> float:
    if unit == "mm":
        return 1.0
    if unit == "core":
        field = bone_field(around, (label,))
        core = float(field.at(field.depth, frame.origin_mm[None])[0])
        if core <= 0:
            raise Missing(f"the middle of {_words(label)} is not bone: its size was not read")
        return core
    if unit not in frame.lengths_mm:
        raise Missing(f"the {_words(unit)} of {_words(label)} was not read on this scan")
    return float(frame.lengths_mm[unit])


def _words(name: str) -> str:
    return name.replace("_", " ")
