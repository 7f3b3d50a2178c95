"""Every motion of a rod's nodes, taken out of the iteration.

A rod is up to a million times stiffer than the marrow that it crosses: whatever a preconditioner in single
precision knows of it is lost in rounding.  The rod's motions (columns of V) are therefore solved for exactly,
in double, as those of islands are (``kernels.islands``):

    V = D^-1 W^T                     one column for each component of each node of the rod
    A V = A0 V + W^T K W V           A0 V from the bricks around the rod alone

What is left, A-orthogonal to V, strains the rods hardly at all, and the voxels' own multigrid does the rest.
Tests: tests/analytic/test_multigrid.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from osteoplan.arrays import F64, I64, Array, Bool
from osteoplan.kernels.beams import Tie
from osteoplan.kernels.elasticity import Stiffness, assembled

__all__ = ["RodMotions", "inverse"]


@dataclass(frozen=True, eq=False)
class RodMotions:
    """V of all rods of a system, and A V, on the nodes that they touch.

    Attributes:
        nodes: (n,) numbers of those nodes in the mesh; place: (n,) where they lie in memory.
        V: (3 n, q) sparse, degree of freedom 3 p + c; AV: (3 n, q).
        gram, solve: (q, q) V^T A V and its inverse.
    """

    nodes: I64
    place: I64
    V: Any
    AV: F64
    gram: F64
    solve: F64

    @classmethod
    def of(cls, A: Stiffness, fixed: Bool) -> RodMotions | None:
        """Of a stiffness with rods; None where it has none."""
        if not A.ties:
            return None
        mesh, ties = A.mesh, A.ties
        K0, modulus = A.K0, A.modulus.astype(np.float64)
        diagonal = replace(A, ties=()).diagonal()
        read = np.zeros(len(mesh.nodes), dtype=bool)
        for tie in ties:
            read[tie.nodes[tie.weights != 0.0]] = True
        around = np.flatnonzero(read[mesh.corners].any(axis=1))
        nodes = np.unique(mesh.corners[around]).astype(np.int64)
        number = np.full(len(mesh.nodes), -1)
        number[nodes] = np.arange(len(nodes))
        free = ~fixed[nodes].ravel()
        D = np.where(free, diagonal[nodes].ravel(), np.inf)
        columns: list[Any] = []
        stiff: list[tuple[Any, F64]] = []
        for tie in ties:
            W = _components(tie, number, len(nodes))
            if not any(tie.weights is other.weights for other in ties[: len(stiff)]):  # rods in one piece
                columns.append(W.T.multiply(1.0 / D[:, None]).tocsc())
            stiff.append((W, tie.K))
        V = sparse.hstack(columns).tocsc()
        AV = (assembled(number[mesh.corners[around]], modulus[around], K0, len(nodes)) @ V).toarray()
        for W, K in stiff:
            AV += W.T @ (K @ (W @ V).toarray())
        AV *= free[:, None]
        gram = V.T @ AV
        at = mesh.nodes[nodes] - np.array(mesh.corner)
        place = mesh.rows.at[at[:, 0], at[:, 1]] + at[:, 2]
        gram = 0.5 * (gram + gram.T)
        return cls(nodes, place, V.tocsr(), AV, gram, inverse(gram))

    def move(self, u: F64, motion: F64) -> None:
        """u (3, nodes of the lines) += V motion."""
        u[:, self.place] += (self.V @ motion).reshape(-1, 3).T

    def correction(self, r: F64) -> F64:
        """Motion that leaves V^T (r - A V motion) = 0."""
        return self.solve @ self.along(r)

    def excess(self, z: Array) -> F64:
        """(V^T A V)^-1 (A V)^T z."""
        return self.solve @ self.image(z)

    def take_off(self, r: F64, motion: F64) -> None:
        """r -= A V motion."""
        r[:, self.place] -= (self.AV @ motion).reshape(-1, 3).T

    def along(self, v: F64) -> F64:
        """(q,) V^T v."""
        out: F64 = self.V.T @ v[:, self.place].T.ravel()
        return out

    def image(self, z: Array) -> F64:
        """(q,) (A V)^T z."""
        return self.AV.T @ z[:, self.place].T.ravel().astype(np.float64)


def inverse(gram: F64) -> F64:
    """Pseudo-inverse of a symmetric V^T A V; its columns are scaled alike first."""
    size = np.sqrt(np.maximum(np.diag(gram), 1e-300))
    solved: F64 = np.linalg.pinv(gram / np.outer(size, size), rcond=1e-13, hermitian=True)
    scaled: F64 = solved / np.outer(size, size)
    return scaled


def _components(tie: Tie, number: I64, n: int) -> Any:
    """(3 m, 3 n) W of all components."""
    m, w = tie.nodes.shape
    hit = tie.weights.ravel() != 0.0
    rows, at = np.repeat(np.arange(m), w)[hit], number[tie.nodes.ravel()[hit]]
    W = sparse.csr_matrix((tie.weights.ravel()[hit], (rows, at)), shape=(m, n))
    return sparse.kron(W, np.eye(3), format="csr")
