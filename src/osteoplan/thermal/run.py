"""What one delivery of heat or cold did, on the heat grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from osteoplan.arrays import F32, F64, Point
from osteoplan.thermal.scene import HeatScene

__all__ = ["HeatRun", "Hottest", "Watch"]


@dataclass(frozen=True, eq=False)
class Watch:
    """Temperatures of watched points against time.

    Attributes:
        names: of the points.
        points_mm: LPS.
        times_s: (t,) from the start of the first segment.
        degC: (t, points).
    """

    names: tuple[str, ...] = ()
    points_mm: tuple[Point, ...] = ()
    times_s: F64 = field(default_factory=lambda: _empty(0))
    degC: F64 = field(default_factory=lambda: _empty(0, 0))


@dataclass(frozen=True, eq=False)
class Hottest:
    """The field at the moment at which a structure was farthest from body temperature."""

    time_s: float
    degC: F32


@dataclass(frozen=True, eq=False)
class HeatRun:
    """Temperature and damage; arrays are (ni, nj, nk) float32 on ``scene.grid``.

    Attributes:
        T_end, T_max, T_min: at the end, and the extremes of every cube [degC].
        cem43: cumulative equivalent minutes at 43 degC.
        omega: Arrhenius integrals by the name of their set.
        watch: of the points that were watched.
        hottest: by structure.
        seconds: what was simulated.
        power_W: mean of what the tissue took up while something was driven; negative for cold.
        audit: of the energy: share that is not accounted for.
        notes: what happened on the way: the power limit, an impedance limit, a wall that could not be cooled.
    """

    scene: HeatScene
    T_end: F32
    T_max: F32
    T_min: F32
    cem43: F32
    omega: Mapping[str, F32] = field(default_factory=dict)
    watch: Watch = field(default_factory=Watch)
    hottest: Mapping[str, Hottest] = field(default_factory=dict)
    seconds: float = 0.0
    power_W: float = 0.0
    audit: float = 0.0
    notes: tuple[str, ...] = ()


def _empty(*shape: int) -> F64:
    return np.zeros(shape)
