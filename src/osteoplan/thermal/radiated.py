"""Heat that a probe radiates into tissue: a microwave antenna, a laser fibre.

    microwave   q = sigma(x) exp(-2 d alpha) / (d^2 + r0^2)      d: distance to the antenna's active part
    laser       q = P mu^2 exp(-mu r) / (4 pi r), summed over the fibre's active part

Both are patterns, not solved fields: either is scaled so that the whole of the grid takes up what the probe
gives.  Of the microwave pattern r0, active length and efficiency are what a chart is fitted by, in its own
medium; alpha and sigma are those of the tissue that the antenna is in: here bone, and whatever is beside it.
Tissue that dries takes less of a microwave, and what lies beyond it more.
What metal does to a microwave field is not modelled.

Source of the laser's: scattered light far from its source (diffusion).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import pi

import numpy as np

from osteoplan.arrays import F32, F64, Point
from osteoplan.boxes import around
from osteoplan.knowledge.applicators import Applicator
from osteoplan.knowledge.values import number
from osteoplan.model.plan import Segment
from osteoplan.model.volume import Volume
from osteoplan.thermal.deliver import Driven
from osteoplan.thermal.shaft import active_ends
from osteoplan.thermal.tissue import Matter, quantile

__all__ = ["Radiator", "attenuation_1_m", "laser_pattern", "microwave_pattern"]

CONTROL_S = 2.0
FREQUENCY_Hz = 2.45e9
ELECTRIC, MAGNETIC = 8.8541878128e-12, 4e-7 * pi  # F/m, H/m of empty space
SLIGHT = 1e-3  # of the pattern's peak: what takes less does not dry
NEAR_MM = 10.0  # whose mean attenuation a microwave meets


class Radiator:
    """Probes that give a set power; what tissue takes of it is uncertain.

    Args:
        output: quantile of the efficiency.
    """

    control_s = CONTROL_S
    notes: tuple[str, ...] = ()

    def __init__(
        self, grid: Volume, matter: Matter, applicator: Applicator, probes: Sequence[tuple[Point, Point]], *,
        output: float = 0.5,
    ) -> None:  # fmt: skip
        pattern = laser_pattern if applicator.energy == "laser" else microwave_pattern
        self.microwave = applicator.energy == "microwave"
        self.efficiency = 1.0 if applicator.efficiency is None else quantile(applicator.efficiency, output)
        total = np.zeros(grid.shape, np.float32)
        for tip, entry in probes:
            total += pattern(grid, matter, *active_ends(applicator, tip, entry), 0.5 * applicator.diameter_mm)
        self.per_W, self.voxel_m3 = total, grid.voxel_volume_mm3 * 1e-9
        self.near = around(total > SLIGHT * total.max())
        self.watts = float(total.sum(dtype=np.float64)) * self.voxel_m3  # one a probe
        self.dry, self.steep = number("heat.microwave_dry_degC"), number("heat.microwave_dry_per_K")
        self.wet = 1.0 + np.exp(self.steep * (matter.medium.blood_degC - self.dry))

    def act(self, T: F32, into_s: float, segment: Segment) -> Driven:
        """The pattern at the segment's power, to each probe."""
        power = (segment.power_W or 0.0) * segment.duty * self.efficiency
        if not self.microwave:
            return Driven(self.per_W * np.float32(power))
        q = self.per_W.copy()
        q[self.near] *= (self.wet / (1.0 + np.exp(self.steep * (T[self.near] - self.dry)))).astype(np.float32)
        taken = float(q.sum(dtype=np.float64)) * self.voxel_m3
        return Driven(q * np.float32(power * self.watts / max(taken, 1e-12)))


def microwave_pattern(grid: Volume, matter: Matter, start: Point, end: Point, r0_mm: float) -> F32:
    """(ni, nj, nk) W/m3 for one watt taken up."""
    d = _distance(grid, start, end)
    near = d < NEAR_MM
    alpha = float(attenuation_1_m(matter.permittivity[near], matter.microwave_S_m[near]).mean())
    q = matter.microwave_S_m * np.exp(-2e-3 * alpha * d) / (d**2 + r0_mm**2)
    return _one_watt(q, grid)


def laser_pattern(grid: Volume, matter: Matter, start: Point, end: Point, r0_mm: float) -> F32:
    """(ni, nj, nk) W/m3 for one watt taken up."""
    mu = 1e-3 * number("heat.laser_attenuation_1_m")
    edge = float(grid.spacing_mm.min())
    steps = max(1, round(float(np.linalg.norm(np.subtract(end, start))) / edge))
    q = np.zeros(grid.shape)
    least = max(r0_mm, 0.5 * edge)
    for share in (np.arange(steps) + 0.5) / steps:
        at = np.asarray(start) + share * np.subtract(end, start)
        r = np.maximum(_distance(grid, tuple(at), tuple(at)), least)
        q += np.exp(-mu * r) / r
    q[matter.electric_S_m <= 0.0] = 0.0  # gas, cement
    return _one_watt(q, grid)


def attenuation_1_m(permittivity: F32 | F64, conductivity_S_m: F32 | F64) -> F64:
    """Of the amplitude of a plane wave at 2.45 GHz."""
    omega = 2.0 * pi * FREQUENCY_Hz
    loss = conductivity_S_m / (omega * permittivity * ELECTRIC)
    found: F64 = omega * np.sqrt(0.5 * MAGNETIC * permittivity * ELECTRIC * (np.sqrt(1.0 + loss**2) - 1.0))
    return found


def _one_watt(q: F32 | F64, grid: Volume) -> F32:
    total = float(q.sum(dtype=np.float64)) * grid.voxel_volume_mm3 * 1e-9
    return (q / max(total, 1e-300)).astype(np.float32)


def _distance(grid: Volume, start: Point, end: Point) -> F32:
    """(ni, nj, nk) mm of every cube's centre to a straight part."""
    # an affine map turns indices into mm, so the place along the part is one too
    origin, way = grid.affine[:3, 3] - np.asarray(start), np.subtract(end, start)
    axes = [np.arange(n, dtype=np.float32) for n in grid.shape]
    away = [
        (origin[c] + grid.affine[c, 0] * axes[0][:, None, None] + grid.affine[c, 1] * axes[1][None, :, None]
         + grid.affine[c, 2] * axes[2][None, None, :]).astype(np.float32)
        for c in range(3)
    ]  # fmt: skip
    square = float(way @ way)
    along = np.float32(0.0)
    if square > 0.0:
        along = np.clip(sum(np.float32(w / square) * a for w, a in zip(way, away, strict=True)), 0.0, 1.0)
    found: F32 = np.sqrt(sum((a - np.float32(w) * along) ** 2 for w, a in zip(way, away, strict=True)))
    return found
