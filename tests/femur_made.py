"""The published proximal femur as an ``Anatomy``: a right femur by its shape, whatever its file says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import ndimage

from osteoplan.anatomy.frames import bone_frames
from osteoplan.arrays import Mask
from osteoplan.io.dicom.image import read_series
from osteoplan.model.anatomy import Anatomy, BoneFrame
from osteoplan.model.calibration import Calibration
from osteoplan.model.case import Lesion
from osteoplan.model.volume import Volume

DENSITY = Calibration.line("density", 1.0, 0.0, 0.0, 0.0, calibrated=True)
FLIP = np.array([-1.0, 1.0, 1.0])


def real_femur(
    data: Path, *, lesion_mm: tuple[float, float, float] | None = None, radius_mm: float = 10.0
) -> Anatomy:
    """The femur of ``data/femur``; a lytic ball at ``lesion_mm`` (frame coordinates) where given."""
    density = np.load(data / "femur" / "density.npz")["density_zyx"].transpose(2, 1, 0)
    bone = np.load(data / "femur" / "labels.npz")["labels_zyx"].transpose(2, 1, 0) == 2
    affine = np.diag([-0.818, -0.818, 0.9, 1.0])
    image = Volume(density.astype(np.float32), affine, "mgK2HPO4/cm3")
    return femur_of(image, bone, "femur_right", lesion_mm=lesion_mm, radius_mm=radius_mm)


def femur_of(
    image: Volume,
    bone: Mask,
    name: str,
    *,
    lesion_mm: tuple[float, float, float] | None = None,
    radius_mm: float = 10.0,
) -> Anatomy:
    """An anatomy of a femur or humerus that is labelled on a density image."""
    frames = bone_frames(name, image.with_array(bone, "mask"))
    frame = next(iter(frames.values()))
    lesion, now = np.zeros_like(bone), image
    if lesion_mm is not None:
        at = image.positions_mm(np.moveaxis(np.indices(image.shape), 0, -1))
        lesion = np.linalg.norm(at - frame.world(np.array(lesion_mm)), axis=-1) < radius_mm
        now = image.with_array(np.where(lesion & bone, 0.0, image.array).astype(np.float32))
    return Anatomy(
        bone=name,
        lesion=Lesion("L1", name, "right", image.with_array(lesion, "mask"), matrix="lytic", simulated=True),
        image=now,
        image_intact=image,
        intact_basis="made without the ball",
        calibration=DENSITY,
        bone_mask=bone,
        parts={},
        lesion_mask=lesion,
        structures=(),
        body_surface=np.ones(image.shape, dtype=bool),
        frame=frame,
        posterior_wall_mm=np.zeros((0, 3)),
        frames=frames,
    )


def in_a_mirror(anatomy: Anatomy) -> Anatomy:
    """The same patient in a mirror: x changes its sign, left becomes right, frames are mirrored exactly."""
    other = "left" if anatomy.bone.endswith("right") else "right"
    name = f"{anatomy.bone.rpartition('_')[0]}_{other}"
    flip = np.diag([*FLIP, 1.0])
    image, intact = (replace(v, affine=flip @ v.affine) for v in (anatomy.image, anatomy.image_intact))
    frames = {kind: _flipped(frame) for kind, frame in anatomy.frames.items()}
    return replace(
        anatomy, bone=name, image=image, image_intact=intact, frames=frames, frame=next(iter(frames.values()))
    )


def _flipped(frame: BoneFrame) -> BoneFrame:
    axes = frame.axes * FLIP
    axes[0] = -axes[0]
    points = {key: point * FLIP for key, point in frame.landmarks_mm.items()}
    return BoneFrame(frame.origin_mm * FLIP, axes, frame.kind, points, frame.lengths_mm)


def real_shaft(data: Path) -> Anatomy:
    """About 70 mm of a real femoral shaft under a sarcoma (3.27 mm slices), by threshold and filled canal."""
    ct = read_series(data / "sarcoma_near_bone" / "STS_044" / "CT").volume
    shaft = ct.crop(np.array([0, 0, 0]), np.array([ct.shape[0], ct.shape[1], 22]))
    pieces, _ = ndimage.label(shaft.array > 250.0)
    largest = pieces == np.bincount(pieces.ravel())[1:].argmax() + 1
    bone = ndimage.binary_fill_holes(largest, structure=ndimage.generate_binary_structure(2, 1)[:, :, None])
    where = np.argwhere(bone)
    low, high = where.min(axis=0), where.max(axis=0) + 1
    low[:2], high[:2] = low[:2] - 6, high[:2] + 6
    image = shaft.crop(low, high)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    density = image.with_array((0.8 * image.array).astype(np.float32), "mgK2HPO4/cm3")
    return femur_of(density, np.asarray(bone, dtype=bool)[box], "femur_right")
