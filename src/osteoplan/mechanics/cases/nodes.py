"""Nodes of a mesh in patient space: where they are, which lie on the surface, how far from a structure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from osteoplan.arrays import F64, Bool
from osteoplan.kernels.elasticity import Bricks
from osteoplan.mechanics.sampled_image import depth_on
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.volume import Volume

__all__ = ["Nodes"]


@dataclass(frozen=True, eq=False)
class Nodes:
    """Nodes of a mesh.

    Attributes:
        at_mm: (n_nodes, 3) LPS; surface: (n_nodes,) True where some element around the node is missing.
        affine: (4, 4) of the lattice of nodes.
    """

    mesh: Bricks
    at_mm: F64
    surface: Bool
    affine: F64

    @classmethod
    def of(cls, mesh: Bricks, grid: Volume) -> Nodes:
        """Nodes of a mesh whose elements are those of a grid."""
        affine = grid.affine.copy()
        affine[:3, 3] -= 0.5 * affine[:3, :3].sum(axis=1)
        shared = np.bincount(mesh.corners.ravel(), minlength=len(mesh.nodes))
        return cls(mesh, mesh.nodes @ affine[:3, :3].T + affine[:3, 3], shared < 8, affine)

    def distance_to(self, anatomy: Anatomy, mask: Bool) -> F64:
        """(n_nodes,) signed distance [mm] to a mask on the anatomy's grid; inf far away (about 20 mm)."""
        reach = np.ceil(20.0 / anatomy.image.spacing_mm).astype(int)
        ni, nj, nk = (n + 1 for n in self.mesh.shape)
        box = depth_on(self.affine, (ni, nj, nk), anatomy.image, mask, reach)
        found: F64 = box[tuple(self.mesh.nodes.T)]
        return found
