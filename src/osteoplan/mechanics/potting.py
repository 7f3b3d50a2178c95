"""Caps of cement on the endplates of a vertebral body, as on a testing machine.

Index k runs upward along the load.  Over every column of the body the cap fills from the endplate to one
plane, ``thickness`` above the highest point of that endplate; columns whose endplate lies deeper than
``depth`` are the flanks of the body and stay bare.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from osteoplan.errors import BadInput

__all__ = ["Potting", "pot"]

F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Potting:
    """Two caps and the body between them.

    Attributes:
        superior, inferior: (ni, nj, nk) elements of the caps.
        top, bottom: k of the lattice planes where the machine holds them.
        height_mm: of the body between its endplates, under the caps.
    """

    superior: Bool
    inferior: Bool
    top: int
    bottom: int
    height_mm: float


def pot(
    body: Bool, bone: Bool, *, edge_mm: float, thickness_mm: float, depth_mm: float, percentile: float
) -> Potting:
    """Pot the body of a vertebra.

    Args:
        body, bone: (ni, nj, nk) elements; the body is part of the bone.
        edge_mm: of an element along k.
        thickness_mm, depth_mm: of a cap, above and below the highest point of its endplate.
        percentile: H runs between this percentile of the lower and of the upper endplate, from outside.

    Raises:
        BadInput: the box has no room for the caps, or no column is potted at both ends.
    """
    superior, up = _cap(body, bone, edge_mm, thickness_mm, depth_mm)
    below, down = _cap(body[:, :, ::-1], bone[:, :, ::-1], edge_mm, thickness_mm, depth_mm)
    inferior, nk = below[:, :, ::-1], body.shape[2]
    both = superior.any(axis=2) & inferior.any(axis=2)
    if not both.any():
        raise BadInput(
            "no part of the vertebral body lies between both endplates: check body mask and bone axes"
        )
    upper, lower = _ends(body)[both], nk - _ends(body[:, :, ::-1])[both]
    height = np.percentile(upper, 100.0 - percentile) - np.percentile(lower, percentile)
    return Potting(superior, inferior, up, nk - down, float(height) * edge_mm)


def _ends(body: Bool) -> npt.NDArray[np.intp]:
    """(ni, nj) k of the upper face of the highest body element of each column; 0 where there is none."""
    nk = body.shape[2]
    return np.where(body.any(axis=2), nk - np.argmax(body[:, :, ::-1], axis=2), 0)


def _cap(body: Bool, bone: Bool, edge: float, thickness: float, depth: float) -> tuple[Bool, int]:
    """(elements, plane) of the upper cap."""
    ends = _ends(body)
    highest = int(ends.max())
    plane = highest + max(1, round(thickness / edge))
    if highest == 0 or plane > body.shape[2]:
        raise BadInput("the vertebral body leaves no room for its caps: check the body mask")
    potted = (ends > 0) & ((highest - ends) * edge <= depth)
    k = np.arange(body.shape[2])
    return potted[:, :, None] & (k >= ends[:, :, None]) & (k < plane) & ~bone, plane
