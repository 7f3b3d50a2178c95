"""Rows of the verification table that theory and standards fill: beams, balls, tubes, plates.

Row(id, title, expected, tolerance, compute, source)      compute() is a number, or a number and a note
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from osteoplan.verification import blocks, plasticity, spheres

__all__ = ["SOLIDS", "Finding", "Proof"]

Finding = float | tuple[float, str]

CONTRASTS = {0.1: "soft", 10.0: "stiff", 2500 / 300: "cement in bone", 110000 / 300: "titanium in bone"}


@dataclass(frozen=True)
class Proof:
    """A case before it is computed; ``tolerance``: relative, absolute where 0 is expected, None: no gate."""

    id: str
    title: str
    expected: float
    tolerance: float | None
    compute: Callable[[], Finding]
    source: str
    unit: str = "1"


@cache
def _bent() -> tuple[float, float]:
    return blocks.bent_order(blocks.tip_ratios((4, 8, 16), poisson=0.0))


def _locking() -> Finding:
    few, some, eight = blocks.tip_ratios((2, 4, 8))
    missing = ", ".join(f"{100 * (1 - ratio):.1f}" for ratio in (few, some, eight))
    return eight, f"shear locking: {missing} % too stiff with 2, 4, 8 bricks through the depth"


@cache
def _hole() -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    equator, pole = spheres.cavity_hoop()
    return equator, pole


def _hoop(place: int) -> Finding:
    wall, near, exact = _hole()[place]
    return wall, f"one brick off the wall {near:.4f}, theory {exact:.4f} there"


def _balls() -> Finding:
    worst, told = 0.0, []
    for c, name in CONTRASTS.items():
        got, exact = spheres.inclusion_stress(c), spheres.Ball(c).stress_inside()
        worst = max(worst, *(abs(g - e) for g, e in zip(got, exact, strict=True)))
        told.append(f"{name}: zz {got[0]:.4f} ({exact[0]:.4f}), xx {got[1]:.4f} ({exact[1]:.4f})")
    return worst, "; ".join(told)


def _voids() -> Finding:
    slope, at = spheres.void_slope()
    return slope, f"{at[0]:.4f} and {at[1]:.4f} with 1 and 2 % of holes"


@cache
def _tube() -> tuple[float, float, float]:
    return spheres.lame_tube()


def _tube_inside() -> Finding:
    whole = spheres.lame_tube(shares=np.round)
    return _tube()[0], f"whole cubes, without shares: {whole[0]:.4f}, and {whole[2]:.3f} for u(a) E / p"


def _twist() -> Finding:
    return (
        spheres.twist_stiffness(),
        f"whole cubes, without shares: {spheres.twist_stiffness(shares=np.round):.2f}",
    )


def _burst() -> Finding:
    limit = 2 / np.sqrt(3) * np.log(2)
    note = f"{limit * plasticity.cylinder_limit(10):.4f} with half as many: from below, with the edge"
    return float(limit * plasticity.cylinder_limit(20)), note


def _burst_sphere() -> Finding:
    limit = 2 * np.log(2)
    note = f"{limit * plasticity.sphere_limit(5):.4f} with half as many"
    return float(limit * plasticity.sphere_limit(10)), note


def _thick_plate() -> Finding:
    coarse = (blocks.thick_plate_stress(h) for h in (0.1, 0.05))
    told = " and ".join(f"{sigma:.3f}" for sigma in coarse)
    return (
        blocks.thick_plate_stress(),
        f"{told} with cubes of 0.1 and 0.05 m: steps of the curved walls",
    )


def _membrane() -> Finding:
    told = " and ".join(f"{blocks.membrane_stress(h):.1f}" for h in (0.1, 0.05))
    return blocks.membrane_stress(), f"{told} with bricks of 0.1 and 0.05 m: steps of the curved walls"


SOLIDS: tuple[Proof, ...] = (
    Proof("A4", "cantilever 1:10, 8 bricks through the depth, deflection over the beam's", 1.0, 0.02,
        _locking, "P L^3/3EI + 6PL/5GA"),
    Proof("A4-order", "the same, order of convergence (4, 8, 16 bricks, nu 0)", 2.0, 0.05,
        lambda: _bent()[0], "trilinear displacements"),
    Proof("A4-limit", "the same, carried to bricks of size 0", 1.0, 1e-3,
        lambda: _bent()[1], "P L^3/3EI + 6PL/5GA"),
    Proof("A5", "spherical hole, hoop stress at its equator", 2.0455, 0.05, lambda: _hoop(0),
        "Goodier 1933; outer faces moved exactly", "S"),
    Proof("A5-pole", "spherical hole, hoop stress at its pole", -0.6818, 0.05, lambda: _hoop(1),
        "Goodier 1933; outer faces moved exactly", "S"),
    Proof("A6", "ball of another modulus, worst error of the stress at its centre", 0.0, 0.03, _balls,
        "Eshelby 1957; outer faces moved exactly", "S"),
    Proof("A7", "thinly scattered holes, (1 - E/E0) / c at c = 0", 2.0045, 0.03, _voids, "dilute holes"),
    Proof("A8", "tube under inner pressure, hoop stress at the inner wall", 5 / 3, 0.03, _tube_inside,
        "Lame", "p"),
    Proof("A8-outer", "the same at the outer wall", 2 / 3, 0.03, lambda: _tube()[1], "Lame", "p"),
    Proof("A8-widening", "the same, u(a) E / p", 59 / 3, 0.03, lambda: _tube()[2], "Lame", "mm"),
    Proof("A9", "tube 24/12 mm twisted, moment for one degree on 100 mm", 34.85, 0.02, _twist, "G J", "N m"),
    Proof("A11", "plastic bar, pressed beyond its strength, worst error of the force", 0.0, 1e-8,
        plasticity.bar_limit_error, "perfect plasticity"),
    Proof("A11-cylinder", "thick cylinder b = 2 a, limit pressure over strength, 20 cubes to a", 0.8004, 0.02,
        _burst, "(2/sqrt 3) ln 2, Hill 1950"),
    Proof("A11-sphere", "thick sphere b = 2 a, the same, 10 cubes to a", 1.3863, 0.02,
        _burst_sphere, "2 ln 2, Hill 1950"),
    Proof("LE1", "NAFEMS LE1, sigma_yy at D", 92.7, 0.03, _membrane, "NAFEMS", "MPa"),
    Proof("LE10", "NAFEMS LE10, sigma_yy at D", -5.38, 0.05, _thick_plate, "NAFEMS", "MPa"),
)  # fmt: skip
