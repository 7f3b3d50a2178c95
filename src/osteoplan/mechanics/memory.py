"""Memory foreseen before a solve, so that a mesh too fine ends in a sentence and not in a killed process.

    needed = unknowns * BYTES_PER_UNKNOWN + voxels of the box * BYTES_PER_VOXEL

Both numbers are the growth of the resident set at its peak, over the unknowns that move, as
``benchmarks/rivals.py`` measures it on sparse and on full bodies.
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import psutil

from osteoplan.arrays import Bool
from osteoplan.errors import NotAvailable
from osteoplan.kernels.elasticity import Stiffness
from osteoplan.kernels.multigrid import Hierarchy
from osteoplan.provenance import digest

__all__ = ["Hierarchies", "available_bytes", "ensure_memory", "needed_bytes"]

BYTES_PER_UNKNOWN = 80.0
BYTES_PER_VOXEL = 110.0
GB = 1e9

CGROUPS = (("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"))


def needed_bytes(unknowns: int, voxels: int) -> float:
    """Bytes that a solve takes at its peak, of ``unknowns`` that move in a box of ``voxels``."""
    return unknowns * BYTES_PER_UNKNOWN + voxels * BYTES_PER_VOXEL


def ensure_memory(unknowns: int, voxels: int, edge_mm: float) -> None:
    """Refuse a mesh that does not fit.

    Args:
        unknowns: components of displacement that move.
        voxels: of the whole box, void ones too.
        edge_mm: longest edge of a voxel [mm]; the message names the one that would fit.

    Raises:
        NotAvailable: more memory is needed than is free.
    """
    needed, free = needed_bytes(unknowns, voxels), available_bytes()
    if needed <= free:
        return
    fits_mm = edge_mm * (needed / max(free, 1.0)) ** (1.0 / 3.0)
    raise NotAvailable(
        f"this mesh of {unknowns / 1e6:.3g} million unknowns needs {needed / GB:.3g} GB of memory and "
        f"{free / GB:.3g} GB are free: take voxels of {_rounded_up(fits_mm):g} mm or more instead of "
        f"{edge_mm:g} mm, or a machine with more memory"
    )


def available_bytes(cgroup: Path = Path("/sys/fs/cgroup")) -> float:
    """Bytes that this process may still take: of the machine, and of its container where that is less."""
    machine, container = float(psutil.virtual_memory().available), _of_container(cgroup)
    return machine if container is None else min(machine, container)


def _of_container(cgroup: Path) -> float | None:
    """The limit of the control group less what it uses; its cached files can be dropped and count as free."""
    for limit, used in CGROUPS:
        if (cgroup / limit).is_file() and (cgroup / used).is_file():
            most = (cgroup / limit).read_text(encoding="ascii").strip()
            if most == "max":
                return None
            in_use = float((cgroup / used).read_text(encoding="ascii")) - _cached(cgroup / limit)
            return max(float(most) - in_use, 0.0)
    return None


def _cached(limit: Path) -> float:
    statistics = limit.parent / "memory.stat"
    if not statistics.is_file():
        return 0.0
    rows = dict(line.split() for line in statistics.read_text(encoding="ascii").splitlines())
    return float(rows.get("inactive_file", 0.0))


def _rounded_up(length_mm: float) -> float:
    """Two digits, never below."""
    text = f"{length_mm:.1e}"
    digit = float(f"1e{int(text.split('e')[1]) - 1}")
    rounded = float(text)
    return rounded if rounded >= length_mm else rounded + digit


class Hierarchies:
    """The last few hierarchies, by what they were built from; one thread of control at a time."""

    def __init__(self, most: int = 2) -> None:
        self.most, self.built = most, 0
        self._kept: dict[str, Hierarchy] = {}

    def of(self, A: Stiffness, fixed: Bool) -> Hierarchy:
        """The hierarchy of a stiffness with the unknowns ``fixed`` (n_nodes, 3) held."""
        parts = [getattr(A, one.name) for one in fields(A) if one.name not in ("mesh", "threads")]
        key = digest(A.mesh.shape, A.mesh.cells, parts, np.packbits(fixed))
        found = self._kept.pop(key, None)
        if found is None:
            found = Hierarchy.of(A, fixed)
            self.built += 1
        self._kept[key] = found  # last used, last thrown away
        while len(self._kept) > self.most:
            del self._kept[next(iter(self._kept))]
        return found
