"""Bones made of known shapes on any grid, as an ``Anatomy``: a tube with a cortex, a block, a socket.

Bone coordinates (left, posterior, superior) in mm; the tube's axis is superior.  Values are densities with
soft tissue at 0, so that every share and length is known exactly before the grid samples it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from osteoplan.model.anatomy import Anatomy, BoneFrame, Structure
from osteoplan.model.case import Calibration, Lesion
from osteoplan.model.volume import Volume
from tests.synthetic_vertebra import rotation

F64 = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Where = Callable[[F64, F64, F64], Mask]

CORTEX, TRABECULAR, MARROW = 900.0, 150.0, -20.0
DENSITY = Calibration.line("density", 1.0, 0.0, 0.0, 0.0, calibrated=True)
CENTRE = np.array([41.0, -23.0, -310.0])
AXES = rotation((7.0, -5.0, 11.0))
RADIUS, THICK, HALF = 14.0, 5.0, 70.0
SPACING = (0.9, 1.2, 2.0)
GRIDS = {
    "straight": np.eye(3),
    "oblique": rotation((14.0, -9.0, 21.0)),
    "left_handed": rotation((-8.0, 6.0, -12.0)) @ np.diag([-1.0, 1.0, 1.0]),
    "turned": np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]),
}


def grid(
    name: str, size_mm: tuple[float, float, float], spacing: tuple[float, float, float] = SPACING
) -> Volume:
    """An empty brick grid of that size around the bone's centre."""
    direction = GRIDS[name]
    # the size is along the patient's axes: the grid's own extents must cover it
    shape = np.ceil(np.abs(direction.T) @ np.asarray(size_mm) / spacing).astype(int) + 1
    affine = np.eye(4)
    affine[:3, :3] = direction * np.asarray(spacing)
    affine[:3, 3] = CENTRE - affine[:3, :3] @ (shape - 1) / 2
    return Volume(np.zeros(tuple(shape), dtype=np.float32), affine, "mgK2HPO4/cm3")


def frame(kind: str = "femoral_shaft", **more: Mapping[str, object]) -> BoneFrame:
    """The frame in which these bones are made."""
    return BoneFrame(CENTRE, AXES, kind, **more)  # type: ignore[arg-type]


def local(image: Volume) -> tuple[F64, F64, F64]:
    """Bone coordinates of every voxel's centre."""
    positions = image.positions_mm(np.moveaxis(np.indices(image.shape), 0, -1))
    left, back, up = np.moveaxis((positions - CENTRE) @ AXES.T, -1, 0)
    return left, back, up


def made(
    image: Volume,
    bone: Mask,
    lesion: Mask,
    intact: F64,
    now: F64,
    *,
    name: str = "femur_left",
    structures: tuple[Structure, ...] = (),
    skin: Mask | None = None,
) -> Anatomy:
    """An anatomy of these arrays."""
    return Anatomy(
        bone=name,
        lesion=Lesion("L1", name, "left", image.with_array(lesion, "mask"), simulated=True),
        image=image.with_array(now.astype(np.float32)),
        image_intact=image.with_array(intact.astype(np.float32)),
        intact_basis="made without the lesion",
        calibration=DENSITY,
        bone_mask=bone,
        parts={},
        lesion_mask=lesion,
        structures=structures,
        body_surface=np.ones(image.shape, dtype=bool) if skin is None else skin,
        frame=frame(),
        posterior_wall_mm=np.empty((0, 3)),
    )


def tube(
    grid_name: str = "oblique",
    where: Where | None = None,
    *,
    marrow: float = MARROW,
    tissue: float = 0.0,
    name: str = "femur_left",
    spacing: tuple[float, float, float] = SPACING,
    noise: float = 0.0,
) -> Anatomy:
    """A tube of outer radius 14 and cortex 5 mm, 140 mm long; ``where`` is lesion and reads ``tissue``."""
    image = grid(grid_name, (60.0, 60.0, 152.0), spacing)
    left, back, up = local(image)
    radius = np.hypot(left, back)
    bone = (radius < RADIUS) & (np.abs(up) < HALF)
    intact = np.where(bone & (radius > RADIUS - THICK), CORTEX, np.where(bone, marrow, 0.0))
    lesion = notch(120.0, 40.0)(left, back, up) if where is None else where(left, back, up)
    now = np.where(lesion, tissue, intact)
    if noise:
        grain = np.random.default_rng(5).normal(0.0, noise, image.shape)
        now, intact = now + grain, intact + np.where(lesion, -grain, grain)
    return made(image, bone, lesion, intact, now, name=name)


def notch(degrees: float, length: float, *, deep: float = RADIUS, turn: float = 0.0) -> Where:
    """A sector of the tube: all of its depth from the surface down to ``RADIUS - deep``."""

    def inside(left: F64, back: F64, up: F64) -> Mask:
        angle = np.degrees(np.arctan2(back, left)) - turn
        sector = np.abs((angle + 180.0) % 360.0 - 180.0) < degrees / 2.0
        radius = np.hypot(left, back)
        return sector & (np.abs(up) < length / 2.0) & (radius < RADIUS) & (radius >= RADIUS - deep)

    return inside


def ball(at: tuple[float, float, float], radius: float) -> Where:
    """A ball in bone coordinates."""
    return lambda left, back, up: (left - at[0]) ** 2 + (back - at[1]) ** 2 + (up - at[2]) ** 2 < radius**2


def ellipsoid(half: tuple[float, float, float], at: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Where:
    """An ellipsoid along the bone's axes."""
    return lambda left, back, up: (
        ((left - at[0]) / half[0]) ** 2 + ((back - at[1]) / half[1]) ** 2 + ((up - at[2]) / half[2]) ** 2
        < 1.0
    )
