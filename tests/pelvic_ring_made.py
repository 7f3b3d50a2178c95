"""The whole pelvis of a labelled scan as an ``Anatomy`` of one of its bones, the others as structures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from osteoplan.anatomy.frames import bone_frames
from osteoplan.model.anatomy import Anatomy, BoneFrame, Structure
from osteoplan.model.calibration import Calibration
from osteoplan.model.case import Lesion
from osteoplan.model.labels import LabelMap
from osteoplan.model.volume import Volume

LINE = Calibration.line("internal", 0.8, 0.0, 0.04, 6.0, calibrated=True)
LYTIC_HU = 30.0
LABELS = {"sacrum": "sacrum", "hemipelvis_left": "hip_left", "hemipelvis_right": "hip_right"}
EXCHANGED = {"left": "right", "right": "left"}
FLIP = np.array([-1.0, 1.0, 1.0])


def pelvis_of(
    ct: Volume, labels: LabelMap, bone: str, *, at: tuple[float, float, float], radius_mm: float = 12.0
) -> Anatomy:
    """One bone of the pelvis with a lytic ball at ``at``, coordinates of the bone's first frame."""
    wanted = ("hip_left", "hip_right", "sacrum", "vertebrae_S1", "femur_left", "femur_right")
    near = {name: labels.near(name, 8.0) for name in wanted if labels.has(name)}
    frames = {label: bone_frames(name, near[label], context=near) for name, label in LABELS.items()}
    masks = {name: labels.mask(name) for name in wanted if labels.has(name)}
    where = np.argwhere(np.logical_or.reduce([masks[n] for n in wanted[:4] if n in masks]))
    low, high = np.maximum(where.min(axis=0) - 4, 0), np.minimum(where.max(axis=0) + 5, ct.shape)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    image = ct.crop(low, high)
    image = image.with_array(image.array.astype(np.float32))
    own = LABELS[bone]
    mask = masks[own][box]
    frame = next(iter(frames[own].values()))
    away = image.positions_mm(np.moveaxis(np.indices(image.shape), 0, -1)) - frame.world(np.array(at))
    ball = (np.linalg.norm(away, axis=-1) < radius_mm) & mask
    return Anatomy(
        bone=bone,
        lesion=Lesion("L1", bone, "left", image.with_array(ball, "mask"), matrix="lytic", simulated=True),
        image=image.with_array(np.where(ball, LYTIC_HU, image.array).astype(np.float32)),
        image_intact=image,
        intact_basis="made without the ball",
        calibration=LINE,
        bone_mask=mask,
        parts={},
        lesion_mask=ball,
        structures=tuple(
            Structure(name, "bone", one[box], True) for name, one in masks.items() if name != own
        ),
        body_surface=np.ones(image.shape, dtype=bool),
        frame=frame,
        posterior_wall_mm=np.zeros((0, 3)),
        frames=frames[own],
        neighbour_frames={label: found for label, found in frames.items() if label != own},
    )


def ring_in_a_mirror(anatomy: Anatomy) -> Anatomy:
    """The same patient in a mirror: x changes its sign, left becomes right everywhere."""
    flip = np.diag([*FLIP, 1.0])
    image, intact = (replace(v, affine=flip @ v.affine) for v in (anatomy.image, anatomy.image_intact))
    frames = {kind: _flipped(frame) for kind, frame in anatomy.frames.items()}
    return replace(
        anatomy, bone=_exchanged(anatomy.bone), image=image, image_intact=intact, frames=frames,
        frame=next(iter(frames.values())),
        structures=tuple(replace(one, name=_exchanged(one.name)) for one in anatomy.structures),
        neighbour_frames={
            _exchanged(label): {kind: _flipped(frame) for kind, frame in found.items()}
            for label, found in anatomy.neighbour_frames.items()
        },
    )  # fmt: skip


def _exchanged(name: str) -> str:
    stem, _, side = name.rpartition("_")
    return f"{stem}_{EXCHANGED[side]}" if side in EXCHANGED else name


def _flipped(frame: BoneFrame) -> BoneFrame:
    axes = frame.axes * FLIP
    axes[0] = -axes[0]
    points = {key: point * FLIP for key, point in frame.landmarks_mm.items()}
    return BoneFrame(frame.origin_mm * FLIP, axes, frame.kind, points, frame.lengths_mm)
