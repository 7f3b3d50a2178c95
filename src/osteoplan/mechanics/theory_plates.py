"""The elliptic plates of NAFEMS, in bricks: what the steps of a curved wall cost where stress peaks.

    LE1    membrane 0.1 m thick, 10 MPa outward on its outer edge:   sigma_yy at D  92.7 MPa
    LE10   plate 0.6 m thick, 1 MPa down on its upper face, outer edge held in x and y, its middle line in z:
           sigma_yy at D of the upper face  -5.38 MPa

           y
      B    |\\      outer ellipse  (x / 3.25)^2 + (y / 2.75)^2 = 1
      A    |  \\    inner ellipse  (x / 2)^2 + y^2 = 1
           +-D--C-- x              one quarter; both axes are mirrors

These problems were made for meshes that follow the curve.  A brick that a curve cuts keeps its share of the
modulus, the nodes nearest to the outer curve are held, and stress at D is a parabola through four bricks that
begin one brick away from it: the rules were set before the numbers were read, except that the nearest nodes
replaced "nodes outside" because those make the plate half a brick too wide.

Source: NAFEMS, The Standard NAFEMS Benchmarks (targets read in a public copy).
Tests: tests/analytic/test_solids.py.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from osteoplan.mechanics.theory_blocks import Block, share_inside, spread_on

__all__ = ["membrane_stress", "thick_plate_stress"]

F64 = npt.NDArray[np.float64]

INNER, OUTER = (2.0, 1.0), (3.25, 2.75)
STEEL_MPa = 210e3


def thick_plate_stress(h: float = 0.025) -> float:
    """LE10: sigma_yy at D [MPa] with cubes of h [m] (the unit of length cancels)."""
    block = _quarter(h, layers=round(0.6 / h))
    nk = block.mesh.shape[2]
    fixed = block.mirrored((0, 1))
    edge = _beyond(block.nodes_mm) >= -0.5 * h
    fixed[edge, :2] = True
    fixed[edge & (block.mesh.nodes[:, 2] == nk // 2), 2] = True
    upper = block.mesh.cells[:, 2] == nk - 1
    load = np.repeat(-block.moduli[upper] / STEEL_MPa * h * h / 4.0, 4)
    force = np.zeros(fixed.shape)
    np.add.at(force[:, 2], block.mesh.corners[upper, 1::2].ravel(), load)  # odd corners are the upper ones
    stress = block.stress(block.solve(fixed, force_N=force, tolerance=1e-7).displacement_mm)[:, 1]
    first, second = (_at_D(block, stress, nk - down, h) for down in (1, 2))
    return 1.5 * first - 0.5 * second  # linear through the thickness, from the middles of two layers


def membrane_stress(h: float = 0.025) -> float:
    """LE1: sigma_yy at D [MPa] with bricks of h x h [m]."""
    block = _quarter(h, layers=1)
    angle = (np.arange(2000) + 0.5) / 2000 * np.pi / 2
    curve = np.stack([OUTER[0] * np.cos(angle), OUTER[1] * np.sin(angle), np.full(2000, h / 2)], axis=1)
    outward = np.stack([OUTER[1] * np.cos(angle), OUTER[0] * np.sin(angle), np.zeros(2000)], axis=1)
    force = spread_on(block, curve, 10.0 * h * outward * (np.pi / 2 / 2000))
    u = block.solve(block.mirrored((0, 1, 2)), force_N=force, tolerance=1e-7).displacement_mm
    return _at_D(block, block.stress(u)[:, 1], 0, h)


def _quarter(h: float, *, layers: int) -> Block:
    """The quarter of the plate, ``layers`` bricks thick."""
    shape = (round(OUTER[0] / h + 0.5), round(OUTER[1] / h + 0.5), 1)

    def between(x: F64) -> npt.NDArray[np.bool_]:
        hole = (x[:, 0] / INNER[0]) ** 2 + (x[:, 1] / INNER[1]) ** 2
        return np.asarray((hole > 1) & (_beyond(x) < 0))

    share = share_inside(shape, (h, h, h), between)
    return Block(STEEL_MPa * np.repeat(share, layers, axis=2), (h, h, h))


def _beyond(x: F64) -> F64:
    """(n,) distance beyond the outer ellipse, to first order; negative inside."""
    a, b = OUTER
    q = np.hypot(x[:, 0] / a, x[:, 1] / b)
    slope = np.hypot(x[:, 0] / a**2, x[:, 1] / b**2)
    found: F64 = (q - 1.0) * np.maximum(q, 1e-9) / np.maximum(slope, 1e-9)
    return found


def _at_D(block: Block, stress: F64, layer: int, h: float) -> float:
    """Carried to D along the first row of a layer."""
    x = block.centres_mm[:, 0]
    row = (block.mesh.cells[:, 1] == 0) & (block.mesh.cells[:, 2] == layer) & (x > INNER[0] + h)
    near = np.flatnonzero(row)[:4]
    return float(np.polyfit(x[near] - INNER[0], stress[near], 2)[-1])
