"""When a linear solution means failure: strains of bricks, and the load at which enough are too large.

    strain       mean of an element = at its centroid; engineering shear, order xx, yy, zz, yz, zx, xy
    demand       of an element: its strain at unit load over its limit; it fails at load 1 / demand
    load         at which elements of a stated volume (or share) have failed, the most strained first

Strain limits: max(e1 / tension, -e3 / compression) with principal strains e1 >= e2 >= e3 (Schileo 2014).
Effective strain: ``elasticity.effective_strain`` over its limit (Pistoia 2002).
Limits and volumes are the caller's: they are clinical numbers.  Tests: tests/analytic/test_criteria.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from osteoplan.arrays import F64
from osteoplan.kernels.elasticity import CORNERS, Bricks

__all__ = [
    "failure_load", "mean_strain", "mean_strain_matrix", "principal_strains",
    "strain_demand",
]  # fmt: skip


def mean_strain_matrix(edges_mm: Sequence[float]) -> F64:
    """(6, 24) matrix from corner displacements [mm] to the mean strain of a brick."""
    grad = ((2 * CORNERS - 1) / 4.0 / np.asarray(edges_mm, dtype=np.float64)).T  # (3, 8)
    B = np.zeros((6, 24))
    for c in range(3):
        B[c, c::3] = grad[c]
    for row, (a, b) in enumerate(((1, 2), (2, 0), (0, 1)), start=3):
        B[row, a::3], B[row, b::3] = grad[b], grad[a]
    return B


def mean_strain(mesh: Bricks, edges_mm: Sequence[float], u: F64) -> F64:
    """(n_elements, 6) mean strain of displacements (n_nodes, 3) [mm]."""
    return mesh.gather(u) @ mean_strain_matrix(edges_mm).T


def principal_strains(strain: F64) -> F64:
    """(n, 3) principal strains, largest first, of (n, 6) strains with engineering shear."""
    xx, yy, zz, yz, zx, xy = strain.T
    tensor = np.stack([xx, xy / 2, zx / 2, xy / 2, yy, yz / 2, zx / 2, yz / 2, zz], axis=-1)
    return np.linalg.eigvalsh(tensor.reshape(-1, 3, 3))[:, ::-1]


def strain_demand(principal: F64, *, tension: float, compression: float) -> F64:
    """(n,) largest of e1 / tension and -e3 / compression; both limits positive."""
    return np.maximum(principal[:, 0] / tension, -principal[:, 2] / compression)


def failure_load(demand: F64, volume_mm3: float, *, failing_mm3: float) -> float:
    """Load at which elements (each of ``volume_mm3``) of ``failing_mm3`` in all have failed.

    ``demand`` is at unit load; a failing volume of no more than one element asks for the first failure.

    Raises:
        ValueError: there is less volume than has to fail, or nothing is strained.
    """
    count = max(1, int(np.ceil(failing_mm3 / volume_mm3 - 1e-9)))
    if count > demand.size:
        raise ValueError(f"{failing_mm3:g} mm3 have to fail, and {demand.size * volume_mm3:g} mm3 are there")
    critical = float(np.partition(demand, demand.size - count)[demand.size - count])
    if critical <= 0.0:
        raise ValueError("no element is strained towards its limit")
    return 1.0 / critical
