"""Is a scan too coarse for absolute numbers?"""

from __future__ import annotations

from osteoplan.knowledge.values import number
from osteoplan.model.volume import Volume

__all__ = ["coarse_edge_mm", "coarse_words"]

_ROUNDING_MM = 1e-3  # headers hold voxel edges as float32


def coarse_edge_mm(scan: Volume) -> float | None:
    """The longest voxel edge [mm] of a coarse scan; None where the voxels are fine enough.

    Edges are compared whatever way the grid lies: the longest is taken for the distance of the slices.
    """
    _, in_plane, longest = sorted(float(edge) for edge in scan.spacing_mm)
    thick = longest > number("resolution.coarse_edge_mm") + _ROUNDING_MM
    wide = in_plane > number("resolution.coarse_in_plane_mm") + _ROUNDING_MM
    return longest if thick or wide else None


def coarse_words(scan: Volume) -> tuple[str, ...]:
    """What a reader of numbers from a coarse scan must know; nothing for a fine one."""
    edge = coarse_edge_mm(scan)
    return () if edge is None else (f"coarse scan ({edge:.1f} mm): relative numbers only",)
