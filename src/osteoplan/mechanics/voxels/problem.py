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
LEAST_MPA, MOST_MPA = 1e-9, 1e7  # a billionth of a soft gel; ten times diamond
# Double precision knows a force to 1e-16 of the stiffest: beyond this a voxel carries less than its rounding.
MOST_CONTRAST = 1e10
LEAST_SIZE, MOST_SIZE = 1e-12, 1e9  # [mm] and [N]: squares of what is outside leave double precision


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
    _require_size(prescribed, "prescribed_mm", "mm")
    if force is not None:
        _require_size(force, "force_N", "N")
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
    if moduli.max() < LEAST_MPA:
        raise BadInput(f"the stiffest voxel has {moduli.max():.3g} MPa, softer than any solid: give MPa")
    soft = (moduli > 0) & (moduli < moduli.max() / MOST_CONTRAST)
    if soft.any():
        raise BadInput(
            f"moduli_MPa differ too much: {soft.sum()} voxels, first at {_first(soft)}, have less than "
            f"{1 / MOST_CONTRAST:g} of the stiffest ({moduli.max():.3g} MPa), which double precision cannot "
            "tell from nothing: use 0 for a void, or a larger modulus"
        )
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


def _poisson(given: float) -> float:
    values = _numbers(given, "poisson_ratio", "a real number")
    if values.ndim:
        raise BadInput(f"poisson_ratio has shape {values.shape}: one number serves the whole body")
    ratio = float(values)
    if not -1.0 < ratio < 0.5:
        raise BadInput(f"a Poisson's ratio of {ratio:g} is not that of a stable solid: give one in (-1, 0.5)")
    return ratio


def _require_size(values: F64, name: str, unit: str) -> None:
    largest = max(float(np.nanmax(values, initial=0.0)), -float(np.nanmin(values, initial=0.0)))
    if largest and not LEAST_SIZE <= largest <= MOST_SIZE:
        raise BadInput(
            f"{name} goes up to {largest:.3g} {unit}, and what is solved lies between {LEAST_SIZE:g} and "
            f"{MOST_SIZE:g} {unit}: the answer is proportional to it, so scale one that does"
        )


def _on_nodes(given: npt.ArrayLike, lattice: tuple[int, ...], name: str) -> F64:
    values = _numbers(given, name)
    if values.shape != lattice:
        raise BadInput(
            f"{name} has shape {values.shape}, not {lattice}: it lies on the corners of the voxels, one more "
            "than voxels along each edge, with three components"
        )
    return values


def _numbers(given: npt.ArrayLike, name: str, what: str = "an array of real numbers") -> F64:
    """In double; no truth values, text, complex numbers or objects, of which NumPy would make some."""
    if np.ma.is_masked(given):
        raise BadInput(f"{name} is masked in part: fill it first, with 0 for a void and NaN for what is free")
    try:
        values = np.asarray(given)
    except (TypeError, ValueError) as why:
        raise BadInput(f"{name} is not {what} ({why})") from why
    if values.dtype.kind not in "iuf":
        raise BadInput(f"{name} is not {what} but {values.dtype}: convert it to float64 as you mean it")
    return values.astype(np.float64, copy=False)


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
