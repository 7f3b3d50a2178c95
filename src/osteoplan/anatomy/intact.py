"""The bone without its lesion, where no earlier scan shows it.

The lesion is filled layer by layer: a voxel at depth t below the bone's surface takes the median of the bone
around the lesion at the same depth, so the shell closes again and the inside becomes trabecular.
"""

from __future__ import annotations

import numpy as np

from osteoplan.arrays import F64, Indices, Mask
from osteoplan.boxes import around
from osteoplan.errors import BadInput
from osteoplan.kernels.distance import distance_to, signed_distance
from osteoplan.knowledge.values import number
from osteoplan.model.volume import Volume

__all__ = ["filled_in"]

LEAST_VOXELS = 20  # that a median is taken of; thinner layers borrow from the next


def filled_in(image: Volume, bone: Mask, lesion: Mask) -> Volume:
    """The image with the lesion's part of the bone replaced by bone of the same depth around it.

    Raises:
        BadInput: the lesion leaves no bone around it.
    """
    inside = bone & lesion
    if not inside.any():
        return image
    ring = number("vertebra.infill_ring_mm")
    box = around(inside, np.ceil(2 * ring / image.spacing_mm).astype(int))
    near_bone, near_inside = bone[box], inside[box]
    below = np.maximum(-signed_distance(near_bone, image.spacing_mm), 0.0)
    layer = np.floor(below / number("vertebra.infill_layer_mm")).astype(np.intp)
    beside = near_bone & ~lesion[box] & (distance_to(near_inside, image.spacing_mm) <= ring)
    if beside.sum() < LEAST_VOXELS:
        raise BadInput(
            "no bone is left around the lesion to rebuild the intact bone from: "
            "give the scan before the lesion as images.ct_before"
        )
    values = _by_layer(
        image.array[box][beside].astype(np.float64), layer[beside], int(layer[near_bone].max())
    )
    array = image.array.copy()
    array[box][near_inside] = values[layer[near_inside]].astype(array.dtype)
    return image.with_array(array)


def _by_layer(values: F64, layer: Indices, deepest: int) -> F64:
    """Median per layer; a layer with too few voxels takes that of all layers at least as deep, or of all."""
    medians = np.empty(deepest + 1)
    for k in range(deepest + 1):
        for chosen in (layer == k, layer >= k, layer >= 0):
            if chosen.sum() >= LEAST_VOXELS:
                medians[k] = np.median(values[chosen])
                break
    return medians
