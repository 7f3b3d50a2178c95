"""Metal that the scan already shows: left out, or modelled as a bonded part of an unknown alloy.

A density law fed with the CT number of metal answers with a modulus that nothing measured: a nail of 3000 HU
would be bone of tens of gigapascals with blurred edges.  So metal is never read by a law.  The anatomy gives
its voxels, and the streaks around them, the CT number of the bone beside them (``anatomy.read``); then

    left out   (default)   the bone is loaded as if the implant carried nothing: it is weaker than with it
    bonded                 elements that are mostly metal have the modulus of metal, tied to the bone

The alloy is not seen on a scan; ``alloy_range`` are the ends to solve for.  How an old implant is held is
not seen either: bonded is the upper end.  Tests: tests/unit/test_existing_metal.py.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from osteoplan.arrays import Bool
from osteoplan.kernels.elasticity import Bricks
from osteoplan.kernels.resample import gather_linear
from osteoplan.knowledge.values import values
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.volume import Volume

__all__ = ["ExistingMetal", "alloy_range", "existing_metal"]

ExistingMetal = Literal["left out", "bonded"]
MOSTLY = 0.5


def existing_metal(anatomy: Anatomy, grid: Volume, mesh: Bricks) -> Bool:
    """(n_elements,) elements that are mostly metal of an earlier treatment."""
    masks = [implant.mask for implant in anatomy.implants if implant.kind == "metal"]
    if not masks:
        return np.zeros(len(mesh.cells), dtype=bool)
    metal = np.logical_or.reduce(masks).astype(np.float32)
    share = gather_linear(metal, anatomy.image.affine, grid.affine, grid.shape, outside=0.0)
    return np.asarray(mesh.of_box(share) >= MOSTLY)


def alloy_range() -> tuple[float, float]:
    """(least, greatest) modulus [MPa] of the metals on file: an alloy that nobody named lies between."""
    metals = values("metal").values()
    moduli = [x for metal in metals for x in (metal.low, metal.number, metal.high) if x is not None]
    return min(moduli), max(moduli)
