"""Blocks of bricks for proofs: a box that starts at the origin, its mirrors, its stress.

    Block(E, edges)      moduli [MPa] of a (ni, nj, nk) box, 0 = void; node (0, 0, 0) at the origin
    mirror               the plane through the origin across an axis: nothing crosses it, all else slides

Shared by the proofs of spheres, tubes, beams and plates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from osteoplan.kernels.beams import Tie
from osteoplan.kernels.elasticity import Bricks, Stiffness, brick_stiffness, isotropic
from osteoplan.kernels.multigrid import Equilibrium, equilibrium

__all__ = ["Block", "share_inside", "spread_on"]

F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Inside = Callable[[F64], Bool]


@dataclass(frozen=True, eq=False)
class Block:
    """A box of bricks.

    Attributes:
        E: (ni, nj, nk) moduli [MPa]; 0 is void.
        edges: of a brick [mm].
    """

    E: F64
    edges: tuple[float, float, float]
    poisson: float = 0.3

    @cached_property
    def mesh(self) -> Bricks:
        """Its solid bricks."""
        return Bricks.of(self.E > 0)

    @cached_property
    def moduli(self) -> F64:
        """(n_elements,) MPa."""
        values: F64 = self.mesh.of_box(self.E).astype(np.float64)
        return values

    @property
    def nodes_mm(self) -> F64:
        """(n_nodes, 3) positions."""
        at: F64 = self.mesh.nodes * np.array(self.edges)
        return at

    @property
    def centres_mm(self) -> F64:
        """(n_elements, 3) positions."""
        at: F64 = (self.mesh.cells + 0.5) * np.array(self.edges)
        return at

    def nothing_held(self) -> Bool:
        """(n_nodes, 3) False."""
        return np.zeros((len(self.mesh.nodes), 3), dtype=bool)

    def mirrored(self, axes: Sequence[int]) -> Bool:
        """(n_nodes, 3) unknowns that the mirrors across ``axes`` hold."""
        fixed = self.nothing_held()
        for axis in axes:
            fixed[self.mesh.nodes[:, axis] == 0, axis] = True
        return fixed

    def on_far_faces(self) -> Bool:
        """(n_nodes,) nodes on the three faces away from the origin."""
        far: Bool = (self.mesh.nodes == self.mesh.shape).any(axis=1)
        return far

    def solve(
        self, fixed: Bool, *, prescribed_mm: F64 | None = None, force_N: F64 | None = None,
        tolerance: float = 1e-8, ties: tuple[Tie, ...] = (),
    ) -> Equilibrium:  # fmt: skip
        """Equilibrium under what is held, moved and pulled."""
        K0 = brick_stiffness(self.edges, self.poisson)
        A = Stiffness.uniform(self.mesh, K0, self.moduli, dtype=np.float64, ties=ties)
        still = np.zeros(fixed.shape) if prescribed_mm is None else prescribed_mm
        return equilibrium(
            A, fixed=fixed, prescribed_mm=still, force_N=force_N, tolerance=tolerance, max_iterations=1000
        )

    def stress(self, u: F64) -> F64:
        """(n_elements, 6) stress xx, yy, zz, yz, zx, xy [MPa] at the centres of the bricks."""
        ue = self.mesh.gather(u).reshape(-1, 2, 2, 2, 3)
        slope = np.stack(
            [(ue.take(1, axis=a + 1) - ue.take(0, axis=a + 1)).mean(axis=(1, 2)) / self.edges[a]
             for a in range(3)], axis=1,
        )  # fmt: skip
        shear = [slope[:, b, c] + slope[:, c, b] for b, c in ((1, 2), (2, 0), (0, 1))]
        strain = np.stack([slope[:, 0, 0], slope[:, 1, 1], slope[:, 2, 2], *shear], axis=1)
        found: F64 = self.moduli[:, None] * (strain @ isotropic(self.poisson))
        return found


def share_inside(
    shape: tuple[int, int, int], edges: Sequence[float], inside: Inside, *, cuts: int = 8
) -> F64:
    """(ni, nj, nk) share of each brick for which ``inside`` of its points (n, 3) [mm] holds.

    Bricks whose eight corners and centre agree are taken whole: no feature may be thinner than a brick.
    """
    h = np.array(edges)
    corners = np.stack(np.meshgrid(*[np.arange(n + 1) for n in shape], indexing="ij"), axis=-1) * h
    at = inside(corners.reshape(-1, 3)).reshape(corners.shape[:3]).astype(np.int8)
    i, j, k = shape
    count = sum(at[a : a + i, b : b + j, c : c + k] for a in (0, 1) for b in (0, 1) for c in (0, 1))
    share: F64 = np.asarray(count / 8.0, dtype=np.float64)
    cut = np.argwhere((count > 0) & (count < 8))
    steps = (np.arange(cuts) + 0.5) / cuts
    points = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    for part in np.array_split(cut, max(1, len(cut) * len(points) // 2_000_000)):
        inner = inside(((part[:, None, :] + points) * h).reshape(-1, 3)).reshape(len(part), -1)
        share[tuple(part.T)] = inner.mean(axis=1)
    return share


def spread_on(block: Block, points_mm: F64, forces_N: F64) -> F64:
    """(n_nodes, 3) nodal forces of forces (m, 3) at points (m, 3), with their exact resultant and moment.

    Each point's force goes to the corners of its nearest solid brick by the trilinear functions of that
    brick, continued beyond it where the point lies outside: they add up to one and reproduce every linear
    motion, so no force and no moment is lost to the steps of the surface.
    """
    from scipy.spatial import cKDTree  # loaded only for proofs

    h = np.array(block.edges)
    _, nearest = cKDTree(block.centres_mm).query(points_mm)
    local = points_mm / h - block.mesh.cells[nearest]
    nodal = np.zeros((len(block.mesh.nodes), 3))
    for a, corner in enumerate(np.ndindex(2, 2, 2)):
        weight = np.prod(np.where(np.array(corner) == 1, local, 1.0 - local), axis=1)
        np.add.at(nodal, block.mesh.corners[nearest, a], weight[:, None] * forces_N)
    return nodal
