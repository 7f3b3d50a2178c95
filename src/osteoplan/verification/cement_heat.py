"""Setting cement beside what was measured in cadaver bodies and pigs; told, and judged by the printed band.

A ball of cement in cancellous bone at 37 degC without blood, by each of the three published kinetics.  Not
told by the abstracts and assumed here: that the cement is a ball, how much of each cube it fills, and how far
from it the sensors lay: the canal's wall is told at 1, 3 and 5 mm from the cement.

Sources: PMID 12865844 (24 bodies, 6 and 10 mL), 10.1186/1471-2474-12-116 (pigs, with and without a leak);
abstracts read.
Tests: tests/analytic/test_curing.py.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from osteoplan.arrays import F32
from osteoplan.kernels.bioheat import Bioheat
from osteoplan.kernels.curing import Curing
from osteoplan.kernels.threads import each
from osteoplan.knowledge.curing import CuringKinetics, curing_kinetics, curing_start
from osteoplan.knowledge.tissues import heat_tissue
from osteoplan.model.volume import Volume
from osteoplan.thermal.charted import even_matter
from osteoplan.verification.closed_forms import Finding, Proof

__all__ = ["CEMENT_HEAT", "cement_run"]

EDGE_MM, HALF_MM, START = 1.5, 33.0, 37.0
SECONDS, STEP_S = 1500.0, 2.0
AWAY_MM = (1.0, 3.0, 5.0)
INTERDIGITATED = 0.5  # share of a body's cubes that cement fills where it stands between trabeculae


@cache
def cement_run(volume_mL: float, share: float, *, sheet_mm: float = 0.0) -> tuple[tuple[float, ...], ...]:
    """By each kinetics: peak in the centre, peaks at 1, 3 and 5 mm, and seconds above 45 and 50 degC at 1 mm.

    Args:
        share: of each cube that is cement.
        sheet_mm: thickness of cement in the canal instead of a ball; peaks are then of its own wall.
    """
    found = each(lambda n: _run(curing_kinetics()[n], volume_mL, share, sheet_mm), len(curing_kinetics()))
    return tuple(found)


def _run(kinetics: CuringKinetics, volume_mL: float, share: float, sheet_mm: float) -> tuple[float, ...]:
    n = 2 * round(HALF_MM / EDGE_MM) + 1
    grid = Volume(np.zeros((n, n, n), np.float32), np.diag([EDGE_MM] * 3 + [1.0]), "HU", "block")
    at = EDGE_MM * (np.arange(n) - n // 2)
    x, y, z = np.meshgrid(at, at, at, indexing="ij")
    r = np.sqrt(x * x + y * y + z * z)
    radius = (3000.0 * volume_mL / (4.0 * np.pi * share)) ** (1.0 / 3.0)
    beyond = r - radius
    if sheet_mm:  # a disc of cement along the posterior cortex
        beyond = np.maximum(
            np.abs(x) - 0.5 * sheet_mm, np.sqrt(y * y + z * z) - _disc_mm(volume_mL, sheet_mm)
        )
    full: F32 = (share * np.clip(0.5 - beyond / EDGE_MM, 0.0, 1.0)).astype(np.float32)
    matter = even_matter(heat_tissue("cancellous"), grid, perfused=False, start_degC=START)
    cement = heat_tissue("cement").volumetric_J_m3K
    medium = replace(matter.medium, c=(1.0 - full) * matter.medium.c + full * cement)
    start = START + full * (curing_start().number - START)
    heat = Bioheat(medium, start.astype(np.float32), sets={}, threads=1)
    cells = np.flatnonzero(full)
    state = Curing(
        cells, rate_1_s=kinetics.rate_1_s, energy_J_mol=kinetics.energy_J_mol, m=kinetics.m, n=kinetics.n,
        glass_K=kinetics.glass_K, seed=kinetics.seed,
    )  # fmt: skip
    shells = [np.abs(beyond - away) < 0.5 * EDGE_MM for away in AWAY_MM]
    peaks, above = np.zeros(1 + len(shells)), np.zeros(2)
    source = np.zeros(full.size, np.float32)
    for _ in range(int(SECONDS / STEP_S)):
        gain = state.step(heat.T.ravel()[cells], STEP_S)
        source[cells] = kinetics.heat_J_m3 * full.ravel()[cells] * gain / STEP_S
        heat.run(STEP_S, heat=source.reshape(full.shape))
        now = [float(heat.T[n // 2, n // 2, n // 2]), *(float(heat.T[one].mean()) for one in shells)]
        peaks = np.maximum(peaks, now)
        above += STEP_S * np.array([now[1] > 45.0, now[1] > 50.0])
    return (*(float(one) for one in peaks), float(above[0]), float(above[1]))


def _disc_mm(volume_mL: float, sheet_mm: float) -> float:
    return float(np.sqrt(1000.0 * volume_mL / (np.pi * sheet_mm)))


def _told(runs: tuple[tuple[float, ...], ...]) -> str:
    parts = []
    for one, kinetics in zip(runs, curing_kinetics(), strict=True):
        parts.append(
            f"{kinetics.title}: centre {one[0]:.0f}, {one[1]:.0f}/{one[2]:.0f}/{one[3]:.0f} degC at 1/3/5 "
            f"mm, {one[4]:.0f} s above 45 and {one[5]:.0f} s above 50 at 1 mm"
        )
    return "; ".join(parts)


def canal_peak() -> Finding:
    """degC beside 6 mL of cement between trabeculae: the mean over three kinetics at 1 mm."""
    runs = cement_run(6.0, INTERDIGITATED)
    return float(np.mean([one[1] for one in runs])), _told(runs)


def pure_ball() -> Finding:
    """degC in the centre of 6 mL of cement alone."""
    runs = cement_run(6.0, 1.0)
    return float(np.mean([one[0] for one in runs])), _told(runs)


def pig_centre() -> Finding:
    """degC in the centre of 2 mL of cement between trabeculae."""
    runs = cement_run(2.0, INTERDIGITATED)
    return float(np.mean([one[0] for one in runs])), (
        f"a miss at a share of {INTERDIGITATED:g}, a ball of cement alone comes to 86 to 100: {_told(runs)}"
    )


def canal_leak() -> Finding:
    """degC at the wall beside 2 mL that have leaked as a sheet of 4 mm."""
    runs = cement_run(2.0, 1.0, sheet_mm=4.0)
    return float(np.mean([one[1] for one in runs])), (
        f"a miss: {_told(runs)}; the study's sensor touched the cement, whose middle is told here, and how "
        "much had leaked was not read"
    )


CEMENT_HEAT = (
    Proof("cement-canal", "24 dead bodies, 6 mL: canal peaks of 39 to 57 degC, above 50 up to 2.5 min",
        48.0, 9.0 / 48.0, canal_peak, "PMID 12865844", "degC"),
    Proof("cement-centre", "24 dead bodies: centres of 49 to 112 degC", 80.5, 31.5 / 80.5, pure_ball,
        "PMID 12865844", "degC"),
    Proof("cement-pig", "pigs: centre 68 (sd 3) degC, above 45 for 223 s", 68.0, None, pig_centre,
        "10.1186/1471-2474-12-116", "degC"),
    Proof("cement-leak", "pigs, cement in the canal: posterior wall 59.1 (sd 7.6) degC", 59.1, None,
        canal_leak, "10.1186/1471-2474-12-116", "degC"),
)  # fmt: skip
