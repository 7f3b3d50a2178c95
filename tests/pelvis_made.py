"""A hip bone with a lytic ball, from any scan with labels: real or phantom, without a case folder."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from osteoplan.anatomy.frames import bone_frames
from osteoplan.arrays import Mask
from osteoplan.kernels.distance import distance_to
from osteoplan.model.anatomy import Anatomy, BoneFrame, Structure
from osteoplan.model.calibration import Calibration
from osteoplan.model.case import Lesion
from osteoplan.model.effects import Cylinder, Effects
from osteoplan.model.field import Field
from osteoplan.model.labels import LabelMap
from osteoplan.model.volume import Volume

LINE = Calibration.line("internal", 0.8, 0.0, 0.04, 6.0, calibrated=True)
LYTIC_HU = 30.0
MIRROR = np.diag([-1.0, 1.0, 1.0, 1.0])


def hemipelvis(
    ct: Volume, labels: LabelMap, side: str, *, above_mm: float = 38.0, radius_mm: float = 15.0
) -> Anatomy:
    """The hip bone of one side, a lytic ball ``above_mm`` over the socket's centre, joint to the sacrum."""
    bone = f"hemipelvis_{side}"
    mask, sacrum = labels.mask(f"hip_{side}"), labels.mask("sacrum")
    frames = bone_frames(bone, ct.with_array(mask, "mask"))
    at = np.argwhere(mask)
    low, high = np.maximum(at.min(axis=0) - 5, 0), np.minimum(at.max(axis=0) + 6, ct.shape)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    intact = ct.crop(low, high)
    intact = intact.with_array(intact.array.astype(np.float32))
    mask, sacrum = mask[box], sacrum[box]
    away = intact.positions_mm(np.moveaxis(np.indices(intact.shape), 0, -1)) - (
        frames["acetabulum"].origin_mm + above_mm * frames["acetabulum"].superior
    )
    ball = np.linalg.norm(away, axis=-1) < radius_mm
    now = intact.with_array(np.where(ball & mask, LYTIC_HU, intact.array).astype(np.float32))
    near = distance_to(mask, ct.spacing_mm) + distance_to(sacrum, ct.spacing_mm)
    joint = (near <= 9.0) & ~mask & ~sacrum
    return Anatomy(
        bone=bone,
        lesion=Lesion("L1", bone, side, intact.with_array(ball, "mask"), matrix="lytic", simulated=True),
        image=now,
        image_intact=intact,
        intact_basis="made without the ball",
        calibration=LINE,
        bone_mask=mask,
        parts={},
        lesion_mask=ball,
        structures=(
            Structure(f"sacroiliac_joint_{side}", "joint", joint, False, "made"),
            Structure("sacrum", "bone", sacrum, True),
        ),
        body_surface=np.ones(intact.shape, dtype=bool),
        frame=frames["hemipelvis"],
        posterior_wall_mm=np.zeros((0, 3)),
        frames=frames,
    )


def mirrored(anatomy: Anatomy) -> Anatomy:
    """The same patient in a mirror: every position's x changes its sign, left becomes right."""
    side = "right" if anatomy.bone.endswith("left") else "left"
    image, intact = (replace(v, affine=MIRROR @ v.affine) for v in (anatomy.image, anatomy.image_intact))
    frames = {kind: _mirrored(frame) for kind, frame in anatomy.frames.items()}
    return replace(
        anatomy, bone=f"hemipelvis_{side}", image=image, image_intact=intact, frames=frames,
        frame=frames["hemipelvis"],
        structures=tuple(
            replace(one, name=f"sacroiliac_joint_{side}") if one.kind == "joint" else one
            for one in anatomy.structures
        ),
    )  # fmt: skip


def cement(anatomy: Anatomy, mask: Mask) -> Field:
    """Cement that fills a mask wholly."""
    return Field("cement_fraction", anatomy.image.with_array(mask.astype(np.float32), "fraction"), "1")


def screws(anatomy: Anatomy) -> Effects:
    """Two screws through the ball over the socket: from the front to the back, and down into the roof."""
    at = anatomy.frames["acetabulum"]
    side = 1.0 if anatomy.bone.endswith("left") else -1.0

    def rod(*ends: tuple[float, float, float]) -> Cylinder:
        (a, b, c), (d, e, f) = (at.world(np.array(end) * [side, 1.0, 1.0]).tolist() for end in ends)
        return Cylinder((a, b, c), (d, e, f), 7.3, 2.8, "316L", root_diameter_mm=4.8)

    return Effects(
        solids=(rod((4.0, -30.0, 38.0), (-8.0, 60.0, 38.0)), rod((10.0, -8.0, 62.0), (2.0, 12.0, 26.0)))
    )


def _mirrored(frame: BoneFrame) -> BoneFrame:
    flip = np.array([-1.0, 1.0, 1.0])
    axes = frame.axes * flip
    axes[0] = -axes[0]
    points = {name: point * flip for name, point in frame.landmarks_mm.items()}
    return BoneFrame(frame.origin_mm * flip, axes, frame.kind, points, frame.lengths_mm)
