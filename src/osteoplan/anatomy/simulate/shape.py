"""The outline of a simulated lesion: an ellipsoid whose radius wavers, the same on every grid.

    rho(x) = |x / a|                  a: half axes; 1 on the ellipsoid
    R(u)   = c (1 + s n(u))           n: unit random field on the sphere; c keeps the ellipsoid's volume
    d(x)   = (rho - R) / |grad rho|   distance to the edge [mm], negative inside

n is a sum of plane waves cos(k.u + phi) with random k and phi; s is 0 for a smooth ellipsoid, small for an
irregular lesion, large (with fewer, longer waves) for a lobulated one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from osteoplan.arrays import F64
from osteoplan.errors import BadInput
from osteoplan.kernels.vectors import directions
from osteoplan.model.volume import Volume
from osteoplan.provenance import rng

__all__ = [
    "LesionBody", "LesionMatrix", "LesionShape", "body_of", "gap_and_extent", "local_of", "random_field",
]  # fmt: skip

LesionMatrix = Literal["lytic", "mixed", "blastic"]
LesionShape = Literal["ellipsoid", "irregular", "lobulated", "permeative"]

_WAVES = 64  # plane waves of a random field; more do not change its look
WAVE_NUMBERS: Mapping[LesionShape, tuple[float, float]] = {
    "ellipsoid": (1.5, 5.0), "irregular": (1.5, 5.0), "lobulated": (3.0, 4.5), "permeative": (1.5, 5.0),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class LesionBody:
    """The ellipsoid: centre and full axes in mm, unit vectors (rows) left, posterior, superior."""

    centre_mm: F64
    axes_mm: F64
    frame_axes: F64
    seed: int

    @property
    def place(self) -> str:
        """The centre in words."""
        x, y, z = self.centre_mm
        return f"({x:.1f}, {y:.1f}, {z:.1f}) mm"


def body_of(
    centre_mm: npt.ArrayLike, axes_mm: npt.ArrayLike, frame_axes: npt.ArrayLike, seed: int
) -> LesionBody:
    """Check and gather.

    Raises:
        BadInput: no finite centre, axes that are not positive, frame axes mirrored or not at right angles.
    """
    centre, full, frame = (np.asarray(v, dtype=np.float64) for v in (centre_mm, axes_mm, frame_axes))
    if centre.shape != (3,) or not np.isfinite(centre).all():
        raise BadInput("the lesion's centre is not three finite numbers: give LPS positions in mm")
    if full.shape != (3,) or not (np.isfinite(full).all() and (full > 0).all()):
        raise BadInput("the lesion's axes are not three positive lengths: give full axes in mm")
    if frame.shape != (3, 3) or not np.allclose(frame @ frame.T, np.eye(3), atol=1e-3):
        raise BadInput(
            "the frame's axes are not unit vectors at right angles: give rows left, posterior, superior"
        )
    if np.linalg.det(frame) < 0:
        raise BadInput(
            "the frame's axes are mirrored: give rows left, posterior, superior in LPS, in that order"
        )
    return LesionBody(centre, full, frame, seed)


def local_of(near: Volume, body: LesionBody) -> F64:
    """(..., 3) left, posterior, superior of every voxel centre, from the lesion's centre [mm]."""
    indices = np.moveaxis(np.indices(near.shape), 0, -1)
    return (near.positions_mm(indices) - body.centre_mm) @ body.frame_axes.T


def gap_and_extent(
    near: Volume, local: F64, body: LesionBody, *, irregularity: float, waves: tuple[float, float]
) -> tuple[F64, F64]:
    """Distance to the lesion's edge, negative inside, and the voxel's extent across the edge [mm]."""
    half = body.axes_mm / 2
    scaled = local / half
    rho = np.linalg.norm(scaled, axis=-1)
    safe = np.maximum(rho, 1e-6)[..., None]
    gradient = scaled / half / safe
    steepness = np.maximum(np.linalg.norm(gradient, axis=-1), 0.5 / half.max())  # 0 at the very centre
    voxel_edges = (body.frame_axes @ near.direction) * near.spacing_mm  # columns, in the frame
    extent = np.abs(gradient / steepness[..., None] @ voxel_edges).sum(axis=-1)
    radius = np.ones(rho.shape)
    edge = (rho > 0.3) & (rho < 2.5)  # the edge never lies elsewhere
    radius[edge] = _radius(scaled[edge] / safe[edge], irregularity, waves, body.seed)
    gap = (rho - radius) / steepness
    return gap, np.maximum(extent, 1e-6)


def _radius(ways: F64, irregularity: float, waves: tuple[float, float], seed: int) -> F64:
    """Relative radius in each direction (unit vectors); its mean cube over the sphere is 1."""
    if irregularity == 0.0:
        return np.ones(ways.shape[:-1])
    waver = [np.clip(random_field(u, waves, seed, "shape"), -2.5, 2.5) for u in (directions(2000), ways)]
    waver = [(1.0 + irregularity * (w - waver[0].mean()) / waver[0].std()).clip(0.5, 1.4) for w in waver]
    radius: F64 = waver[1] / np.cbrt((waver[0] ** 3).mean())
    return radius


def random_field(points: F64, wave_numbers: tuple[float, float], seed: int, name: str) -> F64:
    """A smooth random field, mean 0 and variance 1, at (..., 3) points; the same on every grid."""
    stream = rng(seed, "simulated lesion", name)
    k = stream.normal(size=(_WAVES, 3))
    k *= stream.uniform(*wave_numbers, size=(_WAVES, 1)) / np.linalg.norm(k, axis=1, keepdims=True)
    phase = stream.uniform(0.0, 2.0 * np.pi, size=_WAVES)
    total: F64 = np.zeros(points.shape[:-1])
    for wave, shift in zip(k, phase, strict=True):
        total += np.cos(points @ wave + shift)
    total *= np.sqrt(2.0 / _WAVES)
    return total
