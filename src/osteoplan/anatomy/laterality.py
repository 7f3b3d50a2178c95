"""Which side a bone is from, by its shape, and whether that agrees with its name and its place.

Shape and place are asked separately.  A file with left and right exchanged in its header moves both; one
with a
wrong name moves neither; so they are told apart, and nothing is renamed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from osteoplan.anatomy.frames.femur import head_of, lesser_trochanter, neck_of, upper_shaft
from osteoplan.anatomy.frames.fit import Sphere
from osteoplan.anatomy.frames.hemipelvis import cup_of
from osteoplan.anatomy.frames.surface import BoneSurface
from osteoplan.arrays import F64
from osteoplan.errors import BadInput
from osteoplan.kernels.vectors import axes_along, square, unit
from osteoplan.knowledge.sites import label_of, side_of
from osteoplan.knowledge.values import number
from osteoplan.model.anatomy import BoneFrame
from osteoplan.model.labels import LabelMap
from osteoplan.model.volume import Volume

__all__ = [
    "SideOfShape",
    "SideRead",
    "Sureness",
    "check_side",
    "organs_swapped",
    "pairs_swapped",
    "shape_side",
    "side_read",
]

Side = Literal["left", "right"]
Sureness = Literal["sure", "likely", "undecided", "contradictory"]

UP = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True)
class SideOfShape:
    """The side that a bone must be from, by its shape in patient space.

    Attributes:
        side: None where the shape does not decide, or where its parts disagree.
        sureness: ``sure`` where two independent signs agree, ``likely`` on one, ``undecided`` on none;
            ``contradictory`` where signs tell different sides or the bone stands upside down.
        because: the signs that were read, in words.
    """

    side: Side | None
    sureness: Sureness
    because: str


def shape_side(bone: str, mask: Volume) -> SideOfShape:
    """Read the side of a femur, a hip bone or a humerus from its mask; the name's side is not used.

    Raises:
        BadInput: the bone has no side (spine, sacrum), or the mask is empty.
        UnknownName: no such bone.
    """
    if side_of(bone) is None:
        raise BadInput(f"{bone} has no side; ask for a femur, a hemipelvis or a humerus")
    readers: Mapping[str, Callable[[BoneSurface], list[_Sign]]] = {
        "femur": _femur_signs,
        "hemipelvis": _hip_signs,
        "humerus": _humerus_signs,
    }
    stem, surface = bone.rpartition("_")[0], BoneSurface.of(mask)
    over = _upside_down(stem, surface)
    return _verdict(readers[stem](surface)) if over is None else SideOfShape(None, "contradictory", over)


@dataclass(frozen=True)
class SideRead:
    """What a bone's shape and its place tell of its side.

    Attributes:
        place: side of the patient's middle on which it lies; None where no other bone tells the middle.
        by: what told the middle.
    """

    bone: str
    shape: SideOfShape
    place: Side | None
    by: str

    @property
    def contradiction(self) -> str | None:
        """A sentence where name, shape and place do not agree; None where they do, or decide nothing."""
        return _contradiction(self.bone, self.shape, self.place, self.by)


def side_read(bone: str, mask: Volume, labels: LabelMap | None = None) -> SideRead:
    """Ask shape and place of a bone that has a side.

    Args:
        labels: other bones, for where the patient's middle is; without them place is not asked.
    """
    shape = shape_side(bone, mask) if _has_shape(bone) else SideOfShape(None, "undecided", "not read")
    return SideRead(bone, shape, *_place(bone, mask, labels))


def check_side(bone: str, mask: Volume, labels: LabelMap | None = None) -> str | None:
    """A sentence where a bone's name, its shape and its place do not agree; None where they do.

    A bone whose shape and place decide nothing gives None as well: ask ``side_read`` what was seen.
    """
    return None if side_of(bone) is None else side_read(bone, mask, labels).contradiction


def _contradiction(bone: str, shape: SideOfShape, place: Side | None, by: str) -> str | None:
    named = side_of(bone)
    if shape.sureness == "contradictory":
        return (
            f"{bone}: its shape contradicts itself ({shape.because}): the image may be mirrored front "
            f"to back or head "
            "to foot, or the limb strongly turned; check before planning"
        )
    if shape.side is not None and shape.side != named:
        where = "" if place is None else f"; it lies on the {place} of {by}"
        blame = "the name or the image's left and right is wrong" + (
            ""
            if place in (None, shape.side)
            else "; place and shape disagree, so this scan is not of one piece"
        )
        return (
            f"{bone}: its shape is that of a {shape.side} bone ({shape.because}){where}: {blame}; "
            "check before planning"
        )
    if place is not None and place != named:
        return (
            f"{bone}: it lies on the {place} of {by}: the name is wrong or the image is mirrored; "
            "check before planning"
        )
    return None


def pairs_swapped(labels: LabelMap) -> str | None:
    """A sentence where structures called left lie to the right of their partners; None elsewhere."""
    names = [name.removesuffix("_left") for name in labels.present() if name.endswith("_left")]
    pairs = [name for name in names if labels.has(f"{name}_right")]
    wrong = [n for n in pairs if _middle_x(labels, f"{n}_left") <= _middle_x(labels, f"{n}_right")]
    if 2 * len(wrong) <= len(pairs):
        return None
    shown = ", ".join(wrong[:3])
    return (
        f"left and right are swapped in {len(wrong)} of {len(pairs)} pairs of labels ({shown}): the image is "
        "mirrored, or the labels are; correct the file before planning"
    )


def organs_swapped(labels: LabelMap) -> tuple[str, ...]:
    """A caution where organs of one side lie on the other: a mirrored image, or a mirrored patient."""
    said = []
    for right, left in (("liver", "spleen"), ("inferior_vena_cava", "aorta")):
        if labels.has(right) and labels.has(left) and _middle_x(labels, right) > _middle_x(labels, left):
            said.append(f"{right.replace('_', ' ')} to the left of the {left}")
    if not said:
        return ()
    return (f"{' and '.join(said)}: the image is mirrored, or the patient's organs are; settle it first",)


def _middle_x(labels: LabelMap, name: str) -> float:
    """Left coordinate [mm] of the middle of a structure's box."""
    box = labels.box(name)
    middle = np.array([(side.start + side.stop - 1) / 2.0 for side in box])
    return float(labels.volume.positions_mm(middle)[0])


def _has_shape(bone: str) -> bool:
    """True for bones whose shape tells their side here; a rib's or scapula's is not read."""
    return bone.rpartition("_")[0] in ("femur", "hemipelvis", "humerus")


@dataclass(frozen=True)
class _Sign:
    """One sign: which side it tells, and in words."""

    side: Side
    words: str
    strong: bool = True


def _verdict(signs: list[_Sign]) -> SideOfShape:
    if not signs:
        return SideOfShape(None, "undecided", "the mask shows no part that tells its side")
    left = [s for s in signs if s.side == "left"]
    right = [s for s in signs if s.side == "right"]
    if left and right:
        words = f"signs of a left bone: {_words(left)}; but of a right one: {_words(right)}"
        return SideOfShape(None, "contradictory", words)
    side = signs[0].side
    sureness: Sureness = "sure" if sum(s.strong for s in signs) > 1 else "likely"
    return SideOfShape(side, sureness, _words(signs))


def _words(signs: list[_Sign]) -> str:
    return ", ".join(s.words for s in signs)


def _upside_down(stem: str, bone: BoneSurface) -> str | None:
    """In words, where a femur's head is below its rest, or a hip bone's wing below its socket."""
    if stem == "femur" and (head := head_of(bone, region_mm=np.inf)) is not None:
        away = np.linalg.norm(bone.inside_mm - head.centre_mm, axis=1) > 1.3 * head.radius_mm
        if away.any() and bone.inside_mm[away][:, 2].mean() > head.centre_mm[2] + 0.5 * head.radius_mm:
            return "the femur's head lies below the rest of the bone"
    if stem == "hemipelvis" and (cup := cup_of(bone, None)) is not None:
        height = bone.inside_mm[:, 2] - cup.centre_mm[2]
        # an ischium ends some 3 radii below the socket's centre, a wing 6 above it
        if -height.min() > number("frames.below_socket") * cup.radius_mm:
            return "the hip bone reaches as far below its socket as only a wing does above it"
    return None


def _femur_signs(bone: BoneSurface) -> list[_Sign]:
    """Head to medial of the rest; lesser trochanter to posterior of the plane of head, neck and shaft.

    The second needs no knowledge of the patient's left: with up and back known it tells a mirrored image.
    """
    head = head_of(bone)
    if head is None:
        return []
    signs = _head_medial(bone, head)
    if not signs:
        return []
    shaft, _ = upper_shaft(bone, head, number("frames.femur_shaft_below"), number("frames.femur_stump_below"))
    neck = neck_of(bone, head)
    if neck is not None:
        signs += _trochanter_behind(bone, head, neck.direction)
    if shaft is None:
        return signs
    up = shaft.axis.direction
    lateral = shaft.axis.at(head.centre_mm) - head.centre_mm
    # along "back" of this frame a lesser trochanter stands for a left bone, against it for a right one
    top = {"shaft_axis_top": shaft.axis.point_mm}
    frame = BoneFrame(head.centre_mm, axes_along(up, lateral), landmarks_mm=top)
    bump = lesser_trochanter(bone, head, frame, np.radians(np.arange(-90, 91, 10)))
    if bump is None or abs(np.degrees(bump.angle)) < number("frames.lesser_least_deg"):
        return signs
    side: Side = "left" if bump.angle > 0 else "right"
    return [*signs, _Sign(side, "the lesser trochanter is behind the neck's plane for that side only")]


def _head_medial(bone: BoneSurface, head: Sphere) -> list[_Sign]:
    away = np.linalg.norm(bone.inside_mm - head.centre_mm, axis=1) > 1.3 * head.radius_mm
    if not away.any():
        return []
    offset = float((head.centre_mm - bone.inside_mm[away].mean(axis=0))[0])
    if abs(offset) < number("frames.medial_part") * head.radius_mm:
        return []
    towards = "left" if offset > 0 else "right"
    return [_Sign("right" if offset > 0 else "left", f"the head points to the patient's {towards}")]


def _trochanter_behind(bone: BoneSurface, head: Sphere, lateral: F64) -> list[_Sign]:
    """The greater trochanter overhangs to posterior of the neck's axis, seen from above."""
    way = square(lateral, UP)
    local = bone.surface_mm - head.centre_mm
    part = (local @ way > number("frames.lateral_part") * head.radius_mm) & (local[:, 2] > -head.radius_mm)
    if part.sum() < 50:
        return []
    across = np.cross(UP, way)  # to posterior in a left bone, to anterior in a right one
    offset = float((local[part] @ across).mean())
    if abs(offset) < number("frames.trochanter_offset_mm"):
        return []
    side: Side = "left" if offset > 0 else "right"
    return [_Sign(side, "the greater trochanter overhangs the neck to the back for that side only")]


def _hip_signs(bone: BoneSurface) -> list[_Sign]:
    """Socket opens to lateral; pubis (low, medial) lies in front of the ischium; wing behind and lateral."""
    cup = cup_of(bone, None)
    if cup is None:
        return []
    opening = unit((cup.centre_mm - bone.surface_mm[cup.used]).mean(axis=0))
    signs = []
    if abs(opening[0]) > number("frames.opening_part"):
        towards: Side = "left" if opening[0] > 0 else "right"
        signs.append(_Sign(towards, f"the socket opens to the patient's {towards}"))
    low = bone.inside_mm[bone.inside_mm[:, 2] < cup.centre_mm[2]] - cup.centre_mm
    if len(low) > 50:
        # the pubis reaches far beyond the socket to the midline: nothing else at this height does
        reach = low[:, 0].max(), -low[:, 0].min()
        if max(reach) > number("frames.pubis_reach") * min(reach) and min(reach) > 0:
            medial = "left" if reach[0] > reach[1] else "right"
            signs.append(
                _Sign("right" if medial == "left" else "left", f"the pubis reaches to the patient's {medial}")
            )
    # turned about the patient's axis both signs above turn; the third asks their order: up, opening, front
    front = _pubis_front(bone, cup)
    if front is not None and abs(front) > number("frames.pubis_front_part"):
        side: Side = "left" if (front > 0) == (opening[0] > 0) else "right"
        words = "in front of" if front > 0 else "behind"
        signs.append(_Sign(side, f"the pubis lies {words} the socket"))
    return signs


def _pubis_front(bone: BoneSurface, cup: Sphere) -> float | None:
    """How far the bone's medial lower tip lies in front of the socket, in radii; negative behind."""
    low = bone.inside_mm[bone.inside_mm[:, 2] < cup.centre_mm[2]] - cup.centre_mm
    if len(low) < 50:
        return None
    reach = np.abs(low[:, 0])
    tip = low[reach > reach.max() - 5.0]
    return float(-tip[:, 1].mean() / cup.radius_mm)


def _humerus_signs(bone: BoneSurface) -> list[_Sign]:
    """Head to medial of the shaft.  The arm turns freely, so this is one sign and never more than likely."""
    head = head_of(bone, region_mm=np.inf)
    if head is None:
        return []
    away = np.linalg.norm(bone.inside_mm - head.centre_mm, axis=1) / head.radius_mm
    if (away > 2.0).sum() < 500:
        return []  # without shaft the head is most of what is seen: nothing to be medial of
    rest = bone.inside_mm[(away > 1.3) & (away < 4.0)].mean(axis=0)
    offset = float((head.centre_mm - rest)[0]) / head.radius_mm
    if abs(offset) < number("frames.medial_part_humerus"):
        return []
    towards = "left" if offset > 0 else "right"
    side: Side = "right" if offset > 0 else "left"
    return [_Sign(side, f"the head points to the patient's {towards}", strong=False)]


def _place(bone: str, mask: Volume, labels: LabelMap | None) -> tuple[Side | None, str]:
    """The side of the patient's middle on which the bone lies, and what told the middle."""
    if labels is None:
        return None, ""
    own, _, height = (float(c) for c in mask.positions_mm(np.argwhere(mask.array)).mean(axis=0))
    middle = _middle(bone, labels, height)
    if middle is None or abs(own - middle[0]) < number("frames.beside_mm"):
        return None, ""
    return ("left" if own > middle[0] else "right"), middle[1]


def _middle(bone: str, labels: LabelMap, height_mm: float) -> tuple[float, str] | None:
    """x of the patient's middle [mm], from spine and sacrum, else from the bone of the other side."""
    central = [n for n in labels.present() if n == "sacrum" or n.startswith("vertebrae_")]
    if central:
        centres = {n: _centre(labels, n) for n in central}
        nearest = min(central, key=lambda n: abs(float(centres[n][2]) - height_mm))
        return float(centres[nearest][0]), nearest.replace("vertebrae_", "vertebra ").replace(
            "sacrum", "the sacrum"
        )
    own = label_of(bone)
    other = own.replace("_left", "_right") if "_left" in own else own.replace("_right", "_left")
    if not (labels.has(other) and labels.has(own)):
        return None
    both = 0.5 * (_centre(labels, own)[0] + _centre(labels, other)[0])
    return float(both), f"the middle between {own} and {other}"


def _centre(labels: LabelMap, name: str) -> F64:
    box = labels.near(name, 0.0)
    centre: F64 = box.positions_mm(np.argwhere(box.array)).mean(axis=0)
    return centre
