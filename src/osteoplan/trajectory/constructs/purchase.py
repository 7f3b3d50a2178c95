"""How a threaded rod lies in bone: what of its thread is in sound bone, what in the lesion, what holds it.

The crest of the thread is a cylinder.  It is sampled on rings; each point counts as bone (or lesion) by its
signed distance d, as clip(1/2 - d/h, 0, 1), h the voxel's mean edge, so that lengths are finer than voxels.

    anchor  = sum over rings on one side of the lesion of  mean(bone (1 - lesion)) ds
    area    = pi D sum of mean(bone (1 - lesion)) ds
    F       = pi D TSF sum of mean(tau bone (1 - lesion)) ds,   tau = k yield(density)

Source of F: Chapman 1996.  Tests: tests/unit/test_constructs.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from osteoplan.arrays import F64
from osteoplan.errors import BadInput
from osteoplan.knowledge.materials import Density, conversion, law_of_bone, strength_law
from osteoplan.knowledge.values import number
from osteoplan.model.construct import Purchase
from osteoplan.model.device import Device
from osteoplan.trajectory.geometry import circle
from osteoplan.trajectory.surroundings import DistanceMaps, Surroundings, distance_maps

__all__ = ["Bedding", "Thread", "bedding", "purchase"]

RING_STEP_MM = 0.5
RING_POINTS = 16
_NOWHERE = 1e3  # distance to something that is not there


@dataclass(frozen=True)
class Thread:
    """A threaded rod: ends (3,) in mm, crest diameter, and length of the thread from the tip."""

    head_mm: F64
    tip_mm: F64
    diameter_mm: float
    thread_mm: float

    @property
    def length_mm(self) -> float:
        """Between its ends."""
        return float(np.linalg.norm(self.tip_mm - self.head_mm))


@dataclass(frozen=True, eq=False)
class Bedding:
    """What lies around a threaded rod, ring by ring from its head.

    Attributes:
        at_mm: (n,) way from the head of each ring's middle; ``step_mm`` wide.
        positions_mm: (n, m, 3) points on the crest.
        threaded: (n,) share of the ring that has thread.
        sound: (n, m) share of bone without lesion.
        lesion: (n, m) share of lesion.
        lesion_gap_mm: least distance of the crest to the lesion; negative inside, None without lesion.
        nearest_mm: way from the head where the axis is nearest to the lesion.
    """

    at_mm: F64
    step_mm: float
    positions_mm: F64
    threaded: F64
    sound: F64
    lesion: F64
    lesion_gap_mm: float | None
    nearest_mm: float

    @property
    def crossing_mm(self) -> tuple[float, float] | None:
        """Ways from the head where the crest first meets the lesion and last leaves it, if it does."""
        rings = np.flatnonzero((self.lesion >= 0.5).any(axis=1))
        if not len(rings):
            return None
        half = 0.5 * self.step_mm
        return float(self.at_mm[rings[0]] - half), float(self.at_mm[rings[-1]] + half)

    @property
    def anchor_mm(self) -> tuple[float, float]:
        """Thread in sound bone [mm] on the head's side of the lesion, and on the tip's side.

        A rod that passes beside the lesion is divided where it is nearest to it.
        """
        first, last = self.crossing_mm or (self.nearest_mm, self.nearest_mm)
        held = self.threaded * self.sound.mean(axis=1) * self.step_mm
        return float(held[self.at_mm < first].sum()), float(held[self.at_mm > last].sum())

    @property
    def held_mm(self) -> float:
        """Thread in sound bone [mm], all of it."""
        return float((self.threaded * self.sound.mean(axis=1)).sum() * self.step_mm)


def bedding(around: Surroundings, thread: Thread) -> Bedding:
    """What lies around a threaded rod.

    Raises:
        BadInput: the rod has no length.
    """
    length = thread.length_mm
    if not length > 0.0:
        raise BadInput("a screw without length: its head and its tip are one point")
    maps = distance_maps(around)
    axis = (thread.tip_mm - thread.head_mm) / length
    n = max(int(np.ceil(length / RING_STEP_MM)), 1)
    step = length / n
    at: F64 = (np.arange(n, dtype=np.float64) + 0.5) * step
    ring = 0.5 * thread.diameter_mm * circle(axis, RING_POINTS)
    positions: F64 = thread.head_mm + at[:, None, None] * axis + ring
    bone, lesion = _bone(maps, positions), _to(maps, "lesion", positions)
    along = _to(maps, "lesion", thread.head_mm + at[:, None] * axis)
    h = float(around.grid.voxel_volume_mm3 ** (1.0 / 3.0))
    inside = _share(lesion, h)
    start = length - min(thread.thread_mm, length)
    threaded: F64 = np.clip((at + 0.5 * step - start) / step, 0.0, 1.0)
    gap = float(lesion.min()) if maps.has("lesion") else None
    sound: F64 = _share(bone, h) * (1.0 - inside)
    return Bedding(
        at, step, positions, threaded, sound, inside, gap,
        float(at[along <= along.min() + 0.5 * h].mean()),  # the middle: bricks make plateaus
    )  # fmt: skip


def purchase(around: Surroundings, bed: Bedding, device: Device, bone: str) -> Purchase:
    """What the thread holds on to, and the force that would pull it out where that can be told.

    Args:
        around: the neighbourhood.
        bed: of the screw.
        device: of the screw; depth and pitch of its thread are asked for.
        bone: canonical label of the bone whose law counts.
    """
    image, calibration = around.grid, around.anatomy.calibration
    weight = bed.threaded[:, None] * bed.sound
    diameter = device.values["outer_diameter_mm"].number
    area = float(np.pi * diameter * bed.step_mm * weight.mean(axis=1).sum())
    calibrated = calibration.calibrated
    meaning = f"mg{calibration.density_kind}/cm3" if calibrated else image.meaning
    if not weight.sum() > 0.0:
        return Purchase(0.0, None, meaning, because="no thread lies in sound bone")
    values = _image(around, bed.positions_mm)
    mean = float(
        (calibration.density(values) if calibrated else values).ravel() @ weight.ravel() / weight.sum()
    )
    if not calibrated:
        return Purchase(area, mean, meaning, because="density is not calibrated: relative only")
    shape, why = _thread_shape(device)
    tau, law = _shear_MPa(around, values, bone)
    if tau is None or shape is None:
        return Purchase(area, mean, meaning, because=why if shape is None else law)
    force = float(np.pi * diameter * bed.step_mm * shape * (tau * weight).mean(axis=1).sum())
    return Purchase(area, mean, meaning, force, f"shear of bone ({law}) times the thread's shape {shape:.2f}")


def _thread_shape(device: Device) -> tuple[float | None, str]:
    """TSF of a thread, or why there is none."""
    missing = [key for key in ("core_diameter_mm", "pitch_mm") if key not in device.values]
    if missing:
        names = " and ".join({"core_diameter_mm": "root", "pitch_mm": "pitch"}[key] for key in missing)
        return None, f"{names} of the thread of {device.name} not known: no pull-out force"
    depth = 0.5 * (device.values["outer_diameter_mm"].number - device.values["core_diameter_mm"].number)
    slope = number("purchase.thread_shape_slope")
    return number("purchase.thread_shape_constant") + slope * depth / device.values["pitch_mm"].number, ""


def _shear_MPa(around: Surroundings, values: F64, bone: str) -> tuple[F64 | None, str]:
    """Shear strength of bone at image values, and the law; or None, and why."""
    id = law_of_bone(bone)
    if id is None:
        return None, f"no strength law is named for {bone}: relative only"
    law, calibration = strength_law(id), around.anatomy.calibration
    density = Density.of_mg(calibration.density(values), calibration.density_kind)
    if density.kind != law.argument:
        if density.kind != "K2HPO4":
            return None, f"{law.title} takes {law.argument} density, this is {density.kind}: relative only"
        for step in law.conversions:
            density = conversion(step)(density)
    tau: F64 = number("purchase.shear_share_of_yield") * law(density)
    return tau, law.title


def _image(around: Surroundings, positions: F64) -> F64:
    """Image values at positions, trilinear between voxel centres."""
    from scipy.ndimage import map_coordinates  # late: the module is also read where nothing is sampled

    at = np.moveaxis(around.grid.indices(positions), -1, 0)
    found: F64 = map_coordinates(around.grid.array, at, output=np.float64, order=1, mode="nearest")
    return found


def _bone(maps: DistanceMaps, positions: F64) -> F64:
    """Signed distance to any bone."""
    return np.minimum(_to(maps, "bone", positions), _to(maps, "other_bone", positions))


def _to(maps: DistanceMaps, channel: str, positions: F64) -> F64:
    return maps.at(channel, positions) if maps.has(channel) else np.full(positions.shape[:-1], _NOWHERE)


def _share(distance: F64, h: float) -> F64:
    return np.clip(0.5 - distance / h, 0.0, 1.0)
