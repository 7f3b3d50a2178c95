"""Bodies to solve: a full cube, sparse trabecular bone, and a vertebra with everything that is put into one.

Each is (n, n, n) moduli in MPa, 0 where void, on cubes of 1 mm: numbers of a benchmark, not of a patient.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

BODIES = {"a": "full cube", "b": "sparse trabecular", "c": "vertebra-like"}


def body(case: str, n: int) -> np.ndarray:
    return {"a": cube, "b": trabecular, "c": vertebra_like}[case](n)


def cube(n: int) -> np.ndarray:
    return np.full((n, n, n), 1000.0)


def trabecular(n: int, *, seed: int = 0) -> np.ndarray:
    """The largest piece, from end to end, of smoothed noise above its 65th percentile: near percolation."""
    noise = np.random.default_rng(seed).normal(size=(n, n, n))
    smooth = ndimage.gaussian_filter(noise, 1.5, mode="wrap")
    labels, _ = ndimage.label(smooth > np.quantile(smooth, 0.65))
    through = np.intersect1d(labels[:, :, 0], labels[:, :, -1])
    sizes = np.bincount(labels.ravel())
    largest = max(through[through > 0], key=lambda label: sizes[label])
    return np.where(labels == largest, 18000.0, 0.0)


def vertebra_like(n: int, *, seed: int = 0) -> np.ndarray:
    """Cortical shell, trabecular core, lytic hole, ball of PMMA, oblique titanium rod."""
    x, y, z = np.meshgrid(*(np.arange(n),) * 3, indexing="ij")
    middle, radius = n / 2 - 0.5, 0.46 * n
    r = np.hypot(x - middle, (y - middle) / 0.8)
    inside = r < radius
    core = 300.0 * np.exp(np.random.default_rng(seed).normal(0.0, 0.5, r.shape))
    E = np.where(inside, core, 0.0)
    E[inside & (r > radius - max(1.5, 0.02 * n))] = 12000.0
    E[(_from_point(x, y, z, (0.62 * n, 0.5 * n, 0.5 * n)) < 0.2 * n) & inside] = 1.0
    E[(_from_point(x, y, z, (0.62 * n, 0.5 * n, 0.45 * n)) < 0.12 * n) & inside] = 2300.0
    rod = _from_line(x, y, z, np.array([0.2, 0.5, 0.2]) * n, np.array([0.7, 0.45, 0.75]) * n)
    E[(rod < max(1.0, 0.03 * n)) & inside] = 110000.0
    return E


def squeezed(shape: tuple[int, int, int]) -> np.ndarray:
    """(ni+1, nj+1, nk+1, 3) displacements: both ends bonded, 1 % compression along k, the rest free (NaN)."""
    held = np.full((*(n + 1 for n in shape), 3), np.nan)
    held[:, :, 0] = 0.0
    held[:, :, -1] = (0.0, 0.0, -0.01 * shape[2])
    return held


def _from_point(x, y, z, p):
    return np.sqrt((x - p[0]) ** 2 + (y - p[1]) ** 2 + (z - p[2]) ** 2)


def _from_line(x, y, z, a, b):
    """Distance to the piece of line from a to b."""
    along = (b - a) / np.linalg.norm(b - a)
    at = [x - a[0], y - a[1], z - a[2]]
    t = np.clip(sum(q * v for q, v in zip(at, along, strict=True)), 0.0, np.linalg.norm(b - a))
    return np.sqrt(sum((q - t * v) ** 2 for q, v in zip(at, along, strict=True)))
