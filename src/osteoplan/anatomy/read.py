"""From a case to an ``Anatomy``: the lesion's bone, what lies around it, and first measurements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from osteoplan.anatomy.calibrate import calibrate
from osteoplan.anatomy.derive import derived_structures
from osteoplan.anatomy.facing import turned_away
from osteoplan.anatomy.flanks import flanks
from osteoplan.anatomy.frames import bone_frames, cautions
from osteoplan.anatomy.implants import excluded_zone, find_implants
from osteoplan.anatomy.intact import filled_in
from osteoplan.anatomy.laterality import organs_swapped, pairs_swapped, side_read
from osteoplan.anatomy.measure import measure
from osteoplan.anatomy.resolution import coarse_words
from osteoplan.anatomy.segment.checks import check_volume, part_of_spine
from osteoplan.anatomy.structures import labelled_structures
from osteoplan.anatomy.target import (
    TargetBone,
    bone_with_lesion,
    crop_around,
    neighbours,
    part_in_bone,
    target_bone,
    up,
)
from osteoplan.anatomy.twin import from_neighbour, from_other_side
from osteoplan.anatomy.vertebra import Vertebra, read_vertebra
from osteoplan.arrays import F64, Mask
from osteoplan.boxes import Box
from osteoplan.errors import BadInput, Cancelled, LesionError, OnStep
from osteoplan.knowledge.approaches import approaches_of, names_for
from osteoplan.knowledge.sites import label_of, side_of
from osteoplan.knowledge.structures import kind_of
from osteoplan.knowledge.values import number
from osteoplan.model.anatomy import Anatomy, BoneFrame, Implant, Structure
from osteoplan.model.calibration import Calibration
from osteoplan.model.case import Case, Lesion
from osteoplan.model.findings import Finding
from osteoplan.model.labels import LabelMap
from osteoplan.model.volume import Volume

__all__ = ["BoneOnScan", "bone_on_scan", "build_anatomy"]


@dataclass(frozen=True, eq=False)
class BoneOnScan:
    """A bone of a case that may have no lesion yet.

    Attributes:
        mask: (ni, nj, nk) on the CT's grid.
        frames: by kind; the first is the bone's own.
        vertebra: geometry of a vertebra, on a crop; None for another bone.
    """

    mask: Mask
    frames: Mapping[str, BoneFrame]
    vertebra: Vertebra | None

    @property
    def frame(self) -> BoneFrame:
        """The bone's own frame."""
        return next(iter(self.frames.values()))


def build_anatomy(
    case: Case, lesion: Lesion, *, on_step: OnStep | None = None
) -> tuple[Anatomy, tuple[Finding, ...]]:
    """Read the bone of a lesion and its neighbourhood, and measure the lesion.

    Raises:
        BadInput: no labels, a vertebra cut by the scan's edge, a label without canal, an unusable
            calibration, a bone whose shape is that of the other side.
        UnknownName: a bone that is not planned, or that the label map does not name.
        LesionError: the lesion is empty, outside its bone, or on the other side than declared.
        Cancelled: ``on_step`` returned False.
    """
    step = _Steps(on_step)
    target = target_bone(case, lesion.bone)
    _require_lesion(case, lesion)
    notes, unsided = _require_side(case, lesion, target)
    notes = (*coarse_words(case.ct), *target.cautions, *notes)
    step("bone")
    box, skin = crop_around(case, target)
    image, labels = _clean(case.ct.on(box)), target.labels.volume.on(box)
    lesion_mask = np.ascontiguousarray(lesion.mask.on(box).array, dtype=bool)
    bone_mask, more = bone_with_lesion(labels, target, lesion, lesion_mask)
    near = LabelMap(labels, target.labels.values)
    whole = int(np.count_nonzero(lesion.mask.array))
    lesion_mask, beside = part_in_bone(lesion, lesion_mask, bone_mask, near, whole)
    step("frame")
    geometry = _geometry(image.with_array(bone_mask, "mask"), target)
    _require_facing(lesion.bone, geometry)
    notes += (*more, *geometry.cautions, *_midline(lesion, image, lesion_mask, geometry.frame))
    grown = _grown(case, lesion, image.with_array(bone_mask, "mask"))
    step("neighbours")
    structures, unplaced = _structures(case, target, box, geometry, bone_mask)
    step("implants")
    implants, zone = _implants(image, near)
    step("density")
    factors = _calibrated(case, target, lesion, zone, box)
    intact, basis = _intact(case, target, geometry.frame, image, box, bone_mask, lesion_mask)
    covered = _covered(image, bone_mask & zone, implants)
    image, intact = (filled_in(one, bone_mask, zone) for one in (image, intact))
    step("measurements")
    alerts = (*beside, *grown, *unsided, *_unplaced_vessels(lesion.bone, target, structures))
    anatomy = Anatomy(
        bone=lesion.bone, lesion=lesion, image=image, image_intact=intact, intact_basis=basis,
        calibration=factors, bone_mask=bone_mask, parts=geometry.parts(bone_mask), lesion_mask=lesion_mask,
        structures=structures, body_surface=skin.on(box).array, frame=geometry.frame,
        posterior_wall_mm=geometry.wall_mm(), warnings=(*alerts, *notes, *unplaced, *covered, *factors.notes),
        frames=geometry.frames, implants=implants, on_scan=target.labels.present(),
        isocentre_mm=_middle(case.ct), coarse=coarse_words(case.ct), seeded=_seeded(case, lesion),
        alerts=alerts,
    )  # fmt: skip
    around = neighbours(target) if target.is_vertebra else (None, None)
    findings, unmeasured = measure(anatomy, geometry.vertebra, around, frames=geometry.frames)
    return replace(anatomy, warnings=(*anatomy.warnings, *unmeasured)), findings


def bone_on_scan(case: Case, bone: str) -> BoneOnScan:
    """A bone's mask on the CT's grid, its frames and, of a vertebra, its geometry; no lesion is needed.

    Raises:
        BadInput, UnknownName: as ``build_anatomy``.
    """
    target = target_bone(case, bone)
    geometry = _geometry(target.mask_near, target)
    return BoneOnScan(target.labels.mask(target.label), geometry.frames, geometry.vertebra)


class _Steps:
    """Tells the watcher where we are, and stops when he says so."""

    def __init__(self, on_step: OnStep | None) -> None:
        self.on_step, self.count = on_step, 0

    def __call__(self, before: str) -> None:
        self.count += 1
        if self.on_step is not None and not self.on_step(self.count, 0.0):
            raise Cancelled(f"stopped before: {before}")


@dataclass(frozen=True, eq=False)
class _Geometry:
    """What a bone's shape tells: frames of every bone, canal and wall of a vertebra."""

    frames: Mapping[str, BoneFrame]
    vertebra: Vertebra | None
    cautions: tuple[str, ...] = ()

    @property
    def frame(self) -> BoneFrame:
        return next(iter(self.frames.values()))

    def parts(self, bone_mask: Mask) -> Mapping[str, Mask]:
        return {"whole": bone_mask} if self.vertebra is None else self.vertebra.parts

    def wall_mm(self) -> F64:
        return np.empty((0, 3)) if self.vertebra is None else self.vertebra.wall_mm()


def _geometry(mask: Volume, target: TargetBone) -> _Geometry:
    """Read the bone's shape; other bones of the map sharpen the frames of a pelvis or femur."""
    if target.is_vertebra:
        vertebra = read_vertebra(mask, up=up(target))
        return _Geometry({"vertebra": vertebra.frame}, vertebra)
    labels = target.labels
    names = (name for name in _CONTEXT.get(target.label, ()) if labels.has(name))
    context = {name: labels.near(name, _AIR_AROUND_MM) for name in names}
    frames = bone_frames(target.bone, mask, context=context)
    return _Geometry(frames, None, cautions(target.bone, frames))


_NECK_VESSELS = ("common_carotid_artery", "vertebral_artery", "internal_jugular_vein")
# Around a bone on its crop: where the bone ends at the crop's edge, it reads as cut by the scan's.
_AIR_AROUND_MM = 12.0
# Bones that sharpen the frames of another one.
_CONTEXT = {
    "hip_left": ("hip_right", "femur_left"),
    "hip_right": ("hip_left", "femur_right"),
    "sacrum": ("vertebrae_S1",),
}


def _require_lesion(case: Case, lesion: Lesion) -> None:
    case.ct.require_same_grid(lesion.mask, what=f"the mask of lesion {lesion.id}")
    if not lesion.mask.array.any():
        raise LesionError(
            f"lesion {lesion.id}: its mask is empty; draw it again, or check that it is on this scan"
        )


def _require_side(case: Case, lesion: Lesion, target: TargetBone) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Refuse a declared side that is not the bone's, a bone of the other side's shape, a mirrored volume.

    Returns cautions, and a sentence for the first page where nothing on the scan tells the side.

    Raises:
        LesionError: side and bone contradict each other.
        BadInput: the shape or place of the bone contradicts its name, or left and right of the labels are
            swapped.
    """
    side = side_of(lesion.bone)
    if side is None:
        return _mirrored(target.labels), ()
    if lesion.side != side:
        raise LesionError(
            f"lesion {lesion.id}: side is {lesion.side}, but {lesion.bone} is on the {side}: correct one"
        )
    read = side_read(lesion.bone, target.mask_near, target.labels)
    if read.contradiction:
        raise BadInput(read.contradiction)
    # what grew from a point grew for the side that was named: one sign of it proves nothing
    shown = read.shape.side if read.shape.sureness == "sure" or not _seeded(case, lesion) else None
    if shown is None and read.place is None:
        return _mirrored(target.labels), _by_flanks(case, lesion.bone, side, target)
    return _mirrored(target.labels), ()


def _by_flanks(case: Case, bone: str, side: str, target: TargetBone) -> tuple[str, ...]:
    """A sentence where the patient's flanks do not tell the side either.

    Raises:
        BadInput: they tell the other side.
    """
    mask = target.mask_near
    centre = mask.positions_mm(np.argwhere(mask.array)).mean(axis=0)
    told = flanks(case.ct, centre).side_of(float(centre[0]))
    if told == side:
        return ()
    if told is not None:
        raise BadInput(f"{bone}: it lies on the patient's {told} between the flanks: correct the name")
    return (
        f"Side not checkable on this scan: {bone} is {side} as named; neither its shape nor the patient's "
        "middle tells it.",
    )


def _seeded(case: Case, lesion: Lesion) -> bool:
    return label_of(lesion.bone) in case.seeded


def _grown(case: Case, lesion: Lesion, bone_mask: Volume) -> tuple[str, ...]:
    """Sentences on a bone that was grown from a point: only a person who looks at it knows it."""
    if not _seeded(case, lesion):
        return ()
    kind = lesion.bone.rpartition("_")[0] if side_of(lesion.bone) else part_of_spine(lesion.bone)
    return (
        f"{lesion.bone} was grown from a point, not checked: look at its outline on every slice.",
        *(f"{lesion.bone}: {caution}." for caution in check_volume(bone_mask, lesion.bone, kind)),
    )


def _unplaced_vessels(bone: str, target: TargetBone, structures: tuple[Structure, ...]) -> tuple[str, ...]:
    """Vessels that a way into the neck must keep clear of, and that nobody labelled: no gap is known."""
    if not bone.startswith("vertebra_C"):
        return ()
    known = (*(s.name for s in structures), *target.labels.present())
    needs = dict.fromkeys(need for one in approaches_of(bone) for need in (*one.needs, *one.rarely_labelled))
    lacking = [need for need in needs if need in _NECK_VESSELS and not names_for(need, bone, known)]
    if not lacking:
        return ()
    names = ", ".join(name.replace("_", " ") for name in lacking)
    return (f"No gap is known to {names}: not labelled on this scan, so no way in is known to be clear.",)


def _require_facing(bone: str, geometry: _Geometry) -> None:
    """Refuse a vertebra whose spinous process would lie in front of its body, or at its side.

    Raises:
        BadInput: so.
    """
    wrong = None if geometry.vertebra is None else turned_away(bone, geometry.frame)
    if wrong:
        raise BadInput(wrong)


def _mirrored(labels: LabelMap) -> tuple[str, ...]:
    """Refuse a label map whose sides are swapped; a caution where organs lie on the other side.

    Raises:
        BadInput: left and right are swapped.
    """
    swapped = pairs_swapped(labels)
    if swapped:
        raise BadInput(swapped)
    return organs_swapped(labels)


def _midline(lesion: Lesion, image: Volume, mask: Mask, frame: BoneFrame) -> tuple[str, ...]:
    """In a bone of the midline: refuse a side that the mask contradicts; warn of a lateral midline lesion.

    Raises:
        LesionError: the centre lies on the other side than declared.
    """
    if side_of(lesion.bone) is not None:
        return ()
    left = float(frame.local(image.positions_mm(np.argwhere(mask)).mean(axis=0))[0])
    actual = "left" if left > 0 else "right"
    if lesion.side == "midline":
        if abs(left) <= number("vertebra.midline_tolerance_mm"):
            return ()
        return (
            f"lesion {lesion.id} is called midline, but its centre is {abs(left):.0f} mm to the {actual}",
        )
    if actual != lesion.side and abs(left) > number("vertebra.side_tolerance_mm"):
        raise LesionError(
            f"lesion {lesion.id}: side is {lesion.side}, but its centre is {abs(left):.0f} mm to the "
            f"patient's {actual}: correct the side, or check that the scan is not mirrored"
        )
    return ()


def _middle(ct: Volume) -> tuple[float, float, float]:
    """Middle of the whole scan [LPS mm], where the scanner's axis runs."""
    x, y, z = (float(value) for value in ct.positions_mm((np.asarray(ct.shape) - 1) / 2.0))
    return x, y, z


def _structures(
    case: Case, target: TargetBone, box: Box, geometry: _Geometry, bone_mask: Mask
) -> tuple[tuple[Structure, ...], tuple[str, ...]]:
    """The canal first, then what else is derived, then everything labelled; and what could not be placed."""
    labels = target.labels.volume.on(box)
    given, unplaced = labelled_structures(labels, target.labels.values, without=target.value)
    derived, notes = derived_structures(case.ct, target.labels, near=box, bone=target.bone)
    if geometry.vertebra is not None:
        derived = _with_own_canal(derived, geometry.vertebra.canal_mask(labels, bone_mask), given, bone_mask)
    if unplaced:
        names = ", ".join(unplaced)
        notes += (f"labels that are not known as something to avoid, and are not avoided: {names}",)
    return (*derived, *given), notes


def _with_own_canal(
    derived: tuple[Structure, ...], canal: Mask, given: tuple[Structure, ...], bone_mask: Mask
) -> tuple[Structure, ...]:
    """The canal of this vertebra, read with its lesion in place, joined with that of its neighbours."""
    others = [s for s in derived if s.name == "spinal_canal"]
    bones = [s.mask for s in given if s.kind == "bone"]
    for mask in bones:
        canal &= ~mask
    because = "hole of this vertebra's ring, drawn on above and below, without bone"
    for other in others:
        canal |= other.mask & ~bone_mask
        because = other.because
    own = Structure("spinal_canal", "canal", canal, given=False, because=because)
    return (own, *(s for s in derived if s.name != "spinal_canal"))


def _implants(image: Volume, labels: LabelMap) -> tuple[tuple[Implant, ...], Mask]:
    """Metal, cement and stents around the bone, and the zone that they spoil, on the crop."""
    if image.meaning != "HU":
        return (), np.zeros(image.shape, dtype=bool)
    bones, vessels = (
        labels.any_of(name for name in labels.present() if kind_of(name) == kind)
        for kind in ("bone", "vessel")
    )
    found = find_implants(image, bones=bones, vessels=vessels)
    return found, excluded_zone(found, image)


def _calibrated(case: Case, target: TargetBone, lesion: Lesion, zone: Mask, box: Box) -> Calibration:
    """Density of the whole scan; the lesion and what implants spoil around the bone are left out."""
    exclude = np.array(lesion.mask.array, dtype=bool)
    exclude[box] |= zone
    return calibrate(
        case.calibration_request, case.ct, labels=target.labels, acquisition=case.acquisition, exclude=exclude
    )


def _covered(image: Volume, covered: Mask, implants: tuple[Implant, ...]) -> tuple[str, ...]:
    """A sentence where an implant hides bone: its density would be read as bone of impossible stiffness."""
    if not covered.any():
        return ()
    kinds = " and ".join(sorted({implant.kind for implant in implants}))
    volume = covered.sum() * image.voxel_volume_mm3 / 1000.0
    return (
        f"{kinds} in or near the bone: {volume:.1f} mL are read as the bone around them; "
        "what the implant itself carries is not modelled",
    )


def _intact(
    case: Case, target: TargetBone, frame: BoneFrame, image: Volume, box: Box, bone: Mask, lesion: Mask
) -> tuple[Volume, str]:
    """The bone without its lesion, from where the case says; and from where, in words."""
    source = case.intact_from or ("infill" if case.ct_before is None else "scan")
    if source == "contralateral":
        return from_other_side(case, target, frame, image, bone, lesion)
    if source == "neighbour":
        return from_neighbour(case, target, frame, image, bone, lesion, up(target))
    if source == "scan":
        if case.ct_before is None:
            raise BadInput(
                "intact.from is scan, but the case has no images.ct_before: give it, or take infill"
            )
        return _clean(case.ct_before.on(box)), "the scan before the simulated lesion"
    basis = "lesion filled in with the median of the bone around it at the same depth below the surface"
    return filled_in(image, bone, lesion), basis


def _clean(image: Volume) -> Volume:
    """A copy whose padding outside the scanner's field reads as air."""
    if image.meaning != "HU":
        return image.with_array(np.ascontiguousarray(image.array))
    return image.with_array(np.maximum(image.array, image.array.dtype.type(number("vertebra.air_HU"))))
