"""Put a lytic, mixed or blastic lesion into a real scan, and keep the truth.

The lesion is an ellipsoid whose radius wavers with the direction u, the same on every grid:

    rho(x) = |x / a|                  a: half axes; 1 on the ellipsoid
    R(u)   = c (1 + s n(u))           n: unit random field on the sphere; c keeps the ellipsoid's volume
    d(x)   = (rho - R) / |grad rho|   distance to the edge [mm], negative inside
    w(x)   = 1/2 - d / e              share of the voxel inside, cut to 0..1
    HU     = (1 - w) scan + w tissue  inside the bone only

e is the voxel's extent across the edge, so that the edge is blurred as a scanner blurs it; sclerosis fades
over some mm more.  n is a sum of plane waves cos(k.u + phi) with random k and phi.  The tissue carries noise
with the standard deviation and the correlation between neighbours that the scan itself has in soft tissue
near by.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from osteoplan.errors import BadInput, GeometryMismatch, LesionError, UnknownName
from osteoplan.knowledge.load import KnownRow, Strict, document
from osteoplan.model.evidence import worst
from osteoplan.model.volume import Volume
from osteoplan.provenance import rng

__all__ = ["LesionMatrix", "SimulatedLesion", "SimulatedLesions", "simulate_lesion"]

LesionMatrix = Literal["lytic", "mixed", "blastic"]
NoiseSource = Literal["soft tissue", "bone"]
F64 = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_DATA = "anatomy/simulated_lesions.yaml"
_SURROUNDINGS_MM = 15.0  # beside the lesion: enough soft tissue to measure noise in
_LEAST_SOFT = 600  # voxels of soft tissue; with fewer, noise is measured in the bone, and the truth says so
_WAVES = 64  # plane waves of a random field; more do not change its look


class SimulatedLesions(Strict):
    """Looks of simulated lesions, as in ``knowledge/data/anatomy/simulated_lesions.yaml``."""

    lytic_HU: KnownRow
    blastic_HU: KnownRow
    blastic_spread_HU: KnownRow
    blastic_cap_HU: KnownRow
    blastic_edge_mm: KnownRow
    patch_mm: KnownRow
    irregularity: KnownRow
    noise_smoothing_mm: KnownRow
    noise_tissue_HU: KnownRow
    least_voxels: KnownRow

    def number(self, name: str) -> float:
        """The value of a row."""
        return float(getattr(self, name).value)

    def rows(self) -> Mapping[str, KnownRow]:
        """Every row by its name."""
        return {name: getattr(self, name) for name in type(self).model_fields}


@dataclass(frozen=True, eq=False)
class SimulatedLesion:
    """A scan with a lesion in it.

    Attributes:
        ct: the whole scan, same grid and dtype, changed inside the lesion only.
        mask: (ni, nj, nk) bool, the lesion: the wavering ellipsoid within the bone.
        truth: what was put in, ready for JSON.
    """

    ct: Volume
    mask: Mask
    truth: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class _Shape:
    """The ellipsoid: centre and full axes in mm, unit vectors (rows) left, posterior, superior."""

    centre_mm: F64
    axes_mm: F64
    frame_axes: F64
    seed: int


def simulate_lesion(
    ct: Volume,
    bone_mask: Mask,
    *,
    centre_mm: npt.ArrayLike,
    axes_mm: npt.ArrayLike,
    frame_axes: npt.ArrayLike,
    matrix: LesionMatrix,
    seed: int,
) -> SimulatedLesion:
    """Put one lesion into one bone.

    Lytic: bone and cortex give way to soft tissue.  Blastic: HU are raised, and none is lowered.  Mixed:
    patches of both.  Nothing outside ``bone_mask`` changes, so cortex that the mask leaves out stays.

    Args:
        ct: scan in HU.
        bone_mask: (ni, nj, nk) bool on the scan's grid, the whole bone.
        centre_mm: (3,) LPS.
        axes_mm: (3,) full axes along the frame's left, posterior and superior.
        frame_axes: (3, 3) unit vectors in rows: left, posterior, superior.
        seed: of shape, patches and noise.

    Raises:
        LesionError: the ellipsoid lies beside the image or the bone, or holds too few voxels of bone.
        GeometryMismatch: the mask is not on the scan's grid.
        BadInput: not HU; axes that are not positive or not at right angles; an unknown matrix.
    """
    shape = _shape(centre_mm, axes_mm, frame_axes, seed)
    _require_scan(ct, bone_mask, matrix)
    looks = document(_DATA, SimulatedLesions)
    low, high = _box(ct, shape)
    near, bone = ct.crop(low, high), bone_mask[tuple(map(slice, low, high))]
    share = np.where(bone, _share_inside(near, shape, matrix, looks), 0.0)
    lesion = share >= 0.5
    _require_bone(lesion, shape, looks.number("least_voxels"))
    before = near.array.astype(np.float64)
    noise, noise_from = _noise(before, bone, near.spacing_mm, looks, seed)
    tissue = _tissue(before, _local(near, shape), noise, matrix, looks, seed)
    after = _as_stored((1.0 - share) * before + share * tissue, near.array, share > 0.0)
    array, mask = ct.array.copy(), np.zeros(ct.shape, dtype=np.bool_)
    array[tuple(map(slice, low, high))], mask[tuple(map(slice, low, high))] = after, lesion
    truth = _truth(shape, matrix, looks) | {
        "volume_mL": float(lesion.sum() * ct.voxel_volume_mm3 / 1000.0),
        "share_of_bone_pct": float(100.0 * lesion.sum() / bone_mask.sum()),
        "voxels": int(lesion.sum()),
        "voxels_changed": int((after != near.array).sum()),
        "noise_HU": float(noise.std()),
        "noise_from": noise_from,
    }
    return SimulatedLesion(ct.with_array(array), mask, truth)


def _shape(centre_mm: npt.ArrayLike, axes_mm: npt.ArrayLike, frame_axes: npt.ArrayLike, seed: int) -> _Shape:
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
    return _Shape(centre, full, frame, seed)


def _require_scan(ct: Volume, bone_mask: Mask, matrix: str) -> None:
    if ct.meaning != "HU":
        raise BadInput(f"a lesion is simulated in HU, this image holds {ct.meaning}: give the CT itself")
    if bone_mask.shape != ct.shape or bone_mask.dtype != np.bool_:
        raise GeometryMismatch(
            f"the bone's mask is {bone_mask.dtype} of shape {bone_mask.shape}, the CT has {ct.shape}: "
            "give a boolean mask on the CT's grid"
        )
    if matrix not in get_args(LesionMatrix):
        raise UnknownName("lesion matrix", matrix, get_args(LesionMatrix))


def _box(ct: Volume, shape: _Shape) -> tuple[list[int], list[int]]:
    """Index box around the lesion and its surroundings, within the image."""
    reach = 0.75 * shape.axes_mm + _SURROUNDINGS_MM  # half axes, half as long again where the radius wavers
    corners = np.stack(np.meshgrid(*[(-r, r) for r in reach]), axis=-1).reshape(-1, 3)
    indices = ct.indices(corners @ shape.frame_axes + shape.centre_mm)
    low = np.clip(np.floor(indices.min(axis=0)).astype(int), 0, ct.shape)
    high = np.clip(np.ceil(indices.max(axis=0)).astype(int) + 1, 0, ct.shape)
    if (high <= low).any():
        raise LesionError(f"the lesion at {_place(shape)} lies outside the image: give LPS positions in mm")
    return low.tolist(), high.tolist()


def _local(near: Volume, shape: _Shape) -> F64:
    """(..., 3) left, posterior, superior of every voxel centre, from the lesion's centre [mm]."""
    indices = np.moveaxis(np.indices(near.shape), 0, -1)
    local: F64 = (near.positions_mm(indices) - shape.centre_mm) @ shape.frame_axes.T
    return local


def _share_inside(near: Volume, shape: _Shape, matrix: LesionMatrix, looks: SimulatedLesions) -> F64:
    """Share of every voxel that lies inside the lesion, 0..1."""
    local, half = _local(near, shape), shape.axes_mm / 2
    scaled = local / half
    rho = np.linalg.norm(scaled, axis=-1)
    safe = np.maximum(rho, 1e-6)[..., None]
    gradient = scaled / half / safe
    steepness = np.maximum(np.linalg.norm(gradient, axis=-1), 0.5 / half.max())  # 0 at the very centre
    voxel_edges = (shape.frame_axes @ near.direction) * near.spacing_mm  # columns, in the frame
    extent = np.abs(gradient / steepness[..., None] @ voxel_edges).sum(axis=-1)
    if matrix == "blastic":
        extent = np.hypot(extent, looks.number("blastic_edge_mm"))
    gap = (rho - _radius(scaled / safe, looks.number("irregularity"), shape.seed)) / steepness
    share: F64 = np.clip(0.5 - gap / np.maximum(extent, 1e-6), 0.0, 1.0)
    return share


def _radius(directions: F64, irregularity: float, seed: int) -> F64:
    """Relative radius in each direction (unit vectors); its mean cube over the sphere is 1."""
    n = np.arange(2000) + 0.5
    up, turn = 1.0 - n / 1000.0, np.pi * (1.0 + 5.0**0.5) * n  # a Fibonacci sphere: even cover
    flat = np.sqrt(1.0 - up**2)
    sphere = np.stack([flat * np.cos(turn), flat * np.sin(turn), up], axis=-1)
    waver = [np.clip(_field(u, (1.5, 5.0), seed, "shape"), -2.5, 2.5) for u in (sphere, directions)]
    waver = [(1.0 + irregularity * (w - waver[0].mean()) / waver[0].std()).clip(0.5, 1.4) for w in waver]
    radius: F64 = waver[1] / np.cbrt((waver[0] ** 3).mean())
    return radius


def _field(points: F64, wave_numbers: tuple[float, float], seed: int, name: str) -> F64:
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


def _tissue(
    before: F64, local: F64, noise: F64, matrix: LesionMatrix, looks: SimulatedLesions, seed: int
) -> F64:
    """HU of the lesion at every voxel."""
    lytic = looks.number("lytic_HU") + noise
    if matrix == "lytic":
        return lytic
    k = 2.0 * np.pi / looks.number("patch_mm")
    spread = looks.number("blastic_spread_HU") * _field(local, (0.7 * k, 1.3 * k), seed, "sclerosis")
    raised = np.minimum(looks.number("blastic_HU") + spread + noise, looks.number("blastic_cap_HU"))
    blastic: F64 = np.maximum(before, raised)
    if matrix == "blastic":
        return blastic
    patch = np.clip(0.5 + 0.6 * _field(local, (0.7 * k, 1.3 * k), seed, "patches"), 0.0, 1.0)
    mixed: F64 = patch * blastic + (1.0 - patch) * lytic
    return mixed


def _noise(
    before: F64, bone: Mask, spacing_mm: F64, looks: SimulatedLesions, seed: int
) -> tuple[F64, NoiseSource]:
    """Noise like the scan's own, and where that was measured.

    Noise and anatomy part at a small Gaussian: what it leaves is called noise.  The noise made here leaves as
    much, and as correlated between neighbours, as the scan leaves in soft tissue.
    """
    widths = looks.number("noise_smoothing_mm") / spacing_mm
    smooth = ndimage.gaussian_filter(before, widths, mode="nearest")
    window = looks.noise_tissue_HU
    soft = ~bone & (smooth > float(window.low or 0.0)) & (smooth < float(window.high or 0.0))
    soft = ndimage.binary_erosion(soft) & ~ndimage.binary_dilation(bone, iterations=2)
    name: NoiseSource = "soft tissue" if soft.sum() >= _LEAST_SOFT else "bone"
    where = _flattest(smooth, soft if name == "soft tissue" else bone, spacing_mm)
    rest = before - smooth
    sd = 1.4826 * float(np.median(np.abs(rest[where])))  # by the median: an edge is not noise
    if sd == 0.0:
        return np.zeros_like(before), name
    correlation = _correlations(np.clip(rest, -3.0 * sd, 3.0 * sd), where)
    white = rng(seed, "simulated lesion", "noise").normal(size=before.shape)
    return _coloured(white, widths, sd, correlation), name


def _coloured(white: F64, high_pass: F64, sd: float, correlation: F64) -> F64:
    """White noise, smoothed.

    What a Gaussian (``high_pass``, voxels) leaves of it has this sd, and (3,) correlation with neighbours.
    A Gaussian of s voxels gives neighbours the correlation exp(-1/(4 s^2)).  The high pass takes some of it
    away; a few fixed-point steps give that back.
    """
    everywhere = np.ones(white.shape, dtype=np.bool_)
    asked = correlation.copy()
    for _ in range(6):
        noise = ndimage.gaussian_filter(white, [_width(c) for c in asked], mode="wrap")
        left = noise - ndimage.gaussian_filter(noise, high_pass, mode="wrap")
        asked = np.clip(asked + correlation - _correlations(left, everywhere), 0.0, 0.9)
    scaled: F64 = noise * (sd / left.std())
    return scaled


def _flattest(smooth: F64, where: Mask, spacing_mm: F64) -> Mask:
    """The third of a mask where the smooth image is flattest: away from fat, vessels and cortex."""
    steps = np.gradient(smooth, *spacing_mm.tolist())
    slope: F64 = np.sqrt(sum((step**2 for step in steps), start=np.zeros_like(smooth)))
    flat: Mask = where & (slope <= np.quantile(slope[where], 1 / 3))
    return flat


def _correlations(rest: F64, where: Mask) -> F64:
    """(3,) correlation of voxels with the next along each axis, both in the mask; 0 if too few are."""
    variance = (rest[where] ** 2).mean()
    found = np.zeros(3)
    for axis in range(3):
        line, mask = np.moveaxis(rest, axis, 0), np.moveaxis(where, axis, 0)
        both = mask[:-1] & mask[1:]
        if both.sum() >= 50:
            found[axis] = (line[:-1][both] * line[1:][both]).mean() / variance
    return found


def _width(correlation: float) -> float:
    """sd [voxels] of the Gaussian that makes white noise correlate like that."""
    return 0.0 if correlation < 0.02 else float(0.5 / np.sqrt(-np.log(correlation)))


def _as_stored(values: F64, stored: npt.NDArray[Any], changed: Mask) -> npt.NDArray[Any]:
    """The values in the scan's own dtype; voxels that did not change keep their bits."""
    if np.issubdtype(stored.dtype, np.integer):
        limits = np.iinfo(stored.dtype)
        values = np.clip(np.rint(values), limits.min, limits.max)
    return np.where(changed, values.astype(stored.dtype), stored)


def _require_bone(lesion: Mask, shape: _Shape, least: float) -> None:
    count = int(lesion.sum())
    if count == 0:
        raise LesionError(f"the lesion at {_place(shape)} holds no bone: move its centre into the bone")
    if count < least:
        raise LesionError(
            f"the lesion at {_place(shape)} holds {count} voxels of bone, at least {least:.0f} are needed: "
            "make its axes longer, or move its centre into the bone"
        )


def _truth(shape: _Shape, matrix: LesionMatrix, looks: SimulatedLesions) -> dict[str, Any]:
    return {
        "simulated": True,
        "matrix": matrix,
        "centre_mm": shape.centre_mm.tolist(),
        "axes_mm": shape.axes_mm.tolist(),
        "frame_axes": shape.frame_axes.tolist(),
        "seed": shape.seed,
        "parameters": {name: row.value for name, row in looks.rows().items()},
        "knowledge": _DATA,
        "knowledge_status": worst(*(row.status for row in looks.rows().values())),
    }


def _place(shape: _Shape) -> str:
    x, y, z = shape.centre_mm
    return f"({x:.1f}, {y:.1f}, {z:.1f}) mm"
