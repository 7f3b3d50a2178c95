"""The place where heat or cold acts: an anatomy on a heat grid of cubes around the probes.

The grid has the image's own axes, oblique and left-handed ones too, and cubes of one edge.  It ends where the
image ends: beyond that nothing is known, and the edge keeps its temperature.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from osteoplan.arrays import F32, Mask, Point
from osteoplan.boxes import around as box_around
from osteoplan.errors import BadInput
from osteoplan.kernels.distance import signed_distance
from osteoplan.kernels.resample import gather_linear
from osteoplan.model.anatomy import Structure
from osteoplan.model.effects import Layer
from osteoplan.model.volume import Volume
from osteoplan.trajectory.surroundings import Surroundings

__all__ = ["HeatScene", "parted", "scene"]

GAS_HU = -300.0  # darker than fat and wet lung: gas, which is a wall to heat
GAS, FLUIDS = "gas", ("saline", "contrast", "anaesthetic")  # agents that part tissues
_SMOOTH = 3  # voxels around a mask in which its distance map is worked out


@dataclass(frozen=True, eq=False)
class HeatScene:
    """A neighbourhood on a heat grid.

    Attributes:
        around: what it was made from.
        grid: the image's values (HU or density) at the cubes' centres.
        lesion: the lesion, as given (it may reach beyond the bone).
        bones: canonical label -> mask; the lesion's bone is among them.
        structures: those that have a cube here, by name.
        metal: metal, stents and cement that are in the patient already.
        gas: air, lung and bowel gas.
        body: inside the patient.
        fluid: that was put between tissues; None where there is none.
    """

    around: Surroundings
    grid: Volume
    lesion: Mask
    bones: Mapping[str, Mask]
    structures: Mapping[str, Mask]
    metal: Mask
    gas: Mask
    body: Mask
    fluid: Mask | None = None

    @property
    def bone(self) -> Mask:
        """The lesion's bone."""
        return self.bones[self.around.target]

    @property
    def known(self) -> tuple[Structure, ...]:
        """What the scan shows or what was derived, here or elsewhere on it."""
        return self.around.structures

    def of_kind(self, kind: str) -> Mask:
        """All structures of one kind together."""
        found = np.zeros(self.grid.shape, dtype=bool)
        for structure in self.around.structures:
            if structure.kind == kind and structure.name in self.structures:
                found |= self.structures[structure.name]
        return found

    def to_grid(self, mask: Mask) -> Mask:
        """A mask of the image on the heat grid, smoothed between slices by its distance map."""
        return on_grid(mask, self.around.grid, self.grid)

    def to_image(self, array: F32, *, outside: float) -> Volume:
        """(ni, nj, nk) of the heat grid, trilinear on the image's grid."""
        image = self.around.grid
        return image.with_array(
            gather_linear(array, self.grid.affine, image.affine, image.shape, outside=outside)
        )


def scene(around: Surroundings, middle_mm: Sequence[Point], *, edge_mm: float, reach_mm: float) -> HeatScene:
    """The scene around some points.

    Args:
        middle_mm: what acts; the grid holds all of it and ``reach_mm`` on every side, where the image does.
        edge_mm: of the cubes.

    Raises:
        BadInput: a point lies outside the image.
    """
    grid = _grid(around.grid, np.array(middle_mm, dtype=np.float64), edge_mm, reach_mm)
    image = around.grid
    values = gather_linear(image.array, image.affine, grid.affine, grid.shape, outside=np.nan)
    grid = grid.with_array(values, image.meaning)

    def here(mask: Mask) -> Mask:
        return on_grid(mask, image, grid)

    body = here(around.skin)
    structures = {one.name: here(one.mask) for one in around.structures if one.mask.any()}
    gas = ~body
    if image.meaning == "HU":
        gas |= values < GAS_HU
    return HeatScene(
        around, grid, here(around.lesion), {name: here(mask) for name, mask in around.bones.items()},
        {name: mask for name, mask in structures.items() if mask.any()}, here(around.metal), gas, body,
    )  # fmt: skip


def parted(scene: HeatScene, layers: Sequence[Layer]) -> HeatScene:
    """The scene with gas or fluid between its tissues: of each layer the nearest free cubes, by its volume.

    Bone, canal, vessels and organs stay where they are; what is pushed aside is not modelled.
    """
    if not layers:
        return scene
    taken = ~scene.body | scene.metal | scene.lesion
    for mask in (*scene.bones.values(), *scene.structures.values()):
        taken = taken | mask
    gas, fluid = scene.gas.copy(), np.zeros_like(scene.gas)
    free = np.argwhere(~taken & ~gas)
    for layer in (one for one in layers if one.agent in (GAS, *FLUIDS)):
        away = np.linalg.norm(scene.grid.positions_mm(free) - np.array(layer.at_mm), axis=1)
        count = min(len(free), round(1000.0 * layer.volume_mL / scene.grid.voxel_volume_mm3))
        cubes = free[np.argsort(away, kind="stable")[:count]]
        (gas if layer.agent == GAS else fluid)[tuple(cubes.T)] = True
    return replace(scene, gas=gas, fluid=fluid)


def on_grid(mask: Mask, image: Volume, grid: Volume) -> Mask:
    """A mask of an image on another grid, its surface smoothed between slices."""
    if not mask.any():
        return np.zeros(grid.shape, dtype=bool)
    near = image.with_array(mask, "mask").on(box_around(mask, _SMOOTH))
    distance = signed_distance(near.array, near.spacing_mm)
    found: Mask = gather_linear(distance, near.affine, grid.affine, grid.shape, outside=np.inf) < 0.0
    return found


def _grid(image: Volume, points_mm: np.ndarray, edge_mm: float, reach_mm: float) -> Volume:
    """Cubes along the image's axes, a cube's centre on the middle of the points."""
    at = image.indices(points_mm)
    inside = (at >= -0.5) & (at <= np.array(image.shape) - 0.5)
    if not inside.all():
        outside = points_mm[~inside.all(axis=1)][0]
        raise BadInput(
            f"a probe at ({', '.join(f'{x:.0f}' for x in outside)}) mm lies outside the scan: "
            "heat cannot be simulated there"
        )
    scaled = at * image.spacing_mm  # mm along the image's axes
    middle = 0.5 * (scaled.min(axis=0) + scaled.max(axis=0))
    first = -middle, (np.array(image.shape) - 1.0) * image.spacing_mm - middle  # the image's ends
    low = np.maximum(scaled.min(axis=0) - middle - reach_mm, first[0])
    high = np.minimum(scaled.max(axis=0) - middle + reach_mm, first[1])
    n_low, n_high = np.ceil(low / edge_mm - 1e-9), np.floor(high / edge_mm + 1e-9)
    affine = np.eye(4)
    affine[:3, :3] = image.direction * edge_mm
    affine[:3, 3] = image.positions_mm((middle + n_low * edge_mm) / image.spacing_mm)
    shape = tuple(int(n) for n in n_high - n_low + 1)
    return Volume(np.zeros(shape, dtype=np.float32), affine, image.meaning, image.frame)
