"""Linear elasticity on brick voxels, without a matrix.

    div sigma = 0,   sigma = E(x) C0(nu) : eps(u),   eps = (grad u + grad u^T) / 2

Eight-node bricks with trilinear displacements.  One Poisson's ratio, one shape: the element matrix is
E_e K0, so a mesh of a million voxels stores K0 once and one number for each voxel.

    symbol   meaning                                      shape, unit
    E        Young's modulus of an element                (n_elements,) MPa
    K0       element stiffness at E = 1 MPa               (24, 24) N/mm
    u        displacement of the nodes                    (n_nodes, 3) mm
    h        edges of the brick                           (3,) mm

Corner a = 4 di + 2 dj + dk of an element sits at its (di, dj, dk) end; degree of freedom 3 a + c is component
c of corner a.  Elements and nodes are those of a box of voxels in C order, the void ones left out.

Sources: Hughes, The Finite Element Method (2000), ch. 3 (trilinear brick); Hughes, Levit & Winget 1983
(element-by-element products).  Tests: tests/analytic/test_elasticity.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy import sparse

from osteoplan.arrays import F64, I32, I64, Array, Bool, Indices, Real
from osteoplan.kernels.beams import Tie
from osteoplan.kernels.rows import Rows, add_stiffness, modal_blocks

__all__ = [
    "CORNERS", "Bricks", "Stiffness", "assembled", "brick_stiffness", "effective_strain", "element_energy",
]  # fmt: skip

CORNERS = np.array([(di, dj, dk) for di in (0, 1) for dj in (0, 1) for dk in (0, 1)])
AT_ONCE = 1000  # elements: as many as stay in the cache, and as a matrix product keeps to one thread


def isotropic(poisson: float) -> F64:
    """(6, 6) elasticity C0 at E = 1, for engineering strains (xx, yy, zz, yz, zx, xy)."""
    first = poisson / ((1 + poisson) * (1 - 2 * poisson))
    shear = 0.5 / (1 + poisson)
    C0 = np.diag([2 * shear] * 3 + [shear] * 3)
    C0[:3, :3] += first
    return C0


def assembled(corners: Array, modulus: F64, K0: F64, nodes: int) -> sparse.csr_array:
    """(3 nodes, 3 nodes) stiffness of some elements, for what cannot be done without a matrix.

    Args:
        corners: (n, 8) their nodes; modulus: (n,) [MPa]; K0: (24, 24) at 1 MPa.
    """
    dofs = (3 * corners[:, :, None] + np.arange(3)).reshape(-1, 24)
    entries = modulus[:, None, None] * K0
    rows, columns = np.repeat(dofs, 24, axis=1), np.tile(dofs, (1, 24))
    return sparse.csr_array((entries.ravel(), (rows.ravel(), columns.ravel())), shape=(3 * nodes, 3 * nodes))


def brick_stiffness(edges_mm: Sequence[float], poisson: float) -> F64:
    """(24, 24) stiffness of a brick at E = 1 MPa [N/mm], by 2 x 2 x 2 Gauss points (exact for a brick)."""
    h = np.asarray(edges_mm, dtype=np.float64)
    C0 = isotropic(poisson)
    K0 = np.zeros((24, 24))
    for point in (CORNERS - 0.5) / np.sqrt(3.0) + 0.5:
        B = _strain_matrix(point, h)
        K0 += B.T @ C0 @ B * h.prod() / 8.0
    return (K0 + K0.T) / 2.0


def _strain_matrix(point: F64, h: F64) -> F64:
    """(6, 24) B with eps = B u_e at a point of the unit cube."""
    ends = np.where(CORNERS == 1, point, 1.0 - point)  # (8, 3) factors of each shape function
    slopes = np.where(CORNERS == 1, 1.0, -1.0) / h
    grad = np.stack([slopes[:, c] * np.delete(ends, c, axis=1).prod(axis=1) for c in range(3)])  # (3, 8)
    B = np.zeros((6, 24))
    for c in range(3):
        B[c, c::3] = grad[c]
    for row, (a, b) in enumerate(((1, 2), (2, 0), (0, 1)), start=3):
        B[row, a::3], B[row, b::3] = grad[b], grad[a]
    return B


@dataclass(frozen=True, eq=False)
class Bricks:
    """The solid voxels of a box, numbered, with their nodes.

    Attributes:
        shape: voxels of the box along (i, j, k).
        cells: (n_elements, 3) voxel indices, C order.
        nodes: (n_nodes, 3) node indices in the (ni+1, nj+1, nk+1) lattice, C order.
        layers: (ni + 1,) first element of each i-layer.
    """

    shape: tuple[int, int, int]
    cells: I32
    nodes: I32
    layers: I64

    @classmethod
    def of(cls, solid: Bool) -> Bricks:
        """Mesh of the True voxels of a (ni, nj, nk) box."""
        ni, nj, nk = solid.shape
        layers = np.concatenate([[0], np.cumsum(solid.sum(axis=(1, 2)))]).astype(np.int64)
        number = np.full((ni + 1, nj + 1, nk + 1), -1, dtype=np.int32)
        cells = np.empty((int(layers[-1]), 3), dtype=np.int32)
        nodes = np.empty((_number_nodes(solid, cells, number), 3), dtype=np.int32)
        _list_nodes(number, nodes)
        return cls((ni, nj, nk), cells, nodes, layers)

    @cached_property
    def corners(self) -> I32:
        """(n_elements, 8) node numbers; made when first asked for, a solve alone does not."""
        number = np.empty(tuple(n + 1 for n in self.shape), dtype=np.int32)
        corners = np.empty((len(self.cells), 8), dtype=np.int32)
        _list_corners(self.cells, self.nodes, number, corners)
        return corners

    @cached_property
    def corner(self) -> tuple[int, int, int]:
        """Lowest voxel index that is solid, along each axis."""
        low = self.cells.min(axis=0) if len(self.cells) else np.zeros(3, dtype=np.int32)
        return int(low[0]), int(low[1]), int(low[2])

    @cached_property
    def rows(self) -> Rows:
        """The same mesh as lines of memory, from ``corner`` on (so that coarse grids begin where it does)."""
        ni, nj, nk = (self.cells.max(axis=0) + 1 - self.corner).tolist() if len(self.cells) else (0, 0, 0)
        low, high = np.full((ni, nj), nk), np.zeros((ni, nj), dtype=np.int64)
        _extents(self.cells, self.corner, low, high)
        return Rows.of_extents((ni, nj, nk), np.where(high == 0, 0, low), high)

    def lines_of_cells(self, values: Real) -> Real:
        """(n_elements,) values -> cells of ``rows``."""
        out = np.zeros(self.rows.cells, dtype=values.dtype)
        _to_cells(self.cells, self.corner, self.rows.cell_at, values, out)
        return out

    def lines_of_nodes(self, values: Array) -> Array:
        """(n_nodes, 3) values -> (3, nodes) of ``rows``; 0 where no node is."""
        out = np.zeros((3, self.rows.nodes), dtype=values.dtype)
        _to_lines(self.nodes, self.corner, self.rows.at, values, out)
        return out

    def of_lines(self, lines: Real) -> Real:
        """(3, nodes) of ``rows`` -> (n_nodes, 3) values."""
        out = np.empty((len(self.nodes), 3), dtype=lines.dtype)
        _from_lines(self.nodes, self.corner, self.rows.at, lines, out)
        return out

    def ties_on_lines(self, ties: tuple[Tie, ...]) -> tuple[Tie, ...]:
        """Rods of this mesh, on the nodes of ``rows``."""
        if not ties:
            return ()
        i, j, k = (self.nodes - np.array(self.corner, dtype=np.int32)).T
        at = self.rows.at[i, j] + k
        return tuple(tie.renumbered(at) for tie in ties)

    def box(self, values: Array, *, void: float = 0.0) -> Array:
        """(n_elements,) values -> (ni, nj, nk) box with ``void`` elsewhere."""
        out = np.full(self.shape, void, dtype=values.dtype)
        out[tuple(self.cells.T)] = values
        return out

    def of_box(self, box: Array) -> Array:
        """(ni, nj, nk) box -> (n_elements,) values of the solid voxels."""
        values: Array = box[tuple(self.cells.T)]
        return values

    @property
    def solid(self) -> Bool:
        """(ni, nj, nk) True where an element is."""
        return self.box(np.ones(len(self.cells), dtype=bool))

    @property
    def node_numbers(self) -> I64:
        """(ni + 1, nj + 1, nk + 1) number of the node at each point of the lattice; -1 where none is."""
        number = np.full(tuple(n + 1 for n in self.shape), -1, dtype=np.int64)
        number[tuple(self.nodes.T)] = np.arange(len(self.nodes))
        return number

    @property
    def corner_numbers(self) -> I32:
        """(ni, nj, nk, 8) corners of each element; -1 where none is."""
        number = np.full((*self.shape, 8), -1, dtype=np.int32)
        number[tuple(self.cells.T)] = self.corners
        return number

    def nodes_at(self, i: Indices, j: Indices, k: Indices | int) -> Bool:
        """(n_nodes,) the corners of squares across k, each with its lowest corner at (i, j, k)."""
        lattice = np.zeros(tuple(n + 1 for n in self.shape), dtype=bool)
        for di in (0, 1):
            for dj in (0, 1):
                lattice[i + di, j + dj, k] = True
        at: Bool = lattice[tuple(self.nodes.T)]
        return at

    def gather(self, u: F64) -> F64:
        """(n_nodes, 3) -> (n_elements, 24) displacements of each element's corners."""
        return u[self.corners].reshape(len(self.corners), 24)


@dataclass(frozen=True, eq=False)
class Stiffness:
    """y = A u with A = sum over elements of E_e K0, and rods; never assembled.

    The numbers do not depend on the count of threads (``kernels.rows``).

    Attributes:
        K0: (24, 24) of a brick at E = 1 MPa.
        modulus: (n_elements,) [MPa]; its dtype is that of the product.
        threads: at most so many; 0 for every core.
        ties: rods in the mesh, which add their own stiffness.
    """

    mesh: Bricks
    K0: F64
    modulus: Real
    threads: int = 0
    ties: tuple[Tie, ...] = ()

    @classmethod
    def uniform(
        cls, mesh: Bricks, K0: F64, modulus: F64, *, dtype: npt.DTypeLike, threads: int = 0,
        ties: tuple[Tie, ...] = (),
    ) -> Stiffness:  # fmt: skip
        """The stiffness of a mesh of equal bricks with one modulus [MPa] each, and of rods in it."""
        return cls(mesh, K0, np.ascontiguousarray(modulus, dtype=dtype), threads, ties)

    @cached_property
    def rows(self) -> Rows:
        """Lines of the mesh, worked on by so many threads."""
        return replace(self.mesh.rows, threads=self.threads)

    def __call__(self, u: Real) -> Real:
        """(n_nodes, 3) displacements -> (n_nodes, 3) nodal forces, in the dtype of the moduli."""
        mesh, dtype = self.mesh, self.modulus.dtype
        lines = self.rows.zeros(dtype)
        moved = mesh.lines_of_nodes(np.asarray(u, dtype=dtype))
        add_stiffness(self.rows, modal_blocks(self.K0), mesh.lines_of_cells(self.modulus), moved, lines)
        y = mesh.of_lines(lines)
        for tie in self.ties:
            tie.add(u, y)
        return y

    def diagonal(self) -> F64:
        """(n_nodes, 3) diagonal of A."""
        weights = np.diagonal(self.K0) * self.modulus[:, None].astype(np.float64)
        dofs = 3 * self.mesh.corners[:, :, None] + np.arange(3)
        count = 3 * len(self.mesh.nodes)
        total: Array = np.bincount(dofs.ravel(), weights.ravel(), minlength=count)
        total = total.reshape(-1, 3)
        for tie in self.ties:
            total += tie.diagonal(len(total))
        return total


def element_energy(mesh: Bricks, K0: F64, u: F64) -> F64:
    """(n_elements,) u_e^T K0 u_e: twice the strain energy of each element at E = 1 MPa [N mm].

    The element matrix is exact, so this is the integral over the element (its Gauss points' mean times its
    volume), not a value at the centroid.
    """
    energy = np.empty(len(mesh.cells))
    for first in range(0, len(energy), AT_ONCE):
        ue = u[mesh.corners[first : first + AT_ONCE]].reshape(-1, 24)
        energy[first : first + AT_ONCE] = ((ue @ K0) * ue).sum(axis=1)
    return np.maximum(energy, 0.0)


def effective_strain(energy: F64, volume_mm3: float) -> F64:
    """(n_elements,) effective strain sqrt(eps : C0 : eps), root mean square over the element.

    ``energy`` is that of ``element_energy``.  Equal to sqrt(2 U / E) with U the strain energy density, the
    measure of Pistoia et al. 2002.
    """
    return np.sqrt(energy / volume_mm3)


@njit(cache=True, nogil=True)
def _number_nodes(solid, cells, number):  # type: ignore[no-untyped-def]
    """List the cells; number their nodes in C order; how many there are."""
    ni, nj, nk = solid.shape
    e = 0
    for i in range(ni):
        for j in range(nj):
            for k in range(nk):
                if solid[i, j, k]:
                    cells[e, 0], cells[e, 1], cells[e, 2] = i, j, k
                    e += 1
                    number[i : i + 2, j : j + 2, k : k + 2] = 0
    count = 0
    for i in range(ni + 1):
        for j in range(nj + 1):
            for k in range(nk + 1):
                if number[i, j, k] == 0:
                    number[i, j, k] = count
                    count += 1
    return count


@njit(cache=True, nogil=True)
def _list_nodes(number, nodes):  # type: ignore[no-untyped-def]
    for i in range(number.shape[0]):
        for j in range(number.shape[1]):
            for k in range(number.shape[2]):
                n = number[i, j, k]
                if n >= 0:
                    nodes[n, 0], nodes[n, 1], nodes[n, 2] = i, j, k


@njit(cache=True, nogil=True)
def _list_corners(cells, nodes, number, corners):  # type: ignore[no-untyped-def]
    for n in range(len(nodes)):
        number[nodes[n, 0], nodes[n, 1], nodes[n, 2]] = n
    for e in range(len(cells)):
        for a in range(8):
            corners[e, a] = number[cells[e, 0] + a // 4, cells[e, 1] + a // 2 % 2, cells[e, 2] + a % 2]


@njit(cache=True, nogil=True)
def _extents(cells, corner, low, high):  # type: ignore[no-untyped-def]
    for e in range(len(cells)):
        i, j, k = cells[e, 0] - corner[0], cells[e, 1] - corner[1], cells[e, 2] - corner[2]
        low[i, j] = min(low[i, j], k)
        high[i, j] = max(high[i, j], k + 1)


@njit(cache=True, nogil=True)
def _to_cells(cells, corner, at, values, out):  # type: ignore[no-untyped-def]
    for e in range(len(cells)):
        line = at[cells[e, 0] - corner[0], cells[e, 1] - corner[1]]
        out[line + cells[e, 2] - corner[2]] = values[e]


@njit(cache=True, nogil=True)
def _to_lines(nodes, corner, at, values, out):  # type: ignore[no-untyped-def]
    for n in range(len(nodes)):
        to = at[nodes[n, 0] - corner[0], nodes[n, 1] - corner[1]] + nodes[n, 2] - corner[2]
        for c in range(3):
            out[c, to] = values[n, c]


@njit(cache=True, nogil=True)
def _from_lines(nodes, corner, at, lines, out):  # type: ignore[no-untyped-def]
    for n in range(len(nodes)):
        of = at[nodes[n, 0] - corner[0], nodes[n, 1] - corner[1]] + nodes[n, 2] - corner[2]
        for c in range(3):
            out[n, c] = lines[c, of]
