"""Where the slices of a series lie: their order along the normal, one affine, or the sentence that says no.

    p(i, j, k) = p0 + i dc r + j dr c + k s          r, c, n = r x c    unit vectors of row, column, normal
    tilt = angle between s and n                      dc, dr   distance between columns, between rows [mm]
                                                      s        step from slice to slice [mm]

Source: DICOM PS3.3 C.7.6.2 (image plane); the order is that of the positions, never of names or numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from osteoplan.arrays import F64
from osteoplan.io.dicom.limits import Limits

__all__ = ["Planes", "Stack", "stacked"]

_EXPORT = "export the series again, whole and as axial slices of constant distance"


@dataclass(frozen=True, eq=False)
class Planes:
    """The planes of the slices of one series, in any order.

    Attributes:
        positions_mm: (n, 3) centre of each first pixel, LPS.
        cosines: (n, 6) directions along a row and down a column.
        spacing_mm: (n, 2) distance between rows, between columns.
    """

    positions_mm: F64
    cosines: F64
    spacing_mm: F64


@dataclass(frozen=True, eq=False)
class Stack:
    """How slices make a volume.

    Attributes:
        order: slices in the order of their place along the normal, one for each place.
        copies: groups of slices that share a place (the first of each is in ``order``).
        affine: (4, 4) index -> LPS [mm]; its third axis leans where the gantry was tilted.
        tilt_deg: by how much.
        problem: why this is no volume, in words; "" where it is one (a tilted one included).
    """

    order: tuple[int, ...]
    copies: tuple[tuple[int, ...], ...]
    affine: F64
    tilt_deg: float
    problem: str


def stacked(planes: Planes, limits: Limits) -> Stack:
    """The stack that planes make, or its problem."""
    problem = _plane_problem(planes, limits)
    if problem:
        return Stack((), (), np.eye(4), 0.0, problem)
    row, column, normal = _axes(planes)
    heights = planes.positions_mm @ normal
    places = _places(heights, limits.same_position_mm)
    order = tuple(place[0] for place in places)
    copies = tuple(place for place in places if len(place) > 1)
    problems = [_count_problem(places, limits), _beside_problem(planes, copies, limits)]
    affine, tilt = np.eye(4), 0.0
    if not any(problems):
        kept = planes.positions_mm[list(order)]
        step = (kept[-1] - kept[0]) / (len(order) - 1)
        tilt = float(np.degrees(np.arctan2(np.linalg.norm(np.cross(step, normal)), step @ normal)))
        problems += [_gap_problem(heights[list(order)], limits), _drift_problem(kept, normal, limits)]
        spacing = planes.spacing_mm[0]
        if tilt <= limits.tilt_tolerance_deg:
            step, tilt = (step @ normal) * normal, 0.0
        affine[:3] = np.column_stack([row * spacing[1], column * spacing[0], step, kept[0]])
    return Stack(order, copies, affine, tilt, "; also, ".join(p for p in problems if p))


def _axes(planes: Planes) -> tuple[F64, F64, F64]:
    """Row, column and normal at exact right angles: cosines are rounded in the header."""
    row = planes.cosines[:, :3].mean(axis=0)
    row = row / np.linalg.norm(row)
    column = planes.cosines[:, 3:].mean(axis=0)
    column = column - (column @ row) * row
    column = column / np.linalg.norm(column)
    return row, column, np.cross(row, column)


def _plane_problem(planes: Planes, limits: Limits) -> str:
    """What is wrong with single planes, or with their being parallel."""
    if not (np.isfinite(planes.positions_mm).all() and np.isfinite(planes.cosines).all()):
        return f"a position or direction in the header is not a finite number: {_EXPORT}"
    if np.abs(planes.positions_mm).max() > 1e5:
        return f"a slice lies more than 100 m from the origin, which no scanner writes: {_EXPORT}"
    low, high = limits.voxel_edge_min_mm, limits.voxel_edge_max_mm
    if not (np.isfinite(planes.spacing_mm).all() and _within(planes.spacing_mm, low, high)):
        return f"the pixel spacing in the header is not a number from {low:g} to {high:g} mm: {_EXPORT}"
    rows, columns = planes.cosines[:, :3], planes.cosines[:, 3:]
    lengths = np.linalg.norm(planes.cosines.reshape(-1, 2, 3), axis=2)
    right = np.abs((rows * columns).sum(axis=1)).max()
    if max(np.abs(lengths - 1).max(), right) > limits.cosine_tolerance:
        return f"the direction cosines are not unit vectors at right angles: {_EXPORT}"
    if np.abs(planes.cosines - planes.cosines[0]).max() > limits.cosine_tolerance:
        several = len(np.unique(np.round(planes.cosines, 2), axis=0))
        return (
            f"the slices lie in different orientations (about {max(several, 2)}), so they are several "
            "stacks: export each as a series of its own"
        )
    if np.abs(planes.spacing_mm / planes.spacing_mm[0] - 1).max() > limits.cosine_tolerance:
        return f"the pixel spacing changes from slice to slice: {_EXPORT}"
    return ""


def _within(values: F64, low: float, high: float) -> bool:
    return bool(((values >= low) & (values <= high)).all())


def _places(heights: F64, same_mm: float) -> list[tuple[int, ...]]:
    """Slices grouped by height, from the lowest; within a group in the order of the files."""
    places: list[list[int]] = []
    last = -np.inf
    for n in np.argsort(heights, kind="stable"):
        if heights[n] - last > same_mm:
            places.append([])
            last = heights[n]
        places[-1].append(int(n))
    return [tuple(sorted(place)) for place in places]


def _count_problem(places: list[tuple[int, ...]], limits: Limits) -> str:
    slices, few = sum(map(len, places)), int(limits.slices_min)
    if len(places) == 1 and slices > 1:
        return f"all {slices} slices lie at one position, so they are no volume: give the series of the scan"
    if len(places) < few:
        return f"it has too few slices ({len(places)}, at least {few} are needed): give the whole series"
    return ""


def _beside_problem(planes: Planes, copies: tuple[tuple[int, ...], ...], limits: Limits) -> str:
    for place in copies:
        at = planes.positions_mm[list(place)]
        if np.abs(at - at[0]).max() > limits.drift_tolerance_mm:
            return (
                "slices of one height lie beside each other, so they are several stacks: "
                "export each as a series of its own"
            )
    return ""


def _gap_problem(heights: F64, limits: Limits) -> str:
    gaps = np.diff(heights)
    usual = float(np.median(gaps))
    low, high = limits.voxel_edge_min_mm, limits.voxel_edge_max_mm
    if not low <= usual <= high:
        return f"the slices lie {usual:.3g} mm apart, which is not from {low:g} to {high:g} mm: {_EXPORT}"
    tolerance = usual * limits.spacing_tolerance_pct / 100 + limits.position_rounding_mm
    odd = np.abs(gaps - usual) > tolerance
    if not odd.any():
        return ""
    first = int(np.argmax(odd))
    times = np.rint(gaps[odd] / usual)
    lost = int((times - 1).sum())
    if (times >= 2).all() and (np.abs(gaps[odd] - times * usual) <= times * tolerance).all():
        return (
            f"slices are missing ({lost} of {len(heights) + lost}): they lie {usual:.2f} mm apart, but "
            f"{gaps[first]:.2f} mm after slice {first + 1}: copy the whole series again"
        )
    return (
        f"the distance between slices varies from {gaps.min():.2f} to {gaps.max():.2f} mm: "
        "give a reconstruction of constant distance"
    )


def _drift_problem(kept: F64, normal: F64, limits: Limits) -> str:
    """Slices beside the straight line through the first and the last, measured in their own planes."""
    heights = (kept - kept[0]) @ normal
    line = kept[0] + np.outer(heights / heights[-1], kept[-1] - kept[0])
    beside = np.linalg.norm(kept - line, axis=1).max()
    if beside <= limits.drift_tolerance_mm:
        return ""
    return f"slices are shifted against each other by up to {beside:.2f} mm within their planes: {_EXPORT}"
