"""Straight rods of Timoshenko beam elements, tied to a mesh of bricks.

A rod thinner than a brick has no shape of its own in the mesh.  It is a line of nodes instead, whose
translations are those of the bricks around it; its rotations, and every translation that nothing holds, are
eliminated, so that no unknown is added:

    a = W u                          translations of the rod's nodes: means of trilinear values around it
    E = 1/2 a^T K a                  energy of the rod, K with rotations and free translations condensed out

An element of length L, in each of its two planes (phi = 12 E I / (k G A L^2)):

    E A / L [1 -1; -1 1]             along
    E I / (L^3 (1 + phi)) [12  6L  -12  6L;  .  (4 + phi) L^2  -6L  (2 - phi) L^2;  ...]      across

    symbol        meaning                                             shape, unit
    s             places of the rod's nodes, from its first end       (m,) mm
    EA            axial stiffness of each element                     (m - 1,) N
    EI, kGA       bending and shear stiffness of each element         (m - 1,) N mm2, N
    held_along, held_across    node moves with the bricks             (m,) bool

A straight rod that is held by its translations alone carries no torsion.  Where fewer than two nodes are held
in a direction, the rod resists nothing in it.

A node reads the bricks on a ring around the axis (radius of the rod), so that finer bricks than the rod do
not feel a knife's edge; rings of the rod's nodes lie at least one brick apart along the lattice.

Sources: Przemieniecki, Theory of Matrix Structural Analysis (1968), ch. 5 (the element); Cowper 1966 (shear
coefficient); Guyan 1965 (condensation).  Tests: tests/analytic/test_beams.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from osteoplan.arrays import F64, I32, Array, Bool, Indices

__all__ = ["Beam", "EndForces", "Tie", "interpolation", "places", "rings", "shear_coefficient"]

RING = 8  # points around the axis


def shear_coefficient(poisson: float, bore_ratio: float) -> float:
    """k of a round section whose bore is ``bore_ratio`` of its diameter (Cowper 1966)."""
    m2 = bore_ratio**2
    ring = (1.0 + m2) ** 2
    return 6.0 * (1.0 + poisson) * ring / ((7.0 + 6.0 * poisson) * ring + (20.0 + 12.0 * poisson) * m2)


@dataclass(frozen=True, eq=False)
class Tie:
    """What a rod adds to the stiffness of a mesh: W^T K W.

    Attributes:
        nodes: (m, w) nodes of the mesh that each node of the rod reads; weights: (m, w), 0 in places not
            used, rows that add up to 1 (or are 0 where the node is not held).
        K: (3 m, 3 m) symmetric, not negative [N/mm]; degree of freedom 3 j + c is component c of node j.
    """

    nodes: I32
    weights: F64
    K: F64

    def displacement(self, u: Array) -> F64:
        """(m, 3) displacement of the rod's nodes under (n_nodes, 3)."""
        a: F64 = _read(self.nodes, self.weights, u)
        return a

    def add(self, u: Array, y: Array, factor: float = 1.0) -> None:
        """y += factor W^T K W u; both (n_nodes, 3), of any layout and precision."""
        a = self.displacement(u)
        _scatter(self.nodes, self.weights, factor * (self.K @ a.ravel()).reshape(a.shape), y)

    def energy(self, u: F64) -> float:
        """Twice the energy of the rod [N mm]."""
        a = self.displacement(u).ravel()
        return float(a @ self.K @ a)

    def diagonal(self, n_nodes: int) -> F64:
        """(n_nodes, 3) diagonal of W^T K W."""
        m, w = self.nodes.shape
        total = np.zeros((n_nodes, 3))
        if m == 0:
            return total
        at, place = np.unique(self.nodes, return_inverse=True)
        W = np.zeros((m, len(at)))
        np.add.at(W, (np.repeat(np.arange(m), w), place.ravel()), self.weights.ravel())
        for c in range(3):
            total[at, c] = np.einsum("jp,jp->p", W, self.K[c::3, c::3] @ W)
        return total

    def renumbered(self, number: npt.NDArray[np.integer[Any]]) -> Tie:
        """The same rod where node n is called ``number[n]``."""
        return replace(self, nodes=np.asarray(number[self.nodes], dtype=np.int32))


@dataclass(frozen=True, eq=False)
class EndForces:
    """What each element of a rod carries.

    Attributes:
        axial_N: (m - 1,) pull is positive.
        shear_N: (m - 1, 2) across, in two planes.
        moment_Nmm: (m - 1, 2, 2) bending moment at (start, end) in those planes.
    """

    axial_N: F64
    shear_N: F64
    moment_Nmm: F64


@dataclass(frozen=True, eq=False)
class Beam:
    """A straight rod; see the module for its arrays.

    Attributes:
        axis: (3,) unit vector from the first end to the last, along the lattice's axes.
    """

    axis: F64
    s: F64
    EA: F64
    EI: F64
    kGA: F64
    held_along: Bool
    held_across: Bool

    @property
    def frame(self) -> F64:
        """(3, 3) rows: along, and two directions across."""
        first = np.cross(self.axis, np.eye(3)[np.argmin(np.abs(self.axis))])
        first /= np.linalg.norm(first)
        return np.stack([self.axis, first, np.cross(self.axis, first)])

    def stiffness(self) -> F64:
        """(3 m, 3 m) stiffness at the held translations, along the lattice's axes."""
        along, across = self._condensed()[0][0], self._condensed()[1][0]
        n = np.outer(self.axis, self.axis)
        K: F64 = np.kron(along, n) + np.kron(across, np.eye(3) - n)
        return 0.5 * (K + K.T)

    def forces(self, a: F64) -> EndForces:
        """Forces in the elements where the held translations are (m, 3) a."""
        local = a @ self.frame.T
        (_, whole_along), (_, whole_across) = self._condensed()
        stretch = np.diff(whole_along @ local[:, 0])
        L = np.diff(self.s)
        bent = [whole_across @ local[:, c] for c in (1, 2)]
        ends = np.array(
            [[_bending(*row) @ v[2 * e : 2 * e + 4] for v in bent] for e, row in self._elements()]
        )
        moment = np.stack([ends[:, :, 1], -ends[:, :, 3]], axis=1)
        return EndForces(self.EA * stretch / L, ends[:, :, 2], moment)

    def _elements(self) -> list[tuple[int, tuple[float, float, float]]]:
        rows = zip(np.diff(self.s), self.EI, self.kGA, strict=True)
        return [(e, (float(L), float(EI), float(kGA))) for e, (L, EI, kGA) in enumerate(rows)]

    def _condensed(self) -> tuple[tuple[F64, F64], tuple[F64, F64]]:
        """(K, whole) along and across: whole gives all degrees of freedom from the (m,) translations."""
        m = len(self.s)
        axial, bending = np.zeros((m, m)), np.zeros((2 * m, 2 * m))
        for e, (L, EI, kGA) in self._elements():
            axial[e : e + 2, e : e + 2] += self.EA[e] / L * np.array([[1.0, -1.0], [-1.0, 1.0]])
            bending[2 * e : 2 * e + 4, 2 * e : 2 * e + 4] += _bending(L, EI, kGA)
        return (
            _condense(axial, np.arange(m), self.held_along),
            _condense(bending, 2 * np.arange(m), self.held_across),
        )


def places(length_mm: float, axis: F64, edges_mm: F64) -> F64:
    """(m,) places along a rod, so far apart that each lies in a layer of bricks of its own."""
    step = 1.0 / float((np.abs(axis) / edges_mm).max())
    count = max(1, int(length_mm / step + 1e-9))
    return np.linspace(0.0, length_mm, count + 1)


def rings(points: F64, axis: F64, radius: float) -> F64:
    """(m, RING, 3) points around each of (m, 3) points of a straight rod."""
    first = np.cross(axis, np.eye(3)[np.argmin(np.abs(axis))])
    first /= np.linalg.norm(first)
    angle = 2.0 * np.pi * (np.arange(RING) + 0.5) / RING
    around = np.outer(np.cos(angle), first) + np.outer(np.sin(angle), np.cross(axis, first))
    return points[:, None, :] + radius * around


def interpolation(points: F64, number: I32) -> tuple[I32, F64]:
    """Nodes and weights (m, 8 q) that read the mean of trilinear values at (m, q, 3) points.

    Args:
        points: in units of bricks, node (i, j, k) of the lattice at (i, j, k).
        number: (ni, nj, nk, 8) numbers of the corners of each brick, -1 where it is void.

    Points in no brick are left out of the mean; a row with none of them has zero weights.
    """
    cell = np.floor(points).astype(np.intp)
    shape = np.array(number.shape[:3])
    inside: Bool = np.asarray(((cell >= 0) & (cell < shape)).all(axis=-1))
    cell = np.where(inside[..., None], cell, 0)
    corners = number[cell[..., 0], cell[..., 1], cell[..., 2]]  # (m, q, 8)
    inside &= corners[..., 0] >= 0
    t = (points - cell)[..., None, :]
    factor = np.where(_CORNERS == 1, t, 1.0 - t).prod(axis=-1) * inside[..., None]
    count = inside.sum(axis=1)[:, None, None]
    weights = factor / np.maximum(count, 1)
    m = len(points)
    return np.where(weights > 0, corners, 0).reshape(m, -1).astype(np.int32), weights.reshape(m, -1)


_CORNERS = np.array([(i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1)])


def _bending(L: float, EI: float, kGA: float) -> F64:
    """(4, 4) stiffness of an element for (w, w', w, w')."""
    phi = 12.0 * EI / (kGA * L * L)
    a, b, c, d = 12.0, 6.0 * L, (4.0 + phi) * L * L, (2.0 - phi) * L * L
    K = np.array([[a, b, -a, b], [b, c, -b, d], [-a, -b, a, -b], [b, d, -b, c]])
    return EI / (L**3 * (1.0 + phi)) * K


def _condense(K: F64, translation: Indices, held: Bool) -> tuple[F64, F64]:
    """((m, m) stiffness at held translations, (n, m) all degrees of freedom from them)."""
    m, n = len(held), len(K)
    whole = np.zeros((n, m))
    if held.sum() < 2:
        return np.zeros((m, m)), whole
    kept = translation[held]
    freed = np.setdiff1d(np.arange(n), kept)
    whole[kept, np.flatnonzero(held)] = 1.0
    if freed.size:
        # long and short elements: scale before solving
        size = np.sqrt(np.diag(K))[freed]
        inner = K[np.ix_(freed, freed)] / np.outer(size, size)
        follow = np.linalg.solve(inner, K[np.ix_(freed, kept)] / size[:, None]) / size[:, None]
        whole[np.ix_(freed, np.flatnonzero(held))] = -follow
    return whole.T @ K @ whole, whole


@njit(cache=True, nogil=True)
def _read(nodes, weights, u):  # type: ignore[no-untyped-def]
    m, w = nodes.shape
    a = np.zeros((m, 3))
    for j in range(m):
        for q in range(w):
            if weights[j, q] != 0.0:
                for c in range(3):
                    a[j, c] += weights[j, q] * u[nodes[j, q], c]
    return a


@njit(cache=True, nogil=True)
def _scatter(nodes, weights, force, y):  # type: ignore[no-untyped-def]
    m, w = nodes.shape
    for j in range(m):
        for q in range(w):
            if weights[j, q] != 0.0:
                for c in range(3):
                    y[nodes[j, q], c] += weights[j, q] * force[j, c]
