"""What theory promises of a steady flow and of the heat that a current leaves.

    sphere   G = 4 pi sigma a,  V = V0 a / r                 held cells, the medium goes on beyond the grid
    needle   R = ln((c + f) / (c - f)) / (8 pi sigma f)         half length c, radius a, f^2 = c^2 - a^2
    V8       T = T0 + (sigma V0^2 / k) (a / r - a^2 / 2 r^2)           around a sphere that takes no heat
             T = T0 - C / r - A / 2 r^2, A = sigma V0^2 a^2 / k, C = a (T0 - Tc) - A / 2 a    held at Tc
    made up  source = -div(sigma grad V) for sigma and V of sines

Grids have three different edges; the needle lies askew and thinner than a cell.
Tests: tests/analytic/test_potential.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import log, log2, pi, sqrt

import numpy as np

from osteoplan.arrays import F64
from osteoplan.kernels.bioheat import HELD, TISSUE, WALL, Bioheat, HeatMedium
from osteoplan.kernels.potential import edge_leak, line_leak, potential
from osteoplan.verification.closed_forms import Finding, Proof

__all__ = ["NEEDLE_OHM", "POTENTIAL", "made_up_potential_order", "needle", "sphere", "sphere_heat"]

EDGES = (1.0, 0.8, 1.25)  # mm
CANCELLOUS_S_m, CANCELLOUS_W_mK, CANCELLOUS_J_m3K = 0.087, 0.31, 1178.0 * 2274.0
METAL_S_m, METAL_W_mK = 1e4, 1e4
BALL_MM, WIDE_MM = 6.3, 32.0
NEEDLE_MM = (10.0, 0.85)  # half length, radius
NEEDLE_OHM = 289.8


@cache
def needle(edge_mm: float) -> float:
    """Resistance [ohm] of an ellipsoid of NEEDLE_MM, askew between the cells of a grid."""
    h = np.array(EDGES) * edge_mm
    n = np.round(90.0 / h).astype(int)
    sigma = np.full(n, CANCELLOUS_S_m)
    middle = 0.5 * (n - 1) + (0.3, -0.2, 0.1)
    half = np.array([0.48, 0.64, 0.6]) * NEEDLE_MM[0] / h

    def radius(t: F64) -> F64:
        return NEEDLE_MM[1] * np.sqrt(np.maximum(1.0 - (2.0 * t - 1.0) ** 2, 0.0))

    own = line_leak(sigma, h, middle - half, middle + half, radius)
    far = edge_leak(sigma, h, far_from=middle)
    solved = potential(sigma, h, leak=own + far, leak_volts=np.where(own > 0.0, 1.0, 0.0))
    return 1.0 / float(solved.currents_A[own > 0.0].sum())


def _needle() -> Finding:
    c, a = (1e-3 * mm for mm in NEEDLE_MM)
    f = sqrt(c * c - a * a)
    exact = log((c + f) / (c - f)) / (8 * pi * CANCELLOUS_S_m * f)
    fine, coarse = needle(1.0), needle(2.0)
    return fine, f"{coarse:.1f} ohm on edges twice as long; {exact:.1f} in theory"


def _octant() -> tuple[F64, F64]:
    """Edges, and distance [mm] of cells from the corner of a grid, around which all is symmetric."""
    h = np.array(EDGES)
    axes = [(np.arange(round(WIDE_MM / d)) + 0.5) * d for d in h]
    return h, np.sqrt(sum(x * x for x in np.meshgrid(*axes, indexing="ij")))


@cache
def sphere() -> tuple[float, float, F64]:
    """Conductance over 4 pi sigma a; the worst error of V from 2 mm off it; heat [W/m3] at one volt."""
    h, r = _octant()
    held = r <= BALL_MM
    sigma = np.where(held, METAL_S_m, CANCELLOUS_S_m)
    leak = edge_leak(sigma, h, far_from=(-0.5, -0.5, -0.5))
    solved = potential(sigma, h, held=held, volts=1.0, leak=leak)
    share = float(solved.currents_A[held].sum()) / (0.5 * pi * CANCELLOUS_S_m * BALL_MM * 1e-3)
    off = r > BALL_MM + 2.0
    return share, float(np.abs(solved.V - BALL_MM / r)[off].max()), solved.heat_W / (h.prod() * 1e-9)


@cache
def sphere_heat(volts: float, cooled_degC: float | None) -> tuple[float, float]:
    """Worst error [K] of the steady temperature from 3 mm off the sphere, and what theory spans."""
    _, r = _octant()
    a, m = BALL_MM * 1e-3, r * 1e-3
    gain = CANCELLOUS_S_m * volts**2 / CANCELLOUS_W_mK
    if cooled_degC is None:
        exact = 37.0 + gain * (a / m - a * a / (2 * m * m))
    else:
        A = gain * a * a
        exact = 37.0 - (a * (37.0 - cooled_degC) - A / (2 * a)) / m - A / (2 * m * m)
    ball, far = r <= BALL_MM, r > WIDE_MM - 4.0
    kind = np.where(far, HELD, np.where(ball, WALL if cooled_degC is None else HELD, TISSUE)).astype(np.uint8)
    whole = np.ones(r.shape)
    k = np.where(ball, METAL_W_mK, CANCELLOUS_W_mK)  # so that its surface is held, not its outermost centres
    medium = HeatMedium(
        k=k, k_frozen=k, c=CANCELLOUS_J_m3K * whole,
        c_frozen=CANCELLOUS_J_m3K * whole, freezing_J=0.0 * whole, boiling_J=0.0 * whole,
        perfusion=0.0 * whole, kind=kind, spacing_mm=EDGES, wall_h=0.0,
    )  # fmt: skip
    start = np.where(ball, 37.0 if cooled_degC is None else cooled_degC, exact)
    heat = Bioheat(medium, start, edge="insulated", sets={})
    heat.run(3000.0, heat=np.where(ball, 0.0, sphere()[2] * volts**2))
    off = (r > BALL_MM + 3.0) & ~far
    return float(np.abs(heat.T - exact)[off].max()), float(np.ptp(exact[~ball]))


def _heat() -> Finding:
    told, worst = [], 0.0
    for volts, cooled in ((10.0, None), (25.0, 10.0)):
        error, most = sphere_heat(volts, cooled)
        worst = max(worst, error / most)
        told.append(f"{error:.2f} K of {most:.1f}")
    return worst, f"takes no heat {told[0]}, held at 10 degC {told[1]}"


def made_up_potential_order(counts: Sequence[int] = (12, 24)) -> float:
    """Observed order of a made-up potential in a medium of sines, on cells of three edges."""
    errors = []
    for n in counts:
        shape = (n, round(1.25 * n), round(0.8 * n))
        wide = 40e-3
        h = np.array([wide / m for m in shape])
        x, y, z = np.meshgrid(
            *[(np.arange(m) + 0.5) * d for m, d in zip(shape, h, strict=True)], indexing="ij"
        )
        K = 2 * pi / wide
        V = np.sin(K * x) * np.cos(0.7 * K * y) * np.sin(K * z + 0.4)
        sigma = 0.1 * (1.0 + 0.5 * np.sin(K * y) * np.cos(K * z))
        bend = -(1.0 + 0.49 + 1.0) * K * K * V
        slope = (
            0.05 * K * np.cos(K * y) * np.cos(K * z)
            * -0.7 * K * np.sin(K * x) * np.sin(0.7 * K * y) * np.sin(K * z + 0.4)
            - 0.05 * K * np.sin(K * y) * np.sin(K * z)
            * K * np.sin(K * x) * np.cos(0.7 * K * y) * np.cos(K * z + 0.4)
        )  # fmt: skip
        held = np.ones(shape, dtype=bool)
        held[1:-1, 1:-1, 1:-1] = False
        source = np.where(held, 0.0, -(sigma * bend + slope) * h.prod())
        found = potential(sigma, h * 1e3, held=held, volts=V, source_A=source, tolerance=1e-9)
        errors.append(float(np.sqrt(((found.V - V)[~held] ** 2).mean())))
    return log2(errors[0] / errors[1])


def _sphere() -> Finding:
    share, error, _ = sphere()
    return share, f"potential off by at most {error:.3f} of the sphere's from 2 mm off it"


POTENTIAL = (
    Proof("electric-sphere", "conductance of a sphere in an endless medium, over theory", 1.0, 0.02, _sphere,
        "4 pi sigma a"),
    Proof("electric-needle", "resistance of a needle thinner than the grid, askew to it", NEEDLE_OHM, 0.03,
        _needle, "ln((c + f) / (c - f)) / (8 pi sigma f)", "ohm"),
    Proof("electric-order", "observed order of a made-up potential", 2.0, 0.1, made_up_potential_order,
        "manufactured solution"),
    Proof("V8", "heat around a sphere with a current, insulated and cooled, worst error over what it spans",
        0.0, 0.02, _heat, "T0 + (sigma V^2 / k) (a / r - a^2 / 2 r^2)"),
)  # fmt: skip
