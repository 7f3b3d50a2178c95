"""Ice around one thin probe in warm gel, beside what was measured; told, and judged where a band was printed.

Run as the studies were: gelatin at 39 degC, no blood, one probe of 2.4 mm, 15 minutes; or 10 minutes of ice,
5 of passive thaw and 10 of ice.  Not told by them and assumed here: an active length of 30 mm, and a wall
that holds -140 degC from the first second, which is what bare probes are said to reach.

Sources: PMC2762356 and PMC4850244 (isotherms in a phantom), 10.2174/1874120701610010062 (double freeze in
gelatin), as the abstract or a table page has them.
Tests: tests/analytic/test_bioheat.py.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from osteoplan.arrays import F64
from osteoplan.kernels.bioheat import Bioheat, HeatMedium, LineProbe
from osteoplan.verification.closed_forms import Finding, Proof

__all__ = ["ICE", "diameters"]

EDGE_MM = 1.5
SHAPE = (49, 49, 59)
GEL = (0.56, 2.2, 4.1e6, 1.9e6, 3.1e8)  # of a tenth gelatin in water: k, frozen k, c, frozen c, latent heat
BAND = (-1.5, -0.3)
START = 39.0
ACTIVE_MM, RADIUS_MM = 30.0, 1.2
SEEN = (-1.0, -20.0, -30.0, -40.0)


@cache
def diameters(wall: float, *minutes: float) -> tuple[dict[float, float], ...]:
    """mm across isotherms at the end of each freeze, half way along the probe; every other stretch thaws."""
    ones = np.ones(SHAPE)
    k, k_frozen, c, c_frozen, latent = (value * ones for value in GEL)
    gel = HeatMedium(
        k, k_frozen, c, c_frozen, latent, 0.0 * ones, 0.0 * ones, np.zeros(SHAPE, np.uint8), (EDGE_MM,) * 3,
        blood_degC=START, band_degC=BAND,
    )  # fmt: skip
    heat = Bioheat(gel, START, sets={})
    middle = 0.5 * (np.array(SHAPE) - 1.0)
    half = np.array([0.0, 0.0, 0.5 * ACTIVE_MM / EDGE_MM])
    first, last = middle - half, middle + half
    probe = LineProbe((first[0], first[1], first[2]), (last[0], last[1], last[2]), RADIUS_MM, wall)
    found = []
    for n, stretch in enumerate(minutes):
        heat.run(60.0 * stretch, probes=[] if n % 2 else [probe])
        if n % 2 == 0:
            found.append(_across(heat.T[:, SHAPE[1] // 2, SHAPE[2] // 2].astype(np.float64)))
    return tuple(found)


def _across(line: F64) -> dict[float, float]:
    """mm between the places where a line through the probe has each temperature."""
    middle = len(line) // 2
    out = 0.5 * (line[middle:] + line[middle::-1])  # both sides
    return {degC: 2.0 * EDGE_MM * float(np.interp(degC, out, np.arange(len(out)))) for degC in SEEN}


def lethal_share() -> Finding:
    """Per cent of the ball's section that is below -30 degC."""
    told = []
    for wall in (-140.0, -110.0, -75.0):
        (across,) = diameters(wall, 15.0)
        share = 100.0 * (across[-30.0] / across[-1.0]) ** 2
        told.append(f"wall {wall:.0f}: {share:.0f} % of a ball of {across[-1.0]:.0f} mm")
    (across,) = diameters(-140.0, 15.0)
    return 100.0 * (across[-30.0] / across[-1.0]) ** 2, (
        "a miss with the coldest wall: " + "; ".join(told) + "; so the wall is an uncertain input, and "
        "its cold end never the default"
    )  # fmt: skip


def behind_the_edge() -> Finding:
    """mm from the edge of the ice to -40 degC."""
    (across,) = diameters(-140.0, 15.0)
    return 0.5 * (
        across[-1.0] - across[-40.0]
    ), f"ice {across[-1.0]:.1f}, -40 degC {across[-40.0]:.1f} mm across"


def second_freeze() -> Finding:
    """Per cent by which a second freeze widens the ice."""
    once, twice = diameters(-140.0, 10.0, 5.0, 10.0)
    grown = {degC: 100.0 * (twice[degC] / once[degC] - 1.0) for degC in SEEN}
    return grown[-1.0], (
        "a miss: " + ", ".join(f"{degC:.0f} degC +{more:.0f} %" for degC, more in grown.items())
        + "; conduction alone grows with the square root of time, and its thaw is not described"
    )  # fmt: skip


ICE = (
    Proof("ice-lethal-share", "one probe in a phantom: section below -30 degC", 13.0, None, lethal_share,
        "PMC2762356", "%"),
    Proof("ice-behind-edge", "one probe in a phantom: from the edge of the ice to -40 degC", 10.0, 0.2,
        behind_the_edge, "PMC2762356: about 1 cm", "mm"),
    Proof("ice-second-freeze", "10 min of ice, 5 of thaw, 10 of ice in gelatin: growth", 0.0, None,
        second_freeze, "10.2174/1874120701610010062: none significant", "%"),
)  # fmt: skip
