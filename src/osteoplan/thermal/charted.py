"""The zone that the model of a probe makes in the medium of a chart, and a probe fitted to its chart.

One probe alone in an endless even medium, run as the chart was made: its power, its time, its start.  A
chart of liver says nothing of bone: what is fitted is what belongs to the probe (how much of the power tissue
takes up, how long its active part is, how cold its wall gets), and the probe is then put into bone.

At most as many parameters are fitted as numbers are charted.  Rows that were left out of the fit say how far
it carries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import nan
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from osteoplan.arrays import F32, F64, Point
from osteoplan.errors import BadInput
from osteoplan.kernels.bioheat import TISSUE, Bioheat, HeatMedium
from osteoplan.kernels.threads import each
from osteoplan.knowledge.applicators import Applicator, ZoneRow
from osteoplan.knowledge.heat_limits import lethal_criteria
from osteoplan.knowledge.tissues import HeatTissue, heat_tissue, heat_tissues
from osteoplan.knowledge.values import number
from osteoplan.model.evidence import Known
from osteoplan.model.plan import Segment
from osteoplan.model.volume import Volume
from osteoplan.thermal.heat_plan import driver_of
from osteoplan.thermal.tissue import Matter
from osteoplan.trajectory.surroundings import point

__all__ = ["Charted", "ChartedZone", "FittedProbe", "charted", "even_matter", "fit_probe", "zones_of"]

EDGE_MM = 2.0
BESIDE_MM = 20.0  # of the charted zone, to where the medium keeps its temperature
BEGINS = (0.15, 0.4, 0.95)  # of the first parameter's range
STEP = 0.02  # of a parameter's range, by which the fit feels its way
TRIES, ENOUGH = 8, 1e-3  # steps of the fit at most, and what it may still gain
SHAFT_MM = 150.0  # of the probe above its tip
# What belongs to a probe, in the order in which it is fitted, and between which ends.  A length is fitted
# only where lengths are charted, and a way beyond the tip only where that is.
_FREE: Mapping[str, tuple[tuple[str, float, float], ...]] = {
    "microwave": (("efficiency", 0.05, 1.0), ("active_mm", 2.0, 60.0), ("tip_mm", 0.0, 20.0)),
    "laser": (("efficiency", 0.05, 1.0), ("active_mm", 0.0, 40.0)),
    "cold": (
        ("wall_degC", -190.0, -20.0), ("active_mm", 5.0, 60.0), ("cooling_W", 2.0, 150.0),
        ("tip_mm", 0.0, 20.0),
    ),
}  # fmt: skip
_MODALITY = {
    "rf_monopolar": "rfa", "rf_bipolar": "rfa", "microwave": "mwa", "laser": "laser", "cold": "cryo",
}  # fmt: skip


@dataclass(frozen=True)
class ChartedZone:
    """Across the probe, along it, and beyond its tip; nan where the row or the model tells none [mm]."""

    width_mm: float
    length_mm: float = nan
    beyond_tip_mm: float = nan

    def off(self, told: ChartedZone) -> F64:
        """(n,) mm by which this is more than each number that is told; a zone that is not there is 0 wide."""
        made, printed = np.array(self._numbers), np.array(told._numbers)
        off: F64 = (np.nan_to_num(made) - printed)[np.isfinite(printed)]
        return off

    @property
    def numbers(self) -> int:
        """How many it tells."""
        return sum(np.isfinite(self._numbers).tolist())

    @property
    def _numbers(self) -> tuple[float, float, float]:
        return self.width_mm, self.length_mm, self.beyond_tip_mm


@dataclass(frozen=True)
class Charted:
    """A charted row that a model can be held against.

    Attributes:
        taken_for: what the row does not tell and was taken, in words.
        dead: what its edge is, in words; ``degC`` the isotherm, None where it is a dose.
    """

    row: ZoneRow
    medium: HeatTissue
    perfused: bool
    start_degC: float
    segment: Segment
    dead: str
    degC: float | None
    taken_for: tuple[str, ...] = ()

    @property
    def zone(self) -> ChartedZone:
        """As printed."""
        offset = nan if self.row.tip_offset_mm is None else self.row.tip_offset_mm
        return ChartedZone(
            self.row.width_mm, nan if self.row.length_mm is None else self.row.length_mm, offset
        )

    @property
    def run(self) -> tuple[str, bool, float, Segment]:
        """What rows that were read off one delivery share."""
        return self.medium.id, self.perfused, self.start_degC, self.segment


@dataclass(frozen=True)
class FittedProbe:
    """A probe fitted to charted rows, and how far it carries.

    Attributes:
        parameters: fitted name -> (before, after); before is nan where nothing was known.
        at_end: those that came to lie at an end of what was tried, all where a zone is not made at all: the
            model cannot be what made the chart.
        used, left_out: each row with the zone that the fitted model makes.
        numbers: that were fitted to.
    """

    applicator: Applicator
    parameters: Mapping[str, tuple[float, float]]
    used: tuple[tuple[Charted, ChartedZone], ...]
    left_out: tuple[tuple[Charted, ChartedZone], ...]
    numbers: int
    at_end: tuple[str, ...] = field(default=())

    @property
    def testable(self) -> bool:
        """Whether any row was left out."""
        return bool(self.left_out)

    def misfit_mm(self, rows: Sequence[tuple[Charted, ChartedZone]]) -> F64:
        """Model less chart, every number."""
        return np.concatenate([made.off(one.zone) for one, made in rows]) if rows else np.zeros(0)


def charted(row: ZoneRow, applicator: Applicator) -> Charted:
    """A row as a model can be held against it.

    Raises:
        BadInput: why it cannot: another kind of probe, several probes, an unknown medium, a setting that the
            device does not have.
    """
    if row.modality != _MODALITY[applicator.energy]:
        raise BadInput(f"a zone of '{row.modality}', and the probe brings '{applicator.energy}'")
    if row.probes > 1:
        raise BadInput("several probes together: what each does is not told")
    tissue = row.tissue or row.organ
    if tissue not in heat_tissues():
        raise BadInput(
            f"'{row.medium}' is none of data/tissues: name what it is like by 'tissue: ...' "
            f"({', '.join(sorted(heat_tissues()))})"
        )
    if row.power_W is None and applicator.energy in ("microwave", "laser"):
        raise BadInput("no power is told")
    applicator.require(row.power_W)
    taken = []
    living = row.setting == "in vivo"
    start = row.start_temperature_degC
    if start is None:
        start = number("heat.body_degC")
        if not living:
            taken.append(f"start at {start:g} degC")
    if row.setting == "chart":
        taken.append("no perfusion")
    dead, degC = f"{row.isotherm_degC:g} degC" if row.isotherm_degC is not None else "", row.isotherm_degC
    if degC is None and applicator.energy == "cold":
        dead, degC = "edge of the ice", number("heat.mushy_high_degC")
        taken.append(f"edge at {degC:g} degC")
    elif degC is None:
        dead = next(one.title for one in lethal_criteria(cold=False) if one.kind == "CEM43")
        taken.append(f"edge by {dead}")
    held = None
    if row.power_W is None and applicator.set_degC is not None:  # a generator that holds a temperature
        held = applicator.set_degC.number
        taken.append(f"{held:g} degC held")
    segment = Segment(60.0 * row.time_min, power_W=row.power_W, set_degC=held)
    return Charted(row, heat_tissue(tissue), living, start, segment, dead, degC, tuple(taken))


def fit_probe(applicator: Applicator, rows: Sequence[Charted]) -> FittedProbe:
    """Fit what belongs to the probe; every second row by energy is left out to test it.

    Raises:
        BadInput: no row.
    """
    if not rows:
        raise BadInput(f"{applicator.name}: no row can be held against a model")
    ordered = sorted(rows, key=lambda one: ((one.row.power_W or 0.0) * one.row.time_min, one.row.id))
    used, left_out = ordered[::2], ordered[1::2]
    told = [one.zone for one in used]
    numbers = sum(one.numbers for one in told)
    free = [
        one
        for one in _FREE.get(applicator.energy, ())
        if not (one[0] == "active_mm" and all(np.isnan(zone.length_mm) for zone in told))
        and not (one[0] == "tip_mm" and all(np.isnan(zone.beyond_tip_mm) for zone in told))
    ][:numbers]
    low = np.array([one[1] for one in free])
    high = np.array([one[2] for one in free])

    def with_values(x: F64) -> Applicator:
        values = (low + x * (high - low)).tolist()
        return _changed(applicator, dict(zip((one[0] for one in free), values, strict=True)))

    def misfit(x: F64) -> F64:
        made = zones_of(with_values(x), used)
        off = [zone.off(one) for one, zone in zip(told, made, strict=True)]
        return np.concatenate(off)

    found = applicator
    at_end: tuple[str, ...] = ()
    if free:
        stated = np.array([_number(applicator, one[0]) for one in free])
        stated = np.where(np.isnan(stated), 0.5 * (low + high), stated)
        begin = np.clip((stated - low) / (high - low), 0.05, 0.95)
        # where nothing dies the misfit is flat: begin at the best of a few values of the first parameter
        begins = [begin, *(np.concatenate([[first], begin[1:]]) for first in BEGINS)]
        best = least_squares(
            misfit, min(begins, key=lambda x: float(np.square(misfit(x)).sum())), bounds=(0.0, 1.0),
            diff_step=STEP, max_nfev=TRIES, ftol=ENOUGH, xtol=ENOUGH,
        )  # fmt: skip
        found = with_values(best.x)
        none = any(np.isnan(zone.width_mm) for zone in zones_of(found, used))
        at_end = tuple(one[0] for one, x in zip(free, best.x, strict=True) if none or not 0.01 < x < 0.99)
    return FittedProbe(
        found, {one[0]: (_number(applicator, one[0]), _number(found, one[0])) for one in free},
        tuple(zip(used, zones_of(found, used), strict=True)),
        tuple(zip(left_out, zones_of(found, left_out), strict=True)), numbers, at_end,
    )  # fmt: skip


def zones_of(applicator: Applicator, rows: Sequence[Charted]) -> list[ChartedZone]:
    """What the model makes for each row; rows of one delivery share its run."""
    runs = list(dict.fromkeys(one.run for one in rows))
    sizes = [
        max(max(one.row.width_mm, one.row.length_mm or 0.0) for one in rows if one.run == run) for run in runs
    ]
    made = each(lambda n: _delivered(applicator, *runs[n], sizes[n]), len(runs))
    return [_zone(*made[runs.index(one.run)], one, applicator) for one in rows]


def _delivered(
    applicator: Applicator, tissue: str, perfused: bool, start: float, segment: Segment, size_mm: float
) -> tuple[Volume, Bioheat]:
    """A run alone, the middle of the active part in the middle of the cubes, the tip towards -z."""
    n = int(np.ceil((0.5 * size_mm + BESIDE_MM) / EDGE_MM))
    affine = np.diag([EDGE_MM, EDGE_MM, EDGE_MM, 1.0])
    affine[:3, 3] = -n * EDGE_MM
    grid = Volume(np.zeros((2 * n + 1,) * 3, np.float32), affine, "degC")
    matter = even_matter(heat_tissue(tissue), grid, perfused=perfused, start_degC=start)
    tip = -applicator.tip_mm - 0.5 * applicator.length_mm
    probe: tuple[Point, Point] = ((0.0, 0.0, tip), (0.0, 0.0, tip + SHAFT_MM))
    driver = driver_of(grid, matter, applicator, [probe])
    heat = Bioheat(matter.medium, start)
    into = 0.0
    while into < segment.duration_s - 1e-6:
        length = min(driver.control_s, segment.duration_s - into)
        driven = driver.act(heat.T, into, segment)
        heat.run(length, heat=driven.heat, probes=driven.probes)
        into += length
    return grid, heat


def _zone(grid: Volume, heat: Bioheat, one: Charted, applicator: Applicator) -> ChartedZone:
    """Extents of what is dead, from where its smooth field crosses 0."""
    if one.degC is None:
        level = next(c.level.number for c in lethal_criteria(cold=False) if c.kind == "CEM43")
        dead = np.log2(np.maximum(heat.cem43, 1e-9) / level)
    else:
        dead = one.degC - heat.T_min if applicator.energy == "cold" else heat.T_max - one.degC
    n = grid.shape[0] // 2
    across = [_reach(dead[n:, n, k]) for k in range(grid.shape[2])]
    width = 2.0 * EDGE_MM * max(across)
    up, down = EDGE_MM * _reach(dead[n, n, n:]), EDGE_MM * _reach(dead[n, n, n::-1])
    if width == 0.0:
        return ChartedZone(nan, nan, nan)
    return ChartedZone(width, up + down, down - applicator.tip_mm - 0.5 * applicator.length_mm)


def _reach(field: F32 | F64) -> float:
    """Cubes from the first to where the field last crosses 0; 0 where none is dead."""
    dead = np.flatnonzero(field > 0.0)
    if not len(dead):
        return 0.0
    last = int(dead[-1])
    if last + 1 == len(field):
        return float(last)
    return last + float(field[last] / (field[last] - field[last + 1]))


def even_matter(tissue: HeatTissue, grid: Volume, *, perfused: bool, start_degC: float) -> Matter:
    """One tissue everywhere, without gas, vessels or metal."""
    shape = grid.shape

    def full(value: float) -> F32:
        return np.full(shape, value, np.float32)

    wet = tissue.water / number("heat.soft_tissue_water")
    k, c = tissue.number("conductivity_W_mK"), tissue.volumetric_J_m3K
    stiffer = number("heat.frozen_conductivity_W_mK") / number("heat.soft_conductivity_W_mK")
    lighter = number("heat.frozen_heat_J_kgK") / number("heat.soft_heat_J_kgK")
    medium = HeatMedium(
        k=full(k), k_frozen=full(k * (1.0 + (stiffer - 1.0) * wet)),
        c=full(c), c_frozen=full(c * (1.0 + (lighter - 1.0) * wet)),
        freezing_J=full(1e6 * number("heat.freezing_MJ_m3") * wet),
        boiling_J=full(1e6 * number("heat.boiling_MJ_kg") * tissue.water * tissue.number("density_kg_m3")),
        perfusion=full(tissue.perfusion_W_m3K if perfused else 0.0), kind=np.full(shape, TISSUE, np.uint8),
        spacing_mm=point(grid.spacing_mm), blood_degC=start_degC,
        band_degC=(number("heat.mushy_low_degC"), number("heat.mushy_high_degC")),
    )  # fmt: skip
    return Matter(
        medium, full(tissue.number("electric_S_m")), full(tissue.number("electric_2450MHz_S_m")),
        full(tissue.number("permittivity_2450MHz")),
    )  # fmt: skip


def _number(applicator: Applicator, name: str) -> float:
    value = getattr(applicator, name)
    if isinstance(value, Known):
        return value.number
    return nan if value is None else float(value)


def _changed(applicator: Applicator, values: Mapping[str, float]) -> Applicator:
    """With these values in place of its own, each certain."""
    units = {"efficiency": "1", "wall_degC": "degC", "cooling_W": "W"}
    changes: dict[str, Any] = {
        name: Known(value, units[name]) if name in units else value for name, value in values.items()
    }
    return replace(applicator, **changes)
