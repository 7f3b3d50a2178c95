"""A vertebra of the neck made of known shapes: its articular pillars are as deep as its body.

Bone coordinates (left, posterior, superior) [mm], origin at the centre of the body.  Sizes are those of a
textbook C5 (body about 17 x 16 x 13, canal about 24 x 15), no patient's.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from osteoplan.anatomy.phantom.solids import capsule, ellipse, join
from osteoplan.anatomy.read import build_anatomy
from osteoplan.model.anatomy import Anatomy, BoneFrame
from osteoplan.model.case import Case, Lesion
from osteoplan.model.volume import Volume
from tests.synthetic_vertebra import rotation

CANAL_BEHIND, CANAL_HALF = 15.5, (12.0, 7.5)
GRIDS = {
    "straight": (np.eye(3), (0.6, 0.6, 1.25)),
    "oblique": (rotation((9.0, -6.0, 14.0)), (0.5, 0.6, 1.0)),
    "left_handed": (rotation((-6.0, 4.0, -8.0)) @ np.diag([-1.0, 1.0, 1.0]), (0.6, 0.55, 1.5)),
}
FRAME = BoneFrame(np.array([4.0, 21.0, 310.0]), rotation((8.0, 3.0, -4.0)))


def bone_distance(left, back, up, *, pillar=7.2):
    """Signed distance to the vertebra [mm]; its deepest place lies in a pillar, not in the body."""
    side = np.abs(left)
    body = np.maximum(ellipse(left, back, 8.8, 7.6), np.abs(up) - 6.5)
    d = join(body, capsule(side, back, up, (20.0, 13.0, -7.0), (20.0, 13.0, 7.0), pillar), 1.0)
    d = join(d, capsule(side, back, up, (7.0, 4.5, 1.0), (16.0, 11.0, 1.0), 3.4), 1.0)  # pedicle
    d = join(d, capsule(side, back, up, (19.0, 15.0, 0.0), (1.5, 26.5, -2.0), 3.0), 1.0)  # lamina
    d = join(d, capsule(side, back, up, (0.5, 27.0, -3.0), (3.0, 40.0, -6.0), 2.8), 1.0)  # spinous process
    canal = ellipse(left, back - CANAL_BEHIND, *CANAL_HALF)
    return np.maximum(d, -canal)


def _local(volume: Volume, frame: BoneFrame):
    at = volume.positions_mm(np.moveaxis(np.indices(volume.shape), 0, -1))
    return [part.astype(np.float32) for part in np.moveaxis(frame.local(at), -1, 0)]


def cervical_mask(grid: str = "straight", *, frame: BoneFrame = FRAME, reach=(38.0, 38.0, 26.0)) -> Volume:
    """The vertebra's mask on one of three grids."""
    direction, spacing = GRIDS[grid]
    shape = tuple(int(2 * r / s) for r, s in zip(reach, spacing, strict=True))
    affine = np.eye(4)
    affine[:3, :3] = direction * np.asarray(spacing)
    middle = frame.world(np.array([0.0, 14.0, 0.0]))
    affine[:3, 3] = middle - affine[:3, :3] @ (np.asarray(shape) - 1) / 2
    empty = Volume(np.zeros(shape, dtype=bool), affine, "mask")
    return empty.with_array(bone_distance(*_local(empty, frame)) < 0)


def cervical_case(bone: str = "vertebra_C5", *, carotids: bool = False, frame: BoneFrame = FRAME) -> Case:
    """A neck of muscle and airway with that vertebra and a lytic ball in its body."""
    mask = cervical_mask("straight", frame=frame, reach=(80.0, 80.0, 50.0))
    left, back, _ = _local(mask, FRAME)
    d = bone_distance(*_local(mask, frame))
    neck = ellipse(left, back - 5.0, 62.0, 66.0) < 0
    hu = np.where(neck, 50.0, -1000.0)
    hu[np.hypot(left, back + 28.0) < 8.0] = -950.0  # trachea
    hu[d < 0] = np.where(d < -1.2, 200.0, 700.0)[d < 0]
    labels = np.zeros(mask.shape, np.uint8)
    names = {f"vertebrae_{bone.removeprefix('vertebra_')}": 1}
    labels[d < 0] = 1
    if carotids:
        for n, (name, x) in enumerate({"left": 26.0, "right": -26.0}.items(), start=2):
            labels[np.hypot(left - x, back + 14.0) < 3.5] = n
            names[f"common_carotid_artery_{name}"] = n
    local = np.stack(_local(mask, frame), -1)
    ball = (np.linalg.norm(local - [1.0, -1.0, 0.0], axis=-1) < 4.0) & (d < 0)
    hu[ball] = 40.0
    ct = mask.with_array(hu.astype(np.int16), "HU")
    lesion = Lesion("L1", bone, "midline", ct.with_array(ball, "mask"), matrix="lytic", simulated=True)
    return Case(
        "neck",
        ct,
        (lesion,),
        {"kind": "fixed", "kvp": 120},
        ct.with_array(labels, "label"),
        names,
        phantom=True,
    )


def cervical_anatomy(bone: str = "vertebra_C5", **how) -> Anatomy:
    """What the program reads of that case."""
    case = cervical_case(bone, **how)
    anatomy, _ = build_anatomy(case, case.target)
    return anatomy


def turned_about(frame: BoneFrame) -> BoneFrame:
    """The frame of a vertebra that stands back to front in the patient: left and posterior turned about."""
    return replace(frame, axes=np.diag([-1.0, -1.0, 1.0]) @ frame.axes)
