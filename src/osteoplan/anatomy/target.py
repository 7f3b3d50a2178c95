"""The target bone on the scan: its label, whole or cut, its box with room for a needle, its lesion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from osteoplan.anatomy.structures import body_surface
from osteoplan.arrays import F64, Mask
from osteoplan.boxes import Box, around, bounding_box, box_of, ends, widened
from osteoplan.errors import BadInput, LesionError, UnknownName
from osteoplan.kernels.distance import closed
from osteoplan.knowledge.sites import bone_site, label_of, thoracolumbar_spine
from osteoplan.knowledge.structures import kind_of
from osteoplan.knowledge.values import number
from osteoplan.model.case import Case, Lesion
from osteoplan.model.labels import LabelMap
from osteoplan.model.volume import Volume

__all__ = [
    "TargetBone", "bone_with_lesion", "crop_around", "neighbours", "part_in_bone", "require_some_in_bone",
    "target_bone", "up",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class TargetBone:
    """The label of the target bone.

    Attributes:
        bone: as in the case; ``label``: canonical name in the map.
        near: the label map around it, wide enough along a spine for the neighbours to be whole.
        is_vertebra: vertebrae have a canal, a wall and neighbours; other bones have frames of their own.
        cautions: e.g. a long bone that leaves the scan.
    """

    bone: str
    label: str
    labels: LabelMap
    near: Volume
    is_vertebra: bool
    cautions: tuple[str, ...] = ()

    @property
    def value(self) -> int:
        """Its number in the map."""
        return self.labels.values[self.label]

    @property
    def mask_near(self) -> Volume:
        """Its mask on ``near``'s grid, without crumbs."""
        kept, _ = without_crumbs(self.near.array == self.value, self.label)
        return self.near.with_array(kept, "mask")


def target_bone(case: Case, bone: str) -> TargetBone:
    """The bone's label on this scan.

    Raises:
        BadInput: no labels, or a vertebra cut by the scan's edge.
        UnknownName: a bone that no site holds, or that is not labelled here.
    """
    label = label_of(bone)
    labels = case.label_map
    if labels is None:
        raise BadInput(
            "the case has no label map, so its bones are unknown: add images.labels to case.yaml, or point "
            "at the bone with 'osteoplan init ... --seed x,y,z'"
        )
    if not labels.has(label):
        raise UnknownName("bone on this scan (it is not labelled)", label, _same_kind(labels, label))
    is_vertebra = bone_site(bone) is None
    cautions: tuple[str, ...] = ()
    if labels.cut_by_edge(label):
        if is_vertebra:
            raise BadInput(
                f"{bone} is cut by the scan's edge: its strength would be that of a piece; "
                "give a scan that holds the whole bone"
            )
        cautions = (f"{bone} leaves the scan: what lies outside is not measured",)
    box = labels.box(label)
    reach = np.ceil(number("vertebra.neighbour_reach_mm") / labels.volume.spacing_mm).astype(int)
    near = labels.volume.on(widened(box, reach, labels.volume.shape))
    return TargetBone(bone, label, labels, near, is_vertebra, cautions)


def crop_around(case: Case, target: TargetBone) -> tuple[Box, Volume]:
    """Index box of bone and skin path, and the skin on the whole scan's grid (empty far from the bone).

    Raises:
        BadInput: nothing of the patient is seen there.
    """
    ct = case.ct
    wide = _margins_box(ct, target)
    axial = int(np.argmax(np.abs(ct.direction[2])))
    slab_low, slab_high = np.zeros(3, dtype=np.intp), np.array(ct.shape)
    slab_low[axial], slab_high[axial] = wide[axial].start, wide[axial].stop
    slab = box_of(slab_low, slab_high)
    skin = np.zeros(ct.shape, dtype=bool)
    skin[slab] = body_surface(ct.on(slab), _skin_threshold(ct))
    if not skin[wide].any():
        raise BadInput("no patient is found around the bone: is the image in HU, or in mg/cm3?")
    air = np.ceil(number("vertebra.skin_margin_mm") / ct.spacing_mm).astype(int)
    low, high = ends(around(skin[wide], air))
    return box_of(low + ends(wide)[0], high + ends(wide)[0]), ct.with_array(skin, "mask")


def _skin_threshold(ct: Volume) -> float:
    threshold = number("vertebra.skin_threshold_HU")
    if ct.meaning == "HU":
        return threshold
    # The same threshold as density, by the prior of a fixed calibration.
    slope, intercept = (number(f"calibration.fixed_120kvp_{name}") for name in ("slope", "intercept"))
    return slope * threshold + intercept


def _margins_box(ct: Volume, target: TargetBone) -> Box:
    """Indices of the bone's box with margins along the patient's axes."""
    bone_mm = target.near.positions_mm(np.argwhere(target.near.array == target.value))
    sides, front, back = (number(f"vertebra.crop_{name}_mm") for name in ("lateral", "anterior", "posterior"))
    if not _reached_from_behind(target):
        sides = front = back = number("vertebra.crop_wide_mm")
    ends = number("vertebra.crop_cranial_caudal_mm")
    low_mm = bone_mm.min(axis=0) - np.array([sides, front, ends])
    high_mm = bone_mm.max(axis=0) + np.array([sides, back, ends])
    corners = np.stack(np.meshgrid(*zip(low_mm, high_mm, strict=True)), axis=-1).reshape(-1, 3)
    return ct.box(corners)


def _reached_from_behind(target: TargetBone) -> bool:
    """True for thoracic and lumbar vertebrae; every other bone may be reached from any side."""
    return target.is_vertebra and target.bone.removeprefix("vertebra_")[0] in "TL"


def bone_with_lesion(
    labels: Volume, target: TargetBone, lesion: Lesion, lesion_mask: Mask
) -> tuple[Mask, tuple[str, ...]]:
    """The bone's label in one piece, and the lesion where the label leaves it out of the bone.

    Args:
        labels: the label map on a crop.
        lesion_mask: on the same crop.
    """
    bone, notes = without_crumbs(labels.array == target.value, target.label)
    reach = number("vertebra.bone_closing_mm")
    box = around(bone, np.ceil(2 * reach / labels.spacing_mm).astype(int))
    others = (labels.array[box] != 0) & (labels.array[box] != target.value)
    filled = ndimage.binary_fill_holes(closed(bone[box], labels.spacing_mm, reach))
    added = filled & lesion_mask[box] & ~bone[box] & ~others
    bone[box] |= added
    if added.any():
        volume = added.sum() * labels.voxel_volume_mm3 / 1000.0
        notes += (
            f"{volume:.1f} mL of lesion {lesion.id} were left out of the label {target.label}; "
            "they count as bone",
        )
    return bone, notes


def without_crumbs(mask: Mask, name: str) -> tuple[Mask, tuple[str, ...]]:
    """The mask without pieces that are too small to be bone.

    Raises:
        BadInput: several large pieces.
    """
    names, count = ndimage.label(mask, np.ones((3, 3, 3)))
    if count < 2:
        return mask.copy(), ()
    sizes = np.bincount(names.ravel())
    sizes[0] = 0
    least = number("vertebra.crumb_share_pct") / 100.0 * sizes.sum()
    if (sizes > least).sum() > 1:
        raise BadInput(
            f"the label {name} is in {(sizes > least).sum()} large pieces: correct it, one bone is one piece"
        )
    kept = names == int(np.argmax(sizes))
    return kept, (f"{int(sizes.sum() - kept.sum())} voxels of {name} apart from the bone were left out",)


def part_in_bone(
    lesion: Lesion, mask: Mask, bone: Mask, labels: LabelMap, whole: int
) -> tuple[Mask, tuple[str, ...]]:
    """What of a lesion is planned: all of it, or of a mass beside the bone the part in it; and what is not.

    Args:
        mask, bone: lesion and bone on the grid of ``labels``, which may be a crop.
        whole: voxels of the whole lesion.

    Raises:
        LesionError: next to nothing of it lies in the bone, or little, and another labelled bone holds more.
    """
    least = number("vertebra.lesion_inside_min_pct")
    inside, mL = mask & bone, labels.volume.voxel_volume_mm3 / 1000.0
    held = int(np.count_nonzero(inside))
    share = 100.0 * held / whole
    if share >= least:
        return mask, ()
    said = f"lesion {lesion.id}: {share:.2g} % of it lies in {lesion.bone} ({held * mL:.2g} mL)"
    names = {value: name for name, value in labels.values.items() if kind_of(name) == "bone"}
    counts = np.bincount(labels.volume.array[mask & ~bone].ravel())
    shares = {names[value]: 100.0 * count / whole for value, count in enumerate(counts) if value in names}
    other = max(shares, key=lambda name: shares[name], default="")
    if other and shares[other] >= max(least, share):
        raise LesionError(f"{said}, {shares[other]:.0f} % in {other}: name the bone that it is in")
    if held * mL < number("vertebra.lesion_inside_least_mL"):
        raise LesionError(f"{said}; name the bone that it is in, or draw it again")
    rest = (whole - held) * mL
    return inside, (
        f"{said}: this part is planned and measured, {rest:.1f} mL beside the bone are not; "
        "is it the right bone?",
    )


def require_some_in_bone(case: Case, lesion: Lesion) -> None:
    """Refuse a lesion of which nothing is planned, before anything else is read of its bone.

    Raises:
        LesionError: as ``part_in_bone``.
        BadInput: the label of the bone is in several large pieces.
    """
    labels, label = case.label_map, label_of(lesion.bone)
    if labels is None or not labels.has(label) or not lesion.mask.array.any():
        return
    either = lesion.mask.array.astype(bool)
    either[labels.box(label)] = True
    near = around(either, np.ones(3, dtype=int))
    crop = LabelMap(labels.volume.on(near), labels.values)
    mask = np.ascontiguousarray(lesion.mask.on(near).array, dtype=bool)
    target = TargetBone(lesion.bone, label, labels, crop.volume, bone_site(lesion.bone) is None)
    bone, _ = bone_with_lesion(crop.volume, target, lesion, mask)
    part_in_bone(lesion, mask, bone, crop, int(np.count_nonzero(lesion.mask.array)))


def neighbours(target: TargetBone) -> tuple[Volume | None, Volume | None]:
    """Masks of the vertebrae above and below; None where one is absent or not whole."""
    spine = thoracolumbar_spine()
    found = []
    for level in spine.neighbours(spine.level(target.bone), target.labels):
        value = target.labels.values.get(f"{spine.label_prefix}{level}")
        found.append(None if value is None else _whole(target.near, value))
    return found[0], found[1]


def up(target: TargetBone) -> F64 | None:
    """Rough superior direction of a vertebra: along the spine, through its neighbours."""
    here = target.near.positions_mm(np.argwhere(target.near.array == target.value)).mean(axis=0)
    above, below = (
        here if mask is None else mask.positions_mm(np.argwhere(mask.array)).mean(axis=0)
        for mask in neighbours(target)
    )
    along: F64 = above - below
    return along if np.linalg.norm(along) > 0 else None


def _whole(near: Volume, value: int) -> Volume | None:
    mask = near.array == value
    if not mask.any():
        return None
    low, high = bounding_box(mask)
    if (low == 0).any() or (high == mask.shape).any():
        return None
    kept, _ = without_crumbs(mask, f"number {value}")
    return near.with_array(kept, "mask")


def _same_kind(labels: LabelMap, label: str) -> list[str]:
    stem = label.split("_")[0]
    return [name for name in labels.present() if name.startswith(stem)] or list(labels.present())
