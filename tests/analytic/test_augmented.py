"""A filled vertebra beside what others measured: its arithmetic, and the numbers that a page tells of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from osteoplan.io.nifti import read_nifti
from osteoplan.knowledge.loads import load_case
from osteoplan.verification.augmented import LYTIC_FILLS, Filled, crossing, defect, molloy
from osteoplan.verification.cases import VerificationCase
from osteoplan.verification.vertebrae import Capped, L2States


def test_a_ratio_crosses_one_between_its_neighbours_or_nowhere():
    assert crossing((8.0, 12.0), (0.8, 1.2)) == pytest.approx(10.0)
    assert np.isnan(crossing((8.0, 12.0), (1.1, 1.2)))
    assert np.isnan(crossing((8.0, 12.0), (0.8, 0.9)))


def block():
    """A block of bone of 14 x 14 x 14 cubes between caps of two layers."""
    E = np.full((14, 14, 18), 300.0)
    superior, inferior = np.zeros(E.shape, dtype=bool), np.zeros(E.shape, dtype=bool)
    superior[:, :, 16:], inferior[:, :, :2] = True, True
    body = ~(superior | inferior)
    return Filled(L2States(Capped(np.where(body, E, 2500.0), superior, inferior), body), body)


def test_a_hole_weakens_a_block_and_cement_in_it_brings_it_back():
    made = block()
    hole, half, full = (made.lytic(5.0, fill) for fill in (0.0, 8.0, 19.0))
    assert all(empty < 0.95 for empty in hole)
    assert all(a < b for a, b in zip(hole, full, strict=True))
    assert full[0] > 1.0  # cement is stiffer than the bone
    assert hole[0] <= half[0] <= full[0]
    assert made.crushed(0.0) == pytest.approx(1.0 / 3.0, abs=0.08)  # caps of cement hold its ends
    assert made.crushed(0.0) < made.crushed(15.0) < made.crushed(40.0)


@dataclass
class Chosen:
    """A vertebra whose ratios are chosen."""

    def lytic(self, radius_mm, fill):
        return fill / 10.0, fill / 16.0, fill / 14.0

    def crushed(self, fill):
        return fill / 25.0


def test_the_worse_support_is_told_and_both_are_named():
    got, note = molloy(Chosen())
    assert got == pytest.approx(16.0)
    assert "16.0 % between caps, 14.0 % through discs" in note
    assert "stiffness 10.0 % of a lytic, 25.0 % of a crushed body" in note
    assert LYTIC_FILLS[0] < 10.0


def test_a_row_without_a_tolerance_is_told_and_not_judged():
    assert VerificationCase("x", "x", 16.2, None, 99.0, "%", "x").ok is None


@pytest.mark.slow
@pytest.mark.data
def test_the_numbers_that_pages_tell_are_those_that_verify_computes(data):
    made = Filled.of(lambda name: read_nifti(data / name, "MPa").array)
    fill, stiff, crushed, left, filled = (row.ours for row in load_case("vertebra_compression").measured)
    got, note = molloy(made)
    assert got == pytest.approx(fill, abs=0.05)
    assert f"stiffness {stiff:.1f} % of a lytic, {crushed:.1f} % of a crushed body" in note
    got, note = defect(made)
    assert round(got) == left
    assert f"{filled:.0f} (published" in note
