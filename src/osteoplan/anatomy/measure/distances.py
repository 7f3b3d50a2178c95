"""From a lesion to what lies around it: canal, nerves, joint, vessels, skin.

Two heaps of bricks are as far apart as their nearest bricks,

    d^2 = min over pairs of  sum_a max(|x_a - y_a| - h_a, 0)^2

so masks that touch are 0 mm apart.  A distance is measured only to what the scan or its labels show (or what
was derived from them, which is said); without any such structure it stays unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from osteoplan.anatomy.measure.joint import joint_points
from osteoplan.anatomy.measure.result import Result, measured
from osteoplan.arrays import Indices, Mask
from osteoplan.boxes import around, bounding_box, box_of, ends
from osteoplan.kernels.distance import distance_to
from osteoplan.knowledge.sites import bone_site
from osteoplan.model.anatomy import Anatomy, BoneFrame, Structure, StructureKind
from osteoplan.model.findings import Finding
from osteoplan.model.volume import Volume

__all__ = ["distances", "gap_mm"]

_PAIRS = 2_000_000  # compared at a time


def distances(anatomy: Anatomy, frames: Mapping[str, BoneFrame]) -> Result:
    """Distances to the nearest structure of each kind that exists.

    ``nerve_mm`` is to the nearest nerve or canal, and is known only where nerves are: a canal alone says
    nothing of the roots.  ``canal_mm`` is told only where the canal is at risk (spine, sacrum).
    """
    lesion = _surface(anatomy.lesion_mask)
    site = bone_site(anatomy.bone)
    found = []
    if site is None or "canal" in site.structures_at_risk:
        found.append(_nearest(anatomy, lesion, "canal_mm", anatomy.of_kind("canal")))
    if anatomy.of_kind("nerve"):
        both: tuple[StructureKind, ...] = ("nerve", "canal")
        near = [s for kind in both for s in anatomy.of_kind(kind)]
        found.append(_nearest(anatomy, lesion, "nerve_mm", near))
    found.append(_nearest(anatomy, lesion, "vessel_mm", anatomy.of_kind("vessel")))
    found.append(_joint(anatomy, lesion, frames))
    found.append(_skin(anatomy, lesion))
    return Result(tuple(finding for finding in found if finding is not None))


def gap_mm(image: Volume, first: Indices, second: Indices) -> float:
    """Distance between two heaps of bricks of one grid, each given by indices (n, 3) of its outer bricks."""
    h = image.spacing_mm
    a, b = first * h, second * h
    away, _ = cKDTree(a).query(b)
    reach = 2.0 * float(np.linalg.norm(h))  # nearest by bricks is nearly nearest by centres
    b = b[away <= away.min() + reach]
    back, _ = cKDTree(b).query(a)
    a = a[back <= back.min() + reach]
    step = max(_PAIRS // len(b), 1)
    best = np.inf
    for start in range(0, len(a), step):
        apart = np.maximum(np.abs(a[start : start + step, None] - b[None]) - h - 1e-6, 0.0)
        best = min(best, float((apart**2).sum(axis=-1).min()))
    return float(np.sqrt(best))


def _surface(mask: Mask) -> Indices:
    """(n, 3) indices of the voxels of a mask that have a face outside it."""
    if not mask.any():
        return np.empty((0, 3), dtype=np.intp)
    box = around(mask)
    inner = mask[box]
    return np.argwhere(inner & ~ndimage.binary_erosion(inner)) + ends(box)[0]


def _nearest(anatomy: Anatomy, lesion: Indices, name: str, structures: Iterable[Structure]) -> Finding | None:
    """Distance to the nearest of some structures, and which it is."""
    gaps = [
        (0.0 if (s.mask & anatomy.lesion_mask).any() else gap_mm(anatomy.image, lesion, _surface(s.mask)), s)
        for s in structures
        if s.mask.any()
    ]
    if not gaps:
        return None
    gap, structure = min(gaps, key=lambda pair: pair[0])
    how = "as labelled" if structure.given else structure.because or _DERIVED.get(structure.kind, "derived")
    words = f"lesion to {_words(structure.name)}, {how}{_edge(anatomy, gap)}"
    return measured(name, gap, "mm", words)


_DERIVED = {"canal": "which is derived from the bone ring"}


def _words(name: str) -> str:
    return "the spinal canal" if name == "spinal_canal" else name.replace("_", " ")


def _edge(anatomy: Anatomy, gap: float) -> str:
    """A caution where the image ends nearer to the lesion than the structure that was found."""
    low, high = bounding_box(anatomy.lesion_mask)
    room = np.concatenate([low, np.array(anatomy.image.shape) - high]) * np.tile(anatomy.image.spacing_mm, 2)
    return (
        "; the part of the scan that was kept ends nearer, so another may be nearer"
        if room.min() < gap
        else ""
    )


def _joint(anatomy: Anatomy, lesion: Indices, frames: Mapping[str, BoneFrame]) -> Finding | None:
    """Distance to a labelled or derived joint, else to the sphere of the hip or shoulder."""
    if any(s.mask.any() for s in anatomy.of_kind("joint")):
        return _nearest(anatomy, lesion, "joint_mm", anatomy.of_kind("joint"))
    points = joint_points(anatomy, frames)
    if points is None:
        return None
    image, at = anatomy.image, anatomy.image.indices(points.positions_mm)
    first, last = bounding_box(anatomy.lesion_mask)
    low = np.clip(np.floor(np.minimum(at.min(axis=0), first)) - 1, 0, image.shape)
    high = np.clip(np.ceil(np.maximum(at.max(axis=0), last)) + 2, low, image.shape)
    away = distance_to(anatomy.lesion_mask[box_of(low, high)], image.spacing_mm)
    gap = float(ndimage.map_coordinates(away, (at - low).T, order=1, mode="nearest").min())
    return measured("joint_mm", gap, "mm", f"lesion to {points.because}")


def _skin(anatomy: Anatomy, lesion: Indices) -> Finding | None:
    outside = ~anatomy.body_surface
    if not outside.any():
        return None
    reached = (outside & anatomy.lesion_mask).any()
    gap = 0.0 if reached else gap_mm(anatomy.image, lesion, _surface(outside))
    return measured("skin_mm", gap, "mm", f"lesion to the nearest skin{_edge(anatomy, gap)}")
