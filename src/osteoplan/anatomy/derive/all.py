"""All structures to avoid that can be derived on a scan, or those around one bone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from osteoplan.anatomy.derive.canvas import Canvas, Derived, not_derived
from osteoplan.anatomy.derive.joints import joint_space
from osteoplan.anatomy.derive.pelvis import femoral_bundle, notch_and_gluteal
from osteoplan.anatomy.derive.pleura import pleural_recess
from osteoplan.anatomy.derive.sacrum import sacral_openings
from osteoplan.anatomy.derive.spine import canal, foramina_and_roots, read_levels
from osteoplan.boxes import Box, shared
from osteoplan.errors import Cancelled, OnStep, UnknownName
from osteoplan.knowledge.structures import SPINE_LEVELS
from osteoplan.model.anatomy import Structure
from osteoplan.model.labels import LabelMap
from osteoplan.model.volume import Volume

__all__ = ["derived_structures"]

Rule = Callable[[], Derived]
SIDES = ("left", "right")


def derived_structures(
    ct: Volume,
    labels: LabelMap,
    *,
    near: Box | None = None,
    bone: str | None = None,
    on_step: OnStep | None = None,
) -> tuple[tuple[Structure, ...], tuple[str, ...]]:
    """Structures to avoid, derived from label map and scan, and sentences on those that could not be.

    Masks lie on the scan's grid, or on the box ``near`` of it; a structure without a voxel there is left out.

    Args:
        ct: HU, or calibrated density (then the lungs must be labelled).
        labels: on the scan's grid; bones suffice.
        near: index box of the scan on which the masks are wanted, clipped to the scan.
        bone: only what lies around this bone (``vertebra_T12``, ``sacrum``, ``hemipelvis_left`` ...).
        on_step: called before each rule; False stops.

    Raises:
        GeometryMismatch: the labels lie on another grid than the scan.
        UnknownName: nothing is known to lie around a bone of that name.
        Cancelled: ``on_step`` returned False.
    """
    ct.require_same_grid(labels.volume, what="the label map")
    whole = (slice(0, ct.shape[0]), slice(0, ct.shape[1]), slice(0, ct.shape[2]))
    canvas = Canvas(ct, labels, whole)
    if near is not None:
        canvas = replace(canvas, near=shared(near, whole) or (slice(0, 0), slice(0, 0), slice(0, 0)))
    found = Derived()
    for at, rule in enumerate(_rules(canvas, bone)):
        if on_step is not None and not on_step(at, 0.0):
            raise Cancelled("stopped while structures to avoid were derived")
        found += rule()
    return found.structures, found.notes


def _rules(canvas: Canvas, bone: str | None) -> tuple[Rule, ...]:
    if bone is None:
        return _everywhere(canvas)
    part, _, which = bone.partition("_")
    match part:
        case "vertebra" if which in SPINE_LEVELS:
            return _vertebra(canvas, which)
        case "sacrum":
            lowest = SPINE_LEVELS[SPINE_LEVELS.index("L4") :]
            return (partial(_spine, canvas, lowest), *_pelvis(canvas, SIDES, hip=False))
        case "hemipelvis" if which in SIDES:
            # ways across the sacrum meet both of its sides, and the root that runs over it
            lowest = SPINE_LEVELS[SPINE_LEVELS.index("L4") :]
            other = SIDES[1 - SIDES.index(which)]
            own, beyond = _pelvis(canvas, (which,), hip=True), _pelvis(canvas, (other,), hip=False)
            return (*own, *beyond[1:], partial(_spine, canvas, lowest))
        case "femur" if which in SIDES:
            return (
                partial(joint_space, canvas, "hip_joint", which),
                partial(notch_and_gluteal, canvas, which),
                partial(femoral_bundle, canvas, which),
            )
        case "humerus" if which in SIDES:
            return (
                partial(joint_space, canvas, "shoulder_joint", which),
                partial(pleural_recess, canvas, which),
                partial(_no_rule, which),
            )
        case "scapula" if which in SIDES:
            return (
                partial(joint_space, canvas, "shoulder_joint", which),
                partial(pleural_recess, canvas, which),
            )
        case "sternum" | "rib" | "clavicle":
            return tuple(partial(pleural_recess, canvas, side) for side in SIDES)
        case "tibia":
            return ()
    known = ("vertebra_T12", "sacrum", "hemipelvis_left", "femur_left", "humerus_left")
    raise UnknownName("bone", bone, known)


def _everywhere(canvas: Canvas) -> tuple[Rule, ...]:
    has = canvas.labels.has
    rules: list[Rule] = []
    if any(has(f"vertebrae_{level}") for level in SPINE_LEVELS):
        rules.append(partial(_spine, canvas, SPINE_LEVELS))
    rules += [partial(pleural_recess, canvas, side) for side in SIDES]
    if any(has(name) for name in ("sacrum", "hip_left", "hip_right", "femur_left", "femur_right")):
        rules += _pelvis(canvas, SIDES, hip=True)
    sides = [side for side in SIDES if has(f"humerus_{side}")]
    return (*rules, *(partial(joint_space, canvas, "shoulder_joint", side) for side in sides))


def _vertebra(canvas: Canvas, level: str) -> tuple[Rule, ...]:
    rules: list[Rule] = [partial(_spine, canvas, _around(canvas, level))]
    if level[0] in "TL":
        rules += [partial(pleural_recess, canvas, side) for side in SIDES]
    if level in ("L5", "L6"):
        rules.append(partial(sacral_openings, canvas))
    return tuple(rules)


def _pelvis(canvas: Canvas, sides: tuple[str, ...], *, hip: bool) -> tuple[Rule, ...]:
    rules: list[Rule] = [partial(sacral_openings, canvas)]
    for side in sides:
        rules.append(partial(joint_space, canvas, "sacroiliac_joint", side))
        rules.append(partial(notch_and_gluteal, canvas, side))
        if hip:
            rules.append(partial(joint_space, canvas, "hip_joint", side))
            rules.append(partial(femoral_bundle, canvas, side))
    return tuple(rules)


def _no_rule(side: str) -> Derived:
    what = f"axillary and radial nerve and axillary vessels near humerus_{side}"
    return not_derived(f"{what} are not derived: there is no rule for them")


def _spine(canvas: Canvas, wanted: tuple[str, ...]) -> Derived:
    levels, notes = read_levels(canvas, wanted)
    return Derived((), notes) + canal(canvas, levels) + foramina_and_roots(canvas, levels)


def _around(canvas: Canvas, level: str) -> tuple[str, ...]:
    """The level and its labelled neighbours."""
    present = [name for name in SPINE_LEVELS if canvas.labels.has(f"vertebrae_{name}")]
    if level not in present:
        return (level,)
    at = present.index(level)
    return tuple(present[max(at - 1, 0) : at + 2])
