"""Transitional vertebrae: planned, and neighbours only where somebody has them."""

import numpy as np
import pytest

from osteoplan.knowledge.sites import thoracolumbar_spine
from osteoplan.knowledge.structures import scheme
from osteoplan.model.labels import LabelMap
from osteoplan.model.volume import Volume


@pytest.mark.parametrize(
    ("there", "level", "beside"),
    [
        (("L5", "S1"), "L5", ("L4", "S1")),
        (("L5", "L6"), "L5", ("L4", "L6")),
        (("L5", "L6"), "L6", ("L5", "S1")),
        (("T12", "L1"), "T12", ("T11", "L1")),
        (("T12", "T13"), "L1", ("T13", "L2")),
        (("S1",), "S1", ("L5", None)),
    ],
)
def test_a_variant_is_a_neighbour_where_it_is_labelled(there, level, beside):
    numbers = {f"vertebrae_{name}": n + 1 for n, name in enumerate(there)}
    array = np.arange(2 * 3 * 4, dtype=np.int16).reshape(2, 3, 4) % (len(there) + 1)
    labels = LabelMap(Volume(array, np.eye(4), "label"), numbers)
    assert thoracolumbar_spine().neighbours(level, labels) == beside


def test_what_a_scheme_can_label_can_be_planned():
    assert {"vertebrae_T13", "vertebrae_L6"} <= set(scheme("verse"))
    assert {"T13", "L6"} <= set(thoracolumbar_spine().planned_levels)
