"""Flanks of the patient, and what they tell of a side; the edges of an image are none."""

from __future__ import annotations

import numpy as np
import pytest

from osteoplan.anatomy.flanks import flanks
from osteoplan.model.volume import Volume
from tests.synthetic_vertebra import rotation

SPACINGS = {"straight": (2.0, 2.5, 5.0), "oblique": (2.0, 2.5, 5.0), "left_handed": (1.8, 2.2, 4.0)}


def trunk(grid: str, *, centre: float, half=(170.0, 110.0), field=(-260.0, 260.0), pad=False) -> Volume:
    """An elliptic trunk whose middle lies at x = centre, on a field of view told from there."""
    turn = {
        "straight": np.eye(3),
        "oblique": rotation((4.0, -3.0, 6.0)),
        "left_handed": rotation((-3.0, 2.0, -5.0)) @ np.diag([-1.0, 1.0, 1.0]),
    }[grid]
    spacing = np.asarray(SPACINGS[grid])
    shape = np.array([(field[1] - field[0]) / spacing[0], 280.0 / spacing[1], 8]).astype(int)
    affine = np.eye(4)
    affine[:3, :3] = turn * spacing
    affine[:3, 3] = [centre + sum(field) / 2.0, 0.0, 0.0] - affine[:3, :3] @ (shape - 1) / 2.0
    empty = Volume(np.zeros(tuple(shape)), affine, "HU")
    x, y, _ = np.moveaxis(empty.positions_mm(np.moveaxis(np.indices(empty.shape), 0, -1)), -1, 0)
    x = x - centre
    body = (x / half[0]) ** 2 + (y / half[1]) ** 2 < 1.0
    table = (np.abs(y - 118.0) < 1.5) & (np.abs(x) < 240.0)
    hu = np.where(body | table, 40.0, -1000.0)
    if pad:
        hu[np.hypot(x, y) > 150.0] = -2048.0
    return empty.with_array(hu.astype(np.int16))


@pytest.mark.parametrize("grid", SPACINGS)
@pytest.mark.parametrize("centre", [0.0, -320.0])
def test_the_middle_lies_between_the_flanks_wherever_the_scan_lies(grid, centre):
    found = flanks(trunk(grid, centre=centre), (centre, 0.0, 0.0))
    assert found.middle_mm == pytest.approx(centre, abs=4.0)
    assert found.side_of(centre + 60.0) == "left"
    assert found.side_of(centre - 60.0) == "right"


@pytest.mark.parametrize("grid", SPACINGS)
@pytest.mark.parametrize(
    ("field", "seen", "told"),
    [((-260.0, -12.0), "right", "right"), ((12.0, 260.0), "left", "left"), ((-130.0, -12.0), "", None)],
)
def test_the_edge_of_an_image_is_no_flank(grid, field, seen, told):
    """A hip alone, everything at negative x or not: the side of the flank that is seen, or none."""
    for centre in (0.0, -320.0):
        found = flanks(trunk(grid, centre=centre, field=field), (centre, 0.0, 0.0))
        assert found.middle_mm is None
        assert ((found.left_mm is not None), (found.right_mm is not None)) == (
            seen == "left",
            seen == "right",
        )
        x = centre + (90.0 if field[0] > 0 else -90.0)
        assert found.side_of(x) == told


def test_a_point_far_from_the_only_flank_is_on_the_other_side_and_between_nothing_is_told():
    found = flanks(trunk("straight", centre=0.0, field=(-260.0, 140.0)), (0.0, 0.0, 0.0))
    assert found.side_of(-90.0) == "right"
    assert found.side_of(90.0) == "left"
    assert found.side_of(40.0) is None


def test_padding_outside_the_field_and_a_single_limb_tell_no_middle():
    assert flanks(trunk("straight", centre=0.0, pad=True), (0.0, 0.0, 0.0)).middle_mm is None
    limb = flanks(trunk("straight", centre=0.0, half=(80.0, 80.0)), (0.0, 0.0, 0.0))
    assert limb.left_mm is not None
    assert limb.middle_mm is None
    assert limb.side_of(20.0) is None
