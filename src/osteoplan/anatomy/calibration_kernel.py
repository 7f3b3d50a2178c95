"""Is this scan made with a sharp kernel?  By the scanner's name for it, and by the look of the noise."""

from __future__ import annotations

import re

import numpy as np
from scipy import ndimage

from osteoplan.arrays import Mask
from osteoplan.knowledge.values import known, number
from osteoplan.model.acquisition import Acquisition
from osteoplan.model.volume import Volume

__all__ = ["kernel_note", "named_sharp", "noise"]

_MAKERS = {"ge": "ge", "philips": "philips", "siemens": "siemens", "toshiba": "toshiba", "canon": "toshiba"}


def kernel_note(ct: Volume, acquisition: Acquisition | None) -> str:
    """A sentence where the kernel is sharp, or seems so; "" where nothing speaks for it."""
    if acquisition is not None and named_sharp(acquisition):
        return (
            f"the kernel '{acquisition.kernel}' of this scanner is sharp: density may be off by up to "
            "20 per cent; calibrate on a soft reconstruction if there is one"
        )
    measured = noise(ct)
    if measured is None:
        return ""
    sd, correlation = measured
    loud = sd > number("calibration.noise_sharp_sd_HU")
    if loud and correlation < number("calibration.noise_sharp_correlation"):
        return (
            f"noise in soft tissue is {sd:.0f} HU and neighbouring voxels agree little ({correlation:.2f}): "
            "this looks like a sharp kernel, on which density may be off by up to 20 per cent"
        )
    return ""


def named_sharp(acquisition: Acquisition) -> bool:
    """True where the maker's name for the kernel is in the table of sharp ones."""
    maker = (acquisition.manufacturer or "").lower()
    kernel = (acquisition.kernel or "").strip().upper()
    for word, file in _MAKERS.items():
        if re.search(rf"\b{word}\b", maker):
            table = str(known(f"calibration.sharp_kernel_{file}").value)
            return re.fullmatch(table, kernel, re.IGNORECASE) is not None
    return False


def noise(ct: Volume) -> tuple[float, float] | None:
    """Noise [HU] in uniform soft tissue and correlation of neighbours in a slice; None where none is seen.

    Measured against the mean of 5 x 5 voxels, in the middle slices.  Voxels above ``noise_voxel_max_mm`` are
    too wide to tell kernels apart.
    """
    axis = int(np.argmax(np.abs(ct.direction[2])))
    if np.delete(ct.spacing_mm, axis).max() > number("calibration.noise_voxel_max_mm"):
        return None
    stack = np.moveaxis(ct.array, axis, 0)
    middle, few = stack.shape[0] // 2, 10
    values = stack[max(0, middle - few) : middle + few].astype(np.float32)
    smooth = ndimage.uniform_filter(values, (1, 5, 5))
    low, high = (number(f"calibration.noise_window_{end}_HU") for end in ("low", "high"))
    where: Mask = ndimage.binary_erosion((smooth > low) & (smooth < high), np.ones((1, 5, 5), dtype=bool))
    left = values - smooth
    where &= np.abs(left) < 250.0
    if np.count_nonzero(where) < 2000:
        return None
    sd = float(left[where].std())
    if sd == 0.0:  # a drawn image: nothing tells its kernel
        return None
    pairs = []
    for side in (1, 2):
        both = where & np.roll(where, -1, side)
        pairs.append(float((left * np.roll(left, -1, side))[both].mean()) / sd**2)
    return sd, float(np.mean(pairs))
