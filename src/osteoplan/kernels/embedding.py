"""Rods of beam elements held by the bricks around their surface.

A rod meets the bricks on its whole surface: rings along it and discs at its ends.  The points there, weighted
by their area and by the modulus of the brick that each lies in, give what the surface does in the rod's own
motions (hats along the axis, nine motions each), by least squares.  Springs of what the lattice gives too
little (``kernels.lattice_give``) lie between that and the rod, whose motions are eliminated:

    p = W u            readings: sums over the surface        y = M^+ p          motions of the surface
    E(u) = min over q of  1/2 (y - q)^T S (y - q) + 1/2 q^T K q,      q = (S + K)^-1 S y

    symbol   meaning                                          shape
    M        N^T w N of the points                            (3 m, 3 m)
    S        springs [N/mm]; those of motions that nothing    (9 m, 9 m)
             holds (along the axis, and turning about it,
             where a rod slides) have no stiffness
    K        of the beam                                      (9 m, 9 m)

So every rigid motion costs nothing, whatever part of the surface lies in bricks, no unknown is added, and
what a rod brings does not depend on the edge of the bricks.  Rods that overlap are one piece of metal: their
fields are tied around the place where their axes are nearest.

Sources: Steinbrecher, Popp, Meier 2022 (surface of a beam tied to a solid, sections that strain); Guyan 1965
(condensation).  Tests: tests/analytic/test_embedding.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import sparse
from scipy.optimize import lsq_linear

from osteoplan.arrays import F64, I64, Bool
from osteoplan.kernels.beams import MOTIONS, Beam, Tie
from osteoplan.kernels.elasticity import CORNERS, Bricks
from osteoplan.kernels.lattice_give import give_of_bricks

__all__ = ["Held", "Surface", "hold", "nearest", "tie"]

PER_EDGE = 4  # rings along an edge of a brick; half as many points around
LEAST_AROUND = 12
DISCS = 3  # rings on the disc at each end
FINE = 0.2  # of the radius: the edge of the bricks whose give is taken for true; see ``hold``
RIGID = 1e7  # MPa, of bricks whose modulus nobody told: a hundred metals leave no give to speak of
LOST = 1e-2  # of M (its diagonal 1; 0.5 where all is told): what too little of the surface tells is not held


@dataclass(frozen=True, eq=False)
class Surface:
    """Points on the surface of a rod, in rings of R.

    Attributes:
        s: (k,) place of each ring; length: (k,) of the rod that it stands for [mm].
        modes: (k, R, 3) 1, x1, x2; at: (k, R, 3) mm in the lattice.
    """

    s: F64
    length: F64
    modes: F64
    at: F64

    @classmethod
    def of(cls, beam: Beam, edges_mm: F64) -> Surface:
        """Of a rod in bricks."""
        step, r, end = float(edges_mm.min()) / PER_EDGE, beam.radius, float(beam.s[-1])
        per = int(np.ceil(np.diff(beam.s).max() / step))
        count = per * (len(beam.s) - 1)
        s, length = (np.arange(count) + 0.5) * end / count, np.full(count, end / count)
        inner = np.tile(np.sqrt((np.arange(DISCS) + 0.5) / DISCS), 2)
        # a disc of area pi r^2 is worth r / 2 of the length; the last face belongs to the brick before it
        s = np.concatenate([s, np.repeat([1e-6, end - 1e-6], DISCS)])
        length = np.concatenate([length, np.full(2 * DISCS, 0.5 * r / DISCS)])
        around = max(LEAST_AROUND, int(np.ceil(np.pi * r / step)))
        angle = 2.0 * np.pi * (np.arange(around) + 0.5) / around
        size = np.concatenate([np.ones(count), inner])[:, None] * r
        modes = np.stack([1.0 + 0.0 * size * angle, size * np.cos(angle), size * np.sin(angle)], axis=-1)
        at = beam.start + s[:, None, None] * beam.axis + modes[..., 1:] @ beam.frame[1:]
        return cls(s, length, modes, at)

    def cells(self, shape: tuple[int, ...], edges_mm: F64) -> tuple[Any, Bool]:
        """(indices of the brick that each point lies in, whether it lies in the box)."""
        cell = np.floor(self.at / edges_mm).astype(np.intp)
        inside: Bool = np.asarray(((cell >= 0) & (cell < np.array(shape))).all(axis=-1))
        return tuple(np.moveaxis(np.where(inside[..., None], cell, 0), -1, 0)), inside


@dataclass(frozen=True, eq=False)
class Held:
    """A rod in bricks.

    Attributes:
        nodes: (n,) that its surface reads; W: (3 m, n) readings.
        surface: (9 m, 9 m) motions of the surface from the readings; spring: S.
        less: the beam, less what it pushes aside.
    """

    beam: Beam
    nodes: I64
    W: F64
    surface: F64
    spring: F64
    less: Beam


def hold(
    beam: Beam, mesh: Bricks, edges_mm: F64, *, along: Bool, on: Surface, poisson: float,
    modulus_MPa: F64 | None = None,
) -> Held:  # fmt: skip
    """A rod held by bricks of equal edges.

    Args:
        along: (k,) rings of the surface ``on`` that bricks hold along the axis too.
        modulus_MPa: (n_elements,) of the bricks; None: they give nothing, and nothing is pushed aside.
    """
    cell, inside = on.cells(mesh.shape, edges_mm)
    box = mesh.box(np.full(len(mesh.cells), RIGID) if modulus_MPa is None else modulus_MPa)
    E = box[cell] * inside
    N, weight = beam.hats(on.s), E * (on.length / E.shape[1])[:, None]
    nodes, W = _readings(mesh, on.at / edges_mm, cell, inside, N, weight[..., None] * on.modes)
    m = len(beam.s)
    M = np.einsum("km,kn,kr,krb,krc->mbnc", N, N, weight, on.modes, on.modes, optimize=True)
    inverse, kept = _inverse(M.reshape(3 * m, -1))
    give = give_of_bricks(edges_mm, beam.frame, beam.radius, poisson)
    # bricks of a fifth of the radius are the measure: what a voxelised solid of them would bring
    give = give * max(1.0 - FINE * beam.radius / float(edges_mm.prod()) ** (1.0 / 3.0), 1e-3)
    ring = weight.sum(axis=1)
    S = np.zeros((MOTIONS * m, MOTIONS * m))
    for rings, stiff in ((along, np.linalg.inv(give)), (~along, _sliding(give))):
        S += np.kron((N[rings].T * ring[rings]) @ N[rings], stiff)
    kept3 = np.kron(kept, np.eye(3))
    aside = np.zeros(m - 1)
    if modulus_MPa is not None:
        middle = np.searchsorted(beam.s, on.s, side="right") - 1
        aside = np.bincount(middle, ring, m - 1) / np.bincount(middle, on.length, m - 1)
    spring: F64 = kept3.T @ S @ kept3
    surface = np.kron(inverse, beam.frame).astype(np.float64)
    return Held(beam, nodes, W, surface, spring, beam.less(aside))


def tie(rods: Sequence[Held], joints: Sequence[tuple[int, int, F64]] = ()) -> list[tuple[Tie, F64]]:
    """(what each rod adds to a mesh, (9 m, 3 w) motions of its nodes from the readings of its tie).

    Args:
        rods: those that touch, directly or through others; a rod that touches none comes alone.
        joints: (first, second, (3,) mm) rods that are one piece of metal around a place.
    """
    first = np.cumsum([0, *(len(rod.spring) for rod in rods)])
    own = [slice(a, b) for a, b in pairwise(first)]
    read, S, K = (np.zeros((first[-1], first[-1])) for _ in range(3))
    parts = [np.zeros_like(K) for _ in rods]
    for n, (rod, at) in enumerate(zip(rods, own, strict=True)):
        read[at, at], S[at, at], parts[n][at, at] = rod.surface, rod.spring, rod.less.stiffness()
    for a, b, place in joints:
        both = [rods[n].beam for n in (a, b)]
        r = min(beam.radius for beam in both)
        E = min(float(beam.EA.min()) / (np.pi * beam.radius**2) for beam in both)
        points = place + r * np.concatenate([np.eye(3), -np.eye(3)])
        apart = np.zeros((3 * len(points), first[-1]))
        apart[:, own[a]], apart[:, own[b]] = both[0].motion(points), -both[1].motion(points)
        for n in (a, b):
            parts[n] += 0.5 * E * r * apart.T @ apart  # springs as stiff as the metal of that size
    K = sum(parts, K)
    held = S + K
    size = np.sqrt(np.maximum(np.diag(held), 1e-12 * held.max()))
    # both by themselves: their sum would lose what is left of stiff springs, or of a stiff rod
    given = np.concatenate([S @ read, K @ read], axis=1) / size[:, None]
    solved = np.linalg.lstsq(held / np.outer(size, size), given, rcond=1e-14)[0] / size[:, None]
    q, apart = np.split(solved, 2, axis=1)
    width = max(len(rod.nodes) for rod in rods)
    padded = [((0, 0), (0, width - len(rod.nodes))) for rod in rods]
    weights = np.concatenate([np.pad(rod.W, pad) for rod, pad in zip(rods, padded, strict=True)])
    nodes = np.concatenate(
        [np.pad(np.tile(rod.nodes, (len(rod.W), 1)), pad) for rod, pad in zip(rods, padded, strict=True)]
    )
    ties = []
    for part, at in zip(parts, own, strict=True):
        energy = q.T @ part @ q + apart[at].T @ S[at, at] @ apart[at]
        ties.append((Tie(nodes.astype(np.int32), weights, 0.5 * (energy + energy.T)), q[at]))
    return ties


def nearest(first: Beam, second: Beam) -> tuple[float, F64]:
    """(distance of two axes [mm], (3,) the place half-way between them)."""
    ways, ends = np.stack([first.axis, -second.axis], axis=1), (float(first.s[-1]), float(second.s[-1]))
    s, t = lsq_linear(ways, second.start - first.start, (0.0, ends), method="bvls").x
    p, q = first.start + s * first.axis, second.start + t * second.axis
    return float(np.linalg.norm(p - q)), 0.5 * (p + q)


def _readings(mesh: Bricks, at: F64, cell: Any, inside: Bool, N: F64, weight: F64) -> tuple[I64, F64]:
    """(nodes, (3 m, n) W) of points ``at`` in bricks, each with (3,) weights."""
    corners = mesh.corner_numbers[cell]
    inside = inside & (corners[..., 0] >= 0)
    t = (at - np.stack(cell, axis=-1))[..., None, :]
    values = np.where(CORNERS == 1, t, 1.0 - t).prod(axis=-1) * inside[..., None]
    nodes, place = np.unique(np.where(inside[..., None], corners, corners.max()), return_inverse=True)
    at_node = np.repeat(np.arange(len(N)), values[0].size), place.ravel()
    W = np.empty((N.shape[1], 3, len(nodes)))
    for b in range(3):
        own = (weight[..., b, None] * values).ravel()
        W[:, b] = N.T @ sparse.csr_matrix((own, at_node), (len(N), len(nodes)))
    return nodes.astype(np.int64), W.reshape(-1, len(nodes))


def _inverse(M: F64) -> tuple[F64, F64]:
    """(M^+, M^+ M), without the motions that are told by next to nothing."""
    size = np.diag(M)
    scale = np.where(size > 1e-9 * size.max(), 1.0 / np.sqrt(np.maximum(size, 1e-300)), 0.0)
    values, vectors = np.linalg.eigh(M * np.outer(scale, scale))
    told, values = vectors[:, values > LOST], values[values > LOST]
    inverse: F64 = np.asarray(scale[:, None] * (told / values) @ told.T * scale, dtype=np.float64)
    return inverse, inverse @ M


def _sliding(give: F64) -> F64:
    """(9, 9) stiffness where nothing is held along the axis, nor a turn about it."""
    B = np.zeros((MOTIONS, 5))
    B[[1, 2, 4, 8], [0, 1, 2, 3]] = 1.0
    B[[5, 7], 4] = np.sqrt(0.5)
    out: F64 = B @ np.linalg.inv(B.T @ give @ B) @ B.T
    return out
