"""Everything that a trajectory through a region meets, on one grid, and how far any point is from it.

Labelled voxels are taken as solid bricks, so a distance is never longer than to the label as it was drawn; on
a slanted surface it is shorter than to the smooth surface by up to half a voxel's diagonal.

What is worked out of a neighbourhood (distance maps, bone fields, corridors) is kept in its memo.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_args

import numpy as np
import numpy.typing as npt

from osteoplan.arrays import F32, F64, Bool, Mask, Point
from osteoplan.kernels.distance import signed_distances
from osteoplan.kernels.paths import path_values
from osteoplan.knowledge.sites import label_of
from osteoplan.model.anatomy import Anatomy, BoneFrame, Structure, StructureKind
from osteoplan.model.volume import Volume

__all__ = ["AVOIDED", "DistanceMaps", "Memo", "Surroundings", "distance_maps", "point", "surroundings"]

_Made = TypeVar("_Made")

# What a device may not touch, in the order in which it is told.  Bones are channels of their own.
AVOIDED: tuple[str, ...] = (
    "canal", "nerve", "vessel", "pleura", "bowel", "organ", "joint", "metal",
)  # fmt: skip
REACH_MM = 30.0  # of the maps; farther than that nothing is near


class Memo:
    """What was worked out once, by what it depends on beside its owner; it lives as long as that."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, Any] = {}

    def once(self, key: Hashable, make: Callable[[], _Made]) -> _Made:
        """What ``make`` gives; made at the first call with that key."""
        if key not in self._kept:
            self._kept[key] = make()
        found: _Made = self._kept[key]
        return found


@dataclass(frozen=True, eq=False)
class Surroundings:
    """The target bone, its neighbours and what to avoid.

    Attributes:
        anatomy: what it was made from.
        grid: the anatomy's image.
        target: canonical label of the target bone, e.g. ``hip_left``.
        bones: canonical label -> mask; the target bone with its lesion is among them.
        lesion: the lesion.
        parts: of the target bone.
        frames: canonical label -> kind -> frame.
        structures: what to avoid; bones are not among them.
        metal: metal, stents and cement that are in the patient already.
        skin: True inside the patient.
        memo: what was worked out of it; not taken over by ``replace``.
    """

    anatomy: Anatomy
    grid: Volume
    target: str
    bones: Mapping[str, Mask]
    lesion: Mask
    parts: Mapping[str, Mask]
    frames: Mapping[str, Mapping[str, BoneFrame]]
    structures: tuple[Structure, ...]
    metal: Mask
    skin: Mask
    memo: Memo = field(default_factory=Memo, init=False)  # a changed neighbourhood has one of its own

    def known(self) -> tuple[str, ...]:
        """Names of everything that is known on the scan, given and derived, the bones included.

        What is labelled elsewhere in the scan is known to be far.
        """
        return (*(s.name for s in self.structures), *self.bones, *self.anatomy.on_scan)


@dataclass(frozen=True, eq=False)
class DistanceMaps:
    """Signed distances [mm] to the surface of each kind of thing: negative inside, positive outside.

    Attributes:
        grid: where the voxels are.
        channels: names along the last axis: the kinds of structure that have a voxel here, ``metal``,
            ``other_bone``, ``bone`` (the target), ``skin`` (negative under it), ``lesion``, and ``body`` of a
            vertebra.
        stack: (ni, nj, nk, K); at most ``REACH_MM`` deep or far.
        structures: what they were computed for.
    """

    grid: Volume
    channels: tuple[str, ...]
    stack: F32
    structures: tuple[Structure, ...]

    def has(self, channel: str) -> bool:
        """True where anything of that kind is here."""
        return channel in self.channels

    def of(self, channel: str) -> F32:
        """(ni, nj, nk) of one channel."""
        return self.stack[..., self.channels.index(channel)]

    def at(self, channel: str, positions_mm: npt.ArrayLike) -> F64:
        """(..., 3) positions -> (...) trilinear distances to one kind of thing [mm]."""
        n = self.channels.index(channel)
        return path_values(self.stack[..., n : n + 1], self.grid.affine, positions_mm)[..., 0]

    def to_edge_mm(self, start_mm: npt.ArrayLike, outward: npt.ArrayLike) -> float:
        """Way from a place inside the image along a unit vector to where the image ends [mm]."""
        at = self.grid.indices(start_mm)
        step = self.grid.indices(np.add(start_mm, outward)) - at
        ahead = np.where(step > 0, np.array(self.grid.shape) - 1.0 - at, at)
        ways = ahead / np.where(np.abs(step) < 1e-12, 1e-12, np.abs(step))
        return max(float(ways.min()), 0.0)

    def inside_grid(self, positions_mm: F64) -> Bool:
        """(..., 3) positions -> (...) True where the image covers them."""
        indices = self.grid.indices(positions_mm)
        inside = (indices >= -0.5) & (indices <= np.asarray(self.grid.shape) - 0.5)
        return np.asarray(inside.all(axis=-1))

    def gradient(self, channel: str, positions_mm: F64, *, step_mm: float = 2.0) -> F64:
        """(n, 3) positions -> (n, 3) unit vectors along which the distance grows fastest: outward."""
        steps = step_mm * np.eye(3)
        slope = np.stack(
            [self.at(channel, positions_mm + step) - self.at(channel, positions_mm - step) for step in steps],
            axis=-1,
        )
        unit: F64 = slope / np.maximum(np.linalg.norm(slope, axis=-1, keepdims=True), 1e-12)
        return unit

    def nearest(self, kind: str, position_mm: npt.ArrayLike) -> Structure:
        """The structure of a kind that is nearest to a position.

        Raises:
            KeyError: no structure of that kind is here.
        """
        candidates = [s for s in self.structures if s.kind == kind and s.mask.any()]
        if not candidates:
            raise KeyError(kind)
        if len(candidates) == 1:
            return candidates[0]
        position = np.asarray(position_mm, dtype=np.float64)
        reach = abs(float(self.at(kind, position))) + 2.0 * float(self.grid.spacing_mm.max())
        middle, pad = self.grid.indices(position), reach / self.grid.spacing_mm
        low = np.clip(np.floor(middle - pad), 0, self.grid.shape).astype(int)
        high = np.clip(np.ceil(middle + pad) + 1, low, self.grid.shape).astype(int)
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        gaps = [_gap(s.mask[box], low - middle, self.grid.spacing_mm) for s in candidates]
        return candidates[int(np.argmin(gaps))]


def surroundings(anatomy: Anatomy) -> Surroundings:
    """The neighbourhood of one lesion's bone."""
    target = label_of(anatomy.bone)
    own = anatomy.frames or {anatomy.frame.kind: anatomy.frame}
    metal = np.zeros(anatomy.image.shape, dtype=bool)
    for implant in anatomy.implants:
        metal |= implant.mask
    return Surroundings(
        anatomy=anatomy, grid=anatomy.image, target=target,
        bones={**{s.name: s.mask for s in anatomy.of_kind("bone")}, target: anatomy.bone_mask},
        lesion=anatomy.lesion_mask, parts=anatomy.parts, frames={**anatomy.neighbour_frames, target: own},
        structures=tuple(s for s in anatomy.structures if s.kind != "bone"),
        metal=metal, skin=anatomy.body_surface,
    )  # fmt: skip


def distance_maps(around: Surroundings) -> DistanceMaps:
    """Distance maps of a neighbourhood; the second call costs nothing."""
    return around.memo.once("distance maps", lambda: _distance_maps(around))


def _distance_maps(around: Surroundings) -> DistanceMaps:
    things = {name: mask for name, mask in _things(around).items() if mask.any()}
    stack = signed_distances(list(things.values()), around.grid.spacing_mm, reach_mm=REACH_MM)
    return DistanceMaps(around.grid, tuple(things), stack, around.structures)


def _things(around: Surroundings) -> dict[str, Mask]:
    """Channel -> mask; a kind without a voxel here stays empty."""
    none = np.zeros(around.grid.shape, dtype=bool)
    found: dict[str, Mask] = {kind: none for kind in get_args(StructureKind) if kind != "bone"}
    for structure in around.structures:
        if structure.mask.any():  # else it is labelled elsewhere in the scan, outside this crop
            seen = found[structure.kind]
            found[structure.kind] = structure.mask if seen is none else seen | structure.mask
    found["metal"] = around.metal
    others = none
    for label, mask in around.bones.items():
        if label != around.target and mask.any():
            others = mask if others is none else others | mask
    found |= {"other_bone": others, "bone": around.bones[around.target], "skin": around.skin}
    found["lesion"] = around.lesion
    if "body" in around.parts:
        found["body"] = around.parts["body"]
    return found


def _gap(mask: Mask, offset: F64, spacing: F64) -> float:
    """Distance [mm] from the origin of ``offset`` to the nearest brick of a mask; inf where it is empty."""
    at = np.argwhere(mask)
    if not len(at):
        return float("inf")
    gaps = np.maximum(np.abs(at + offset) - 0.5, 0.0) * spacing
    return float(np.sqrt((gaps**2).sum(axis=1).min()))


def point(position: npt.ArrayLike) -> Point:
    """A position as plain numbers [mm]."""
    x, y, z = (float(value) for value in np.asarray(position, dtype=np.float64))
    return x, y, z
