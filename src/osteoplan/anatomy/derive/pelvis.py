"""Greater sciatic notch and templates of nerves and vessels around the pelvis and hip.

Templates are where such structures usually run, seen from landmarks of the bones.  They are not the patient's
own nerves and vessels, and drawn generously.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from osteoplan.anatomy.derive.canvas import Canvas, Derived, not_derived
from osteoplan.arrays import F64, Indices, Mask
from osteoplan.boxes import shared
from osteoplan.kernels.distance import distance_to
from osteoplan.kernels.vectors import unit
from osteoplan.knowledge.values import number
from osteoplan.model.anatomy import StructureKind

__all__ = ["Notch", "femoral_bundle", "find_notch", "head_sphere", "notch_and_gluteal"]

RASTER_MM = 2.0  # of the bone's lateral silhouette
UP, BACK = np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0])
SMOOTH_CELLS = 2.0  # of the raster: the edge of bone is read voxel by voxel
LEAST_DEPTH_MM = 8.0  # a shallower bay is no notch
TUBEROSITY_MM = 40.0  # the lowest part of the hemipelvis, whose back is the tuberosity
HEAD_RADII_MM = (15.0, 35.0)  # a sphere outside this is no femoral head


def notch_and_gluteal(canvas: Canvas, side: str) -> Derived:
    """``greater_sciatic_notch``, ``superior_gluteal``, ``inferior_gluteal`` and ``sciatic_nerve``."""
    hip = f"hip_{side}"
    if not canvas.labels.has(hip):
        return not_derived(f"sciatic notch and gluteal bundles {side} are not derived: {hip} not labelled")
    points = canvas.points_mm(hip)
    notch = find_notch(points)
    if notch is None:
        return not_derived(f"greater_sciatic_notch_{side} is not derived: {hip} shows no notch behind")
    found, top = _notch(canvas, side, notch), notch.top_mm
    outward = np.array([1.0 if side == "left" else -1.0, 0.0, 0.0])
    radius, length = number("derived.gluteal_radius_mm"), number("derived.gluteal_length_mm")
    exit_mm = top + 0.5 * radius * (BACK - UP)
    line = [exit_mm - 1.5 * radius * outward, exit_mm, exit_mm + length * unit(outward + UP - 0.5 * BACK)]
    found += _bundle(canvas, f"superior_gluteal_{side}", "through the top of the sciatic notch", line, radius)
    low = top + 0.5 * radius * BACK - 2.0 * radius * UP
    line = [low - 1.5 * radius * outward, low, low + length * unit(BACK - UP)]
    found += _bundle(
        canvas, f"inferior_gluteal_{side}", "through the lower part of the sciatic notch", line, radius
    )
    return found + _sciatic(canvas, side, points, low, outward)


def _bundle(canvas: Canvas, name: str, where: str, line: list[F64], radius: float) -> Derived:
    kind: StructureKind = "nerve" if name.startswith("sciatic") else "vessel"
    box, inside = canvas.tube(line, radius)
    because = f"template {where}, radius {radius:g} mm; not the patient's own course"
    return canvas.put(name, kind, box, inside & ~canvas.bones(box), because)


def _sciatic(canvas: Canvas, side: str, hip_mm: F64, start: F64, outward: F64) -> Derived:
    femur, name = f"femur_{side}", f"sciatic_nerve_{side}"
    if not canvas.labels.has(femur):
        return not_derived(f"{name} is not derived: {femur} not labelled, so the trochanter is not known")
    femur_mm = canvas.points_mm(femur)
    trochanter = femur_mm[np.argmax(femur_mm @ outward)]
    low = hip_mm[hip_mm[:, 2] <= hip_mm[:, 2].min() + TUBEROSITY_MM]
    tuberosity = low[np.argmax(low[:, 1])]
    between = 0.5 * (trochanter + tuberosity)
    between[2] = min(tuberosity[2], trochanter[2])
    below = between - number("derived.sciatic_beyond_mm") * UP
    where = "from the notch between tuberosity and greater trochanter"
    return _bundle(canvas, name, where, [start, between, below], number("derived.gluteal_radius_mm"))


@dataclass(frozen=True, eq=False)
class Notch:
    """The greater sciatic notch.

    Attributes:
        top_mm: (3,) LPS, its deepest point at the bone's edge.
        bay: True where the lateral silhouette has the notch; cells of ``RASTER_MM``, (posterior, superior).
        low: (2,) position of the raster's corner [mm].
        rim_mm: as the bay; x of the bone's edge that is nearest to a cell.
    """

    top_mm: F64
    bay: Mask
    low: F64
    rim_mm: F64

    def holds(self, at_mm: F64, reach_mm: float, half_mm: float) -> Mask:
        """True in the bay as seen from the side, in a lens about the bone's edge, thick at the top."""
        cells = np.floor((at_mm[..., 1:] - self.low) / RASTER_MM).astype(int)
        inside: Mask = np.asarray(((cells >= 0) & (cells < self.bay.shape)).all(axis=-1))
        y, z = np.moveaxis(np.where(inside[..., None], cells, 0), -1, 0)
        away = (((at_mm - self.top_mm)[..., 1:]) ** 2).sum(axis=-1) / reach_mm**2
        aside = (at_mm[..., 0] - self.rim_mm[y, z]) ** 2 / half_mm**2
        held: Mask = inside & self.bay[y, z] & (away + aside <= 1.0)
        return held


def find_notch(hip_mm: F64) -> Notch | None:
    """The deepest bay behind the hemipelvis, seen from the side: between its silhouette and the convex hull.

    Args:
        hip_mm: (n, 3) voxel centres of the hemipelvis, closer together than 4 mm.
    """
    from skimage.morphology import convex_hull_image

    low = hip_mm[:, 1:].min(axis=0) - 2 * RASTER_MM
    cells = np.floor((hip_mm[:, 1:] - low) / RASTER_MM).astype(int)
    flat = np.zeros(cells.max(axis=0) + 4, dtype=bool)
    flat[tuple(cells.T)] = True
    # Voxels may lie further apart than the raster; the obturator foramen is no notch.
    flat = ndimage.binary_fill_holes(ndimage.binary_closing(flat, np.ones((3, 3))))
    hull = convex_hull_image(flat)
    names, count = ndimage.label(ndimage.binary_opening(hull & ~flat, np.ones((5, 5))))
    depth = distance_to(~hull, (RASTER_MM, RASTER_MM))
    middle = np.argwhere(flat)[:, 0].mean()
    behind = [n for n in range(1, count + 1) if np.argwhere(names == n)[:, 0].mean() > middle]
    deepest = max(behind, key=lambda n: float(depth[names == n].max()), default=0)
    if not deepest or depth[names == deepest].max() < LEAST_DEPTH_MM:
        return None
    bay = names == deepest
    cell = np.argwhere(bay & (depth >= depth[bay].max() - 0.25 * RASTER_MM)).mean(axis=0)
    top = low + (cell + 0.5) * RASTER_MM
    distance = np.linalg.norm(hip_mm[:, 1:] - top, axis=1)
    close = distance <= distance.min() + 2 * RASTER_MM
    return Notch(np.array([hip_mm[close, 0].mean(), *top]), bay, low, _rim(hip_mm[:, 0], cells, flat.shape))


def _rim(x_mm: F64, cells: Indices, shape: tuple[int, ...]) -> F64:
    """x of the nearest bone, seen from the side, smoothed along the edge; of ``shape``."""
    count, total = np.zeros(shape), np.zeros(shape)
    np.add.at(count, tuple(cells.T), 1.0)
    np.add.at(total, tuple(cells.T), x_mm)
    nearest = ndimage.distance_transform_edt(count == 0, return_distances=False, return_indices=True)
    rim: F64 = ndimage.gaussian_filter((total / np.maximum(count, 1.0))[tuple(nearest)], SMOOTH_CELLS)
    return rim


def _notch(canvas: Canvas, side: str, notch: Notch) -> Derived:
    reach, half = number("derived.notch_reach_mm"), number("derived.notch_half_width_mm")
    box = canvas.box_around(notch.top_mm, reach)
    at = canvas.positions_mm(box)
    inside = notch.holds(at, reach, half)
    because = (
        f"bay behind the hemipelvis on its lateral silhouette, a lens about the bone's edge: {reach:g} mm "
        f"from its top, {half:g} mm to either side there; sciatic nerve and superior gluteal bundle leave "
        "here"
    )
    return canvas.put(f"greater_sciatic_notch_{side}", "nerve", box, inside & ~canvas.bones(box), because)


def head_sphere(canvas: Canvas, side: str) -> tuple[F64, float] | None:
    """Centre (LPS mm) and radius of the femoral head: a sphere through the femur's surface in the joint."""
    femur, hip = f"femur_{side}", f"hip_{side}"
    gap = number("derived.joint_gap_mm")
    box = shared(canvas.widened(canvas.labels.box(femur), gap), canvas.widened(canvas.labels.box(hip), gap))
    if box is None:
        return None
    bone, other = canvas.any_of([femur], box), canvas.any_of([hip], box)
    rim = bone & ~ndimage.binary_erosion(bone) & (distance_to(other, canvas.ct.spacing_mm) <= gap)
    points = canvas.positions_mm(box)[rim]
    if len(points) < 20:
        return None
    # |x|^2 = 2 c.x + (r^2 - |c|^2) is linear in the centre c.
    origin = points.mean(axis=0)
    near = points - origin
    terms = np.column_stack([2.0 * near, np.ones(len(near))])
    *centre, rest = np.linalg.lstsq(terms, (near**2).sum(axis=1), rcond=None)[0]
    # Voxel centres of the rim lie half a voxel inside the surface.
    radius = float(np.sqrt(max(rest + np.dot(centre, centre), 0.0)) + 0.5 * canvas.ct.spacing_mm.mean())
    low, high = HEAD_RADII_MM
    return (origin + np.array(centre), radius) if low <= radius <= high else None


def femoral_bundle(canvas: Canvas, side: str) -> Derived:
    """``femoral_neurovascular``: on from the iliac vessels where labelled, before the femoral head."""
    name = f"femoral_neurovascular_{side}"
    missing = [bone for bone in (f"femur_{side}", f"hip_{side}") if not canvas.labels.has(bone)]
    if missing:
        return not_derived(f"{name} is not derived: {' and '.join(missing)} not labelled on this scan")
    sphere = head_sphere(canvas, side)
    if sphere is None:
        return not_derived(f"{name} is not derived: no femoral head is seen in the label femur_{side}")
    head, radius = sphere
    line, basis = _vessel_ends(canvas, side, head)
    if not line:
        outward = 1.0 if side == "left" else -1.0
        medial = number("derived.femoral_medial_pct") / 100.0 * radius
        front = radius + number("derived.femoral_before_head_mm")
        at_head = head - np.array([outward * medial, front, 0.0])
        line, basis = (
            [at_head + radius * UP, at_head],
            "in front of the femoral head; no vessel label reaches it",
        )
    last = line[-1]
    line.append(np.array([last[0], last[1], min(last[2], head[2]) - number("derived.femoral_below_mm")]))
    return _bundle(canvas, name, basis, line, number("derived.femoral_radius_mm"))


def _vessel_ends(canvas: Canvas, side: str, head: F64) -> tuple[list[F64], str]:
    """Course of the iliac vessels from a head's diameter above the head's centre to their lowest slices."""
    names = [n for n in (f"iliac_artery_{side}", f"iliac_vena_{side}") if canvas.labels.has(n)]
    above = number("derived.vessel_label_near_mm")
    if not names:
        return [], ""
    points = np.vstack([canvas.points_mm(name) for name in names])
    low = points[:, 2].min()
    if low > head[2] + above:
        return [], ""
    heights = np.arange(head[2] + above, low, -10.0)
    thick = 5.0 + canvas.ct.spacing_mm.max()
    slabs = [points[np.abs(points[:, 2] - z) <= thick] for z in heights]
    line = [slab.mean(axis=0) for slab in slabs if len(slab)]
    line.append(points[points[:, 2] <= low + thick].mean(axis=0))
    return line, f"along the labels {' and '.join(names)} and straight on below their end"
