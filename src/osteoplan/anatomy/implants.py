"""Metal, cement and stents that are in the patient already: found, named, and left out of calibration.

metal    denser than any bone, at a bone
cement   dense and thick, inside a bone: thicker than cortex of that density can be
stent    a dense, hollow tube along a labelled vessel

Dense contrast is as dense as metal.  It lies in vessels and bowel, not at bones, and it fills its vessel.  So
metal away from bones (clips, ports) is not told from contrast and not reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy import ndimage

from osteoplan.arrays import F32, F64, Mask
from osteoplan.boxes import Box, box_of, ends, relative, widened
from osteoplan.errors import BadInput
from osteoplan.kernels.distance import closed, distance_to
from osteoplan.knowledge.values import number
from osteoplan.model.anatomy import Implant, ImplantKind
from osteoplan.model.volume import Volume

__all__ = ["excluded_zone", "find_implants"]

ALL_ROUND = np.ones((3, 3, 3), dtype=bool)
SECTORS = 12


def find_implants(ct: Volume, *, bones: Mask | None, vessels: Mask | None) -> tuple[Implant, ...]:
    """What earlier treatment left in the scan.

    Args:
        ct: in HU.
        bones: every labelled bone on the scan's grid; without it neither metal nor cement is looked for.
        vessels: every labelled vessel; without it no stent is looked for.

    Raises:
        BadInput: the scan is not in HU.
    """
    if ct.meaning != "HU":
        raise BadInput("implants are recognised by their CT numbers: give the scan in HU, not as density")
    found: list[Implant] = []
    if bones is not None:
        found += _in_bones(ct, bones, vessels)
    if vessels is not None:
        found += _stents(ct, vessels, bones)
    return tuple(found)


def excluded_zone(implants: Sequence[Implant], ct: Volume) -> Mask:
    """(ni, nj, nk) True where CT numbers must not be used: implants, and streaks and blur around them."""
    zone = np.zeros(ct.shape, dtype=bool)
    for implant in implants:
        reach = number(f"implants.zone_{implant.kind}_mm")
        box = _widened(ndimage.find_objects(implant.mask.view(np.uint8))[0], reach, ct)
        zone[box] |= distance_to(implant.mask[box], ct.spacing_mm) <= reach
    return zone


def _in_bones(ct: Volume, bones: Mask, vessels: Mask | None) -> Iterator[Implant]:
    """Metal and cement: pieces that are denser than cement can be thin."""
    reach, closing = number("implants.bone_reach_mm"), number("implants.cement_closing_mm")
    for box, piece in _pieces(ct, number("implants.cement_HU"), number("implants.metal_least_mL")):
        wide = _widened(box, 2.0 * closing + reach, ct)
        piece = _moved(piece, box, wide)
        near = distance_to(bones[wide], ct.spacing_mm) <= reach
        values = ct.array[wide]
        metal = _metal(ct, values, piece, near, None if vessels is None else vessels[wide])
        if metal is not None:
            yield _implant(ct, wide, metal, "metal", _share_said(values, metal))
            continue
        cement = _cement(ct, values, piece, bones[wide], closing)
        if cement is not None:
            yield _implant(ct, wide, cement, "cement", _thickness_said(ct, cement))


def _metal(ct: Volume, values: F64 | F32, piece: Mask, near: Mask, vessels: Mask | None) -> Mask | None:
    core = piece & (values > number("implants.metal_HU"))
    grown = piece & (values > number("implants.metal_grown_HU"))
    enough = core.sum() * ct.voxel_volume_mm3 / 1000.0 >= number("implants.metal_least_mL")
    if not enough or core.sum() < number("implants.metal_core_pct") / 100.0 * grown.sum():
        return None
    if (core & near).sum() < number("implants.metal_in_bone_pct") / 100.0 * core.sum():
        return None
    if vessels is not None and (core & vessels).sum() > (core & near).sum():
        return None
    names, _ = ndimage.label(grown, ALL_ROUND)
    touching = np.unique(names[core])
    return np.asarray(np.isin(names, touching[touching > 0]))


def _cement(ct: Volume, values: F64 | F32, piece: Mask, bones: Mask, closing: float) -> Mask | None:
    # The label may leave the cement out: fill gaps of the bone up to twice the closing wide.
    inside = piece & closed(bones, ct.spacing_mm, closing)
    # Contrast beside a bone is one piece with its vessel, which is elsewhere.
    if inside.sum() < number("implants.cement_in_bone_pct") / 100.0 * piece.sum():
        return None
    depth = distance_to(~inside, ct.spacing_mm)
    core = depth >= number("implants.cement_half_thickness_mm") - 0.5 * float(ct.spacing_mm.min())
    if not core.any():
        return None
    # What is as thick as cement, with its own edge; cortex that touches it stays bone.
    grown = inside & (distance_to(core, ct.spacing_mm) <= number("implants.cement_half_thickness_mm"))
    if grown.sum() * ct.voxel_volume_mm3 / 1000.0 < number("implants.cement_least_mL"):
        return None
    return grown


def _stents(ct: Volume, vessels: Mask, bones: Mask | None) -> Iterator[Implant]:
    reach = number("implants.stent_reach_mm")
    for box, piece in _pieces(ct, number("implants.stent_HU"), number("implants.metal_least_mL")):
        wide = _widened(box, reach, ct)
        here = _moved(piece, box, wide) & (distance_to(vessels[wide], ct.spacing_mm) <= reach)
        if bones is not None:
            here &= ~bones[wide]
        names, _ = ndimage.label(here, ALL_ROUND)
        for at, part in enumerate(ndimage.find_objects(names), start=1):
            one = names[part] == at
            start = ends(wide)[0] + ends(part)[0]
            points = ct.positions_mm(np.argwhere(one) + start)
            if _is_tube(points):
                whole = box_of(start, start + one.shape)
                said = "dense hollow tube along a labelled vessel"
                yield _implant(ct, whole, one, "stent", said)


def _is_tube(points_mm: F64) -> bool:
    """Long, dense all around, and empty within."""
    if len(points_mm) < 3 * SECTORS:
        return False
    middle = points_mm.mean(axis=0)
    _, _, axes = np.linalg.svd((points_mm - middle)[:: max(1, len(points_mm) // 5000)], full_matrices=False)
    return any(_rings(points_mm - middle, axis) for axis in axes)


def _rings(points: F64, axis: F64) -> bool:
    along = points @ axis
    if along.max() - along.min() < number("implants.stent_length_mm"):
        return False
    slab = ((along - along.min()) // number("implants.stent_slab_mm")).astype(int)
    count = slab.max() + 1
    good = sum(_is_ring(points[slab == n], axis) for n in range(count))
    return bool(good >= max(2.0, number("implants.stent_slabs_pct") / 100.0 * count))


def _is_ring(points: F64, axis: F64) -> bool:
    if len(points) < SECTORS:
        return False
    first = np.cross(axis, [1.0, 0.0, 0.0] if abs(axis[0]) < 0.9 else [0.0, 1.0, 0.0])
    first /= np.linalg.norm(first)
    flat = points @ np.stack([first, np.cross(axis, first)], axis=1)
    flat -= 0.5 * (flat.min(axis=0) + flat.max(axis=0))
    radius = np.linalg.norm(flat, axis=1)
    sector = ((np.arctan2(flat[:, 1], flat[:, 0]) + np.pi) / (2 * np.pi) * SECTORS).astype(int) % SECTORS
    around = 100.0 * len(np.unique(sector)) / SECTORS
    inner = 100.0 * float((radius < 0.5 * np.percentile(radius, 90)).mean())
    return around >= number("implants.stent_ring_pct") and inner <= number("implants.stent_hollow_pct")


def _pieces(ct: Volume, above: float, least_mL: float) -> Iterator[tuple[Box, Mask]]:
    """Connected pieces above a threshold, large ones only, each on its own box."""
    names, _ = ndimage.label(ct.array > above, ALL_ROUND)
    sizes = np.bincount(names.ravel()) * ct.voxel_volume_mm3 / 1000.0
    for at, box in enumerate(ndimage.find_objects(names), start=1):
        if box is not None and sizes[at] >= least_mL:
            yield box, names[box] == at


def _widened(box: Box, margin_mm: float, ct: Volume) -> Box:
    return widened(box, np.ceil(margin_mm / ct.spacing_mm).astype(int) + 1, ct.shape)


def _moved(piece: Mask, box: Box, wide: Box) -> Mask:
    """A mask on a box, on a box around it."""
    whole = np.zeros([side.stop - side.start for side in wide], dtype=bool)
    whole[relative(box, wide)] = piece
    return whole


def _implant(ct: Volume, box: Box, part: Mask, kind: ImplantKind, because: str) -> Implant:
    mask = np.zeros(ct.shape, dtype=bool)
    mask[box] = part
    volume = float(part.sum()) * ct.voxel_volume_mm3 / 1000.0
    return Implant(kind, mask, float(ct.array[box][part].max()), volume, because)


def _share_said(values: F64 | F32, metal: Mask) -> str:
    share = 100.0 * float((values[metal] > number("implants.metal_HU")).mean())
    return f"{share:.0f} % of it above {number('implants.metal_HU'):.0f} HU, at a bone"


def _thickness_said(ct: Volume, cement: Mask) -> str:
    half = float(distance_to(~cement, ct.spacing_mm).max())
    return f"above {number('implants.cement_HU'):.0f} HU and about {2 * half:.0f} mm thick, inside a bone"
