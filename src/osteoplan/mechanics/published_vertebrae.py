"""Vertebrae whose stiffness others computed and published, solved again here.

    L2            VerSe 004, the published run: its table of moduli is read one bin too high (+15 mg/cm3), and
                  the densest bin falls to 1e-4 MPa.  The shift lives here and nowhere else.
    L2-correct    the same vertebra with the table read as meant
    L4, L4-ogo    parosol-py's stored fields, in MPa and in material ids; caps held as inferred: x and y fixed
                  on the superior cap

Nodes are held where a cap is the outermost material of its column.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from osteoplan.kernels.elasticity import Bricks, Stiffness, brick_stiffness
from osteoplan.kernels.multigrid import Equilibrium, equilibrium
from osteoplan.knowledge.materials import Density, material, modulus_law

__all__ = ["Load", "Potted", "l4_from_ids", "l4_from_moduli", "solve", "stiffness", "supported", "verse_l2"]

F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
Load = Callable[[str], npt.NDArray[Any]]

BINS = 128
LOWEST_DENSITY = -31.0  # mg/cm3; both tables start here
LOWEST_MODULUS = 1e-4  # MPa; both tables end here
L2_IMAGE = "fe_published/verse004_L2/sub-verse004_0000_vertebra_21_im.nii.gz"
L2_LABELS = "fe_published/verse004_L2/sub-verse004_0000_vertebra_21_seg.nii.gz"
L4_MODULUS = "fe_published/l4_reference/modulus_parosol.nii.gz"
L4_IDS = "fe_published/l4_reference/modulus_ogo.nii.gz"


@dataclass(frozen=True, eq=False)
class Potted:
    """Moduli [MPa] of 1 mm cubes (0 = void) with k upward, and the two caps."""

    E: F64
    superior: Bool
    inferior: Bool


def stiffness(potted: Potted, *, clamped: bool) -> float:
    """Stiffness [N/mm]; ``clamped`` holds x and y on the superior cap, else both planes slide."""
    return solve(potted, clamped=clamped)[0]


def solve(potted: Potted, *, clamped: bool, tolerance: float = 1e-8) -> tuple[float, Equilibrium, Bricks]:
    """(stiffness [N/mm], solution, mesh) with the superior cap moved down by 1 mm."""
    mesh, E, fixed, prescribed, moved = supported(potted, clamped=clamped)
    A = Stiffness.uniform(mesh, brick_stiffness((1.0, 1.0, 1.0), 0.3), E, dtype=np.float64)
    found = equilibrium(A, fixed=fixed, prescribed_mm=prescribed, tolerance=tolerance)
    return -float(found.reaction_N[moved, 2].sum()), found, mesh


def supported(potted: Potted, *, clamped: bool) -> tuple[Bricks, F64, Bool, F64, Bool]:
    """(mesh, moduli of its elements, fixed unknowns, prescribed displacement, moving nodes)."""
    pieces, _ = ndimage.label(potted.E > 0)
    solid = pieces == 1 + np.argmax(np.bincount(pieces.ravel())[1:])
    mesh = Bricks.of(solid)
    top = _outermost(mesh, solid, potted.superior, side=1)
    bottom = _outermost(mesh, solid, potted.inferior, side=0)
    fixed = np.zeros((len(mesh.nodes), 3), dtype=bool)
    fixed[top | bottom, 2] = True
    if clamped:
        fixed[top] = True
    else:  # three supports without reaction stop the drift
        still = np.flatnonzero(bottom)
        fixed[still[0], :2] = True
        fixed[still[-1], 1] = True
    prescribed = np.zeros(fixed.shape)
    prescribed[top, 2] = -1.0
    return mesh, mesh.of_box(potted.E).astype(np.float64), fixed, prescribed, top


def verse_l2(load: Load, *, shift: int) -> Potted:
    """The VerSe vertebra; ``shift`` 1 reads the table of moduli as the published run did, 0 as meant."""
    labels = load(L2_LABELS)
    density = np.trunc(np.maximum(load(L2_IMAGE).astype(np.float64), LOWEST_DENSITY))
    width = (density.max() - LOWEST_DENSITY) / BINS
    bins = np.minimum(((density - LOWEST_DENSITY) / width).astype(int), BINS - 1) + shift
    bone = (labels >= 1) & (labels <= 4) & (density != 0)  # the run took 0 for background
    E = np.where(bone, _table(LOWEST_DENSITY + (bins + 0.5) * width), 0.0)
    E[bone & (bins == BINS)] = LOWEST_MODULUS
    E[labels >= 5] = float(material("cement.cap_modulus").value or 0.0)
    return Potted(E, labels == 6, labels == 5)


def l4_from_moduli(load: Load) -> Potted:
    """The L4 vertebra from its stored moduli."""
    E = load(L4_MODULUS).astype(np.float64)
    return _with_caps(E, np.equal(E, float(material("cement.cap_modulus").value or 0.0)))


def l4_from_ids(load: Load) -> Potted:
    """The L4 vertebra from its stored material ids."""
    ids = load(L4_IDS).astype(np.float64)
    bins = np.where(ids > BINS, ids - BINS, ids)
    E = np.where(ids > 0, _table(LOWEST_DENSITY + (bins - 0.5) * 13.3224), 0.0)
    caps = ids == 5000
    E[caps] = float(material("cement.cap_modulus").value or 0.0)
    return _with_caps(E, caps)


def _table(density: npt.NDArray[Any]) -> F64:
    """Modulus [MPa] of a bin's central density [mg/cm3]."""
    return modulus_law("kopperdahl_2002_power")(Density.of_mg(density, "K2HPO4"), floor_MPa=LOWEST_MODULUS)


def _with_caps(E: F64, caps: Bool) -> Potted:
    """The two caps told apart: the largest pieces of cement, the upper one superior."""
    pieces, _ = ndimage.label(caps)
    one, two = 1 + np.argsort(np.bincount(pieces.ravel())[1:])[-2:]
    if np.argwhere(pieces == one)[:, 2].mean() < np.argwhere(pieces == two)[:, 2].mean():
        one, two = two, one
    return Potted(E, pieces == one, pieces == two)


def _outermost(mesh: Bricks, solid: Bool, cap: Bool, *, side: int) -> Bool:
    """(n_nodes,) nodes on the outer face of a cap where nothing lies beyond it in its column."""
    outer = np.argmax(solid, axis=2)
    if side == 1:
        outer = solid.shape[2] - 1 - np.argmax(solid[:, :, ::-1], axis=2)
    i, j = np.nonzero(solid.any(axis=2))
    k = outer[i, j]
    seen = cap[i, j, k]
    i, j, k = i[seen], j[seen], k[seen] + side
    lattice = np.zeros(tuple(n + 1 for n in solid.shape), dtype=bool)
    for di in (0, 1):
        for dj in (0, 1):
            lattice[i + di, j + dj, k] = True
    at: Bool = lattice[tuple(mesh.nodes.T)]
    return at
