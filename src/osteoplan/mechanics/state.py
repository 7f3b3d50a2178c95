"""What every load case shares: a bone on cubes, its states, and their stiffness in sampled worlds.

A load case brings a mesh and one way to hold and load it, the same in every state; it solves a modulus field
and hands back element energies s_e at a work-averaged displacement of 1 mm, so that K = sum E_e s_e.  That is
a minimum over all fields that do the same work, hence the estimates and bounds of ``worlds`` hold for a moved
plane and for a given force alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from osteoplan.kernels.distance import signed_distance
from osteoplan.kernels.elasticity import Bricks
from osteoplan.kernels.resample import bounding_box, gather_linear
from osteoplan.knowledge.values import number
from osteoplan.mechanics.existing_metal import ExistingMetal
from osteoplan.mechanics.scenarios import Bond, Scenario
from osteoplan.mechanics.uncertainty.samples import Tissue, World, modulus, stiffness_bounds, stiffness_in
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.field import Field
from osteoplan.model.volume import Volume

__all__ = [
    "MechanicsSettings", "Solved", "State", "cement_of", "cement_share", "grid_along_the_bone", "inside",
    "relief", "replaced_by_soft_tissue", "sample", "stiffness_draws",
]  # fmt: skip

F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
State = Literal["intact", "now"]

FILL_TOLERANCE = 0.02  # numerics: below the spread of any input


@dataclass(frozen=True)
class MechanicsSettings:
    """What can be turned.

    Attributes:
        spacing_mm: edge of the cubes [mm]; the density laws were fitted at about 1 to 3 mm.
        laws: density-modulus laws; the first is the central one, draws choose among all.
        tolerance: relative residual of the solver.
        existing_metal: what becomes of metal that the scan already shows (``existing``).
        alloy_MPa: modulus of that metal where it is bonded; None: the least of the metals on file.
        scenario: what treatment did to the bone of the lesion in the state ``now`` (``scenarios``).
        bond: of cement to bone: ``full``, or through a softer ``layer`` (``scenarios``).
    """

    spacing_mm: float = 1.0
    laws: tuple[str, ...] = ("kopperdahl_2002_power", "kopperdahl_2002_linear")
    tolerance: float = 1e-8
    max_iterations: int = 300
    existing_metal: ExistingMetal = "left out"
    alloy_MPa: float | None = None
    scenario: Scenario = "none"
    bond: Bond = "full"


@dataclass(frozen=True, eq=False)
class Solved:
    """A state with the moduli and element energies of a solved field that stands for it."""

    tissue: Tissue
    E: F64
    s: F64

    def stiffness_in(self, world: World) -> float:
        """Estimated stiffness in another world."""
        return stiffness_in(self.E, self.s, modulus(self.tissue, world))


def stiffness_draws(
    state: Solved,
    filled: Sequence[Tissue],
    central: World,
    sampled: Sequence[World],
    energies: Callable[[F64], F64],
) -> tuple[F64, int]:
    """(stiffness in every world, how many fills were solved again).

    Draw k takes the tissue of fill k modulo their number; without any the state's own.  A fill is solved
    again, by ``energies`` of a modulus field, unless rigorous bounds leave it within ``FILL_TOLERANCE``.
    """
    fills = [_filled(state, tissue, central, energies) for tissue in filled] or [state]
    draws = np.array([fills[k % len(fills)].stiffness_in(world) for k, world in enumerate(sampled)])
    return draws, sum(fill.s is not state.s for fill in fills)


def relief(state: Solved, bone: Bool, sampled: Sequence[World]) -> F64:
    """How much more the bone of a state stiffens in each world than the whole specimen does.

    A tissue criterion reads strain in the bone per unit load, which follows the bone's own stiffness: soft
    discs in series take part in K and not in it.  With x = (sum s sqrt(E E') / sum s E)^2, the estimate of
    ``worlds``, this is x over the bone over x over everything.  Against re-solves of a T12 between discs a
    strength scaled by K alone was up to 17 % off, so corrected up to 10 %, mostly below 3 %.

    Args:
        bone: (n_elements,) what is neither cap nor metal.
    """
    s, E = state.s, state.E
    part = np.zeros(len(s), dtype=bool)
    part[: len(bone)] = bone
    mine, whole = float((E * s)[part].sum()), float((E * s).sum())
    found = []
    for world in sampled:
        mixed = s * np.sqrt(E * modulus(state.tissue, world))
        found.append((float(mixed[part].sum()) / mine / (float(mixed.sum()) / whole)) ** 2)
    return np.array(found)


def _filled(state: Solved, tissue: Tissue, central: World, energies: Callable[[F64], F64]) -> Solved:
    E = modulus(tissue, central)
    low, high = stiffness_bounds(state.E, state.s, E)
    if high <= (1.0 + FILL_TOLERANCE) * low:
        return replace(state, tissue=tissue)
    return Solved(tissue, E, energies(E))


def grid_along_the_bone(anatomy: Anatomy, h: float, *, margin_mm: tuple[float, float, float]) -> Volume:
    """An empty box of cubes along the bone's axes that holds bone and margin; a node lies at the origin."""
    corners = anatomy.image.positions_mm(np.argwhere(anatomy.bone_mask))
    local = anatomy.frame.local(corners)
    reach = 0.5 * float(np.linalg.norm(anatomy.image.spacing_mm)) + h
    margin = np.array(margin_mm)
    low = np.floor((local.min(axis=0) - reach - margin) / h)
    high = np.ceil((local.max(axis=0) + reach + margin) / h)
    affine = np.eye(4)
    affine[:3, :3] = anatomy.frame.axes.T * h
    affine[:3, 3] = anatomy.frame.world((low + 0.5) * h)
    shape = tuple(int(n) for n in high - low)
    return Volume(np.zeros(shape, dtype=bool), affine, "mask", anatomy.image.frame)


def inside(grid: Volume, anatomy: Anatomy, mask: Bool, *, grown_mm: float = 0.0) -> Bool:
    """A mask on the grid, its surface smoothed between slices by its distance map and moved outward."""
    if not mask.any():
        return np.zeros(grid.shape, dtype=bool)
    low, high = bounding_box(mask)
    crop = anatomy.image.with_array(mask, "mask").crop(low - 3, high + 3)
    distance = signed_distance(crop.array, crop.spacing_mm)
    return gather_linear(distance, crop.affine, grid.affine, grid.shape, outside=np.inf) < grown_mm


def sample(grid: Volume, image: Volume) -> F64:
    """Trilinear image values on the grid; NaN outside the image."""
    values: npt.NDArray[Any] = gather_linear(
        image.array, image.affine, grid.affine, grid.shape, outside=np.nan
    )
    return values.astype(np.float64)


def cement_share(grid: Volume, mesh: Bricks, fills: Sequence[Volume]) -> F64:
    """(n_elements,) share of each element that cement fractions fill."""
    cement = np.zeros(len(mesh.cells))
    for fill in fills:
        box = gather_linear(fill.array, fill.affine, grid.affine, grid.shape, outside=0.0)
        cement = np.maximum(cement, np.clip(mesh.of_box(box), 0.0, 1.0))
    return cement


def cement_of(fields: Sequence[Field]) -> tuple[tuple[Volume, ...], tuple[tuple[Volume, ...], ...]]:
    """(central cement fractions, those of each sample) of what was done to a bone; sample k of several fields
    together.

    Fields of other quantities (a temperature) are no matter of mechanics.
    """
    cement = [field for field in fields if field.quantity == "cement_fraction"]
    count = max((len(field.samples) for field in cement), default=0)
    samples = tuple(
        tuple((field.samples or (field.volume,))[k % max(len(field.samples), 1)] for field in cement)
        for k in range(count)
    )
    return tuple(field.volume for field in cement), samples


def replaced_by_soft_tissue(anatomy: Anatomy, image: F64, lesion: Bool, state: State) -> Bool:
    """(n_elements,) elements of the lesion that hold no bone; none in the intact state."""
    if state == "intact":
        return np.zeros_like(lesion)
    density = anatomy.calibration.density_as("K2HPO4", image)
    return lesion & (density <= number("bone.lytic_tissue_density_max"))
