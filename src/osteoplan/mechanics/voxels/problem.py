"""Arrays of a caller, checked once: moduli, spacing, what is held and what pulls.

Each thing that cannot be used is refused in one line of its own; what floats freely is left out and counted
(``mechanics.voxels.pieces``).

Tests: tests/unit/test_solve_voxels.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from osteoplan.arrays import F64, Bool
from osteoplan.errors import BadInput
from osteoplan.kernels.elasticity import Bricks
from osteoplan.mechanics.memory import ensure_memory
from osteoplan.mechanics.voxels.pieces import held_pieces

__all__ = ["VoxelProblem", "voxel_problem"]

Spacing = tuple[float, float, float]

# Voxels of images lie between a few micrometres and a few millimetres: what is outside is in another unit.
LEAST_MM, MOST_MM = 0.005, 20.0
MOST_MPA = 1e7  # ten times diamond


@dataclass(frozen=True, eq=False)
class VoxelProblem:
    """A mesh with its moduli, supports and loads.

    Attributes:
        spacing_mm: edges of a voxel; poisson: one for the whole body.
        mesh: the pieces that are held; modulus_MPa: (n_elements,).
        fixed: (n_nodes, 3); prescribed_mm: (n_nodes, 3), 0 where free; force_N: (n_nodes, 3) or None.
        dropped_pieces, dropped_voxels: how many float freely and were left out.
    """

    spacing_mm: Spacing
    poisson: float
    mesh: Bricks
    modulus_MPa: F64
    fixed: Bool
    prescribed_mm: F64
    force_N: F64 | None
    dropped_pieces: int
    dropped_voxels: int


def voxel_problem(
    moduli_MPa: npt.ArrayLike,
    spacing_mm: npt.ArrayLike,
    prescribed_mm: npt.ArrayLike,
    *,
    poisson_ratio: float,
    force_N: npt.ArrayLike | None,
) -> VoxelProblem:
    """Check and mesh; arguments and errors are those of ``solve_voxels``."""
    moduli = _moduli(moduli_MPa)
    h = _spacing(spacing_mm)
    poisson = _poisson(poisson_ratio)
    lattice = (*(n + 1 for n in moduli.shape), 3)
    prescribed = _on_nodes(prescribed_mm, lattice, "prescribed_mm")
    if np.isinf(prescribed).any():
        raise BadInput(
            f"prescribed_mm is infinite at {_first(np.isinf(prescribed))}: use NaN for what is free"
        )
    force = None if force_N is None else _on_nodes(force_N, lattice, "force_N")
    if force is not None and not np.isfinite(force).all():
        raise BadInput(f"force_N is not finite at {_first(~np.isfinite(force))}: use 0 where nothing pulls")
    if np.isnan(prescribed).all():
        raise BadInput("no displacement is prescribed: give numbers in prescribed_mm where the body is held")
    held, pieces, dropped = held_pieces(
        moduli > 0, prescribed, h, loaded=force is not None and bool(force.any())
    )
    _ensure_room(held, prescribed, h)
    mesh = Bricks.of(held)
    at = tuple(mesh.nodes.T)
    given = prescribed[at]
    fixed = ~np.isnan(given)
    return VoxelProblem(
        h, poisson, mesh, mesh.of_box(moduli), fixed, np.where(fixed, given, 0.0), _of_mesh(force, mesh),
        pieces, dropped,
    )  # fmt: skip


def _moduli(given: npt.ArrayLike) -> F64:
    moduli = _numbers(given, "moduli_MPa")
    if moduli.ndim != 3 or 0 in moduli.shape:
        raise BadInput(f"moduli_MPa has shape {moduli.shape}: give one modulus for each voxel, (ni, nj, nk)")
    if not np.isfinite(moduli).all():
        bad = ~np.isfinite(moduli)
        raise BadInput(
            f"moduli_MPa is not finite in {bad.sum()} voxels, first at {_first(bad)}: use 0 for a void"
        )
    if (moduli < 0).any():
        bad = moduli < 0
        raise BadInput(
            f"moduli_MPa is negative in {bad.sum()} voxels, first at {_first(bad)}: use 0 for a void"
        )
    if not moduli.any():
        raise BadInput("moduli_MPa is 0 everywhere: there is no body to load")
    if moduli.max() > MOST_MPA:
        raise BadInput(f"a modulus of {moduli.max():.3g} MPa is stiffer than diamond: give MPa, not Pa")
    return moduli


def _spacing(given: npt.ArrayLike) -> Spacing:
    spacing = _numbers(given, "spacing_mm").ravel()
    if spacing.size == 1:
        spacing = np.repeat(spacing, 3)
    told = ", ".join(f"{edge:g}" for edge in spacing)
    if spacing.size != 3:
        raise BadInput(f"spacing_mm is ({told}): give one edge, or the three along (i, j, k)")
    if not (np.isfinite(spacing) & (spacing > 0)).all():
        raise BadInput(f"spacing_mm is ({told}): the edges of a voxel are positive lengths in mm")
    if spacing.max() < LEAST_MM:
        raise BadInput(f"spacing_mm is ({told}), which looks like metres: multiply it by 1000 to give mm")
    if spacing.max() > MOST_MM:
        raise BadInput(f"spacing_mm is ({told}), which looks like micrometres: divide it by 1000 to give mm")
    return (float(spacing[0]), float(spacing[1]), float(spacing[2]))


def _poisson(ratio: float) -> float:
    if not -1.0 < ratio < 0.5:
        raise BadInput(f"a Poisson's ratio of {ratio:g} is not that of a stable solid: give one in (-1, 0.5)")
    return float(ratio)


def _on_nodes(given: npt.ArrayLike, lattice: tuple[int, ...], name: str) -> F64:
    values = _numbers(given, name)
    if values.shape != lattice:
        raise BadInput(
            f"{name} has shape {values.shape}, not {lattice}: it lies on the corners of the voxels, one more "
            "than voxels along each edge, with three components"
        )
    return values


def _numbers(given: npt.ArrayLike, name: str) -> F64:
    try:
        return np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as why:
        raise BadInput(f"{name} is not an array of real numbers ({why})") from why


def _first(bad: Bool) -> tuple[int, ...]:
    return tuple(int(n) for n in np.argwhere(bad)[0])


def _ensure_room(held: Bool, prescribed: F64, h: Spacing) -> None:
    used = ndimage.maximum_filter(np.pad(held, ((0, 1),) * 3), size=2, origin=0, mode="constant")
    unknowns = 3 * int(used.sum()) - int((~np.isnan(prescribed) & used[..., None]).sum())
    ensure_memory(unknowns, held.size, max(h))


def _of_mesh(force: F64 | None, mesh: Bricks) -> F64 | None:
    """(n_nodes, 3) forces; the ones elsewhere must be nothing."""
    if force is None or not force.any():
        return None
    mine: F64 = force[tuple(mesh.nodes.T)]
    lost = np.count_nonzero(force.any(axis=-1)) - np.count_nonzero(mine.any(axis=-1))
    if lost:
        raise BadInput(
            f"force_N pulls at {lost} nodes of no voxel that is held: set it to 0 there, or hold that piece"
        )
    return mine
