"""Volume, diameters and widths of a lesion, and what of it lies within and beyond its bone.

The lesion is a heap of bricks.  Its width along a unit vector u is the span of the voxel centres along u plus
one brick's share,

    w(u) = max x.u - min x.u + sqrt(sum_a (u.e_a)^4 h_a^2)      e_a, h_a: direction and edge of the bricks

which is h_a along a grid's axis, and less across a corner, where a rounded lesion fills no whole brick.
"""

from __future__ import annotations

import numpy as np

from osteoplan.anatomy.measure.result import Result, measured
from osteoplan.arrays import F64, Indices, Mask
from osteoplan.kernels.vectors import directions
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.findings import Finding
from osteoplan.model.volume import Volume

__all__ = ["size", "widths"]

DIRECTIONS = 400  # in which the lesion's width is taken: 6 degrees apart
TURNS = 90  # within a slice: 2 degrees apart


def size(anatomy: Anatomy) -> Result:
    """Volume, largest diameter, the three axes along the bone's own, and the largest in an axial slice."""
    image, lesion = anatomy.image, anatomy.lesion_mask
    volume = float(np.count_nonzero(lesion)) * image.voxel_volume_mm3 / 1000.0
    outer = _line_ends(lesion)
    along = widths(image, outer, anatomy.frame.axes)
    largest = max(widths(image, outer, directions(2 * DIRECTIONS)[:DIRECTIONS]).max(), along.max())
    words = " x ".join(f"{w:.0f}" for w in along)
    return Result(
        (
            measured("lesion_volume_mL", volume, "mL", "volume of the lesion's mask"),
            measured("size_mm", float(largest), "mm", f"largest diameter, of {DIRECTIONS} directions"),
            measured("axes_mm", words, "mm", "widths along the bone's axes: left-right, front-back, up-down"),
            *_axial(image, lesion),
            *_shares(anatomy),
        )
    )


def widths(image: Volume, indices: Indices, directions: F64) -> F64:
    """(n,) widths [mm] of a heap of bricks (m, 3) along unit vectors (n, 3) of patient space."""
    seen = image.positions_mm(indices) @ directions.T
    brick = np.sqrt((((directions @ image.direction) ** 2 * image.spacing_mm) ** 2).sum(axis=1))
    spans: F64 = seen.max(axis=0) - seen.min(axis=0) + brick
    return spans


def _line_ends(mask: Mask) -> Indices:
    """(n, 3) first and last voxel of every line along the last axis: all that a width can hang on."""
    lines = np.argwhere(mask.any(axis=2))
    rows = mask[tuple(lines.T)]
    first, last = rows.argmax(axis=1), rows.shape[1] - 1 - rows[:, ::-1].argmax(axis=1)
    return np.concatenate([np.column_stack([lines, first]), np.column_stack([lines, last])])


def _axial(image: Volume, lesion: Mask) -> tuple[Finding, ...]:
    """Largest diameter in any slice, and the largest one at right angles to it in the same slice."""
    axis = int(np.argmax(np.abs(image.direction[2])))
    first, second = (image.direction[:, a] for a in range(3) if a != axis)
    turn = np.pi * np.arange(TURNS) / TURNS
    around = np.cos(turn)[:, None] * first + np.sin(turn)[:, None] * second
    best, across = 0.0, 0.0
    for k in np.flatnonzero(lesion.any(axis=tuple(a for a in range(3) if a != axis))):
        indices = np.insert(np.argwhere(lesion.take(k, axis=axis)), axis, k, axis=1)
        found = widths(image, indices, around)
        at = int(found.argmax())
        if found[at] > best:
            best, across = float(found[at]), float(found[(at + TURNS // 2) % TURNS])
    slices = (
        "slices of the scan" if np.abs(image.direction[2, axis]) > 0.999 else "oblique slices of the scan"
    )
    return (
        measured("axial_diameter_mm", best, "mm", f"largest diameter within one of the {slices}"),
        measured("axial_perpendicular_mm", across, "mm", "at right angles to it, in the same slice"),
    )


def _shares(anatomy: Anatomy) -> tuple[Finding, ...]:
    """Share of the bone that is lesion, and the lesion beyond the bone."""
    bone, lesion, voxel = anatomy.bone_mask, anatomy.lesion_mask, anatomy.image.voxel_volume_mm3 / 1000.0
    inside = int(np.count_nonzero(bone & lesion))
    beyond = lesion & ~bone
    told = ""
    for other in anatomy.of_kind("bone"):
        shared = int(np.count_nonzero(beyond & other.mask))
        if shared:
            beyond = beyond & ~other.mask
            told += f"; {shared * voxel:.1f} mL lie in {other.name} and are not counted"
    return (
        measured("bone_involved_pct", 100.0 * inside / int(np.count_nonzero(bone)), "%",
                 "share of the whole bone's voxels, as far as the scan shows the bone"),
        measured("soft_tissue_mL", float(np.count_nonzero(beyond)) * voxel, "mL",
                 f"lesion beyond the bone's mask{told}"),
    )  # fmt: skip
