"""The same state with the outline of the lesion drawn a little further in or out.

The outline decides two things: which bone counts as wholly replaced, and what the intact twin is filled with
where it was rebuilt from the bone around the lesion.  Where the outline moves inward, the twin keeps what the
scan shows; where it moves outward, it takes the value that the nearest rebuilt element has.  A twin from an
earlier scan does not depend on the outline.
Tests: tests/unit/test_swings.py.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial import cKDTree

from osteoplan.arrays import F64, Bool
from osteoplan.mechanics.sampled_image import inside, replaced_by_soft_tissue
from osteoplan.mechanics.specimen import Specimen
from osteoplan.mechanics.state import State
from osteoplan.mechanics.uncertainty.samples import Tissue

__all__ = ["redrawn"]


def redrawn(specimen: Specimen, tissue: Tissue, state: State, edge_mm: float) -> Tissue:
    """The tissue of a state with the outline moved outward by ``edge_mm`` (inward below 0)."""
    anatomy = specimen.anatomy
    lesion = specimen.mesh.of_box(inside(specimen.grid, anatomy, anatomy.lesion_mask, grown_mm=edge_mm))
    if state == "intact":
        return replace(tissue, image=_twin(specimen, lesion))
    gone = replaced_by_soft_tissue(anatomy, tissue.image, lesion, state) & ~tissue.end_cap
    return replace(tissue, replaced=gone)


def _twin(specimen: Specimen, lesion: Bool) -> F64:
    """(n_elements,) values of the intact twin for another outline."""
    intact, now, drawn = specimen.image["intact"], specimen.image["now"], specimen.lesion
    if not drawn.any() or not _rebuilt(specimen):
        return intact
    values = np.where(drawn & ~lesion, now, intact)
    new = lesion & ~drawn & ~specimen.end_cap
    if new.any():
        cells = specimen.mesh.cells
        _, nearest = cKDTree(cells[drawn]).query(cells[new])
        values[new] = intact[drawn][nearest]
    return values


def _rebuilt(specimen: Specimen) -> bool:
    """Whether the twin is this scan with the lesion filled in, not a scan of its own."""
    anatomy = specimen.anatomy
    away = ~anatomy.lesion_mask
    return bool(np.array_equal(anatomy.image.array[away], anatomy.image_intact.array[away]))
