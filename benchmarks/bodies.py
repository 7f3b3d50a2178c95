"""Bodies to solve: a full cube, sparse trabecular bone, a vertebra with everything that is put into one, and
sponges of several kinds.

Each is (n, n, n) moduli in MPa, 0 where void, on cubes of 1 mm: numbers of a benchmark, not of a patient.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

BODIES = {"a": "full cube", "b": "sparse trabecular", "c": "vertebra-like"}


def body(case: str, n: int) -> np.ndarray:
    return {"a": cube, "b": trabecular, "c": vertebra_like}[case](n)


def cube(n: int) -> np.ndarray:
    return np.full((n, n, n), 1000.0)


def trabecular(n: int, *, seed: int = 0) -> np.ndarray:
    """The largest piece, from end to end, of smoothed noise above its 65th percentile: near percolation."""
    return _through(spinodal(n, 0.35, 1.5, seed))


def sponge(kind: str, n: int, *, seed: int = 0) -> np.ndarray:
    """The largest piece, from end to end, of a porous body of one of the ``SPONGES``."""
    make, *given = SPONGES[kind]
    return _through(make(n, *given, seed))


def spinodal(n: int, share: float, length: float, seed: int) -> np.ndarray:
    """A share of the box: noise smoothed over a length in voxels, above a quantile."""
    smooth = _smooth_noise(n, length, seed)
    return smooth > np.quantile(smooth, 1.0 - share)


def sheets(n: int, thick: float, length: float, seed: int) -> np.ndarray:
    """Curved walls, some voxels thick: where smoothed noise is nearly 0."""
    smooth = _smooth_noise(n, length, seed)
    steep = np.sqrt(sum(g**2 for g in np.gradient(smooth)))
    return np.abs(smooth) < 0.5 * thick * np.maximum(steep, 0.5 * steep.mean())


def foam(n: int, edges_only: bool, thick: float, width: float, seed: int) -> np.ndarray:
    """Voronoi cells of some width in voxels: the walls between two, or only the edges between three."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(-width, n + width, size=(round((n / width + 2) ** 3), 3))
    near, _ = cKDTree(points).query(np.argwhere(np.ones((n, n, n))), k=3)
    return (near[:, 2 if edges_only else 1] - near[:, 0] < thick).reshape(n, n, n)


def lattice(n: int, plates: float, kept: float, width: float, seed: int) -> np.ndarray:
    """Rods of 2 to 4 voxels between the points of a shaken lattice, a share of them kept, and some plates."""
    rng = np.random.default_rng(seed)
    count = max(2, round(n / width))
    at = np.stack(np.meshgrid(*(np.linspace(0, n - 1, count + 1),) * 3, indexing="ij"), axis=-1)
    at += rng.uniform(-0.25, 0.25, at.shape) * width
    out = np.zeros((n, n, n), dtype=bool)
    for start in np.ndindex(at.shape[:3]):
        for axis in range(3):
            end = tuple(s + (a == axis) for a, s in enumerate(start))
            if end[axis] > count or rng.random() > kept:
                continue
            a, b = at[start], at[end]
            thick, flat = rng.uniform(1.0, 2.0), rng.random() < plates
            low = np.clip(np.floor(np.minimum(a, b) - (width if flat else 3)).astype(int), 0, n)
            high = np.clip(np.ceil(np.maximum(a, b) + (width if flat else 3)).astype(int) + 1, 0, n)
            x, y, z = np.meshgrid(*(np.arange(p, q) for p, q in zip(low, high, strict=True)), indexing="ij")
            near = _from_line(x, y, z, a, b)
            if flat:  # a disc around the middle of the rod, across a random direction that it lies in
                normal = np.cross(b - a, rng.normal(size=3))
                normal /= np.linalg.norm(normal)
                off = sum(u * (v - w) for u, v, w in zip(normal, (x, y, z), (a + b) / 2, strict=True))
                disc = (np.abs(off) < 1.0) & (_from_point(x, y, z, (a + b) / 2) < 0.6 * width)
                near = np.where(disc, 0.0, near)
            out[tuple(slice(p, q) for p, q in zip(low, high, strict=True))] |= near < thick
    return out


SPONGES = {
    "rods and plates": (lattice, 0.3, 0.85, 10.0),
    "rods": (lattice, 0.0, 0.8, 8.0),
    "rods, sparse": (lattice, 0.0, 0.7, 14.0),
    "sheets, 1.5 voxels": (sheets, 1.5, 4.0),
    "sheets, 2 voxels, wide": (sheets, 2.0, 8.0),
    "foam of walls": (foam, False, 1.6, 12.0),
    "foam of struts": (foam, True, 3.0, 9.0),
    "foam of struts, sparse": (foam, True, 3.5, 14.0),
    "trabeculae 15 %": (spinodal, 0.15, 2.5),
    "trabeculae 20 %": (spinodal, 0.20, 1.5),
    "trabeculae 25 %, coarse": (spinodal, 0.25, 4.0),
    "trabeculae 40 %, fine": (spinodal, 0.40, 1.0),
}


def _through(solid: np.ndarray) -> np.ndarray:
    labels, _ = ndimage.label(solid)
    through = np.intersect1d(labels[:, :, 0], labels[:, :, -1])
    sizes = np.bincount(labels.ravel())
    largest = max(through[through > 0], key=lambda label: sizes[label])
    return np.where(labels == largest, 18000.0, 0.0)


def _smooth_noise(n: int, length: float, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=(n, n, n))
    return ndimage.gaussian_filter(noise, length, mode="wrap")


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
