"""What a load that points a little elsewhere does to a stiffness, by superposition on one matrix.

A tilt t = (t1, t2) holds the slopes of the load off its direction d, along two axes e1, e2 at right angles
to it.  Node n bears the share w_n = f_n . d of the load.

Given force.  The same nodes bear the same shares: f(t) = (f + t1 w e1 + t2 w e2) / sqrt(1 + t^2), linear in
its three patterns, so with their solutions u and C_ij = f_i . u_j the work of a unit load gives

    1 / K(t) = (1, t) C (1, t) / (1 + t^2)                                      exact

Moved plane.  A platen that moves by delta along d and cannot turn, its nodes free to slide, brings only a
force along d.  A load that leans is the same platen with a shear T = N t spread over it, and the opposite
shear, turned into balance about d, over the plane that is held.  By reciprocity (Betti) a unit shear takes
from the reaction of the still platen what the platen drifts along it per unit of its own motion, q = g . u.
Hence N + q . T = K delta, and the force along the axis at a given shortening, which is what a criterion of
height reads, is

    K(t) = K / (1 + q . t)                                                      exact, without another solve

q is a number of the state, taken in its central sample: exact where moduli differ by a common factor.
Moments and motions with nodes held sideways have no such tilt here: their direction is not sampled.
Tests: tests/unit/test_direction.py (against direct solves).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from osteoplan.arrays import F64, Bool
from osteoplan.kernels.vectors import across

__all__ = ["LoadDirection", "load_direction", "sheared", "tilted"]


@dataclass(frozen=True, eq=False)
class LoadDirection:
    """K(t) / K(0): by ``drift`` q (2,) of a moved plane, or by ``compliance`` C (3, 3) of a given force."""

    drift: F64 | None = None
    compliance: F64 | None = None

    def factor(self, load_slopes: tuple[float, float]) -> float:
        """Of one tilt; 1 where the direction is not sampled."""
        t = np.array([1.0, *load_slopes])
        if self.compliance is not None:
            return float(self.compliance[0, 0] * (t @ t) / (t @ self.compliance @ t))
        return 1.0 if self.drift is None else float(1.0 / (1.0 + self.drift @ t[1:]))


def tilted(force: F64) -> tuple[F64, F64] | None:
    """The patterns w e1 and w e2 (n_nodes, 3) of a load (n_nodes, 3); None where it has no resultant."""
    whole = force.sum(axis=0)
    size = float(np.linalg.norm(whole))
    if size < 1e-6 * np.abs(force).sum():
        return None
    share = force @ (whole / size)
    one, two = across(whole / size)
    return share[:, None] * one, share[:, None] * two


def sheared(at_mm: F64, fixed: Bool, prescribed_mm: F64) -> tuple[F64, F64] | None:
    """Unit shears (n_nodes, 3) of a plane moved along one axis, balanced by the plane that is held.

    None where the motion is no plane's along one axis, or where its nodes are held sideways.

    Args:
        at_mm: (n_nodes, 3) nodes in the mesh's axes; fixed, prescribed_mm: as the machine holds them.
    """
    axes = np.flatnonzero((prescribed_mm != 0.0).any(axis=0))
    if len(axes) != 1:
        return None
    along = int(axes[0])
    moved = fixed[:, along] & (prescribed_mm[:, along] != 0.0)
    held = fixed[:, along] & ~moved
    side = [c for c in range(3) if c != along]
    slides = ~fixed[moved][:, side].any() and bool(np.ptp(prescribed_mm[moved, along]) == 0.0)
    if not slides or not held.any():
        return None
    found = []
    for c in side:
        g = np.zeros_like(prescribed_mm)
        g[moved, c], g[held, c] = 1.0 / moved.sum(), -1.0 / held.sum()
        found.append(g + _couple(at_mm, held, side, g))
    return found[0], found[1]


def _couple(at_mm: F64, held: Bool, side: list[int], g: F64) -> F64:
    """Forces along circles on the held nodes that undo the moment of g about the axis."""
    a, b = side
    r = at_mm[held][:, side] - at_mm[held][:, side].mean(axis=0)
    moment = float((at_mm[:, a] * g[:, b] - at_mm[:, b] * g[:, a]).sum())
    turn = np.zeros_like(g)
    turn[np.ix_(np.flatnonzero(held), np.array(side))] = np.column_stack([-r[:, 1], r[:, 0]]) * (
        -moment / (r**2).sum()
    )
    return turn


def load_direction(
    at_mm: F64, fixed: Bool, prescribed_mm: F64, force_N: F64 | None, u: F64, solve: Callable[[F64], F64]
) -> LoadDirection:
    """What a tilt does to a solved state.

    Args:
        u: (n_nodes, 3) its displacements; solve: displacements under another load on the same supports.
    """
    if force_N is None:
        shears = sheared(at_mm, fixed, prescribed_mm)
        return (
            LoadDirection()
            if shears is None
            else LoadDirection(drift=np.array([(g * u).sum() for g in shears]))
        )
    patterns = tilted(force_N)
    if patterns is None:
        return LoadDirection()
    forces = (force_N, *patterns)
    fields = (u, *(solve(pattern) for pattern in patterns))
    C = np.array([[(f * v).sum() for v in fields] for f in forces])
    return LoadDirection(compliance=0.5 * (C + C.T))
