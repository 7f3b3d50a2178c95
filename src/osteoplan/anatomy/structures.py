"""What a needle must avoid, from the label map, and the skin, from the scan itself."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import ndimage

from osteoplan.anatomy.pieces import largest_piece
from osteoplan.arrays import Array, Mask
from osteoplan.knowledge.structures import is_known, kind_of
from osteoplan.knowledge.values import number
from osteoplan.model.anatomy import Structure
from osteoplan.model.volume import Volume

__all__ = ["body_surface", "labelled_structures"]

_CANAL_GIVEN = "spinal_canal"  # a label of this name stands beside the derived canal


def labelled_structures(
    labels: Volume, structures: Mapping[str, int], *, without: int
) -> tuple[tuple[Structure, ...], tuple[str, ...]]:
    """Every labelled structure of the image that a needle must avoid, and names that nobody can place.

    Args:
        labels: label map, cropped.
        structures: name -> label value.
        without: label value of the target bone.
    """
    present = set(np.unique(labels.array).tolist()) - {0, without}
    found, unplaced = [], []
    for name, value in sorted(structures.items(), key=lambda item: item[1]):
        if value not in present:
            continue
        present.discard(value)
        kind = "canal" if name == _CANAL_GIVEN else kind_of(name)
        if kind is not None:
            given = f"{name}_given" if name == _CANAL_GIVEN else name
            found.append(Structure(given, kind, labels.array == value, given=True))
        elif not is_known(name):
            unplaced.append(name)
    unplaced += [f"number {value}" for value in sorted(present)]
    return tuple(found), tuple(unplaced)


def body_surface(image: Volume, threshold: float) -> Mask:
    """The patient: the largest piece above the threshold, air inside it (lungs, bowel) filled slice by slice.

    Slices are those nearest to axial.  Air that touches the image's edge within a slice counts as outside,
    unless it reads as lung: on an image that does not hold the whole cross-section a lung may reach the edge,
    and its border is no skin.
    """
    axis = int(np.argmax(np.abs(image.direction[2])))
    solid = np.moveaxis(image.array, axis, 0) > threshold
    lungs = number("vertebra.outside_air_max_HU") if image.meaning == "HU" else np.inf
    filled = ~_outside(solid, np.moveaxis(image.array, axis, 0), lungs)
    # The table touches the skin by a voxel or two: cut such bridges, and give up what hangs on other pieces.
    cut = ndimage.binary_erosion(filled, _IN_SLICE, iterations=2, border_value=1)
    patient = largest_piece(cut)
    if (cut & ~patient).any():
        filled = largest_piece(filled & ~ndimage.binary_dilation(cut & ~patient, _IN_SLICE, iterations=4))
    return np.ascontiguousarray(np.moveaxis(filled, 0, axis))


_IN_SLICE = np.zeros((3, 3, 3), dtype=bool)
_IN_SLICE[1, 1, :] = _IN_SLICE[1, :, 1] = True


def _outside(solid: Mask, values: Array, air_max: float) -> Mask:
    """Not solid, connected to the image's edge within its slice, and in part as thin as air."""
    names, count = ndimage.label(~solid, _IN_SLICE)
    touching = np.zeros(count + 1, dtype=bool)
    for edge in (names[:, 0, :], names[:, -1, :], names[:, :, 0], names[:, :, -1]):
        touching[np.unique(edge)] = True
    touching[0] = False
    if np.isfinite(air_max):
        sizes = np.maximum(np.bincount(names.ravel(), minlength=count + 1), 1)
        thin = np.bincount(names[values <= air_max], minlength=count + 1)
        touching &= 100.0 * thin >= number("vertebra.outside_air_min_pct") * sizes
    outside: Mask = touching[names]
    return outside
