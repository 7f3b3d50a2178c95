"""What a lesion is filled with, and noise like the scan's own."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import ndimage

from osteoplan.anatomy.simulate.shape import LesionMatrix, random_field
from osteoplan.arrays import F64, Mask
from osteoplan.knowledge.values import known, number
from osteoplan.provenance import rng

__all__ = ["NoiseSource", "noise_like", "permeation", "tissue"]

NoiseSource = Literal["soft tissue", "bone"]

_LEAST_SOFT = 600  # voxels of soft tissue; with fewer, noise is measured in the bone, and the truth says so


def tissue(before: F64, local: F64, noise: F64, matrix: LesionMatrix, seed: int) -> F64:
    """HU (or density) of the lesion at every voxel."""
    lytic = number("simulated_lesions.lytic_HU") + noise
    if matrix == "lytic":
        return lytic
    k = 2.0 * np.pi / number("simulated_lesions.patch_mm")
    mean, sd, cap = (number(f"simulated_lesions.blastic{name}_HU") for name in ("", "_spread", "_cap"))
    spread = sd * random_field(local, (0.7 * k, 1.3 * k), seed, "sclerosis")
    raised = np.minimum(mean + spread + noise, cap)

    blastic: F64 = np.maximum(before, raised)
    if matrix == "blastic":
        return blastic
    patch = np.clip(0.5 + 0.6 * random_field(local, (0.7 * k, 1.3 * k), seed, "patches"), 0.0, 1.0)
    return patch * blastic + (1.0 - patch) * lytic


def permeation(local: F64, seed: int) -> F64:
    """Share of bone that is gone at every place of a permeative lesion, 0..1; half of it on the whole."""
    k = 2.0 * np.pi / number("simulated_lesions.hole_mm")
    return np.clip(0.5 + 1.2 * random_field(local, (0.7 * k, 1.3 * k), seed, "holes"), 0.0, 1.0)


def noise_like(before: F64, bone: Mask, spacing_mm: F64, seed: int) -> tuple[F64, NoiseSource]:
    """Noise like the scan's own, and where that was measured.

    Noise and anatomy part at a small Gaussian: what it leaves is called noise.  The noise made here leaves as
    much, and as correlated between neighbours, as the scan leaves in soft tissue.
    """
    widths = number("simulated_lesions.noise_smoothing_mm") / spacing_mm
    smooth = ndimage.gaussian_filter(before, widths, mode="nearest")
    low, high = known("simulated_lesions.noise_tissue_HU").range
    soft = ~bone & (smooth > low) & (smooth < high)
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
    return where & (slope <= np.quantile(slope[where], 1 / 3))


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
