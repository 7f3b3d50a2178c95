"""Straight rods of Timoshenko beam elements whose cross-sections may also stretch with what surrounds them.

A rod thinner than a brick has no shape of its own in the mesh.  It is a line of nodes instead; at each, nine
motions say how the section there moves and strains (u = a + x1 g1 + x2 g2):

    symbol        meaning                                             shape, unit
    a             translation: along, and in two directions across    (3,) mm
    g1, g2        change of u across: turns, and strains in the plane (3,) 1
    s             places of the rod's nodes, from its first end       (m,) mm
    EA            axial stiffness of each element                     (m - 1,) N
    EI, kGA       bending and shear stiffness of each element         (m - 1,) N mm2, N

An element of length L, in each of its two planes (phi = 12 E I / (k G A L^2); the slope is minus the part of
g along the rod):

    E I / (L^3 (1 + phi)) [12  6L  -12  6L;  .  (4 + phi) L^2  -6L  (2 - phi) L^2;  ...]      across
    A L C   for eps = (da/ds along, g11, g22, g12 + g21)                      along, and in the section
    G I / L [1 -1; -1 1]              for the four parts of g in the section: torsion is G (2 I) / L

Free to contract sideways, a rod is E A / L [1 -1; -1 1] along.  How it moves with the bricks around it is
``kernels.embedding``.

Sources: Przemieniecki, Theory of Matrix Structural Analysis (1968), ch. 5 (the element); Cowper 1966 (shear
coefficient).  Tests: tests/analytic/test_beams.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from osteoplan.arrays import F64, I32, Array

__all__ = ["MOTIONS", "Beam", "EndForces", "Tie", "places", "shear_coefficient"]

MOTIONS = 9  # of a node: a, g1, g2; motion 3 b + c is direction c (along, across, across) of mode b


def shear_coefficient(poisson: float, bore_ratio: float) -> float:
    """k of a round section whose bore is ``bore_ratio`` of its diameter (Cowper 1966)."""
    m2 = bore_ratio**2
    ring = (1.0 + m2) ** 2
    return 6.0 * (1.0 + poisson) * ring / ((7.0 + 6.0 * poisson) * ring + (20.0 + 12.0 * poisson) * m2)


@dataclass(frozen=True, eq=False)
class Tie:
    """What a rod adds to the stiffness of a mesh: W^T K W.

    Attributes:
        nodes: (m, w) nodes of the mesh that each reading of the rod sums over; weights: (m, w), 0 in places
            not used.
        K: (3 m, 3 m) symmetric, not negative; degree of freedom 3 j + c is component c of reading j.
    """

    nodes: I32
    weights: F64
    K: F64

    def displacement(self, u: Array) -> F64:
        """(m, 3) readings under (n_nodes, 3) displacements [mm]."""
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
        start: (3,) its first end [mm], and axis: (3,) unit vector to the last, along the lattice's axes.
        radius: of its surface [mm].
    """

    start: F64
    axis: F64
    s: F64
    radius: float
    EA: F64
    EI: F64
    kGA: F64
    poisson: float = 0.3

    @property
    def frame(self) -> F64:
        """(3, 3) rows: along, and two directions across."""
        first = np.cross(self.axis, np.eye(3)[np.argmin(np.abs(self.axis))])
        first /= np.linalg.norm(first)
        return np.stack([self.axis, first, np.cross(self.axis, first)])

    def less(self, modulus_MPa: F64) -> Beam:
        """The rod less a full one of (m - 1,) other moduli: what it pushes aside stays in the bricks."""
        A, G = np.pi * self.radius**2, 0.5 / (1.0 + self.poisson)
        EA = np.maximum(self.EA - A * modulus_MPa, 0.0)
        EI = np.maximum(self.EI - A * self.radius**2 / 4.0 * modulus_MPa, 0.0)
        kGA = np.maximum(self.kGA - shear_coefficient(self.poisson, 0.0) * G * A * modulus_MPa, 0.0)
        return replace(self, EA=EA, EI=EI, kGA=np.maximum(kGA, 1e-9 * self.kGA))

    def hats(self, s: F64) -> F64:
        """(k, m) share of each node in what happens at (k,) places; beyond the ends as a straight line."""
        e = np.clip(np.searchsorted(self.s, s, side="right") - 1, 0, len(self.s) - 2)
        t = (s - self.s[e]) / np.diff(self.s)[e]
        N = np.zeros((len(s), len(self.s)))
        N[np.arange(len(s)), e], N[np.arange(len(s)), e + 1] = 1.0 - t, t
        return N

    def motion(self, points: F64) -> F64:
        """(3 k, 9 m) displacement of (k, 3) points [mm] by the nodes' motions, along the lattice's axes."""
        local = (points - self.start) @ self.frame.T
        modes = np.stack([np.ones(len(points)), local[:, 1], local[:, 2]], axis=1)
        out: F64 = np.einsum("km,kb,cd->kdmbc", self.hats(local[:, 0]), modes, self.frame)
        return out.reshape(3 * len(points), -1)

    def stiffness(self) -> F64:
        """(9 m, 9 m) stiffness of the nodes' motions."""
        m = len(self.s)
        K = np.zeros((m, MOTIONS, m, MOTIONS))
        for e, own in enumerate(self._elements()):
            K[e : e + 2, :, e : e + 2] += own
        return K.reshape(MOTIONS * m, -1)

    def forces(self, q: F64) -> EndForces:
        """Forces in the elements under (m, 9) motions of the nodes."""
        F = np.einsum("einjp,ejp->ein", self._elements(), np.stack([q[:-1], q[1:]], axis=1))
        return EndForces(F[:, 1, 0], F[:, 1, 1:3], np.stack([-F[:, 0, 3::3], F[:, 1, 3::3]], axis=1))

    def _elements(self) -> F64:
        """(m - 1, 2, 9, 2, 9) stiffness of each element between the motions of its two nodes."""
        first = self.poisson / ((1.0 + self.poisson) * (1.0 - 2.0 * self.poisson))
        mu = 0.5 / (1.0 + self.poisson)
        C = np.diag([2.0 * mu, 2.0 * mu, 2.0 * mu, mu])  # along, across, across, and sheared in the section
        C[:3, :3] += first
        ends, B = np.array([-1.0, 1.0]), np.zeros((4, 2, MOTIONS))
        B[1, :, 4] = B[2, :, 8] = B[3, :, 5] = B[3, :, 7] = 0.5  # at the middle
        K = np.zeros((len(self.EA), 2, MOTIONS, 2, MOTIONS))
        for own, L, EA, EI, kGA in zip(K, np.diff(self.s), self.EA, self.EI, self.kGA, strict=True):
            B[0, :, 0] = ends / L
            own += np.einsum("rin,rs,sjp->injp", B, C * EA * L, B)
            for c in (4, 5, 7, 8):
                own[:, c, :, c] += mu * EI / L * np.outer(ends, ends)
            bent = _bending(L, EI, kGA).reshape(2, 2, 2, 2)
            for plane in (1, 2):  # deflection, and minus its slope
                own[np.ix_((0, 1), (plane, 3 * plane), (0, 1), (plane, 3 * plane))] += bent
        return K


def places(length_mm: float, axis: F64, edges_mm: F64, radius_mm: float) -> F64:
    """(m,) places along a rod: a radius apart, but each in a layer of bricks of its own."""
    step = max(radius_mm, 1.0 / float((np.abs(axis) / edges_mm).max()))
    count = max(1, int(length_mm / step + 1e-9))
    return np.linspace(0.0, length_mm, count + 1)


def _bending(L: float, EI: float, kGA: float) -> F64:
    """(4, 4) stiffness of an element for (w, -w', w, -w')."""
    phi = 12.0 * EI / (kGA * L * L)
    a, b, c, d = 12.0, 6.0 * L, (4.0 + phi) * L * L, (2.0 - phi) * L * L
    K = np.array([[a, -b, -a, -b], [-b, c, b, d], [-a, b, a, b], [-b, d, b, c]])
    return EI / (L**3 * (1.0 + phi)) * K


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
