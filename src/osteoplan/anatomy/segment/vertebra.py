"""One vertebra from a point in it: canal, straightened spine, discs, then the bone between two discs.

    canal      cheapest path through the tube that bone stands around
    spine      pulled straight along it, so that discs lie across
    discs      a chain at a vertebra's pitch
    bone       a threshold that follows the scan, closed and filled: a lytic hole belongs to its bone
    own        parted from ribs by thickness, from its neighbours at discs and between the arches

The level is what the user says it is: nothing here counts.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from skimage.segmentation import watershed

from osteoplan.anatomy.segment.bone_voxels import closed, sampled, within
from osteoplan.anatomy.segment.checks import Grown, checked_vertebra, part_of_spine
from osteoplan.anatomy.segment.contrast import contrast_filled
from osteoplan.anatomy.segment.discs import BEHIND_MM, LEFT_MM, Discs, find_discs
from osteoplan.anatomy.segment.levels import Levels, levels
from osteoplan.anatomy.segment.result import Segmented
from osteoplan.anatomy.segment.spinal_canal import canal_path
from osteoplan.anatomy.segment.straightened import Straightened
from osteoplan.arrays import F32, F64, I16, I32, Mask
from osteoplan.boxes import widened
from osteoplan.errors import BadInput
from osteoplan.knowledge.values import number
from osteoplan.model.volume import Volume

__all__ = ["grown_vertebra"]

_SIDE, _BACK = np.abs(LEFT_MM)[:, None, None], BEHIND_MM[None, :, None]
_CANAL_MM = 5.0  # certainly canal about its own middle line
_BODY_WIDE_MM = 34.0
_RIB, _OWN = 2, 1


def grown_vertebra(ct: Volume, bone: str, seed_mm: F64) -> Segmented:
    """Segment the vertebra that holds (or is nearest to) a point.

    Args:
        ct: HU.
        bone: e.g. ``vertebra_T12``; tells what size to expect, not which one to take.
        seed_mm: (3,) LPS.

    Raises:
        BadInput: no spine, or no disc on either side, is seen around the point; what grew is no vertebra.
    """
    spine = Straightened.along(canal_path(ct, seed_mm), seed_mm)
    positions = spine.positions_mm(LEFT_MM, BEHIND_MM)
    values = sampled(ct, positions)
    body_mm = number(f"segment.body_behind_{part_of_spine(bone)}_mm")
    discs = find_discs(values, _pitch(bone), body_mm)
    if discs is None:
        raise BadInput(
            f"{bone}: no two discs are seen around the point: point into the vertebra, or give a label map"
        )
    parted, zone = _parted(values, discs, rib_mm=_rib_mm(bone))
    which = _level_at(parted, zone, spine.local(seed_mm[None])[0], bone)
    mask = _on_scan(ct, spine, parted == which)
    return Segmented(
        mask, bone, (float(seed_mm[0]), float(seed_mm[1]), float(seed_mm[2])),
        "grown from one point between two discs, without labels; level as given, not counted",
        checked_vertebra(ct, mask, bone, Grown(parted, which, body_mm)),
    )  # fmt: skip


def _parted(values: F32, discs: Discs, *, rib_mm: float) -> tuple[I16, I16]:
    """(nu, nv, n) number of the vertebra of every voxel, 0 is none; and between which discs a voxel lies."""
    smooth = ndimage.gaussian_filter(values, 0.5)
    soft = _soft_HU(smooth, discs.body_mm)
    bone = _bone(values, smooth, soft, discs.body_mm)
    column = _bodies(bone)
    bounds = levels(smooth, column, discs, soft)
    gap = bounds.disc & _in_slices(column, 1)
    body = column & ~bounds.disc
    canal = np.hypot(_SIDE, _BACK) < _CANAL_MM
    filled = closed(bone & ~gap | body, 1.5) & ~gap & ~canal
    owner = _owners(filled, body, column, smooth, rib_mm)
    return _pieces(owner, bounds, gap | canal, len(discs.heights)), bounds.zone


def _soft_HU(smooth: F32, body_mm: float) -> float:
    """Threshold between soft tissue and the thinnest bone of these bodies."""
    core = np.hypot(LEFT_MM[:, None], BEHIND_MM[None] - body_mm) < 8.0
    marrow = float(np.median(smooth[core]))
    return max(50.0 + 0.45 * (marrow - 50.0), number("segment.bone_floor_HU"))


def _bone(values: F32, smooth: F32, soft: float, body_mm: float) -> Mask:
    """Bone, less vessels: blood is bright without a break along the spine, or wide and even beside it."""
    densest = ndimage.gaussian_filter(ndimage.maximum_filter(ndimage.gaussian_filter(values, 0.8), 5), 1.0)
    local = np.clip(0.5 * (densest + 40.0), soft, 250.0)
    broad = ndimage.maximum_filter(ndimage.gaussian_filter(smooth, 1.5), size=(3, 3, 1))
    size = int(number("segment.blood_break_mm"))
    blood = ndimage.minimum_filter1d(broad, size, axis=2) > max(soft + 60.0, 180.0)
    blood = ndimage.binary_opening(blood, _disk(4)) & (_BACK < -12.0)
    blood |= contrast_filled(values, soft, body_mm)
    blood = within(blood, 3.0) & (_BACK < -12.0)
    near = np.hypot(LEFT_MM[:, None], BEHIND_MM[None] + 20.0) < 13.0
    bone: Mask = (smooth > local) & ~(blood & (smooth > soft) & ~near[:, :, None])
    return bone


def _bodies(bone: Mask) -> Mask:
    """The column of bodies and discs: bone before the canal, closed and opened within its slice."""
    opened = np.zeros_like(bone)
    before = (slice(*_ends(np.abs(LEFT_MM) < _BODY_WIDE_MM)), slice(*_ends(BEHIND_MM < -5.0)))
    front = np.pad(bone[before], ((8, 8), (8, 8), (0, 0)))
    shut = ~_in_slices(~_in_slices(front, 8.0), 8.0)[8:-8, 8:-8]
    shut = np.pad(shut, ((1, 1), (1, 1), (0, 0)))  # beyond the front there is no body
    opened[before] = (_in_slices(~_in_slices(~shut, 7.0), 7.0) & shut)[1:-1, 1:-1]
    column = np.zeros_like(opened)
    middle = (np.abs(LEFT_MM) < 14)[:, None] & (np.abs(BEHIND_MM + 16.0) < 10)[None]
    for k in range(opened.shape[2]):
        names, count = ndimage.label(opened[:, :, k])
        seen = np.bincount(names[middle], minlength=count + 1)
        seen[0] = 0
        if seen.max() > 0:
            column[:, :, k] = names == seen.argmax()
    return column


def _ends(chosen: Mask) -> tuple[int, int]:
    """First index and one past the last."""
    at = np.flatnonzero(chosen)
    return int(at[0]), int(at[-1]) + 1


def _in_slices(mask: Mask, radius: float) -> Mask:
    """Within ``radius`` voxels of the mask, slice by slice across the spine."""
    grown = np.zeros_like(mask)
    for k in range(mask.shape[2]):
        if mask[:, :, k].any():
            grown[:, :, k] = ndimage.distance_transform_edt(~mask[:, :, k]) <= radius
    return grown


def _owners(filled: Mask, body: Mask, column: Mask, smooth: F32, rib_mm: float) -> I32:
    """1 where bone is of the spine, 2 where it is rib: parted at the thinnest place between sure parts."""
    depth = ndimage.distance_transform_edt(filled)
    sure = np.zeros(filled.shape, dtype=np.int8)
    sure[filled & body & (depth > 2)] = _OWN
    sure[filled & (_SIDE < 13.0) & (_BACK > -9.0) & (_BACK < 40.0)] = _OWN
    beside = (rib_mm < _SIDE) | ((_SIDE > 22.0) & (_BACK < -4.0))
    sure[filled & beside & ~_in_slices(column, 1)] = _RIB
    height = -depth - ndimage.gaussian_filter(smooth, 0.5) / 100.0
    parted: I32 = watershed(height, sure, mask=filled)
    return parted


def _pieces(owner: I32, bounds: Levels, never: Mask, discs: int) -> I16:
    """Every whole level as one closed and filled piece."""
    found = np.zeros(owner.shape, dtype=np.int16)
    for level in range(1, discs):
        mine = (owner == _OWN) & (bounds.zone == level)
        names, count = ndimage.label(mine)
        if count == 0:
            continue
        sizes = np.bincount(names.ravel())
        sizes[0] = 0
        mine = (sizes > 0.05 * sizes.max())[names]
        whole = ndimage.binary_fill_holes(closed(mine, 3.0))
        found[whole & (bounds.zone == level) & ~never & (owner != _RIB)] = level
    return found


def _level_at(parted: I16, zone: I16, seed: F64, bone: str) -> int:
    """The number of the vertebra that the seed is in, or nearest to.

    Raises:
        BadInput: none is near, or the nearest is the next one beyond the disc: the seed's own is not whole.
    """
    at = np.array([seed[0] - LEFT_MM[0], seed[1] - BEHIND_MM[0], seed[2]])
    voxels = np.argwhere(parted > 0)
    if len(voxels) == 0:
        raise BadInput(f"{bone}: no vertebra between two discs is seen: point into one, or give a label map")
    gaps, reach = np.linalg.norm(voxels - at, axis=1), number("segment.seed_reach_mm")
    of = parted[tuple(voxels.T)]
    own = int(zone[tuple(np.clip(np.rint(at), 0, np.array(zone.shape) - 1).astype(np.intp))])
    nearest = int(gaps.argmin())
    if gaps[nearest] > reach:
        raise BadInput(
            f"{bone}: the point is {gaps[nearest]:.0f} mm from every vertebra seen whole: point into it"
        )
    if gaps[nearest] <= 1.0:
        return int(of[nearest])
    if not (of == own).any() or gaps[of == own].min() > reach:
        raise BadInput(
            f"{bone}: the vertebra at the point is not seen whole, and the nearest is the next one beyond a "
            "disc: point into the middle of the body, or give a label map or a longer scan"
        )
    return own


def _on_scan(ct: Volume, spine: Straightened, mask: Mask) -> Mask:
    """The mask of the straightened spine on the scan's own grid."""
    at = np.argwhere(mask)
    corners = spine.positions_mm(LEFT_MM, BEHIND_MM)[tuple(at.T)]
    box = widened(ct.box(corners), 1, ct.shape)
    grid = np.moveaxis(np.mgrid[box], 0, -1)
    local = spine.local(ct.positions_mm(grid.reshape(-1, 3)))
    local -= np.array([LEFT_MM[0], BEHIND_MM[0], 0.0])
    share = ndimage.map_coordinates(mask.astype(np.float32), local.T, order=1, mode="constant", cval=0.0)
    whole = np.zeros(ct.shape, dtype=bool)
    whole[box] = share.reshape(grid.shape[:3]) > 0.5
    return whole


def _pitch(bone: str) -> tuple[float, float]:
    """Distances between discs that are expected at a level."""
    part = part_of_spine(bone)
    return number(f"segment.pitch_{part}_min_mm"), number(f"segment.pitch_{part}_max_mm")


def _rib_mm(bone: str) -> float:
    part = "lumbar" if part_of_spine(bone) == "lumbar" else "thoracic"
    return number(f"segment.rib_from_{part}_mm")


def _disk(radius: int) -> Mask:
    n = np.indices((2 * radius + 1,) * 2) - radius
    disk: Mask = ((n**2).sum(axis=0) <= radius * radius)[:, :, None]
    return disk
