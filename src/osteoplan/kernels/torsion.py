"""Torsion of a bar of any section, hollow or of several materials (Saint-Venant).

    GJ = min over psi of  sum over cells of G int (psi_x - y)^2 + (psi_y + x)^2

psi(x, y) is the warping per unit twist.  Square cells with bilinear psi, so GJ is approached from above;
where the centre of twist lies makes no difference.  Being a minimum, GJ in another sample is bounded and
estimated from the cells' energies exactly as a stiffness is (``mechanics.uncertainty.samples``).

    symbol   meaning                                        shape, unit
    G        shear modulus of a cell, 0 where nothing is    (nx, ny) MPa
    h        edge of the cells                              mm
    s        energy of a cell at G = 1 and unit twist       (nx, ny) mm4

Source: Timoshenko & Goodier, Theory of Elasticity (1970), ch. 10.  Tests: tests/analytic/test_rigidity.py.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix, diags
from scipy.sparse.linalg import splu

from osteoplan.arrays import F64, Indices

__all__ = ["torsion"]

# Corners (0,0), (1,0), (0,1), (1,1) of a cell; its Laplacian does not depend on h.
_CORNERS = np.array([(0, 0), (1, 0), (0, 1), (1, 1)])
_LAPLACE = np.array([[4, -1, -1, -2], [-1, 4, -2, -1], [-1, -2, 4, -1], [-2, -1, -1, 4]]) / 6.0
_ALONG_X = np.array([-0.5, 0.5, -0.5, 0.5])  # int N_x over a cell of edge 1
_ALONG_Y = np.array([-0.5, -0.5, 0.5, 0.5])
_NEARLY_NOTHING = 1e-10  # of a node's own stiffness: fixes the free constant of psi


def torsion(G: F64, h: float) -> tuple[float, F64]:
    """(GJ [N mm2], s (nx, ny) [mm4]) with GJ = sum G s.

    Args:
        G: (nx, ny) shear modulus [MPa]; cells of 0 are not there.
        h: edge [mm].
    """
    s = np.zeros_like(G)
    cells = np.argwhere(G > 0)
    if len(cells) == 0:
        return 0.0, s
    stiff = G[tuple(cells.T)]
    middle = (cells + 0.5) * h
    middle -= (stiff[:, None] * middle).sum(axis=0) / stiff.sum()
    x, y = middle.T
    # int (N_x y - N_y x) and int (x^2 + y^2) over each cell
    pull = h * (np.outer(y, _ALONG_X) - np.outer(x, _ALONG_Y))
    polar = h * h * (x * x + y * y + h * h / 6.0)
    corners, count = _numbered(cells, G.shape)
    rows, columns = np.repeat(corners, 4, axis=1), np.tile(corners, (1, 4))
    weights = stiff[:, None] * _LAPLACE.ravel()
    K = coo_matrix((weights.ravel(), (rows.ravel(), columns.ravel())), shape=(count, count)).tocsc()
    f = np.bincount(corners.ravel(), (stiff[:, None] * pull).ravel(), minlength=count)
    psi = splu(K + diags(_NEARLY_NOTHING * K.diagonal(), format="csc")).solve(f)
    own = psi[corners]
    energy = polar - 2.0 * (pull * own).sum(axis=1) + ((own @ _LAPLACE) * own).sum(axis=1)
    s[tuple(cells.T)] = np.maximum(energy, 0.0)
    return float((G * s).sum()), s


def _numbered(cells: Indices, shape: tuple[int, ...]) -> tuple[Indices, int]:
    """((n_cells, 4) node numbers, their count)."""
    at = cells[:, None, :] + _CORNERS
    flat = at[..., 0] * (shape[1] + 1) + at[..., 1]
    used, number = np.unique(flat, return_inverse=True)
    return number.reshape(flat.shape), len(used)
