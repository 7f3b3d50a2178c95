"""A block like the roof of a socket, hollowed out: what cement, a screw and both do to it.

A shell of cortex of one cube around trabecular bone, held below, pressed on the middle of its roof.  Under
the roof lies an ellipsoidal hole full of soft tissue.  Cement fills the hole's inner part, a hollow screw
crosses it from wall to wall (a beam held by the cubes).  This block is nobody's pelvis: it can
show the direction of published orders, not their size.

Compared with: AORIF on composite hemipelves (screws and cement together above either alone, in energy
absorbed); Li 2007 (2.2 GPa of fill restores the stress of the cortex to near intact; softer cement less).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from osteoplan.arrays import F64, Bool
from osteoplan.kernels.beams import Tie
from osteoplan.kernels.elasticity import brick_stiffness, effective_strain, element_energy
from osteoplan.knowledge.values import number
from osteoplan.mechanics.rods import Section
from osteoplan.verification.blocks import Block, share_inside
from osteoplan.verification.rod_bending import bonded_rod

__all__ = ["Answer", "roof"]

H = 2.0  # mm
SHAPE = (28, 20, 20)
MIDDLE, HALF = np.array([28.0, 20.0, 26.0]), np.array([18.0, 13.0, 9.0])  # mm, of the hole
CORTEX_MPa, TRABECULAR_MPa, SOFT_MPa = 17000.0, 300.0, 3.0
SCREW = Section(6.5, 3.6, 110e3)
PATCH_MM = np.array([12.0, 10.0])  # half sides of what presses


@dataclass(frozen=True)
class Answer:
    """Of one state.

    Attributes:
        stiffness: N/mm.
        failure_N: load at which 2 % of the bone pass 0.7 % effective strain.
        roof_strain: mean (rms) effective strain of the cortex under the load, per newton.
    """

    stiffness: float
    failure_N: float
    roof_strain: float


@cache
def roof(*, hole: bool = True, fill: float = 0.0, cement_MPa: float = 2200.0, screw: bool = False) -> Answer:
    """The block; ``fill`` is the linear size of the cement over that of the hole."""
    shell, hollow = _shell(), _ellipsoid(1.0) if hole else np.zeros(SHAPE)
    E = np.where(shell, CORTEX_MPa, TRABECULAR_MPa + hollow * (SOFT_MPa - TRABECULAR_MPa))
    if fill:
        E = np.where(shell, E, E + _ellipsoid(fill) * (cement_MPa - E))
    block = Block(E, (H, H, H))
    load = _pressed(block)
    fixed = np.repeat((block.mesh.nodes[:, 2] == 0)[:, None], 3, axis=1)
    ties = (_screw(block),) if screw else ()
    u = block.solve(fixed, force_N=load, ties=ties).displacement_mm
    strain = effective_strain(element_energy(block.mesh, brick_stiffness((H, H, H), 0.3), u), H**3)
    bone = block.mesh.of_box((_ellipsoid(1.0) < 0.5) | shell)
    under = block.mesh.cells[:, 2] == SHAPE[2] - 1
    under &= (np.abs(block.centres_mm[:, :2] - MIDDLE[:2]) < PATCH_MM).all(axis=1)
    volume, limit = (number(f"vertebra_compression.pistoia_{key}") for key in ("volume_fraction", "strain"))
    return Answer(
        1.0 / float((u * load).sum()), limit / float(np.quantile(strain[bone], 1.0 - volume)),
        float(np.sqrt((strain[under] ** 2).mean())),
    )  # fmt: skip


def _shell() -> Bool:
    """One cube on all sides and on top; open below."""
    shell = np.ones(SHAPE, dtype=bool)
    shell[1:-1, 1:-1, :-1] = False
    return shell


def _ellipsoid(size: float) -> F64:
    return share_inside(SHAPE, (H,) * 3, lambda x: (((x - MIDDLE) / (size * HALF)) ** 2).sum(axis=1) < 1)


def _screw(block: Block) -> Tie:
    """From wall to wall through the middle of the hole."""
    start, end = MIDDLE * (0, 1, 1) + (2.0, 0, 0), MIDDLE * (0, 1, 1) + (SHAPE[0] * H - 2.0, 0, 0)
    return bonded_rod(block.mesh, block.moduli, H, start / H, end / H, SCREW)


def _pressed(block: Block) -> F64:
    """(n_nodes, 3) 1 N downward on the patch."""
    top = block.mesh.nodes[:, 2] == SHAPE[2]
    patch = top & (np.abs(block.nodes_mm[:, :2] - MIDDLE[:2]) <= PATCH_MM).all(axis=1)
    force = np.zeros((len(patch), 3))
    force[patch, 2] = -1.0 / patch.sum()
    return force
