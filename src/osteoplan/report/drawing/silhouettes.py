"""A bone under one load case as shadows on two planes of its own frame, in mm, before anything is drawn.

Both planes follow the radiological convention: coronal is seen from the front, the patient's right at the
viewer's left; sagittal has anterior at the viewer's left.  Everything is seen through, whatever its depth.
Tests: tests/unit/test_boundary_summary.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from osteoplan.arrays import F64, Bool
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.boundary_summary import BoundarySummary
from osteoplan.report.drawing.plane import contours, letter

__all__ = ["Shadow", "shadows"]

_NEAR = 1 / 55  # of the longer side: of two nodes nearer than this in the picture, one is drawn
_PIXELS = 220.0  # along the longer side of a shadow


@dataclass(frozen=True, eq=False)
class Shadow:
    """One plane.

    Attributes:
        name: coronal or sagittal.
        letters: patient directions at the left, right, top and bottom edge.
        bone, body, end_cap, lesion: (n, 2) closed outlines, (right, up) mm from the origin of the frame.
        held, loaded: (n, 2) nodes, thinned.
        at: (2,) middle of the loaded nodes.
        along: (2,) part of the load's axis in the plane; toward: its part towards the viewer.
    """

    name: str
    letters: tuple[str, str, str, str]
    bone: tuple[F64, ...]
    body: tuple[F64, ...]
    end_cap: tuple[F64, ...]
    lesion: tuple[F64, ...]
    held: F64
    loaded: F64
    at: F64
    along: F64
    toward: float

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, right, bottom and top of everything that is drawn as points and outlines."""
        points = np.vstack([*self.bone, *self.body, *self.end_cap, self.held, self.loaded])
        (left, bottom), (right, top) = points.min(axis=0), points.max(axis=0)
        return float(left), float(right), float(bottom), float(top)


def shadows(anatomy: Anatomy, summary: BoundarySummary) -> tuple[Shadow, Shadow]:
    """The coronal and the sagittal shadow."""
    frame = anatomy.frame
    return (
        _shadow("coronal", frame.left, frame.superior, anatomy, summary),
        _shadow("sagittal", frame.posterior, frame.superior, anatomy, summary),
    )


def _shadow(name: str, right: F64, up: F64, anatomy: Anatomy, summary: BoundarySummary) -> Shadow:
    axes = np.stack([right, up], axis=1)

    def flat(points_mm: F64) -> F64:
        return (points_mm - anatomy.frame.origin_mm) @ axes

    def of_mask(mask: Bool) -> tuple[F64, ...]:
        return _outlines(flat(anatomy.image.positions_mm(np.argwhere(mask))), spacing.max(), spacing.min())

    spacing = anatomy.image.spacing_mm
    edge = _edge(summary.body_mm)
    near = _NEAR * float(np.ptp(flat(summary.body_mm), axis=0).max())
    return Shadow(
        name, (letter(-right), letter(right), letter(up), letter(-up)),
        bone=of_mask(anatomy.bone_mask), body=_outlines(flat(summary.body_mm), edge, edge),
        end_cap=_outlines(flat(summary.cap_mm), edge, edge), lesion=of_mask(anatomy.lesion_mask),
        held=_thinned(flat(summary.held_mm), near), loaded=_thinned(flat(summary.loaded_mm), near),
        at=flat(summary.loaded_mm).mean(axis=0), along=summary.load_axis @ axes,
        toward=float(summary.load_axis @ np.cross(right, up)),
    )  # fmt: skip


def _edge(centres_mm: F64) -> float:
    """Edge of the cubes: the shortest way between two of the first neighbours in memory."""
    steps = np.linalg.norm(np.diff(centres_mm[:200], axis=0), axis=1)
    return float(steps[steps > 0].min()) if (steps > 0).any() else 1.0


def _outlines(points: F64, spacing_mm: float, edge_mm: float) -> tuple[F64, ...]:
    """Outlines of the shadow of voxels.

    Args:
        spacing_mm: gaps up to this are no gaps; edge_mm: half of it lies around every point.
    """
    if not len(points):
        return ()
    pixel = float(np.clip(np.ptp(points, axis=0).max() / _PIXELS, 0.4, 2.0))
    close, grow = int(np.ceil(0.75 * spacing_mm / pixel)), round(0.5 * edge_mm / pixel)
    margin = 2 * close + grow + 4
    low = points.min(axis=0) - margin * pixel
    place = np.rint((points - low) / pixel).astype(int)
    hit = np.zeros(place.max(axis=0) + margin + 1, dtype=bool)
    hit[tuple(place.T)] = True
    solid = ndimage.binary_closing(hit, iterations=close)
    if grow:
        solid = ndimage.binary_dilation(solid, iterations=grow)
    smooth = ndimage.gaussian_filter(solid.astype(float), max(1.0, 0.5 * spacing_mm / pixel))
    found = contours(smooth, 0.5, within=0.12)
    return tuple(line * pixel + low for line in found if len(line) >= 4)


def _thinned(points: F64, near_mm: float) -> F64:
    """Points of which no two are nearer than that, the first in memory before later ones."""
    kept = np.ones(len(points), dtype=bool)
    around = cKDTree(points).query_ball_point(points, near_mm * (1.0 - 1e-6))
    for n, others in enumerate(around):
        if kept[n]:
            kept[others] = False
            kept[n] = True
    return points[kept]
