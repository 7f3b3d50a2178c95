"""Rods on one grid of the multigrid: what they add to A, and a smoother that knows them.

    X = W^T K W                                    W (m, n): a rod's nodes read the bricks (``kernels.beams``)
    (D + X)^-1 = D^-1 - D^-1 W^T C W D^-1          C = (1 + K G)^-1 K,  G = W D^-1 W^T

A rod is up to a thousand times stiffer than the bone that holds it: relaxed through its diagonal it would
hardly move.  D + X is inverted exactly (Woodbury); its product with A + X has no larger eigenvalue than
D^-1 A has.  On a coarser grid W becomes W P.

Source: Woodbury 1950.  Tests: tests/analytic/test_multigrid.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from osteoplan.kernels.beams import Tie
from osteoplan.kernels.rows import Rows

__all__ = ["Tied"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Tied:
    """The rods of one grid.

    Attributes:
        nodes: (n, 3) lattice places of the nodes that rods read; at: (n,) where they lie in memory.
        W: (m, n); K: (3 m, 3 m), component 3 j + c of the rods' node j.
        C: (3 m, 3 m) of the smoother; inverse: (3, n) 1 / D at the nodes.
    """

    nodes: Ints
    at: Ints
    W: F32
    K: F32
    C: F32
    inverse: F32

    @classmethod
    def of(cls, ties: Sequence[Tie], lattice: Ints, rows: Rows, inverse: F32) -> Tied | None:
        """The rods of the finest grid; ``lattice`` (n_nodes, 3) places of the mesh's nodes in its lines."""
        if not ties:
            return None
        used = np.unique(np.concatenate([tie.nodes.ravel() for tie in ties]))
        m = sum(len(tie.nodes) for tie in ties)
        W, K = np.zeros((m, len(used))), np.zeros((3 * m, 3 * m))
        first = 0
        for tie in ties:
            last = first + len(tie.nodes)
            of = np.repeat(np.arange(first, last), tie.nodes.shape[1])
            np.add.at(W, (of, np.searchsorted(used, tie.nodes.ravel())), tie.weights.ravel())
            K[3 * first : 3 * last, 3 * first : 3 * last] = tie.K
            first = last
        read = np.flatnonzero(np.abs(W).max(axis=0) > 0)
        return cls._on(lattice[used[read]].astype(np.int64), W[:, read], K, rows, inverse)

    @classmethod
    def _on(cls, nodes: Ints, W: F64, K: F64, rows: Rows, inverse: F32) -> Tied:
        at = rows.at[nodes[:, 0], nodes[:, 1]] + nodes[:, 2]
        local = inverse[:, at]
        G = np.zeros_like(K)
        for c in range(3):
            G[c::3, c::3] = (W * local[c].astype(np.float64)) @ W.T
        C = np.linalg.solve(np.eye(len(K)) + K @ G, K)
        single = (W.astype(np.float32), K.astype(np.float32), (0.5 * (C + C.T)).astype(np.float32))
        return cls(nodes, at, *single, local)

    def below(self, coarse: Rows, inverse: F32) -> Tied:
        """The same rods on a coarser grid."""
        factors = np.array(coarse.factors)
        low = self.nodes // factors
        share = self.nodes % factors * 0.5  # of the upper node, along each axis
        parts, weights = [], []
        for corner in np.ndindex(2, 2, 2):
            up = np.array(corner)
            parts.append(low + up * (share > 0))
            weights.append(np.where(up == 1, share, 1.0 - share).prod(axis=1))
        nodes, place = np.unique(np.concatenate(parts), axis=0, return_inverse=True)
        P = np.zeros((len(self.nodes), len(nodes)))
        np.add.at(P, (np.tile(np.arange(len(self.nodes)), 8), place.ravel()), np.concatenate(weights))
        W = self.W.astype(np.float64) @ P
        return Tied._on(nodes.astype(np.int64), W, self.K.astype(np.float64), coarse, inverse)

    def take_off(self, d: F32, rest: F32) -> None:
        """rest -= X d."""
        rest[:, self.at] -= self._through(self.K, d[:, self.at])

    def correct(self, gain: float, rest: F32, d: F32, z: F32) -> None:
        """d and z, made with gain D^-1 rest, as they would be with gain (D + X)^-1 rest."""
        step = np.float32(gain) * self.inverse * self._through(self.C, self.inverse * rest[:, self.at])
        d[:, self.at] -= step
        z[:, self.at] -= step

    def matrix(self) -> F64:
        """(3 n, 3 n) X, components first."""
        n = len(self.at)
        W = np.kron(self.W.astype(np.float64), np.eye(3))  # rows 3 j + c, columns 3 p + c
        X = (W.T @ self.K.astype(np.float64) @ W).reshape(n, 3, n, 3)
        out: F64 = X.transpose(1, 0, 3, 2).reshape(3 * n, 3 * n)
        return out

    def _through(self, middle: F32, u: npt.NDArray[Any]) -> F32:
        """(3, n) W^T middle W u."""
        a = self.W @ u.T  # (m, 3)
        out: F32 = (self.W.T @ (middle @ a.ravel()).reshape(a.shape)).T
        return out
