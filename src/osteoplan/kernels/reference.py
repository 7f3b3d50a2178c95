"""The same elasticity once more, as plainly as it can be written: the yardstick of the fast kernel.

    K[3a+i, 3b+j] = lambda G_ij[a, b] + mu G_ji[a, b] + mu delta_ij sum_k G_kk[a, b]
    G_ij[a, b]    = integral over the brick of dN_a/dx_i dN_b/dx_j

N is a product of three lines, one along each axis, so G is a product of three exact integrals along a line:
no Gauss points.  The matrix is assembled (SciPy) to be factorised; nothing is shared with ``elasticity``,
``rows`` or ``multigrid``.  For some thousand nodes; beyond, memory grows as the factors do.

Source: Hughes, The Finite Element Method (2000), ch. 2 and 3.  Tests: tests/analytic/test_reference.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from osteoplan.arrays import F64, I64, Bool

__all__ = ["assembled", "plain_brick", "plain_nodes"]


def plain_brick(edges_mm: Sequence[float], poisson: float) -> F64:
    """(24, 24) stiffness [N/mm] of a brick at E = 1 MPa; corner 4 di + 2 dj + dk, components together."""
    first = poisson / ((1 + poisson) * (1 - 2 * poisson))
    shear = 0.5 / (1 + poisson)
    G = [[_integral(edges_mm, i, j) for j in range(3)] for i in range(3)]
    trace = G[0][0] + G[1][1] + G[2][2]
    K = np.zeros((8, 3, 8, 3))
    for i in range(3):
        for j in range(3):
            K[:, i, :, j] = first * G[i][j] + shear * G[j][i] + shear * (i == j) * trace
    return K.reshape(24, 24)


def plain_nodes(solid: Bool) -> tuple[I64, I64]:
    """((n_nodes, 3) lattice indices in C order, (n_elements, 8) node numbers) of the True voxels."""
    lattice = tuple(n + 1 for n in solid.shape)
    ends = np.array([(di, dj, dk) for di in (0, 1) for dj in (0, 1) for dk in (0, 1)])
    at = np.argwhere(solid)[:, None, :] + ends
    flat = np.ravel_multi_index(tuple(np.moveaxis(at, -1, 0)), lattice)
    used, corners = np.unique(flat, return_inverse=True)
    return np.stack(np.unravel_index(used, lattice), axis=1), corners.reshape(flat.shape)


def assembled(E: F64, edges_mm: Sequence[float], poisson: float) -> sparse.csc_matrix:
    """The whole stiffness [N/mm] of a (ni, nj, nk) box of moduli [MPa]; 0 is void."""
    nodes, corners = plain_nodes(E > 0)
    dofs = (3 * corners[:, :, None] + np.arange(3)).reshape(-1, 24)
    values = E[E > 0][:, None, None] * plain_brick(edges_mm, poisson)
    rows, columns = np.repeat(dofs, 24, axis=1), np.tile(dofs, (1, 24))
    size = 3 * len(nodes)
    return sparse.csc_matrix((values.ravel(), (rows.ravel(), columns.ravel())), shape=(size, size))


def _integral(edges: Sequence[float], i: int, j: int) -> F64:
    """(8, 8) G_ij: along an axis both factors are N, one is a slope, or both are."""
    G = np.ones((1, 1))
    for axis, h in enumerate(edges):
        plain = np.array([[2.0, 1.0], [1.0, 2.0]]) * h / 6.0  # N_a N_b
        sloped = np.array([[-0.5, -0.5], [0.5, 0.5]])  # N_a' N_b
        both = np.array([[1.0, -1.0], [-1.0, 1.0]]) / h  # N_a' N_b'
        line = {(False, False): plain, (True, False): sloped, (False, True): sloped.T, (True, True): both}
        G = np.kron(G, line[(axis == i, axis == j)])
    return G
