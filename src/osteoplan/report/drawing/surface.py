"""The bone in three dimensions: first surface along parallel rays, shaded, seen through where it is bone.

Each shape is a distance field on the scan's own grid.  It is resampled onto a box whose third axis is the
line of sight; the first crossing of zero from the viewer is the surface, the field's gradient there its
normal n.  Light is ambient plus Lambert, 0.3 + 0.7 max(n.l, 0).  Layers are blended per pixel, nearest last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from matplotlib import colormaps
from scipy import ndimage

from osteoplan.arrays import F32, F64, Indices
from osteoplan.kernels.distance import signed_distance
from osteoplan.model.field import Field
from osteoplan.model.volume import Volume
from osteoplan.report.drawing.colours import BONE, CANAL, CEMENT, LESION, NEEDLE, rgb
from osteoplan.report.drawing.pictures import CubeFace, DrawnRod, Legend, Mark, Picture, Scenery, grouped
from osteoplan.report.drawing.plane import shape_of
from osteoplan.report.rendering import data_uri
from osteoplan.report.words import name_of

__all__ = [
    "FROM_BEHIND", "FROM_IN_FRONT", "MARGIN_MM", "View", "margin_colours", "margin_map", "scene",
]  # fmt: skip

_STEP_MM = 0.5
_SMOOTH_MM = 0.9  # slices are thicker than that: hides their steps, keeps a lamina
_LESION_BEFORE_MM = 1.5  # cement may end where the lesion does: the lesion stays visible over it
_LIGHT = np.array([-0.35, 0.55, 0.76])  # from the upper left, mostly from the viewer
_FINE = 90  # pixels across a lesion that fills a picture of its own
MARGIN_MM = 10.0  # ends of the map of margins
_GROUND = np.array([0.07, 0.07, 0.08])


@dataclass(frozen=True, eq=False)
class View:
    """A direction to look from.

    ``axes`` holds in rows the patient directions of: picture right, picture up, towards the viewer.
    """

    words: str
    axes: F64

    @classmethod
    def of(cls, words: str, towards_viewer: Sequence[float]) -> View:
        """The view from a direction, with the patient's head up."""
        toward = np.asarray(towards_viewer, dtype=np.float64)
        toward = toward / np.linalg.norm(toward)
        right = np.cross((0.0, 0.0, 1.0), toward)
        right /= np.linalg.norm(right)
        return cls(words, np.stack([right, np.cross(toward, right), toward]))


FROM_BEHIND = View.of("seen from behind, left and above", (0.62, 0.62, 0.48))
FROM_IN_FRONT = View.of("seen from in front, right and below", (-0.62, -0.62, -0.48))


@dataclass(frozen=True, eq=False)
class _Canvas:
    """The picture rectangle in view coordinates [mm]: left edge, top edge, size in pixels of ``step_mm``."""

    view: View
    left: float
    top: float
    rows: int
    cols: int
    step_mm: float = _STEP_MM

    def pixel(self, positions_mm: F64) -> F64:
        """(..., 3) (column, row, depth towards the viewer), pixels and mm."""
        seen = positions_mm @ self.view.axes.T
        column = (seen[..., 0] - self.left) / self.step_mm
        return np.stack([column, (self.top - seen[..., 1]) / self.step_mm, seen[..., 2]], axis=-1)

    def positions_mm(self, depth: F64) -> F64:
        """(rows, cols) depths towards the viewer [mm] -> (rows, cols, 3) LPS."""
        row, col = np.indices(depth.shape)
        seen = np.stack([self.left + col * self.step_mm, self.top - row * self.step_mm, depth], axis=-1)
        placed: F64 = np.where(np.isfinite(depth)[..., None], seen, 0.0) @ self.view.axes
        return placed


@dataclass(frozen=True, eq=False)
class _Layer:
    """Depth towards the viewer [mm] (-inf where nothing), colour and opacity per pixel."""

    depth: F64
    colour: F64
    alpha: F64


def scene(
    scenery: Scenery,
    *,
    width: float,
    rods: Sequence[DrawnRod] = (),
    cement: Field | None = None,
    view: View = FROM_BEHIND,
    points_mm: Mapping[str, F64] = MappingProxyType({}),
) -> Picture:
    """The bone as a ghost with canal, lesion, paths and cement inside; ``points_mm`` are named on it."""
    anatomy = scenery.anatomy
    canvas = _canvas(view, scenery.bone_mm, margin_mm=9.0)
    still, told = _patient(scenery, canvas)
    layers, legend = list(still), list(told)
    if cement is not None:
        filled = shape_of(cement.volume.array > 0.5, cement.volume)
        _add(layers, legend, canvas, filled, CEMENT, 0.95, "cement")
    for rod in rods:
        layers.append(_rod(canvas, rod))
    if rods:
        legend.append(Legend("path", NEEDLE))
    return Picture(
        title=f"3-D, {anatomy.level}, {view.words}",
        window="parallel view, no perspective",
        image=data_uri(np.round(255.0 * _blend(layers)).astype(np.uint8)),
        width=width,
        height=width * canvas.rows / canvas.cols,
        legend=grouped(legend),
        stamps=scenery.stamps,
        cube=_cube(view, at=(26.0, width * canvas.rows / canvas.cols - 26.0), edge=24.0),
        marks=tuple(_mark(canvas, words, at, width) for words, at in points_mm.items()),
    )


def margin_map(
    scenery: Scenery, dead: Volume, *, width: float, view: View, stamps: tuple[str, ...] = ()
) -> Picture:
    """The lesion's surface from one side, coloured by how far beyond it everything is dead.

    Args:
        dead: mask of what one criterion calls dead; where it does not reach the surface the margin is
            negative: what is left of the lesion there.
        stamps: beside those of the scenery.
    """
    canvas, depth, normal = _lesion_seen(scenery, view)
    found = np.isfinite(depth)
    beyond = np.full(depth.shape, -MARGIN_MM)
    if dead.array.any():
        zone = -signed_distance(dead.array > 0, dead.spacing_mm)
        at = dead.indices(canvas.positions_mm(depth)[found]).T
        beyond[found] = ndimage.map_coordinates(zone, at, order=1, mode="nearest")
    colour = margin_colours(beyond) * (0.55 + 0.45 * _lit(normal))[..., None]
    picture = np.where(found[..., None], colour, _GROUND)
    return Picture(
        title=view.words.partition(",")[0],
        window="margin on the lesion's surface",
        image=data_uri(np.round(255.0 * picture).astype(np.uint8)),
        width=width,
        height=width * canvas.rows / canvas.cols,
        stamps=(*scenery.stamps, *stamps),
        cube=_cube(view, at=(26.0, width * canvas.rows / canvas.cols - 26.0), edge=24.0),
    )


def _lesion_seen(scenery: Scenery, view: View) -> tuple[_Canvas, F64, F64]:
    """The lesion's surface from one side: the same for every criterion, so found once."""
    key = ("lesion", view)
    if key not in scenery.drawn:
        lesion = shape_of(scenery.anatomy.lesion_mask, scenery.anatomy.image)
        assert lesion is not None, "a lesion without a voxel is no Anatomy"
        lesion_mm = scenery.anatomy.image.positions_mm(np.argwhere(scenery.anatomy.lesion_mask))
        size_mm = float(np.ptp(lesion_mm, axis=0).max())
        canvas = _canvas(view, lesion_mm, margin_mm=4.0, step_mm=min(_STEP_MM, size_mm / _FINE))
        scenery.drawn[key] = canvas, *_surface(canvas, lesion)
    found: tuple[_Canvas, F64, F64] = scenery.drawn[key]
    return found


def margin_colours(margin_mm: F64) -> F64:
    """(..., 3) of margins between -MARGIN_MM and MARGIN_MM, on a map that turns at nought."""
    shown: F64 = colormaps["PuOr"](0.5 + 0.5 * np.clip(margin_mm / MARGIN_MM, -1.0, 1.0))[..., :3]
    return shown


def _patient(scenery: Scenery, canvas: _Canvas) -> tuple[tuple[_Layer, ...], tuple[Legend, ...]]:
    """Bone, canals and lesion as seen from one side: the same in every picture of a report, so drawn once."""
    if canvas.view not in scenery.drawn:
        anatomy = scenery.anatomy
        layers, legend = [_ghost(canvas, scenery.bone_shape)], [Legend("bone", BONE)]
        for canal in anatomy.of_kind("canal"):
            shape = shape_of(canal.mask, anatomy.image, around=_reach(scenery.bone_mm))
            _add(layers, legend, canvas, shape, CANAL, 0.4, name_of(canal.name))
        _add(layers, legend, canvas, shape_of(anatomy.lesion_mask, anatomy.image), LESION, 0.55, "lesion")
        scenery.drawn[canvas.view] = tuple(layers), tuple(legend)
    found: tuple[tuple[_Layer, ...], tuple[Legend, ...]] = scenery.drawn[canvas.view]
    return found


def _mark(canvas: _Canvas, words: str, position_mm: F64, width: float) -> Mark:
    """A named point where it is seen, whatever lies before it; at the rim where it lies beyond."""
    column, row, _ = canvas.pixel(position_mm)
    unit, rim = width / canvas.cols, 6.0
    x, y = np.clip((column * unit, row * unit), rim, (width - rim, canvas.rows * unit - rim))
    return Mark(words, (float(x), float(y)), NEEDLE)


def _reach(bone_mm: F64) -> tuple[F64, F64]:
    return bone_mm.min(axis=0) - 2.0, bone_mm.max(axis=0) + 2.0


def _canvas(view: View, hold_mm: F64, *, margin_mm: float, step_mm: float = _STEP_MM) -> _Canvas:
    """A square around the points as they are seen."""
    seen = hold_mm @ view.axes.T
    low, high = seen.min(axis=0), seen.max(axis=0)
    half = (high - low)[:2].max() / 2 + margin_mm
    middle = (low + high)[:2] / 2
    count = int(np.ceil(2 * half / step_mm))
    return _Canvas(view, float(middle[0] - half), float(middle[1] + half), count, count, step_mm)


def _add(
    layers: list[_Layer],
    legend: list[Legend],
    canvas: _Canvas,
    shape: Volume | None,
    colour: str,
    alpha: float,
    words: str,
) -> None:
    """A shaded surface, where there is one."""
    if shape is None:
        return
    depth, normal = _surface(canvas, shape)
    if colour == LESION:
        depth = depth + _LESION_BEFORE_MM
    dark_edge = np.clip(normal[..., 2] / 0.45, 0.15, 1.0) if colour == CEMENT else 1.0
    shade = _lit(normal) * dark_edge
    opacity = np.where(np.isfinite(depth), alpha, 0.0)
    layers.append(_Layer(depth, shade[..., None] * np.asarray(rgb(colour)), opacity))
    legend.append(Legend(words, colour))


def _ghost(canvas: _Canvas, shape: Volume) -> _Layer:
    """Bone: nearly clear where it faces the viewer, denser at its rim."""
    depth, normal = _surface(canvas, shape)
    rim = 1.0 - np.clip(normal[..., 2], 0.0, 1.0)
    alpha = np.where(np.isfinite(depth), 0.30 + 0.60 * rim**1.5, 0.0)
    return _Layer(depth, _lit(normal)[..., None] * np.asarray(rgb(BONE)), alpha)


def _surface(canvas: _Canvas, shape: Volume) -> tuple[F64, F64]:
    """Depth and unit normal (right, up, towards the viewer) of the first crossing along each ray."""
    box, first = _resampled(canvas, shape)
    hit = np.argmax(box > 0.0, axis=2)
    found = (hit > 0) & (np.take_along_axis(box, hit[..., None], 2)[..., 0] > 0.0)
    before = np.take_along_axis(box, np.maximum(hit - 1, 0)[..., None], 2)[..., 0]
    at = np.take_along_axis(box, hit[..., None], 2)[..., 0]
    share = np.where(found, -before / np.where(found, at - before, 1.0), 0.0)
    depth = np.where(found, first[2] - (hit - 1 + share) * canvas.step_mm, -np.inf)
    normal = _normals(box, hit)
    whole = np.full((canvas.rows, canvas.cols), -np.inf)
    turned = np.zeros((canvas.rows, canvas.cols, 3))
    whole[first[0] : first[0] + depth.shape[0], first[1] : first[1] + depth.shape[1]] = depth
    turned[first[0] : first[0] + depth.shape[0], first[1] : first[1] + depth.shape[1]] = normal
    return whole, turned


def _resampled(canvas: _Canvas, shape: Volume) -> tuple[F32, tuple[int, int, float]]:
    """The distance field on (rows, cols, steps away from the viewer), and where that box begins."""
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in shape.shape])).reshape(3, -1).T
    seen = canvas.pixel(shape.positions_mm(corners))
    low = np.maximum(np.floor(seen[:, :2].min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(seen[:, :2].max(axis=0)).astype(int) + 1, (canvas.cols, canvas.rows))
    near, far = float(seen[:, 2].max()), float(seen[:, 2].min())
    right, up, toward = canvas.view.axes
    steps_mm = np.stack([-up, right, -toward], axis=1) * canvas.step_mm
    start_mm = (
        (canvas.left + low[0] * canvas.step_mm) * right
        + (canvas.top - low[1] * canvas.step_mm) * up
        + (near + canvas.step_mm) * toward
    )
    to_index = np.linalg.inv(shape.affine[:3, :3])
    size = (high[1] - low[1], high[0] - low[0], int(np.ceil((near - far) / canvas.step_mm)) + 3)
    box = ndimage.affine_transform(
        shape.array, to_index @ steps_mm, shape.indices(start_mm), size, order=1, mode="constant", cval=-5.0
    )
    return ndimage.gaussian_filter(box, _SMOOTH_MM / canvas.step_mm), (
        int(low[1]),
        int(low[0]),
        near + canvas.step_mm,
    )


def _normals(box: F32, hit: Indices) -> F64:
    """Outward unit normals: minus the gradient of the distance, by central differences at the hit."""
    rows, cols, depths = box.shape
    r, c = np.indices((rows, cols))
    up = box[np.maximum(r - 1, 0), c, hit] - box[np.minimum(r + 1, rows - 1), c, hit]
    right = box[r, np.minimum(c + 1, cols - 1), hit] - box[r, np.maximum(c - 1, 0), hit]
    toward = box[r, c, np.maximum(hit - 1, 0)] - box[r, c, np.minimum(hit + 1, depths - 1)]
    gradient = np.stack([right, up, toward], axis=-1).astype(np.float64)
    outward: F64 = -gradient / np.maximum(np.linalg.norm(gradient, axis=-1, keepdims=True), 1e-9)
    return outward


def _rod(canvas: _Canvas, rod: DrawnRod) -> _Layer:
    """A cylinder along parallel rays: depth of its axis plus the rise of its round side."""
    entry, tip = canvas.pixel(np.stack([rod.entry_mm, rod.tip_mm]))
    radius = max((rod.diameter_mm or 1.0) / 2, 0.5) / canvas.step_mm
    run = tip[:2] - entry[:2]
    length = max(float(np.linalg.norm(run)), 1e-6)
    row, col = np.indices((canvas.rows, canvas.cols))
    offset = np.stack([col - entry[0], row - entry[1]], axis=-1)
    share = offset @ run / length**2
    beside = (offset[..., 0] * run[1] - offset[..., 1] * run[0]) / length
    inside = (np.abs(beside) <= radius) & (share >= 0.0) & (share <= 1.0)
    rise = np.sqrt(np.clip(1.0 - (beside / radius) ** 2, 0.0, 1.0))
    depth = entry[2] + share * (tip[2] - entry[2]) + rise * radius * canvas.step_mm
    shade = 0.45 + 0.55 * rise
    alpha = inside * np.clip(radius - np.abs(beside) + 0.5, 0.0, 1.0)
    return _Layer(np.where(inside, depth, -np.inf), shade[..., None] * np.asarray(rgb(NEEDLE)), alpha)


def _lit(normal: F64) -> F64:
    """Ambient plus Lambert."""
    lit: F64 = 0.3 + 0.7 * np.clip(normal @ (_LIGHT / np.linalg.norm(_LIGHT)), 0.0, 1.0)
    return lit


def _blend(layers: Sequence[_Layer]) -> F64:
    """(rows, cols, 3): layers over the ground, nearest last."""
    depth = np.stack([layer.depth for layer in layers])
    colour = np.stack([layer.colour for layer in layers])
    alpha = np.stack([layer.alpha for layer in layers])
    order = np.argsort(depth, axis=0)
    picture = np.broadcast_to(_GROUND, (*depth.shape[1:], 3)).copy()
    for rank in order:
        a = np.take_along_axis(alpha, rank[None], 0)[0][..., None]
        c = np.take_along_axis(colour, rank[None, ..., None], 0)[0]
        picture = a * c + (1.0 - a) * picture
    blended: F64 = np.clip(picture, 0.0, 1.0)
    return blended


def _cube(view: View, *, at: tuple[float, float], edge: float) -> tuple[CubeFace, ...]:
    """The three faces of a patient-aligned cube that this view shows."""
    faces = []
    for axis, (plus, minus) in enumerate((("L", "R"), ("P", "A"), ("H", "F"))):
        sign = 1.0 if view.axes[2, axis] > 0 else -1.0
        if abs(view.axes[2, axis]) < 1e-6:
            continue
        normal = sign * np.eye(3)[axis]
        one, two = np.eye(3)[(axis + 1) % 3], np.eye(3)[(axis + 2) % 3]
        corners = [normal + a * one + b * two for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        x, y = _flat(view, np.asarray(corners), at, edge)
        path = "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True)) + "Z"
        centre = (round(float(np.mean(x)), 1), round(float(np.mean(y)), 1))
        light = float(0.35 + 0.5 * abs(view.axes[2, axis]))
        faces.append(CubeFace(path, plus if sign > 0 else minus, centre, light))
    return tuple(faces)


def _flat(view: View, points: F64, at: tuple[float, float], edge: float) -> tuple[list[float], list[float]]:
    """Picture coordinates of points of the cube."""
    right, up = (points @ view.axes[:2].T).T * edge / 2
    return (at[0] + right).tolist(), (at[1] - up).tolist()
