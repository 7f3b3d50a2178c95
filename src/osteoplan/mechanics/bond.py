"""The layer between cement and bone: one element thick, softer than the cement, weak in tension.

Cement that meets bone has shrunk from it, holds fat and blood at its skin, and carries little pull.  The
layer is the outermost element of the cement (mostly cement, with a face on one that is not): its thickness
follows the mesh, so compare states of one mesh only.

    E of the layer's cement = factor * E of the cement        factor: cement.interface_layer_factor
    its strength in tension <= cement.interface_tension       read by the levels of the ladder that yield

No state has the layer unless it is asked for: ``layered`` turns a tissue into one with it.
Tests: tests/unit/test_bond.py.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from osteoplan.errors import BadInput
from osteoplan.kernels.elasticity import Bricks
from osteoplan.knowledge.values import number
from osteoplan.mechanics.worlds import Tissue

__all__ = ["interface_layer", "layered"]

F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
MOSTLY = 0.5


def interface_layer(mesh: Bricks, cement: F64) -> Bool:
    """(n_elements,) outermost elements of the cement, whose (n_elements,) shares are given."""
    filled = mesh.box(cement >= MOSTLY)
    bare = mesh.box(np.ones(len(mesh.cells), dtype=bool)) & ~filled
    layer: Bool = mesh.of_box(filled & ndimage.binary_dilation(bare))
    return layer


def layered(tissue: Tissue, mesh: Bricks, factor: float | None = None) -> Tissue:
    """The same tissue with the layer; ``factor`` None: the stated one.

    Raises:
        BadInput: the factor is not between 0 and 1.
    """
    value = number("cement.interface_layer_factor") if factor is None else factor
    if not 0.0 < value <= 1.0:
        raise BadInput(
            f"the layer between cement and bone keeps a share of its modulus, 0 to 1, not {value:g}"
        )
    return replace(tissue, layer=np.where(interface_layer(mesh, tissue.cement), value, 1.0))
