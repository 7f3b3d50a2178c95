"""What beam theory promises of rods in a mesh of cubes.

    A12   a screw or wire in soft cubes, bent as a cantilever, has the bending stiffness E I of its section,
          whatever the edge of the cubes and the direction of the rod

The rod is clamped where its cubes are held (s <= 0) and loaded at its last node; E I is read from the
curvature of its nodes (u = a + b s + (P / E I) g(s) fitted away from both ends), so that shear and the give
of the clamp do not enter.  Shared by ``verification`` and the tests.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu
from scipy.spatial.transform import Rotation

from osteoplan.arrays import F64, Bool, Point
from osteoplan.kernels.beams import MOTIONS, Tie
from osteoplan.kernels.elasticity import Bricks
from osteoplan.kernels.reference import assembled
from osteoplan.mechanics.rods import Rod, rods_in
from osteoplan.model.effects import Cylinder, Effects
from osteoplan.model.volume import Volume

__all__ = ["DIRECTIONS", "GEOMETRIES", "Bent", "bent", "screw_error"]

# Diameter, bore [mm] and metal: rows of the published geometries.
GEOMETRIES = ((2.0, 0.0, "316L"), (4.8, 2.8, "316L"), (6.5, 3.6, "ti6al4v"))
DIRECTIONS: dict[str, Point] = {
    "along": (0.0, 0.0, 1.0),
    "diagonal": (0.0, 1.0, 1.0),
    "oblique": (3.0, -2.0, 5.3),
}
START_MM = np.array([0.31, -0.42, 0.17])  # no symmetry between rod and lattice
CLAMPED_MM, LENGTH_MM = 8.0, 40.0
SOFT_MPa = 1e-3


@dataclass(frozen=True, eq=False)
class Bent:
    """A bent rod.

    Attributes:
        EI: from the curvature [N mm2]; exact: of its section.
        s: (m,) places of the nodes from the clamp [mm]; w: (m,) deflections [mm] under 1 N.
        displacement_mm: (n_nodes, 3) of the cubes.
    """

    rod: Rod
    EI: float
    exact: float
    s: F64
    w: F64
    displacement_mm: F64


def screw_error() -> float:
    """A12: worst relative error of E I over geometries and directions, in cubes of 3 mm."""
    found = [
        bent(Cylinder((0, 0, 0), (0, 0, 1), outer, bore, metal), way, 3.0)
        for outer, bore, metal in GEOMETRIES
        for way in DIRECTIONS.values()
    ]
    return max(abs(one.EI / one.exact - 1.0) for one in found)


def bent(cylinder: Cylinder, way: Point, h: float, soft_MPa: float = SOFT_MPa) -> Bent:
    """Bend the section of a cylinder in soft cubes of edge ``h`` on a left-handed, oblique lattice."""
    turn = _left_handed()
    axis = turn @ (np.array(way) / np.linalg.norm(way))
    start, end = START_MM - CLAMPED_MM * axis, START_MM + LENGTH_MM * axis
    grid, mesh = _sheath(start, end, turn, h, 0.5 * cylinder.outer_diameter_mm)
    ends = [(float(p[0]), float(p[1]), float(p[2])) for p in (start, end)]
    own = Cylinder(
        ends[0], ends[1], cylinder.outer_diameter_mm, cylinder.inner_diameter_mm, cylinder.material,
        cylinder.root_diameter_mm,
    )  # fmt: skip
    (rod,) = rods_in(Effects(solids=(own,)), grid, mesh)
    at = mesh.nodes @ grid.affine[:3, :3].T + grid.affine[:3, 3] - 0.5 * grid.affine[:3, :3].sum(axis=1)
    fixed = np.repeat(((at - START_MM) @ axis <= 0.0)[:, None], 3, axis=1)
    last = rod.motion[-MOTIONS + 1].reshape(-1, 3)  # what moves the last node across is what pushes there
    force = np.zeros((len(mesh.nodes), 3))
    np.add.at(force, rod.tie.nodes, rod.tie.weights[..., None] * last[:, None, :])
    u = _solved(mesh, h, soft_MPa, rod.tie, fixed, force)
    s = rod.beam.s - CLAMPED_MM
    w: F64 = rod.motions(u)[:, 1]
    return Bent(rod, _bending_stiffness(s, w), float(rod.beam.EI[0]), s, w, u)


def _solved(mesh: Bricks, h: float, soft_MPa: float, tie: Tie, fixed: Bool, force: F64) -> F64:
    """(n_nodes, 3) displacements, assembled and factorised: a rod alone in next to nothing is no task for
    an iteration.
    """
    (m, width), n = tie.nodes.shape, len(mesh.nodes)
    places = (np.repeat(np.arange(m), width), tie.nodes.ravel())
    W = sparse.kron(sparse.csr_matrix((tie.weights.ravel(), places), shape=(m, n)), sparse.eye(3))
    E = mesh.box(np.full(len(mesh.cells), soft_MPa))
    K = (assembled(E, [h] * 3, 0.3) + W.T @ sparse.csr_matrix(tie.K) @ W).tocsc()
    free = np.flatnonzero(~fixed.ravel())
    u = np.zeros(3 * n)
    u[free] = splu(K[free][:, free]).solve(force.ravel()[free])
    return u.reshape(-1, 3)


def _bending_stiffness(s: F64, w: F64) -> float:
    inner = (s > 0.2 * LENGTH_MM) & (s < 0.85 * LENGTH_MM)
    g = LENGTH_MM * s**2 / 2.0 - s**3 / 6.0
    columns = np.stack([np.ones(inner.sum()), s[inner], g[inner]], axis=1)
    found, *_ = np.linalg.lstsq(columns, w[inner], rcond=None)
    return float(1.0 / found[2])


def _left_handed() -> F64:
    """(3, 3) a lattice turned about an axis of no symmetry, and mirrored."""
    turn = Rotation.from_rotvec([0.3, -0.5, 0.8]).as_matrix()
    mirrored: F64 = turn * np.array([1.0, -1.0, 1.0])
    return mirrored


def _sheath(start: F64, end: F64, turn: F64, h: float, radius: float) -> tuple[Volume, Bricks]:
    """Cubes around a rod, a little longer than it."""
    pad = radius + 2.5 * h
    local = np.stack([start, end]) @ turn
    low = np.floor((local.min(axis=0) - pad) / h) * h
    shape = tuple(int(n) for n in np.ceil((local.max(axis=0) + pad - low) / h))
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = turn * h, turn @ (low + 0.5 * h)
    at = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), axis=-1) * h + low + 0.5 * h
    axis = (local[1] - local[0]) / np.linalg.norm(local[1] - local[0])
    s = (at - local[0]) @ axis
    off = np.linalg.norm(at - local[0] - s[..., None] * axis, axis=-1)
    length = float(np.linalg.norm(end - start))
    solid = (off <= radius + 1.5 * h) & (s >= -h) & (s <= length + 1.5 * h)
    return Volume(solid, affine, "mask"), Bricks.of(solid)
