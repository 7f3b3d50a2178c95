"""What theory promises of heat and cold: steady and growing fields, fronts of ice, damage.

    V1   point source           dT = P / (4 pi k r) exp(-m r)                  m = sqrt(W / k)
    V2   line, steady           dT = q' / (2 pi k) K0(m r)
    V3   line, growing          dT = q' / (4 pi k) E1(r^2 / 4 a t)
    V4   plane front of ice     X = 2 l sqrt(a_s t) (Neumann), with a wall of one temperature
    V5   line sink with ice     R = 2 l sqrt(a_s t) (Hahn & Ozisik), by a probe thinner than the grid
    V7   ball of ice, perfused  k_f dT_f a / (R (R - a)) = k dT (1 / R + m), the most to which it grows
    V9   made-up solution       q = W T - div(k grad T) for T and k of sines

Lines and planes lie askew to grids of three different edges, and the outermost cells keep the exact solution.
A field that would kill is made small and scaled, because tissue that is dead is perfused no more.

Sources: Carslaw & Jaeger 1959; Hahn & Ozisik 2012; the scattered source, the mushy band and the ramp were
computed a second time by other means.
Tests: tests/analytic/test_bioheat.py, tests/unit/test_heat_damage.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import erf, exp, log2, pi, sqrt

import numpy as np
from scipy.optimize import brentq
from scipy.special import erf as erfs
from scipy.special import erfc, exp1, k0

from osteoplan.arrays import F64, U8, Bool, Point
from osteoplan.kernels.bioheat import HELD, METAL, TISSUE, WALL, Bioheat, HeatMedium, LineProbe
from osteoplan.kernels.damage import cem43
from osteoplan.verification.closed_forms import Finding, Proof

__all__ = [
    "CANCELLOUS", "EDGES", "HEAT", "MUSHY_MM", "WATER", "Front", "Ice", "ball_of_ice", "growing_line",
    "line", "line_front", "line_front_askew", "made_up_order", "medium", "mushy", "plane_front",
    "plane_front_askew", "plane_order", "point", "scattered", "worst_audit",
]  # fmt: skip

EDGES = (1.0, 0.8, 1.25)  # mm
ASKEW = np.array([0.48, 0.64, 0.6])
CANCELLOUS = {"k": 0.31, "c": 1178.0 * 2274.0, "perfusion": 2237.0}
SHARP = (-0.02, 0.0)  # degC: a band that is next to none


@dataclass(frozen=True)
class Ice:
    """A medium that freezes at one temperature, and where it starts; SI units, degC."""

    k: float = 0.556
    k_frozen: float = 2.22
    c: float = 4.226e6
    c_frozen: float = 1.762e6
    freezing_J: float = 334e6
    start: float = 37.0

    @property
    def a(self) -> float:
        """Diffusivity of what is not frozen [m2/s]."""
        return self.k / self.c

    @property
    def a_frozen(self) -> float:
        """Diffusivity of ice [m2/s]."""
        return self.k_frozen / self.c_frozen

    def plane(self, wall: float) -> float:
        """l of a plane front in front of a wall [degC]."""
        ratio, share = self.a_frozen / self.a, (self.k / self.k_frozen) * (self.start / wall)

        def rest(x: float) -> float:
            far = x * sqrt(ratio)
            return (
                exp(-x * x) / erf(x) + share * sqrt(ratio) * exp(-far * far) / float(erfc(far))
                + x * self.freezing_J * sqrt(pi) / (self.c_frozen * wall)
            )  # fmt: skip

        return float(brentq(rest, 1e-6, 3.0, xtol=1e-14))

    def line(self, sink: float) -> float:
        """l of a front around a line that takes so much [W/m]."""
        ratio = self.a_frozen / self.a

        def rest(x: float) -> float:
            far = x * x * ratio
            warm = self.k * self.start / float(exp1(far)) * exp(-far)
            return sink / (4 * pi) * exp(-x * x) - warm - x * x * self.a_frozen * self.freezing_J

        return float(brentq(rest, 1e-3, 3.0, xtol=1e-14))

    def plane_degC(self, x_m: F64, t: float, wall: float) -> F64:
        """Temperature at a distance from the wall."""
        front = self.plane(wall)
        ice = wall * (1.0 - erfs(x_m / (2 * sqrt(self.a_frozen * t))) / erf(front))
        far = front * sqrt(self.a_frozen / self.a)
        water = self.start * (1.0 - erfc(x_m / (2 * sqrt(self.a * t))) / erfc(far))
        return np.asarray(np.where(x_m < 2 * front * sqrt(self.a_frozen * t), ice, water))

    def line_degC(self, r_m: F64, t: float, sink: float) -> F64:
        """Temperature at a distance from the line."""
        front = self.line(sink)
        r2 = np.maximum(r_m, 1e-5) ** 2 / (4 * t)
        ice = -sink / (4 * pi * self.k_frozen) * (exp1(r2 / self.a_frozen) - exp1(front**2))
        water = self.start * (1.0 - exp1(r2 / self.a) / exp1(front**2 * self.a_frozen / self.a))
        return np.asarray(np.where(r2 < front**2 * self.a_frozen, ice, water))


WATER = Ice()


def medium(
    shape: tuple[int, int, int],
    spacing_mm: tuple[float, float, float] = EDGES,
    *,
    kind: U8 | None = None,
    band: tuple[float, float] = (-8.0, -1.0),
    blood: float = 37.0,
    **same: float | F64,
) -> HeatMedium:
    """The same everywhere unless arrays are given; cancellous bone, thawed, for what is not."""
    values: dict[str, float | F64] = {"freezing_J": 0.0, "boiling_J": 0.0, **CANCELLOUS, **same}
    values = {"k_frozen": values["k"], "c_frozen": values["c"], **values}

    def full(name: str) -> F64:
        return np.broadcast_to(np.asarray(values[name], np.float64), shape)

    return HeatMedium(
        full("k"), full("k_frozen"), full("c"), full("c_frozen"), full("freezing_J"), full("boiling_J"),
        full("perfusion"), np.zeros(shape, np.uint8) if kind is None else kind, spacing_mm,
        blood_degC=blood, band_degC=band,
    )  # fmt: skip


def places(shape: tuple[int, int, int], spacing_mm: tuple[float, float, float]) -> F64:
    """(ni, nj, nk, 3) mm of the cells' centres from the middle of the grid."""
    axes = [(np.arange(n) - 0.5 * (n - 1)) * edge for n, edge in zip(shape, spacing_mm, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)


def shell(shape: tuple[int, int, int]) -> Bool:
    """The outermost cells."""
    out = np.ones(shape, dtype=bool)
    out[1:-1, 1:-1, 1:-1] = False
    return out


def away(shape: tuple[int, int, int], spacing_mm: tuple[float, float, float], way: F64 | None) -> F64:
    """mm from the middle, or from a line through it."""
    at = places(shape, spacing_mm)
    return np.asarray(np.linalg.norm(at if way is None else at - (at @ way)[..., None] * way, axis=-1))


def _along_line(shape: tuple[int, int, int], way: F64) -> F64:
    """W/m3 of a line of 1 W/m through the middle."""
    q, step = np.zeros(shape), 0.05
    reach = np.linalg.norm(np.multiply(shape, EDGES))
    points = np.arange(-reach, reach, step)[:, None] * way / EDGES + 0.5 * (np.array(shape) - 1.0)
    cells = np.rint(points).astype(int)
    inside = ((cells >= 0) & (cells < shape)).all(axis=1)
    np.add.at(q, tuple(cells[inside].T), step * 1e-3 / _cell_m3(EDGES))
    return q


def _cell_m3(spacing_mm: tuple[float, float, float]) -> float:
    return float(np.prod(spacing_mm)) * 1e-9


def _steady(
    exact: F64, keeps: Bool, q: F64, seconds: float, spacing_mm: tuple[float, float, float] = EDGES
) -> F64:
    """The rise after so long that began as the exact one and keeps it in some cells and around the grid."""
    shape = exact.shape
    body = medium(shape, spacing_mm, kind=np.where(keeps, HELD, TISSUE).astype(np.uint8), blood=0.0)
    heat = Bioheat(body, exact, sets={})
    heat.run(seconds, heat=q)
    return heat.T.astype(np.float64)


M = sqrt(CANCELLOUS["perfusion"] / CANCELLOUS["k"])  # 1/m


def _worst(got: F64, exact: F64, r_mm: F64, told_mm: tuple[float, ...], scale: float) -> Finding:
    """The worst relative error from five cells on, and the rise at some places."""
    judged = (r_mm >= 5 * max(EDGES)) & (r_mm <= 20.0)
    error = np.abs(got / exact - 1.0)
    told = []
    for place in told_mm:
        at = np.unravel_index(np.argmin(np.abs(r_mm - place)), r_mm.shape)
        told.append(f"{got[at] * scale:.1f} ({exact[at] * scale:.1f}) K at {r_mm[at]:.1f} mm")
    return float(error[judged].max()), "; ".join(told)


def point() -> Finding:
    """V1: worst relative error of a point source, 5 W told."""
    shape, power = (53, 65, 43), 0.03
    r = away(shape, EDGES, None)
    q = np.zeros(shape)
    q[26, 32, 21] = power / _cell_m3(EDGES)
    metres = np.maximum(r, 0.3) * 1e-3
    exact = power / (4 * pi * CANCELLOUS["k"] * metres) * np.exp(-M * metres)
    return _worst(_steady(exact, np.zeros(shape, bool), q, 2400.0), exact, r, (10.0, 15.0, 20.0), 5.0 / power)


def line() -> Finding:
    """V2: worst relative error of a line, 500 W/m told."""
    shape, power = (45, 57, 37), 5.0
    r = away(shape, EDGES, ASKEW)
    exact = power / (2 * pi * CANCELLOUS["k"]) * k0(M * np.maximum(r, 0.3) * 1e-3)
    q = power * _along_line(shape, ASKEW)
    return _worst(_steady(exact, np.zeros(shape, bool), q, 2400.0), exact, r, (10.0, 15.0), 500.0 / power)


def growing_line() -> Finding:
    """V3: worst relative error after 600 s, 500 W/m told."""
    shape, power, a = (45, 57, 37), 5.0, CANCELLOUS["k"] / CANCELLOUS["c"]
    r, keeps = away(shape, EDGES, ASKEW), shell(shape)
    q = power * _along_line(shape, ASKEW)

    def rise(mm: F64, t: float) -> F64:
        r2 = (np.maximum(mm, 0.3) * 1e-3) ** 2
        return np.asarray(power / (4 * pi * CANCELLOUS["k"]) * exp1(r2 / (4 * a * t)))

    heat = Bioheat(medium(shape, blood=0.0, perfusion=0.0), 0.0, sets={})
    for _ in range(150):
        _hold(heat, keeps, rise(r[keeps], heat.time_s + 2.0))
        heat.run(4.0, heat=q)
    return _worst(heat.T.astype(np.float64), rise(r, 600.0), r, (10.0, 15.0), 500.0 / power)


def _hold(heat: Bioheat, keeps: Bool, degC: F64) -> None:
    """Let held cells have other temperatures."""
    T = heat.T.copy()
    T[keeps] = degC
    heat.set_temperature(T)


def scattered() -> Finding:
    """Worst relative error of light that scatters, 5 W told; mu 500 /m, at cells of half an edge."""
    mu, power = 500.0, 0.1
    spacing = (0.8, 0.7, 0.9)
    shape = (45, 53, 41)
    at = places(shape, spacing)
    q = np.zeros(shape)
    for part in np.stack(np.meshgrid(*[np.linspace(-0.4, 0.4, 5)] * 3), -1).reshape(-1, 3):
        r = np.maximum(np.linalg.norm(at + part * spacing, axis=-1), 1e-6) * 1e-3
        q += power * mu**2 * np.exp(-mu * r) / (4 * pi * r) / 125
    q[22, 26, 20] = 0.0  # the cell around the source: what the others leave of a ball of 12 mm
    r = np.maximum(np.linalg.norm(at, axis=-1), 0.2) * 1e-3
    near = r < 0.012
    q[22, 26, 20] = power * (1 - (1 + mu * 0.012) * exp(-mu * 0.012)) / _cell_m3(spacing) - q[near].sum()
    exact = (
        power * mu**2 * (np.exp(-M * r) - np.exp(-mu * r)) / (4 * pi * CANCELLOUS["k"] * (mu**2 - M**2) * r)
    )
    got = _steady(exact, np.zeros(shape, bool), q, 1200.0, spacing)
    return _worst(got, exact, r * 1e3, (5.0, 10.0, 15.0), 5.0 / power)


def made_up(fine: float) -> float:
    """V9: root mean square error [K] of sines in a medium of sines, cells of EDGES over ``fine``."""
    spacing = (EDGES[0] / fine, EDGES[1] / fine, EDGES[2] / fine)
    shape = (round(24 / spacing[0]), round(24 / spacing[1]), round(24 / spacing[2]))
    x = places(shape, spacing) * 1e-3
    wave, bend = np.array([180.0, 150.0, 130.0]), np.array([90.0, 110.0, 70.0])
    part = 10 * np.cos(wave * x).prod(-1)
    T = 12.0 + part
    slope = -wave * np.tan(wave * x) * part[..., None]
    k = 0.4 * (1 + 0.4 * np.sin(bend * x).prod(-1))
    rise = 0.16 * np.stack(
        [
            bend[n] * np.cos(bend[n] * x[..., n]) * np.delete(np.sin(bend * x), n, -1).prod(-1)
            for n in range(3)
        ],
        -1,
    )
    W = 3000.0 * (1 + 0.5 * np.cos(bend * x).prod(-1))
    q = W * T + k * (wave**2).sum() * part - (rise * slope).sum(-1)
    body = medium(shape, spacing, blood=0.0, k=k, k_frozen=k, perfusion=W)
    heat = Bioheat(body, T, sets={})
    heat.run(900.0, heat=q)
    return float(np.sqrt(((heat.T - T)[1:-1, 1:-1, 1:-1] ** 2).mean()))


@cache
def made_up_errors() -> tuple[float, ...]:
    """Errors of cells of twice, once and half the edges."""
    return tuple(made_up(fine) for fine in (0.5, 1.0, 2.0))


def made_up_order() -> Finding:
    """V9: the lower of two observed orders."""
    errors = made_up_errors()
    orders = [log2(a / b) for a, b in pairwise(errors)]
    return min(orders), "rms " + ", ".join(f"{e:.2g}" for e in errors) + " K; orders " + ", ".join(
        f"{order:.2f}" for order in orders
    )


# fronts of ice


@dataclass(frozen=True)
class Front:
    """Errors of a front from 60 to 600 s: root mean square and worst [mm], and the worst audit."""

    rms: float
    worst: float
    audit: float
    last_mm: float


def _frozen(heat: Bioheat) -> F64:
    """Frozen share of every cell: by its heat, for a cell that freezes does so at one temperature."""
    below, above = heat.medium.band_degC
    return np.clip((above - heat.T.astype(np.float64)) / (above - below), 0.0, 1.0)


def _front(errors: list[float], audit: float, last: float) -> Front:
    tried = np.abs(errors)
    return Front(float(np.sqrt((tried**2).mean())), float(tried.max()), audit, last)


@cache
def plane_front(edge: float, wall: float) -> Front:
    """V4 in one row of cells, 110 mm long: the wall is the centre of the first."""
    n = round(110 / edge)
    kind = np.zeros((n, 1, 1), np.uint8)
    kind[[0, -1]] = HELD
    start = np.full((n, 1, 1), WATER.start)
    start[0] = wall
    heat = Bioheat(_water((n, 1, 1), (edge,) * 3, kind), start, edge="insulated", sets={})
    errors, audit, reached = [], 0.0, 0.0
    for _ in range(60):
        audit = max(audit, heat.run(10.0).error)
        reached = (float(_frozen(heat).sum()) - 0.5) * edge
        if heat.time_s > 59.0:
            errors.append(reached - 2e3 * WATER.plane(wall) * sqrt(WATER.a_frozen * heat.time_s))
    return _front(errors, audit, reached)


def _water(
    shape: tuple[int, int, int], spacing: tuple[float, float, float], kind: U8 | None = None
) -> HeatMedium:
    return medium(
        shape, spacing, kind=kind, band=SHARP, k=WATER.k, c=WATER.c, perfusion=0.0, k_frozen=WATER.k_frozen,
        c_frozen=WATER.c_frozen, freezing_J=WATER.freezing_J,
    )  # fmt: skip


def plane_order(wall: float = -140.0) -> Finding:
    """V4: the lower of two observed orders of the front."""
    errors = [plane_front(edge, wall).rms for edge in (2.0, 1.0, 0.5)]
    orders = [log2(a / b) for a, b in pairwise(errors)]
    return min(orders), f"rms {errors[0]:.3f}, {errors[1]:.3f}, {errors[2]:.3f} mm with edges of 2, 1, 0.5 mm"


def _askew(
    shape: tuple[int, int, int],
    distance: Callable[[F64], F64],
    degC: Callable[[F64, float], F64],
    front_mm: Callable[[float], float],
    first: float,
    probe: Callable[[float], tuple[LineProbe, ...]] = lambda _: (),
) -> Front:
    """A front in a box whose outermost cells keep the exact solution; it is where its volume puts it."""
    at = places(shape, EDGES)
    keeps, mm = shell(shape), distance(at)
    parts = np.stack(np.meshgrid(*[np.linspace(-0.4, 0.4, 5)] * 3), -1).reshape(-1, 3) * EDGES
    ranks = np.sort(np.concatenate([distance(at[~keeps] + part) for part in parts]))
    heat = Bioheat(_water(shape, EDGES), degC(mm, max(first, 1e-3)), sets={})
    heat.time_s = first
    errors, audit = [], 0.0
    while heat.time_s < 599.5:
        middle = heat.time_s + 1.0
        _hold(heat, keeps, degC(mm[keeps], middle))
        audit = max(audit, heat.run(2.0, probes=probe(middle)).error)
        if heat.time_s > 59.5:
            frozen = _frozen(heat)[~keeps].mean() * len(ranks)
            errors.append(float(ranks[int(frozen)]) - front_mm(heat.time_s))
    return _front(errors, audit, front_mm(600.0) + errors[-1])


@cache
def plane_front_askew(wall: float = -140.0) -> Front:
    """V4 in three dimensions; begins at 60 s, the wall lies outside of the box."""
    shape = (33, 41, 27)
    speed = 2e3 * WATER.plane(wall) * sqrt(WATER.a_frozen)
    return _askew(
        shape,
        lambda at: np.asarray(at @ ASKEW + 19.0),
        lambda mm, t: WATER.plane_degC(np.maximum(mm, 0.0) * 1e-3, t, wall),
        lambda t: speed * sqrt(t),
        60.0,
    )


@cache
def line_front_askew(sink: float = 500.0, radius_mm: float = 0.85) -> Front:
    """V5 in three dimensions: a thin probe, its wall as cold as the exact solution is there."""
    shape = (33, 41, 27)
    speed = 2e3 * WATER.line(sink) * sqrt(WATER.a_frozen)
    ends = np.array([-1.0, 1.0])[:, None] * 60.0 * ASKEW / EDGES + 0.5 * (np.array(shape) - 1.0)

    def probe(t: float) -> tuple[LineProbe, ...]:
        wall = float(WATER.line_degC(np.array(radius_mm * 1e-3), t, sink))
        return (LineProbe(_point(ends[0]), _point(ends[1]), radius_mm, wall),)

    return _askew(
        shape,
        lambda at: np.asarray(np.linalg.norm(at - (at @ ASKEW)[..., None] * ASKEW, axis=-1)),
        lambda mm, t: WATER.line_degC(mm * 1e-3, t, sink),
        lambda t: speed * sqrt(t),
        0.0,
        probe,
    )


def _point(values: F64) -> Point:
    return float(values[0]), float(values[1]), float(values[2])


@cache
def line_front(sink: float = 1000.0, radius_mm: float = 0.85) -> tuple[Front, float]:
    """V5 around an endless probe along the grid; with the mean of what it took [W/m] from 60 to 600 s."""
    shape, spacing = (121, 121, 3), (1.0, 1.0, 1.25)
    heat = Bioheat(_water(shape, spacing), WATER.start, edge="insulated", sets={})
    errors, audit, taken, reached = [], 0.0, 0.0, 0.0
    for _ in range(300):
        wall = float(WATER.line_degC(np.array(radius_mm * 1e-3), heat.time_s + 1.0, sink))
        seen = heat.run(2.0, probes=(LineProbe((60, 60, -0.5), (60, 60, 2.5), radius_mm, wall),))
        audit = max(audit, seen.error)
        reached = sqrt(float(_frozen(heat)[:, :, 1].sum()) / pi)
        if heat.time_s > 60.5:
            taken -= seen.probes_J / (270 * 2.0 * 3 * 1.25e-3)
        if heat.time_s > 59.5:
            errors.append(reached - 2e3 * WATER.line(sink) * sqrt(WATER.a_frozen * heat.time_s))
    return _front(errors, audit, reached), taken


@cache
def ball_of_ice(hours: float = 10.0) -> tuple[float, float, float]:
    """V7: radii [mm] after half the time and all of it, and the most that theory allows."""
    a, k_frozen, wall = 5e-3, 2.0, -140.0
    k = CANCELLOUS["k"]
    R = float(
        brentq(lambda R: -k_frozen * wall * a / (R * (R - a)) - k * 37.0 * (1.0 / R + M), 1.01 * a, 0.2)
    )
    edge, n = 3.0, 24
    r = np.linalg.norm(
        (np.stack(np.meshgrid(*[np.arange(n)] * 3, indexing="ij"), -1) + 0.5) * edge * 1e-3, axis=-1
    )
    ice = wall * a * (1.0 / r - 1.0 / R) / (1.0 - a / R)
    far = 37.0 - 37.0 * R / r * np.exp(-M * (r - R))
    kind = np.where((r < 0.012) | (r > 0.066), HELD, TISSUE).astype(np.uint8)
    body = medium(
        (n, n, n), (edge,) * 3, kind=kind, band=SHARP, k_frozen=k_frozen, c_frozen=1.9e6, freezing_J=1.2e8
    )
    heat = Bioheat(body, np.where(r < 0.012, ice, np.where(r > 0.066, far, 37.0)), edge="insulated", sets={})
    radii = []
    for _ in range(2):
        heat.run(0.5 * hours * 3600.0)
        grown = (
            float(_frozen(heat)[r > 0.012].sum()) * (edge * 1e-3) ** 3
            + float((r <= 0.012).sum()) * (edge * 1e-3) ** 3
        )
        radii.append(1e3 * (6 / pi * grown) ** (1 / 3))
    return radii[0], radii[1], 1e3 * R


MUSHY_MM = {-1.0: 25.66, -8.0: 24.34, -20.0: 21.81, -40.0: 17.82}


@cache
def mushy(edge: float) -> dict[float, float]:
    """mm from a wall of -140 degC to isotherms after 600 s; tissue freezes from -1 to -8 degC."""
    n = round(110 / edge)
    kind = np.zeros((n, 1, 1), np.uint8)
    kind[[0, -1]] = HELD
    body = medium(
        (n, 1, 1), (edge,) * 3, kind=kind, k=0.5, k_frozen=2.0, c=1050 * 3600.0, c_frozen=1050 * 1800.0,
        freezing_J=250e6, perfusion=0.0,
    )  # fmt: skip
    start = np.full((n, 1, 1), 37.0)
    start[0] = -140.0
    heat = Bioheat(body, start, edge="insulated", sets={})
    heat.run(600.0)
    line = heat.T[:, 0, 0].astype(np.float64)
    return {degC: float(np.interp(degC, line, np.arange(n) * edge)) for degC in MUSHY_MM}


@cache
def cooled_line(edge: float) -> tuple[float, float]:
    """Worst error [K] around a cooled probe whose current leaves heat as 1 / r^2; the exact peak rise [K].

    T = T_wall + (T_out - T_wall) s / S + C / 2 k s (S - s)      s = ln(r / a), S = ln(out / a)
    """
    a, out, C, wall = 0.85, 18.0, 15.0, 10.0
    n = 2 * round(21 / edge) + 1
    shape, spacing = (n, n, 3), (edge, edge, edge)
    r = np.linalg.norm(places(shape, spacing)[..., :2], axis=-1)
    s, S = np.log(np.maximum(r, a) / a), np.log(out / a)
    exact = wall + (37.0 - wall) * s / S + C / (2 * CANCELLOUS["k"]) * s * (S - s)
    body = medium(shape, spacing, kind=np.where(r >= out, HELD, TISSUE).astype(np.uint8), perfusion=0.0)
    heat = Bioheat(body, exact, edge="insulated", sets={})
    q = np.zeros(shape)
    for part in np.stack(np.meshgrid(*[np.linspace(-0.45, 0.45, 10)] * 2), -1).reshape(-1, 2) * edge:
        at = np.linalg.norm(places(shape, spacing)[..., :2] + part, axis=-1) * 1e-3
        q += np.where(at > a * 1e-3, C / np.maximum(at, 1e-4) ** 2, 0.0) / 100
    middle = n // 2
    for _ in range(60):
        heat.run(20.0, heat=q, probes=(LineProbe((middle, middle, -0.5), (middle, middle, 2.5), a, wall),))
    outside = (r < out) & (r > 1.5 * edge)
    return float(np.abs(heat.T - exact)[outside].max()), float(exact.max() - 37.0)


# all at once, and damage


@cache
def worst_audit() -> float:
    """V10: share of energy not accounted for, worst of seven pieces of a run: tissue freezes, thaws and boils
    beside metal, gas and a vessel.
    """
    shape = (40, 36, 30)
    kind = np.zeros(shape, np.uint8)
    kind[30, 10:20, 15], kind[:, :, 27:], kind[5:8, :, 20] = METAL, WALL, HELD
    probe = LineProbe((14.3, 12.1, 9.7), (22.4, 20.2, 18.3), 1.2, -100.0)
    q = np.zeros(shape)
    q[30:32, 18:20, 12:14] = 4e7
    body = medium(shape, kind=kind, k_frozen=1.2, c_frozen=1.9e6, freezing_J=1.5e8, boiling_J=8e8)
    heat = Bioheat(body)
    audits = [heat.run(20.0, heat=q, probes=[probe]) for _ in range(4)] + [heat.run(60.0) for _ in range(3)]
    return max(audit.error for audit in audits)


def minutes() -> Finding:
    """V12: worst relative error of equivalent minutes of one temperature, from 39.5 to 60 degC."""
    degC = np.linspace(39.5, 60.0, 42)
    exact = np.where(degC < 43.0, 4.0, 2.0) ** (degC - 43.0)
    return float(np.abs(cem43(np.array([0.0, 60.0]), np.stack([degC, degC])) / exact - 1.0).max()), ""


def ramp() -> Finding:
    """Equivalent minutes of 37 to 47 degC by one degree a minute, in one step."""
    return float(cem43(np.array([0.0, 600.0]), np.array([37.0, 47.0]))), "(1 - 4^-4) / ln 4 + 15 / ln 2"


def _of(front: Front, more: str = "") -> Finding:
    """The larger of a front's root mean square error and half of its worst: limits are 0.1 and 0.2 mm."""
    told = (
        f"rms {front.rms:.3f}, worst {front.worst:.3f} mm from 60 to 600 s; it ends at {front.last_mm:.2f} mm"
    )
    return max(front.rms, 0.5 * front.worst), told + more


def _plane() -> Finding:
    warm, cold = plane_front(1.0, -40.0), plane_front(1.0, -140.0)
    return max(_of(warm), _of(cold))


def _line() -> Finding:
    front, taken = line_front()
    return _of(front, f"; the probe took {taken:.0f} W/m of 1000")


def _ball() -> Finding:
    half, whole, most = ball_of_ice()
    return whole / most, f"{half:.2f} and {whole:.2f} mm after 5 and 10 hours, {most:.2f} mm in theory"


def _cooled() -> Finding:
    found = {edge: cooled_line(edge) for edge in (2.0, 1.0)}
    told = "; ".join(
        f"{error:.1f} K of {peak:.1f} with cells of {edge:.0f} mm" for edge, (error, peak) in found.items()
    )
    return max(error / peak for error, peak in found.values()), told


def _mushy() -> Finding:
    found = mushy(1.0)
    error = max(abs(found[degC] - place) for degC, place in MUSHY_MM.items())
    return error, "; ".join(
        f"{degC:.0f} degC at {mm:.2f} mm ({MUSHY_MM[degC]})" for degC, mm in found.items()
    )


HEAT = (
    Proof("V1", "heat from a point in perfused bone, worst error from 5 cells on", 0.0, 0.02, point,
        "P exp(-m r) / (4 pi k r)"),
    Proof("V2", "heat from a line askew to the grid, steady", 0.0, 0.02, line, "q K0(m r) / (2 pi k)"),
    Proof("V3", "heat from a line askew to the grid, growing", 0.0, 0.02, growing_line,
        "q E1(r^2 / 4 a t) / (4 pi k)"),
    Proof("V4", "plane front of ice, 1 mm cells", 0.0, 0.1, _plane, "Neumann", "mm"),
    Proof("V4-askew", "plane front of ice, askew to three different edges", 0.0, 0.1,
        lambda: _of(plane_front_askew()), "Neumann", "mm"),
    Proof("V4-order", "observed order of the plane front, first or better", 1.0, 0.5, plane_order, "Neumann"),
    Proof("V5", "front of ice around a probe thinner than the grid", 0.0, 0.1, _line, "Hahn & Ozisik", "mm"),
    Proof("V5-askew", "the same, askew to three different edges", 0.0, 0.1,
        lambda: _of(line_front_askew()), "Hahn & Ozisik", "mm"),
    Proof("V7", "ball of ice in perfused bone over the most that it can be", 1.0, 0.03, _ball,
        "k_f dT_f a / (R (R - a)) = k dT (1 / R + m)"),
    Proof("V9", "observed order of a made-up solution", 2.0, 0.1, made_up_order, "manufactured solution"),
    Proof("V10", "energy that is not accounted for, share", 0.0, 1e-3, worst_audit, "balance of energy"),
    Proof("V12", "equivalent minutes of one temperature", 0.0, 1e-12, minutes, "R^(43 - T)"),
    Proof("heat-ramp", "equivalent minutes of a ramp", 22.36, 5e-4, ramp, "integral of R^(43 - T)", "min"),
    Proof("heat-scattered", "heat of scattered light, worst error from 5 cells on", 0.0, 0.02, scattered,
        "P mu^2 (exp(-m r) - exp(-mu r)) / 4 pi k (mu^2 - m^2) r"),
    Proof("heat-cooled-line", "heat of a current around a cooled probe, worst error over its peak", 0.0, 0.1,
        _cooled, "T_wall + dT s / S + C s (S - s) / 2 k"),
    Proof("heat-mushy", "isotherms of tissue that freezes over a band", 0.0, 0.1, _mushy,
        "computed by other means", "mm"),
)  # fmt: skip
