"""From a case to an ``Anatomy``: the lesion's bone, what lies around it, and first measurements."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from osteoplan.anatomy.calibrate import calibration
from osteoplan.anatomy.intact import filled_in
from osteoplan.anatomy.measure import measure
from osteoplan.anatomy.structures import body_surface, labelled_structures
from osteoplan.anatomy.vertebra import Vertebra, read_vertebra
from osteoplan.errors import BadInput, Cancelled, LesionError, UnknownName
from osteoplan.kernels.distance import distance_to
from osteoplan.kernels.resample import bounding_box
from osteoplan.knowledge.anatomy_values import number
from osteoplan.knowledge.sites import thoracolumbar_spine
from osteoplan.model.anatomy import Anatomy, BoneFrame, Mask, Structure
from osteoplan.model.case import Case, Lesion
from osteoplan.model.findings import Finding
from osteoplan.model.volume import Volume

__all__ = ["bone_and_frame", "build_anatomy"]

F64 = npt.NDArray[np.float64]
OnStep = Callable[[int, float], bool]


@dataclass(frozen=True, eq=False)
class _Labelled:
    """The label map around the target bone: wide along the spine, so that neighbours are whole."""

    level: str
    name: str
    value: int
    values: Mapping[str, int]
    whole: Volume
    near: Volume


def build_anatomy(
    case: Case, lesion: Lesion, *, on_step: OnStep | None = None
) -> tuple[Anatomy, tuple[Finding, ...]]:
    """Read the bone of a lesion and its neighbourhood, and measure the lesion.

    Raises:
        BadInput: no labels, a bone cut by the scan's edge, a label without canal, an unusable calibration.
        UnknownName: a bone that is not planned, or that the label map does not name.
        LesionError: the lesion is empty, outside its bone, or on the other side than declared.
        Cancelled: ``on_step`` returned False.
    """
    step = _Steps(on_step)
    factors = calibration(case.calibration_request)
    labelled = _labelled(case, lesion.bone)
    _require_lesion(case, lesion)
    step("bone")
    box, skin = _crop(case, labelled)
    image, labels = _clean(_on(case.ct, box)), _on(labelled.whole, box)
    lesion_mask = np.ascontiguousarray(_on(lesion.mask, box).array, dtype=bool)
    bone_mask, notes = _bone_with_lesion(labels, labelled, lesion, lesion_mask)
    step("frame")
    whole_lesion = int(np.count_nonzero(lesion.mask.array))
    _require_inside(lesion, lesion_mask & bone_mask, whole_lesion)
    vertebra = read_vertebra(image.with_array(bone_mask, "mask"), up=_up(labelled))
    notes += _side(lesion, image, lesion_mask, vertebra.frame)
    step("neighbours")
    structures, more = _structures(case, labels, labelled, vertebra, bone_mask)
    intact, basis = _intact(case, image, box, bone_mask, lesion_mask)
    step("measurements")
    anatomy = Anatomy(
        bone=lesion.bone, lesion=lesion, image=image, image_intact=intact, intact_basis=basis,
        calibration=factors, bone_mask=bone_mask, parts=vertebra.parts, lesion_mask=lesion_mask,
        structures=structures, body_surface=_on(skin, box).array, frame=vertebra.frame,
        posterior_wall_mm=vertebra.wall_mm(), warnings=(*notes, *more, *_contrast(structures, image)),
    )  # fmt: skip
    findings, unmeasured = measure(anatomy, vertebra, _neighbours(labelled))
    return replace(anatomy, warnings=(*anatomy.warnings, *unmeasured)), findings


def bone_and_frame(case: Case, bone: str) -> tuple[Mask, Vertebra]:
    """The bone's mask on the CT's grid and its geometry, for a case that has no lesion yet.

    ``Vertebra.parts`` lie on a crop; ``frame``, ``canal`` and ``wall`` are in patient space.

    Raises:
        BadInput, UnknownName: as ``build_anatomy``.
    """
    labelled = _labelled(case, bone)
    near = labelled.near.with_array(labelled.near.array == labelled.value, "mask")
    kept, _ = _without_crumbs(near.array, labelled.name)
    vertebra = read_vertebra(near.with_array(kept), up=_up(labelled))
    return labelled.whole.array == labelled.value, vertebra


class _Steps:
    """Tells the watcher where we are, and stops when he says so."""

    def __init__(self, on_step: OnStep | None) -> None:
        self.on_step, self.count = on_step, 0

    def __call__(self, before: str) -> None:
        self.count += 1
        if self.on_step is not None and not self.on_step(self.count, 0.0):
            raise Cancelled(f"stopped before: {before}")


def _labelled(case: Case, bone: str) -> _Labelled:
    """The label of a bone, whole on this scan."""
    site = thoracolumbar_spine()
    level = site.level(bone)
    if case.labels is None:
        raise BadInput(
            "the case has no label map, so its bones are unknown: add images.labels to case.yaml "
            "(segmentation comes with a later version)"
        )
    name = site.label_prefix + level
    if name not in case.structures:
        raise UnknownName("label", name, case.structures, "the case's label names")
    value = case.structures[name]
    mask = case.labels.array == value
    if not mask.any():
        there = [s for s, v in case.structures.items() if s.startswith(site.label_prefix) and v != value]
        raise UnknownName("bone on this scan (its label is empty)", name, there)
    low, high = bounding_box(mask)
    if (low == 0).any() or (high == mask.shape).any():
        raise BadInput(
            f"{bone} is cut by the scan's edge: its strength would be that of a piece; "
            "give a scan that holds the whole bone"
        )
    reach = np.ceil(number("vertebra", "neighbour_reach_mm") / case.labels.spacing_mm).astype(int)
    return _Labelled(
        level, name, value, case.structures, case.labels, case.labels.crop(low - reach, high + reach)
    )


def _require_lesion(case: Case, lesion: Lesion) -> None:
    case.ct.require_same_grid(lesion.mask, what=f"the mask of lesion {lesion.id}")
    if not lesion.mask.array.any():
        raise LesionError(
            f"lesion {lesion.id}: its mask is empty; draw it again, or check that it is on this scan"
        )


Box = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]


def _on(volume: Volume, box: Box) -> Volume:
    return volume.crop(*box)


def _crop(case: Case, labelled: _Labelled) -> tuple[Box, Volume]:
    """Index box of bone and skin path, and the skin on the whole scan's grid (empty far from the bone)."""
    ct = case.ct
    low, high = _margins_box(ct, labelled)
    axial = int(np.argmax(np.abs(ct.direction[2])))
    slab_low, slab_high = np.zeros(3, dtype=np.intp), np.array(ct.shape)
    slab_low[axial], slab_high[axial] = low[axial], high[axial]
    threshold = number("vertebra", "skin_threshold_HU")
    if ct.meaning != "HU":  # the same threshold as density, by the prior of a fixed calibration
        threshold = float(calibration({"kind": "fixed", "kvp": 120}).density(np.asarray(threshold)))
    skin = np.zeros(ct.shape, dtype=bool)
    slab = body_surface(ct.crop(slab_low, slab_high), threshold)
    skin[tuple(slice(a, b) for a, b in zip(slab_low, slab_high, strict=True))] = slab
    within = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    if not skin[within].any():
        raise BadInput("no patient is found around the bone: is the image in HU, or in mg K2HPO4/cm3?")
    inner = bounding_box(skin[within])
    air = np.ceil(number("vertebra", "skin_margin_mm") / ct.spacing_mm).astype(int)
    box = np.maximum(low, low + inner[0] - air), np.minimum(high, low + inner[1] + air)
    return box, ct.with_array(skin, "mask")


def _margins_box(ct: Volume, labelled: _Labelled) -> Box:
    """Indices of the bone's box with margins along the patient's axes."""
    mask = labelled.near.array == labelled.value
    bone_mm = labelled.near.positions_mm(np.argwhere(mask))
    sides, ends = number("vertebra", "crop_lateral_mm"), number("vertebra", "crop_cranial_caudal_mm")
    low_mm = bone_mm.min(axis=0) - np.array([sides, number("vertebra", "crop_anterior_mm"), ends])
    high_mm = bone_mm.max(axis=0) + np.array([sides, number("vertebra", "crop_posterior_mm"), ends])
    corners = np.stack(np.meshgrid(*zip(low_mm, high_mm, strict=True)), axis=-1).reshape(-1, 3)
    indices = ct.indices(corners)
    low = np.clip(np.floor(indices.min(axis=0)).astype(int), 0, ct.shape)
    high = np.clip(np.ceil(indices.max(axis=0)).astype(int) + 1, 0, ct.shape)
    return low, high


def _clean(image: Volume) -> Volume:
    """A copy whose padding outside the scanner's field reads as air."""
    if image.meaning != "HU":
        return image.with_array(np.ascontiguousarray(image.array))
    return image.with_array(np.maximum(image.array, image.array.dtype.type(number("vertebra", "air_HU"))))


def _bone_with_lesion(
    labels: Volume, labelled: _Labelled, lesion: Lesion, lesion_mask: Mask
) -> tuple[Mask, tuple[str, ...]]:
    """The bone's label in one piece, and the lesion where the label leaves it out of the bone."""
    bone, notes = _without_crumbs(labels.array == labelled.value, labelled.name)
    low, high = bounding_box(bone)
    reach = number("vertebra", "bone_closing_mm")
    margin = np.ceil(2 * reach / labels.spacing_mm).astype(int)
    box = tuple(slice(max(a - m, 0), b + m) for a, b, m in zip(low, high, margin, strict=True))
    swollen = distance_to(bone[box], labels.spacing_mm) <= reach
    closed = distance_to(~swollen, labels.spacing_mm) > reach
    others = (labels.array[box] != 0) & (labels.array[box] != labelled.value)
    added = ndimage.binary_fill_holes(closed) & lesion_mask[box] & ~bone[box] & ~others
    bone[box] |= added
    if added.any():
        volume = added.sum() * labels.voxel_volume_mm3 / 1000.0
        notes += (
            f"{volume:.1f} mL of lesion {lesion.id} were left out of the label {labelled.name}; "
            "they count as bone",
        )
    return bone, notes


def _without_crumbs(mask: Mask, name: str) -> tuple[Mask, tuple[str, ...]]:
    """The mask without pieces that are too small to be bone."""
    names, count = ndimage.label(mask, np.ones((3, 3, 3)))
    if count < 2:
        return mask.copy(), ()
    sizes = np.bincount(names.ravel())
    sizes[0] = 0
    least = number("vertebra", "crumb_share_pct") / 100.0 * sizes.sum()
    if (sizes > least).sum() > 1:
        raise BadInput(
            f"the label {name} is in {(sizes > least).sum()} large pieces: correct it, one bone is one piece"
        )
    kept = names == int(np.argmax(sizes))
    return kept, (f"{int(sizes.sum() - kept.sum())} voxels of {name} apart from the bone were left out",)


def _require_inside(lesion: Lesion, inside: Mask, whole: int) -> None:
    share = 100.0 * float(inside.sum()) / whole
    if share < number("vertebra", "lesion_inside_min_pct"):
        raise LesionError(
            f"lesion {lesion.id}: {share:.0f} % of it lies in {lesion.bone}; "
            "name the bone that it is in, or draw it again"
        )


def _side(lesion: Lesion, image: Volume, mask: Mask, frame: BoneFrame) -> tuple[str, ...]:
    """Refuse a side that the mask contradicts; warn of a midline lesion that is lateral."""
    left = float(frame.local(image.positions_mm(np.argwhere(mask)).mean(axis=0))[0])
    actual = "left" if left > 0 else "right"
    if lesion.side == "midline":
        if abs(left) <= number("vertebra", "midline_tolerance_mm"):
            return ()
        return (
            f"lesion {lesion.id} is called midline, but its centre is {abs(left):.0f} mm to the {actual}",
        )
    if actual != lesion.side and abs(left) > number("vertebra", "side_tolerance_mm"):
        raise LesionError(
            f"lesion {lesion.id}: side is {lesion.side}, but its centre is {abs(left):.0f} mm to the "
            f"patient's {actual}: correct the side, or check that the scan is not mirrored"
        )
    return ()


def _neighbours(labelled: _Labelled) -> tuple[Volume | None, Volume | None]:
    """Masks of the vertebrae above and below; None where one is absent or not whole."""
    found = []
    for level in thoracolumbar_spine().neighbours(labelled.level):
        value = labelled.values.get(f"{thoracolumbar_spine().label_prefix}{level}")
        found.append(None if value is None else _whole(labelled.near, value))
    return found[0], found[1]


def _whole(near: Volume, value: int) -> Volume | None:
    mask = near.array == value
    if not mask.any():
        return None
    low, high = bounding_box(mask)
    if (low == 0).any() or (high == mask.shape).any():
        return None
    kept, _ = _without_crumbs(mask, f"number {value}")
    return near.with_array(kept, "mask")


def _up(labelled: _Labelled) -> F64 | None:
    """Rough superior direction: along the spine, through the neighbours."""
    bone = labelled.near.array == labelled.value
    here = labelled.near.positions_mm(np.argwhere(bone)).mean(axis=0)
    above, below = (
        here if mask is None else mask.positions_mm(np.argwhere(mask.array)).mean(axis=0)
        for mask in _neighbours(labelled)
    )
    along: F64 = above - below
    return along if np.linalg.norm(along) > 0 else None


def _structures(
    case: Case, labels: Volume, labelled: _Labelled, vertebra: Vertebra, bone_mask: Mask
) -> tuple[tuple[Structure, ...], tuple[str, ...]]:
    """The derived canal first, then everything labelled; and what could not be placed."""
    found, unplaced = labelled_structures(labels, case.structures, without=labelled.value)
    canal = vertebra.canal_mask(labels, bone_mask)
    for structure in found:
        if structure.kind == "bone":
            canal &= ~structure.mask
    notes: tuple[str, ...] = ()
    if unplaced:
        notes = (
            f"labels that are not known as something to avoid, and are not avoided: {', '.join(unplaced)}",
        )
    return (Structure("spinal_canal", "canal", canal, given=False), *found), notes


def _intact(case: Case, image: Volume, box: Box, bone: Mask, lesion: Mask) -> tuple[Volume, str]:
    if case.ct_before is not None:
        return _clean(_on(case.ct_before, box)), "the scan before the simulated lesion"
    basis = "lesion filled in with the median of the bone around it at the same depth below the surface"
    return filled_in(image, bone, lesion), basis


def _contrast(structures: tuple[Structure, ...], image: Volume) -> tuple[str, ...]:
    """Contrast in the aorta makes bone read too dense."""
    aorta = next((s for s in structures if s.name == "aorta" and s.mask.any()), None)
    if aorta is None or image.meaning != "HU":
        return ()
    blood = float(np.median(image.array[aorta.mask]))
    if blood <= number("calibration", "contrast_aorta_HU"):
        return ()
    shift = number("calibration", "contrast_shift_mg_cm3")
    return (
        f"contrast in the aorta (median {blood:.0f} HU): "
        f"trabecular density may read up to {shift:.0f} mg/cm3 too high",
    )
