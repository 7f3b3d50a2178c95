"""Connected pieces of a mask."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from osteoplan.arrays import Mask

__all__ = ["largest_piece"]


def largest_piece(mask: Mask) -> Mask:
    """The largest piece connected by faces; a mask in one piece, or empty, stays as it is."""
    names, count = ndimage.label(mask)
    if count < 2:
        return mask
    largest: Mask = names == 1 + np.argmax(np.bincount(names.ravel())[1:])
    return largest
