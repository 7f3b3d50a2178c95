"""Devices that stray: the one model of placement error, for needles and screws alike.

    place      p' = p + s_lat (z_1 e_1 + z_2 e_2)                    across the axis, at the bone
    direction  u' ~ u + tan(s_ang) (z_3 e_1 + z_4 e_2)               about that place

z are standard normal numbers of one named stream: draw k is the same hand in every option, so that two ways
are compared on the same worlds.  The two directions across are carried along from one axis to a neighbouring
one without a twist, so that ways that differ little stray alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from osteoplan.provenance import rng

__all__ = ["Placement", "across", "strays"]

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Placement:
    """How far a device that is put without correction strays: sd at the bone, sd of direction."""

    lateral_sd_mm: float
    angle_sd_deg: float
    draws: int


def strays(pivot_mm: F64, outward: F64, error: Placement, *, seed: int = 0) -> tuple[F64, F64]:
    """Places and directions of n devices in ``error.draws`` worlds.

    Args:
        pivot_mm: (n, 3) where each meets the bone.
        outward: (n, 3) unit vectors from tip to skin.
        error: how far they stray.
        seed: of the stream ``placement``.

    Returns:
        ``(places_mm, outward)``, (n, draws, 3) each; the directions have unit length.
    """
    z = rng(seed, "placement").standard_normal((error.draws, 4))
    sides = across(outward)
    places = pivot_mm[:, None] + error.lateral_sd_mm * np.einsum("dk,nkx->ndx", z[:, :2], sides)
    turned = outward[:, None] + np.tan(np.radians(error.angle_sd_deg)) * np.einsum(
        "dk,nkx->ndx", z[:, 2:], sides
    )
    return places, turned / np.linalg.norm(turned, axis=-1, keepdims=True)


def across(outward: F64) -> F64:
    """(n, 3) unit vectors -> (n, 2, 3) two unit vectors across each, by the shortest turn from the head."""
    x, y, z = outward.T
    # Turning (0, 0, 1) onto (x, y, z) about their common normal takes e_x and e_y to these; at the feet
    # (z = -1) the normal is not unique, and the turn about x serves.
    free = np.where(z > -1.0 + 1e-9, 1.0 + z, 1.0)
    flipped = z <= -1.0 + 1e-9
    first = np.stack([1.0 - x * x / free, -x * y / free, -x], axis=-1)
    second = np.stack([-x * y / free, 1.0 - y * y / free, -y], axis=-1)
    first[flipped], second[flipped] = (1.0, 0.0, 0.0), (0.0, -1.0, 0.0)
    return np.stack([first, second], axis=1)
