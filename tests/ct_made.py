"""A small CT with the numbers of a body: air before it, soft tissue, bone in its middle, noise everywhere."""

from __future__ import annotations

import numpy as np


def body_HU(shape: tuple[int, int, int], *, seed: int = 0) -> np.ndarray:
    """(ni, nj, nk) int16 [HU]."""
    rng = np.random.default_rng(seed)
    image = rng.normal(40, 12, shape)
    image[:, : max(1, shape[1] // 5)] -= 1040
    middle = tuple(slice(n // 3, max(n // 3 + 1, 2 * n // 3)) for n in shape)
    image[middle] += 400
    return image.round().astype(np.int16)
