"""Pleural recess: where the pleural cavity goes on below the lung, along ribs and spine.

The part of the lung that lies against the chest wall is carried down, slice by slice, along the course of the
spine.  It shrinks by what is bone, back muscle or lung.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from osteoplan.anatomy.derive.canvas import Canvas, Derived, not_derived
from osteoplan.anatomy.flanks import flanks
from osteoplan.arrays import Mask
from osteoplan.boxes import Box
from osteoplan.kernels.distance import distance_to
from osteoplan.knowledge.structures import SPINE_LEVELS
from osteoplan.knowledge.values import number

__all__ = ["pleural_recess"]

LUNGS = {
    "left": ("lung_upper_lobe_left", "lung_lower_lobe_left"),
    "right": ("lung_upper_lobe_right", "lung_middle_lobe_right", "lung_lower_lobe_right"),
}
BACK_MUSCLE = ("autochthon_left", "autochthon_right")


def pleural_recess(canvas: Canvas, side: str) -> Derived:
    """``pleural_recess_left`` or ``pleural_recess_right``."""
    name = f"pleural_recess_{side}"
    lung, air, box, basis = _lung(canvas, side)
    if lung is None or air is None:
        return not_derived(f"{name} is not derived: no lung is labelled, and none is seen, on this scan")
    margin, spacing = number("derived.recess_margin_mm"), canvas.ct.spacing_mm
    around = distance_to(lung, spacing) <= margin
    swept = _carried_down(canvas, box, lung & _against_the_wall(canvas, box, lung))
    recess = (swept | around) & ~air & ~canvas.bones(box) & ~canvas.any_of(BACK_MUSCLE, box)
    below = number("derived.recess_below_lung_mm")
    because = f"{basis}, widened by {margin:g} mm and its wall side carried {below:g} mm down along the spine"
    found = canvas.put(name, "pleura", box, recess, because)
    if canvas.labels.has(LUNGS[side][-1]) or not basis.startswith("lung labels"):
        return found
    return found + not_derived(f"{name}: no lower lobe is labelled, so it may end too high")


def _lung(canvas: Canvas, side: str) -> tuple[Mask | None, Mask | None, Box, str]:
    """The lung of one side, all that is lung in a box that reaches below it, the box, and from where."""
    reach = number("derived.recess_below_lung_mm") + 10.0
    names = [name for name in LUNGS[side] if canvas.labels.has(name)]
    if names:
        box = _lowered(canvas, canvas.points_box(names), reach)
        own = canvas.any_of(names, box)
        return own, own, box, "lung labels"
    air = _dark_lungs(canvas) if canvas.ct.meaning == "HU" else None
    lung = None if air is None else air & _on_side(canvas, air, side)
    if air is None or lung is None or not lung.any():  # one lung alone: the other side has none
        return None, None, canvas.near, ""
    found = ndimage.find_objects(lung.view(np.uint8))[0]
    box = _lowered(canvas, found, reach)
    return lung[box], air[box], box, "air inside the chest (no lung labels)"


def _lowered(canvas: Canvas, box: Box, reach: float) -> Box:
    """The box with a margin, and room below it along the patient's axis."""
    low, high = [s.start for s in box], [s.stop - 1 for s in box]
    corners = canvas.ct.positions_mm(
        np.stack(np.meshgrid(*zip(low, high, strict=True)), axis=-1).reshape(-1, 3)
    )
    lower = corners - np.array([0.0, 0.0, reach])
    return canvas.box_around(np.vstack([corners, lower]), 8.0)


def _dark_lungs(canvas: Canvas) -> Mask | None:
    """Large air spaces inside the body, and smaller ones beside the spine; from every second voxel.

    Where liver or fluid fills most of a chest's side, what is left of its lung is small and reaches back
    beside the spine; bowel and windpipe end before it, air under the patient lies behind it.
    """
    image = canvas.ct.array[::2, ::2, ::2]
    axial = int(np.argmax(np.abs(canvas.ct.direction[2])))
    names, count = ndimage.label(image < number("derived.lung_below_HU"))
    if not count:
        return None
    held_mL = np.bincount(names.ravel()) * canvas.ct.voxel_volume_mm3 * 8.0 / 1000.0
    sides = [np.moveaxis(names, axis, 0)[[0, -1]].ravel() for axis in range(3) if axis != axial]
    held_mL[np.unique(np.concatenate(sides))] = 0.0  # outside of the patient, or cut
    held_mL[0] = 0.0
    keep = held_mL >= number("derived.lung_least_mL")
    if not keep.any():
        return None
    small = np.flatnonzero((held_mL >= number("derived.lung_part_least_mL")) & ~keep)
    spine = [canvas.points_mm(f"vertebrae_{level}")[:, 1] for level in _labelled(canvas)]
    for piece in small if spine else ():
        back = canvas.ct.positions_mm(2.0 * np.argwhere(names == piece))[:, 1].max()
        keep[piece] = min(y.min() for y in spine) < back < max(y.max() for y in spine)
    lungs = keep[names]
    whole: Mask = lungs
    for axis in range(3):
        whole = whole.repeat(2, axis=axis)
    i, j, k = canvas.ct.shape
    return np.asarray(whole[:i, :j, :k])


def _labelled(canvas: Canvas) -> tuple[str, ...]:
    return tuple(level for level in SPINE_LEVELS if canvas.labels.has(f"vertebrae_{level}"))


def _on_side(canvas: Canvas, air: Mask, side: str) -> Mask:
    """(ni, nj, nk) True on one side of the patient's middle: of spine, else of flanks, else of the air."""
    spine = [f"vertebrae_{level}" for level in _labelled(canvas)]
    at = canvas.ct.positions_mm(np.argwhere(air)[::64])
    middle = None if spine else flanks(canvas.ct, at.mean(axis=0)).middle_mm
    if spine:
        middle = float(np.median([canvas.points_mm(name)[:, 0].mean() for name in spine]))
    elif middle is None:
        middle = float(np.median(at[:, 0]))
    i, j, k = (np.arange(n, dtype=np.float64) for n in air.shape)
    row = canvas.ct.affine[0]
    x = row[0] * i[:, None, None] + row[1] * j[None, :, None] + row[2] * k[None, None, :] + row[3]
    return np.asarray((x > middle) == (side == "left"))


def _against_the_wall(canvas: Canvas, box: Box, lung: Mask) -> Mask:
    """Close to ribs and vertebrae; without labelled ribs, to the convex outline of the lung's slices."""
    depth = number("derived.recess_depth_mm")
    ribs = [name for name in canvas.labels.present() if name.startswith(("rib_", "vertebrae_"))]
    if any(name.startswith("rib_") for name in ribs):
        return distance_to(canvas.any_of(ribs, box), canvas.ct.spacing_mm) <= depth
    from skimage.morphology import convex_hull_image

    axial = int(np.argmax(np.abs(canvas.ct.direction[2])))
    slices = np.moveaxis(lung, axial, 0)
    hulls = np.stack([convex_hull_image(one) if one.any() else one for one in slices])
    return distance_to(np.moveaxis(~hulls, 0, axial), canvas.ct.spacing_mm) <= depth


def _carried_down(canvas: Canvas, box: Box, rim: Mask) -> Mask:
    """Every voxel that has rim above it, along the spine, within the reach."""
    axial = int(np.argmax(np.abs(canvas.ct.direction[2])))
    step = float(canvas.ct.spacing_mm[axial])
    slices = np.moveaxis(rim, axial, 0)
    # From above to below, whichever way the index runs.
    if canvas.ct.affine[2, axial] > 0:
        slices = slices[::-1]
    shifts = _course(canvas, box, axial)
    left = np.zeros(slices.shape, dtype=np.uint8)
    reach = round(number("derived.recess_below_lung_mm") / step)
    left[0] = np.where(slices[0], reach, 0)
    for at in range(1, len(slices)):
        before = ndimage.shift(left[at - 1], shifts[at], order=0)
        left[at] = np.where(slices[at], reach, np.where(before > 0, before - 1, 0))
    carried = left > 0
    if canvas.ct.affine[2, axial] > 0:
        carried = carried[::-1]
    return np.moveaxis(carried, 0, axial)


def _course(canvas: Canvas, box: Box, axial: int) -> npt.NDArray[np.int_]:
    """(slices, 2) voxel shift of the spine's middle from each slice to the next below; 0 without spine."""
    names = [f"vertebrae_{level}" for level in _labelled(canvas)]
    count = box[axial].stop - box[axial].start
    others = [axis for axis in range(3) if axis != axial]
    here = np.arange(box[axial].start, box[axial].stop)
    if canvas.ct.affine[2, axial] > 0:
        here = here[::-1]
    if len(names) < 2:
        return np.zeros((count, 2), dtype=int)
    boxes = [canvas.labels.box(name) for name in names]
    middles = np.array([[0.5 * (side.start + side.stop - 1) for side in one] for one in boxes])
    middles = middles[np.argsort(middles[:, axial])]
    path = np.stack([np.interp(here, middles[:, axial], middles[:, axis]) for axis in others], axis=1)
    whole = np.rint(path).astype(int)
    shifts: npt.NDArray[np.int_] = np.diff(whole, axis=0, prepend=whole[:1])
    return shifts
