"""What theory promises of a slender beam of cubes, clamped at one end and pulled sideways at the other.

    A4   w = P L^3 / 3 E I + 6 P L / 5 G A        section h x h, L = 10 h

A brick with trilinear displacements bends too stiffly (shear locking): it cannot curve, so it shears instead,
and the error falls with the square of the count of bricks through the depth.  It is told here, not hidden:
whoever models a wall with two voxels can read what that costs.

Order and limit are read at nu = 0, where the clamp squeezes nothing and the formula is the limit; at nu = 0.3
a clamped beam is stiffer than the formula by about 0.7 %, and both errors are in the row.

Source: Timoshenko beam; Hughes, The Finite Element Method (2000), ch. 4.
Tests: tests/analytic/test_solids.py.
"""

from __future__ import annotations

import numpy as np

from osteoplan.mechanics.theory_blocks import Block

__all__ = ["bent_order", "tip_ratio", "tip_ratios"]

SLENDER = 10


def tip_ratios(counts: tuple[int, ...], *, poisson: float = 0.3) -> tuple[float, ...]:
    """A4: ``tip_ratio`` for counts of bricks through the depth."""
    return tuple(tip_ratio(n, poisson=poisson) for n in counts)


def tip_ratio(n: int, *, poisson: float = 0.3) -> float:
    """A4: deflection of the tip over the beam's, ``n`` bricks through the depth (even)."""
    half = n // 2  # of the width: the other half is its mirror image
    h = 1.0 / n
    block = Block(np.ones((half, n, SLENDER * n)), (h, h, h), poisson)
    fixed = block.mirrored((0,))
    fixed[block.mesh.nodes[:, 2] == 0] = True
    tip = block.mesh.nodes[:, 2] == SLENDER * n
    x, y = (block.mesh.nodes[:, axis] for axis in (0, 1))
    edge = np.where((x == 0) | (x == half), 0.5, 1.0) * np.where((y == 0) | (y == n), 0.5, 1.0)
    pull = np.where(tip, edge, 0.0)
    force = np.zeros(fixed.shape)
    force[:, 1] = 0.5 * pull / pull.sum()  # half of the beam carries half of 1 N
    u = block.solve(fixed, force_N=force, tolerance=1e-9).displacement_mm
    I, G = 1.0 / 12.0, 0.5 / (1.0 + poisson)
    return float(pull @ u[:, 1] / pull.sum()) / (SLENDER**3 / (3.0 * I) + 6.0 * SLENDER / (5.0 * G))


def bent_order(ratios: tuple[float, ...]) -> tuple[float, float]:
    """(order, limit) from ``tip_ratio`` at n, 2 n and 4 n; the limit takes order 2."""
    coarse, middle, fine = ratios
    return float(np.log2((middle - coarse) / (fine - middle))), fine + (fine - middle) / 3.0
