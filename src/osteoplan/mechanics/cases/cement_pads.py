"""Pads of cement between a bone and the flat platens of a machine.

Index k runs along the load.  A pad fills, over every column of the part of the bone that it sits on, from the
bone's last element to one plane, ``thickness`` beyond the farthest point of that part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from osteoplan.arrays import F64, Bool
from osteoplan.errors import BadInput
from osteoplan.kernels.elasticity import Bricks

__all__ = ["Platen", "near", "plane_nodes", "platen"]

ROUND_MM = 1e-6  # numerics: ties on a lattice are not left to rounding


@dataclass(frozen=True, eq=False)
class Platen:
    """One pad.

    Attributes:
        elements: (ni, nj, nk); plane: k of the lattice plane where the machine touches it;
        up: it sits at the end of k; otherwise at its start.
        columns: (ni, nj) that it covers.
    """

    elements: Bool
    plane: int
    up: bool
    columns: Bool


def platen(part: Bool, bone: Bool, *, edge_mm: float, thickness_mm: float, up: bool) -> Platen:
    """A pad on a part of the bone.

    Args:
        part, bone: (ni, nj, nk) elements; the part is the surface layer of bone that the pad may sit on.
        edge_mm: of an element along k.
        thickness_mm: beyond the part's farthest point, at least one element.
        up: at the end of k; False: at its start.

    Raises:
        BadInput: the part is empty, or the box has no room for the pad.
    """
    if not up:
        found = platen(
            part[:, :, ::-1], bone[:, :, ::-1], edge_mm=edge_mm, thickness_mm=thickness_mm, up=True
        )
        return Platen(found.elements[:, :, ::-1], part.shape[2] - found.plane, False, found.columns)
    nk = part.shape[2]
    columns: Bool = np.asarray(part.any(axis=2))
    ends = np.where(columns, nk - np.argmax(part[:, :, ::-1], axis=2), 0)
    plane = int(ends.max()) + max(1, round(thickness_mm / edge_mm))
    if not columns.any() or plane > nk:
        raise BadInput("a pad finds no bone to sit on, or no room beside it: check the bone's mask")
    k = np.arange(nk)
    elements = columns[:, :, None] & (k >= ends[:, :, None]) & (k < plane) & ~bone
    return Platen(elements, plane, True, columns)


def plane_nodes(mesh: Bricks, one: Platen) -> Bool:
    """(n_nodes,) nodes of the mesh where the machine touches a pad."""
    layer = one.plane - 1 if one.up else one.plane
    i, j = np.nonzero(one.elements[:, :, layer] & mesh.solid[:, :, layer])
    return mesh.nodes_at(i, j, one.plane)


def near(at_mm: F64, centre_mm: F64, radius_mm: float, axis: F64, half_angle_deg: float) -> Bool:
    """(...,) positions within a radius of a centre and within an angle of an axis through it."""
    away = at_mm - centre_mm
    reach = np.linalg.norm(away, axis=-1)
    found: Bool = (reach <= radius_mm + ROUND_MM) & (
        away @ axis >= np.cos(np.radians(half_angle_deg)) * reach - ROUND_MM
    )
    return found
