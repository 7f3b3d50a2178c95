"""A vertebra made of known shapes, on any grid, as an ``Anatomy``.

Bone coordinates (left, posterior, superior) in mm, origin at the centre of the body:

    body      elliptic cylinder, half axes 20 x 14, half height 11
    canal     elliptic cylinder, half axes 10 x 8, centre 22 behind; its front touches the body's back
    pedicles  boxes 9 wide, 14 high, at 14.5 to either side, centre 3 up
    arch      lamina ring, transverse processes, spinous process
    aorta     radius 11, in front of the body, to the left; lungs beside it; one rib; one kidney
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from osteoplan.model.anatomy import Anatomy, BoneFrame, Structure
from osteoplan.model.case import Calibration, Lesion
from osteoplan.model.volume import Volume

F64 = npt.NDArray[np.float64]
Grid = Literal["straight", "oblique", "left_handed"]

BODY_HALF = (20.0, 14.0, 11.0)
CANAL_CENTRE_P, CANAL_HALF = 22.0, (10.0, 8.0)
PEDICLE_INNER, PEDICLE_UP, PEDICLE_HALF = 10.0, 3.0, (4.5, 7.0)
SPACING = (1.0, 1.2, 2.0)
SHAPE = (150, 112, 30)
TRABECULAR, CORTEX, LYTIC, SOFT, AIR = 120.0, 600.0, 30.0, 40.0, -900.0


def rotation(degrees: tuple[float, float, float]) -> F64:
    """Rotation about x, then y, then z."""
    matrix = np.eye(3)
    for axis, angle in enumerate(np.radians(degrees)):
        c, s = np.cos(angle), np.sin(angle)
        turn = np.eye(3)
        i, j = [(1, 2), (2, 0), (0, 1)][axis]
        turn[i, i], turn[i, j], turn[j, i], turn[j, j] = c, -s, s, c
        matrix = turn @ matrix
    return matrix


def grid_affine(grid: Grid, *, spacing: tuple[float, float, float] = SPACING) -> F64:
    """Index -> LPS of a brick grid; the middle of the grid is near the vertebra."""
    direction = {
        "straight": np.eye(3),
        "oblique": rotation((14.0, -9.0, 21.0)),
        "left_handed": rotation((-8.0, 6.0, -12.0)) @ np.diag([-1.0, 1.0, 1.0]),
    }[grid]
    affine = np.eye(4)
    affine[:3, :3] = direction * np.asarray(spacing)
    middle = np.array([31.0, -17.0, 240.0]) + np.array([0.0, 16.0, 0.0])
    affine[:3, 3] = middle - affine[:3, :3] @ (np.asarray(SHAPE) - 1) / 2
    return affine


def vertebra(
    grid: Grid = "oblique",
    *,
    lesion_at: tuple[float, float, float] = (4.0, -3.0, 0.0),
    lesion_radius: float = 6.0,
    pedicle_half_width: float = PEDICLE_HALF[0],
    bone: str = "vertebra_T12",
) -> Anatomy:
    """The vertebra with a lytic ball; a ball at (0, 9, 0) of radius 7 opens the posterior wall."""
    frame = BoneFrame(np.array([31.0, -17.0, 240.0]), rotation((6.0, 4.0, -5.0)))
    affine = grid_affine(grid)
    positions = Volume(np.zeros(SHAPE), affine, "mask").positions_mm(np.moveaxis(np.indices(SHAPE), 0, -1))
    left, back, up = np.moveaxis(frame.local(positions), -1, 0)
    parts, canal, whole = _bone_parts(left, back, up, pedicle_half_width)
    ball = np.linalg.norm(np.stack([left, back, up], -1) - lesion_at, axis=-1) < lesion_radius
    skin = (left / 120.0) ** 2 + ((back + 10.0) / 80.0) ** 2 < 1.0
    density = np.where(skin, SOFT, AIR)
    density[whole] = TRABECULAR
    density[whole & ~_bone_parts(left, back, up, pedicle_half_width, inset=1.2)[2]] = CORTEX
    intact = density.copy()
    density[ball & whole] = LYTIC
    image = Volume(density, affine, "mgK2HPO4/cm3")
    wall = np.array(
        [[x, 14.0 * np.sqrt(1 - (x / 20.0) ** 2), z] for x in range(-9, 10) for z in range(-10, 11)]
    )
    return Anatomy(
        bone=bone,
        lesion=Lesion("L1", bone, "midline", image.with_array(ball, "mask"), matrix="lytic", simulated=True),
        image=image,
        image_intact=image.with_array(intact),
        intact_basis="made without the ball",
        calibration=Calibration.line("density", 1.0, 0.0, 0.0, 0.0, calibrated=True),
        bone_mask=whole,
        parts=parts,
        lesion_mask=ball,
        structures=_neighbours(left, back, up, canal),
        body_surface=skin,
        frame=frame,
        posterior_wall_mm=frame.world(wall),
    )


def with_structure(anatomy: Anatomy, structure: Structure) -> Anatomy:
    """The anatomy with one more thing to avoid."""
    return replace(anatomy, structures=(*anatomy.structures, structure))


def _bone_parts(
    left: F64, back: F64, up: F64, pedicle_half_width: float, *, inset: float = 0.0
) -> tuple[dict[str, npt.NDArray[np.bool_]], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Parts, canal and the whole bone without a rim of ``inset`` mm."""
    a, b, h = (half - inset for half in BODY_HALF)
    body = ((left / a) ** 2 + (back / b) ** 2 < 1) & (np.abs(up) < h)
    canal_a, canal_b = CANAL_HALF
    canal = (left / canal_a) ** 2 + ((back - CANAL_CENTRE_P) / canal_b) ** 2 < 1
    canal_wide = (left / (canal_a + inset)) ** 2 + ((back - CANAL_CENTRE_P) / (canal_b + inset)) ** 2 < 1
    half_w, half_h = pedicle_half_width - inset, PEDICLE_HALF[1] - inset
    pedicles = {}
    for side, sign in (("left", 1.0), ("right", -1.0)):
        centre = sign * (PEDICLE_INNER + pedicle_half_width)
        box = (np.abs(left - centre) < half_w) & (np.abs(up - PEDICLE_UP) < half_h)
        pedicles[f"pedicle_{side}"] = box & (back > 2.0) & (back < 27.0) & ~body & ~canal_wide
    ring = (left / (17.0 - inset)) ** 2 + ((back - CANAL_CENTRE_P) / (15.0 - inset)) ** 2 < 1
    arch = ring & (back > 22.0 + inset) & (np.abs(up) < 9.0 - inset) & ~canal_wide
    arch |= (
        (np.abs(left) < 3.0 - inset) & (back > 30.0) & (back < 52.0 - inset) & (np.abs(up + 5.0) < 7 - inset)
    )
    for sign in (1.0, -1.0):
        along = np.clip((sign * left - 15.0) / 18.0, 0, 1)
        axis_gap = np.hypot(np.hypot(sign * left - 15.0 - 18.0 * along, back - 25.0 - 4.0 * along), up - 3.0)
        arch |= (axis_gap < 5.0 - inset) & ~canal_wide
    arch |= pedicles["pedicle_left"] | pedicles["pedicle_right"]
    arch &= ~body
    return {"body": body, "arch": arch, **pedicles}, canal, body | arch


def _neighbours(left: F64, back: F64, up: F64, canal: npt.NDArray[np.bool_]) -> tuple[Structure, ...]:
    aorta = (left - 8.0) ** 2 + (back + 29.0) ** 2 < 11.0**2
    lung_left = (left - 60.0) ** 2 + (back - 5.0) ** 2 < 28.0**2
    lung_right = (left + 60.0) ** 2 + (back - 5.0) ** 2 < 28.0**2
    rib = (left - 45.0) ** 2 + (back - 33.0) ** 2 + (up - 4.0) ** 2 < 6.0**2
    kidney = (left + 50.0) ** 2 + (back + 45.0) ** 2 + (up + 10.0) ** 2 < 15.0**2
    return (
        Structure("spinal_canal", "canal", canal, given=False),
        Structure("aorta", "vessel", aorta, given=True),
        Structure("lung_left", "pleura", lung_left, given=True),
        Structure("lung_right", "pleura", lung_right, given=True),
        Structure("rib_left_12", "bone", rib, given=True),
        Structure("kidney_right", "organ", kidney, given=True),
    )
