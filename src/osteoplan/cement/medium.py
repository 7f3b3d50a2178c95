"""What cement flows through: relative speeds in bone, ways out of it, and the front's arrival.

Speeds are a surrogate of permeability: 1 in trabecular bone, more in a lytic void, 0 in dense bone and across
the bone's surface, except where the lesion has destroyed that surface.  Numbers: ``data/cement/growth.yaml``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage

from osteoplan.arrays import F64, Mask, Point
from osteoplan.boxes import Box, around, ends
from osteoplan.errors import BadInput
from osteoplan.kernels.front import arrival_times
from osteoplan.knowledge.values import number
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.effects import Port

__all__ = ["Medium", "arrivals", "medium", "nearest_open", "speeds", "surface_in", "with_tumour"]


@dataclass(frozen=True, eq=False)
class Medium:
    """Masks of one anatomy, on a box of its grid around the bone.

    Attributes:
        box: the box in the anatomy's grid.
        spacing: (3,) voxel edges [mm].
        trabecular, void: bone that cement enters.
        breach: void on the bone's surface: the way out.
        outside: where cement that left can be.
    """

    box: Box
    spacing: F64
    trabecular: Mask
    void: Mask
    breach: Mask
    outside: Mask

    @cached_property
    def mouth(self) -> tuple[slice, ...]:
        """The box around the breach, one voxel wider; empty without one."""
        found = ndimage.find_objects(self.breach.astype(np.uint8))
        return tuple(slice(max(s.start - 1, 0), s.stop + 1) for s in found[0]) if found else (slice(0),) * 3


def medium(anatomy: Anatomy) -> Medium:
    """Sort the voxels of an anatomy by what cement does there."""
    reach = number("growth.outside_reach_mm") / anatomy.image.spacing_mm
    box = around(anatomy.bone_mask, np.ceil(reach).astype(int))
    bone, lesion = anatomy.bone_mask[box], anatomy.lesion_mask[box]
    density = anatomy.calibration.density_as("K2HPO4", np.asarray(anatomy.image.array[box], dtype=np.float64))
    void = bone & lesion & (density < number("growth.void_density_max"))
    other_bone = np.zeros(bone.shape, dtype=bool)
    for structure in anatomy.of_kind("bone"):
        other_bone |= structure.mask[box]
    outside = ~bone & ~other_bone & anatomy.body_surface[box]
    surface = np.zeros(bone.shape, dtype=bool)
    for here, there, _ in _faces(bone.shape):
        surface[here] |= outside[there]
    return Medium(
        box=box,
        spacing=anatomy.image.spacing_mm,
        trabecular=bone & ~void & (density < number("growth.wall_density_min")),
        void=void,
        breach=void & surface,
        outside=outside,
    )


def speeds(through: Medium, noise: np.random.Generator | None) -> F64:
    """Relative speed inside the bone; with ``noise``, trabecular bone differs from place to place."""
    speed = through.trabecular.astype(np.float64)
    if noise is not None:
        rough = ndimage.gaussian_filter(
            noise.standard_normal(speed.shape),
            number("growth.trabecular_grain_mm") / through.spacing,
            mode="wrap",
        )
        uneven = through.trabecular
        speed[uneven] *= np.exp(number("growth.trabecular_log_sd") * rough[uneven] / rough.std())
    speed[through.void] = number("growth.void_speed_ratio")
    return speed


def with_tumour(through: Medium, speed: F64, first: F64, left: float) -> F64:
    """Speeds where a share of the void stays tumour: what the front (times ``first``) reaches last."""
    void = np.argwhere(through.void)
    times = first[through.void]
    stays = np.argsort(times, kind="stable")[int(np.ceil((1.0 - left) * len(void))) :]
    at_tip = through.spacing.max() / number("growth.void_speed_ratio")
    stays = stays[times[stays] > at_tip]  # what lies at a tip is pushed away
    found = speed.copy()
    found[tuple(void[stays].T)] = 0.0
    return found


def nearest_open(anatomy: Anatomy, through: Medium, speed: F64, at_mm: F64) -> Point:
    """The voxel nearest to a place that cement can enter, LPS mm."""
    offset, _ = ends(through.box)
    free = anatomy.image.positions_mm(np.argwhere(speed > 0.0) + offset)
    x, y, z = free[np.argmin(((free - at_mm) ** 2).sum(axis=1))]
    return float(x), float(y), float(z)


def surface_in(cement: Mask, bone: Mask) -> tuple[int, int]:
    """(faces of voxels on the surface of cement, those of them whose cement is in ``bone``)."""
    faces = held = 0
    for here, there, _ in _faces(cement.shape):
        outer = cement[here] & ~cement[there]
        faces += int(outer.sum())
        held += int((outer & bone[here]).sum())
    return faces, held


def arrivals(anatomy: Anatomy, through: Medium, speed: F64, ports: tuple[Port, ...], mL: float) -> F64:
    """(n, ...) arrival times of each port's front, on the box; inf where it does not come within ``mL``."""
    enough = int(np.ceil(mL * 1000.0 / anatomy.image.voxel_volume_mm3)) + 1
    return np.stack([_arrival(anatomy, through, speed, port, enough) for port in ports])


def _arrival(anatomy: Anatomy, through: Medium, speed: F64, port: Port, enough: int) -> F64:
    """Inside the bone first; then outside, from the breaches on: nothing flows back through the surface."""
    inside = arrival_times(speed, through.spacing, _start(anatomy, through, speed, port), enough=enough)
    leaving = np.full(speed.shape, np.inf)
    at_breach = np.where(through.breach, inside, np.inf)[through.mouth]
    from_mouth = leaving[through.mouth]
    for here, there, axis in _faces(at_breach.shape):
        crossed = at_breach[there] + through.spacing[axis] / number("growth.void_speed_ratio")
        from_mouth[here] = np.minimum(from_mouth[here], crossed)
    if not np.isfinite(from_mouth[through.outside[through.mouth]]).any():
        return inside
    out_speed = np.where(through.outside, number("growth.void_speed_ratio"), 0.0)
    outside = arrival_times(out_speed, through.spacing, leaving, enough=enough)
    return np.minimum(inside, outside)


def _start(anatomy: Anatomy, through: Medium, speed: F64, port: Port) -> F64:
    """Times around a port, by straight distance, within one voxel edge of it."""
    start = np.full(speed.shape, np.inf)
    offset, _ = ends(through.box)
    at = anatomy.image.indices(np.array(port.at_mm))
    reach = through.spacing.max() / through.spacing + 1.0
    low, high = (np.clip(np.rint(at - offset + d), 0, speed.shape).astype(int) for d in (-reach, reach + 1.0))
    open_voxels = low + np.argwhere(speed[tuple(map(slice, low, high))] > 0)
    gap = (open_voxels + offset - at) * through.spacing
    distance = np.linalg.norm(gap, axis=1)
    near = distance <= through.spacing.max()
    if not near.any():
        place = ", ".join(f"{x:.0f}" for x in port.at_mm)
        raise BadInput(
            f"the cement port at ({place}) mm lies outside the bone or in dense bone: choose another tip"
        )
    chosen = tuple(open_voxels[near].T)
    start[chosen] = distance[near] / speed[chosen]
    return start


def _faces(shape: tuple[int, ...]) -> Iterator[tuple[tuple[slice, ...], tuple[slice, ...], int]]:
    """Pairs of views (voxels, their neighbours across one face) and the axis, for all six directions."""
    for axis in range(len(shape)):
        first = tuple(slice(None, -1) if a == axis else slice(None) for a in range(len(shape)))
        last = tuple(slice(1, None) if a == axis else slice(None) for a in range(len(shape)))
        yield first, last, axis
        yield last, first, axis
