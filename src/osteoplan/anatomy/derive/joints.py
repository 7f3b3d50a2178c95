"""Joint spaces that a way must not cross without reason: where two bones come close to each other."""

from __future__ import annotations

import numpy as np

from osteoplan.anatomy.derive.canvas import Canvas, Derived, not_derived
from osteoplan.boxes import shared
from osteoplan.kernels.distance import distance_to
from osteoplan.knowledge.values import number

__all__ = ["SACRUM", "joint_space"]

SACRUM = ("sacrum", "vertebrae_S1")
_PAIRS = {
    "sacroiliac_joint": (SACRUM, "hip"),
    "hip_joint": (("femur",), "hip"),
    "shoulder_joint": (("humerus",), "scapula"),
}


def joint_space(canvas: Canvas, joint: str, side: str) -> Derived:
    """``sacroiliac_joint``, ``hip_joint`` or ``shoulder_joint`` of one side.

    Where d1 and d2 are the distances to both bones: d1 + d2 below the greatest gap, and bone that all but
    touches the other bone.
    """
    ones, other = _PAIRS[joint]
    first = [name if name in SACRUM else f"{name}_{side}" for name in ones]
    second = f"{other}_{side}"
    name = f"{joint}_{side}"
    missing = [one for one in (first[0], second) if not canvas.labels.has(one)]
    if len(missing) == 1 and first[0] in missing and any(canvas.labels.has(one) for one in first):
        missing = []
    if missing:
        return not_derived(f"{name} is not derived: {' and '.join(missing)} not labelled on this scan")
    gap, skin = number("derived.joint_gap_mm"), number("derived.joint_skin_mm")
    one = canvas.points_box([n for n in first if canvas.labels.has(n)])
    box = shared(canvas.widened(one, gap), canvas.widened(canvas.labels.box(second), gap))
    if box is None:
        return not_derived(f"{name} is not derived: {first[0]} and {second} do not meet on this scan")
    bones = canvas.any_of(first, box), canvas.any_of([second], box)
    near = [distance_to(bone, canvas.ct.spacing_mm) for bone in bones]
    total = near[0] + near[1]
    free = ~canvas.bones(box)
    # Only bone of the joint itself: half a voxel more, so that touching labels still hold a layer.
    layer = skin + 0.5 * float(canvas.ct.spacing_mm.min())
    space = (free & (total <= gap)) | ((bones[0] | bones[1]) & (total <= layer))
    if not space.any():
        return not_derived(f"{name} is not derived: {first[0]} and {second} are more than {gap:g} mm apart")
    because = f"gap between {first[0]} and {second}: together less than {gap:g} mm from both"
    return canvas.put(name, "joint", box, np.asarray(space), because)
